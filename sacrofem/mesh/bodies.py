"""The bodies of all treatments as features of the mesh, with what is measured of them before meshing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from sacrofem.catalogue.cement import CementPattern
from sacrofem.catalogue.fracture import Fracture
from sacrofem.catalogue.implant import Implant
from sacrofem.mesh.cement_volume import CUBIC_MM_PER_ML, fit_cement
from sacrofem.mesh.features import Feature
from sacrofem.mesh.leakage import measure_leaks
from sacrofem.shapes.cement import PlacedNeedle, cement_body, check_needle_path, needle_ellipsoid, needle_volumes, place_needles
from sacrofem.shapes.field import Shape, unite
from sacrofem.shapes.fracture import bruise_shape, fracture_sheets
from sacrofem.shapes.implant import check_corridor, implant_body
from sacrofem.shapes.sacrum import Sacrum

#: Cement mixed with bone around the void of a balloon, at least, mm.
_RIM = 2.0


def collect_bodies(
    sacrum: Sacrum, fracture: Fracture, patterns: Sequence[CementPattern], implants: Sequence[Implant]
) -> tuple[list[Feature], dict[str, float]]:
    """The bruise, pressed bone, cement and screws, in that order, with bits 1, 2, 4, ...

    Args:
        sacrum: The bone.
        fracture: The fracture, for its bruise and for cement that leaks into it.
        patterns: Cement patterns of all treatments.
        implants: Implants of all treatments.

    Returns:
        The features and their measures: clearances of needles and corridors (mm), volumes wanted and leaked (mL).

    Raises:
        GeometryError: a needle leaves the bone, cement does not fit, or a corridor is too narrow.
    """
    measures: dict[str, float] = {}
    bruises = [] if fracture.bruise is None else [Feature(f"bruise:{fracture.name}", bruise_shape(fracture.bruise), 0)]
    shells: list[Feature] = []
    cements: list[Feature] = []
    cores: list[Feature] = []
    for pattern in patterns:
        fitted = fit_pattern(pattern, sacrum, fracture, measures)
        cements.append(Feature(f"cement:{pattern.name}", unite([level for _, _, level in fitted]), 0, _wanted(pattern)))
        if pattern.balloon is not None:
            thickness = pattern.balloon.shell
            outer = unite([cement_body(placed, scale) for placed, scale, _ in fitted])
            # Only the bone's surface cuts the shell off: the cement's own cut, beside it, would make splinters.
            shells.append(Feature(f"compacted:{pattern.name}", _grown(outer, thickness), 0))
            first = [placed for placed, _, _ in fitted if placed.needle == pattern.needles[0]]
            voids = unite([needle_ellipsoid(placed, pattern.balloon.void) for placed in first])
            inner = _grown(unite([level for _, _, level in fitted]), -_RIM)
            cores.append(Feature(f"cement:{pattern.name}.core", _intersection(voids, inner), 0))
    screws = []
    for implant in implants:
        for name, corridor in check_corridor(implant, sacrum).items():
            measures[f"corridor_cortex:{implant.name}.{name}"] = corridor.cortex
            measures[f"corridor_openings:{implant.name}.{name}"] = corridor.openings
            measures[f"screw_length_in_bone:{implant.name}.{name}"] = corridor.inside
        screws.append(Feature(f"screw:{implant.name}", implant_body(implant), 0))
    bodies = [*bruises, *shells, *cements, *cores, *screws]
    numbered = [Feature(body.name, body.level, 1 << i, body.volume) for i, body in enumerate(bodies)]
    return numbered, measures


def fit_pattern(
    pattern: CementPattern, sacrum: Sacrum, fracture: Fracture | None = None, measures: dict[str, float] | None = None
) -> list[tuple[PlacedNeedle, float, Shape]]:
    """Check the needles of a pattern and scale the bodies on each until they hold their volume.

    Args:
        pattern: The pattern.
        sacrum: The bone.
        fracture: Where cement may leak into.
        measures: Gets clearances, scales, volumes wanted and leaked.

    Returns:
        (needle, scale, level of its cement inside cancellous bone) of every needle.

    Raises:
        GeometryError: a needle leaves the bone, or cement does not fit.
    """
    measures = {} if measures is None else measures
    fitted = []
    sheets = [] if fracture is None else fracture_sheets(fracture)
    clearances = check_needle_path(pattern, sacrum)
    leaked: dict[str, float] = {}
    for placed, wanted in zip(place_needles(pattern), needle_volumes(pattern), strict=True):
        level, scale = fit_cement(pattern.name, partial(cement_body, placed), sacrum.bone, sacrum.bounds, wanted)
        fitted.append((placed, scale, level))
        measures[f"cement_scale:{pattern.name}" + (f".{placed.name}" if len(clearances) > 1 else "")] = scale
        gap = 0.0 if fracture is None else fracture.gap
        for place, volume in measure_leaks(partial(cement_body, placed), wanted, sacrum, sheets, gap).items():
            leaked[place] = leaked.get(place, 0.0) + volume
    measures[f"cement_ml_wanted:{pattern.name}"] = _wanted(pattern) / CUBIC_MM_PER_ML
    measures[f"needle_clearance:{pattern.name}"] = min(clearance.cortex for clearance in clearances.values())
    measures[f"needle_clearance_openings:{pattern.name}"] = min(clearance.openings for clearance in clearances.values())
    for place, volume in leaked.items():
        measures[f"cement_leak_{place}_ml:{pattern.name}"] = volume
    return fitted


def _wanted(pattern: CementPattern) -> float:
    return sum(needle_volumes(pattern)) * CUBIC_MM_PER_ML


def _intersection(first: Shape, second: Shape) -> Shape:
    return lambda points: np.maximum(first(points), second(points))


def _grown(shape: Shape, thickness: float) -> Shape:
    return lambda points: shape(points) - thickness
