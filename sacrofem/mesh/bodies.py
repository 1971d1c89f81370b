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
from sacrofem.shapes.corridor import check_corridor
from sacrofem.shapes.field import Shape, unite
from sacrofem.shapes.fracture import bruise_shape, fracture_sheets
from sacrofem.shapes.implant import PlacedImplant, place_screws, seat_implant
from sacrofem.shapes.pelvic_ring import PelvicRing
from sacrofem.shapes.sacrum import Sacrum

#: Cement mixed with bone around the void of a balloon, at least, mm.
_RIM = 2.0


def place_implants(implants: Sequence[Implant], ring: PelvicRing | None) -> list[PlacedImplant]:
    """Implants in the ring with their heads on its surface, or as given where the sacrum is modelled alone."""
    if ring is not None:
        return [seat_implant(implant, ring.solid) for implant in implants]
    return [PlacedImplant(implant, tuple(place_screws(implant))) for implant in implants]


def collect_bodies(
    sacrum: Sacrum,
    fracture: Fracture,
    patterns: Sequence[CementPattern],
    implants: Sequence[Implant | PlacedImplant],
    ring: PelvicRing | None = None,
) -> tuple[list[Feature], dict[str, float]]:
    """The bruise, pressed bone, threads, cement, screws and washers, in that order, with bits 1, 2, 4, ...

    Args:
        sacrum: The bone.
        fracture: The fracture, for its bruise and for cement that leaks into it.
        patterns: Cement patterns of all treatments.
        implants: Implants of all treatments.
        ring: The ring that implants were placed in; None: the sacrum alone.

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
    metal = [feature for implant in implants for feature in _implant_features(implant, sacrum, ring, measures)]
    threads, screws, washers = ([f for f in metal if f.name.startswith(f"{kind}:")] for kind in ("thread", "screw", "washer"))
    # Where several hold a cell the last counts: cement goes over thread zones, metal over cement.
    bodies = [*bruises, *shells, *threads, *cements, *cores, *screws, *washers]
    numbered = [Feature(body.name, body.level, 1 << i, body.volume) for i, body in enumerate(bodies)]
    return numbered, measures


def _implant_features(
    implant: Implant | PlacedImplant, sacrum: Sacrum, ring: PelvicRing | None, measures: dict[str, float]
) -> list[Feature]:
    """Thread zone, metal and washers of one implant, which overlap; see :mod:`sacrofem.mesh.labels` for what goes first."""
    placed = implant if isinstance(implant, PlacedImplant) else place_implants([implant], ring)[0]
    name, solid = placed.entry.name, ring.solid if ring else sacrum.bone
    corridors = check_corridor(placed, ring or sacrum)
    for screw in placed.screws:
        corridor = corridors[screw.name]
        found = {"corridor_cortex": corridor.cortex, "screw_length_in_bone": corridor.inside, "screw_length": screw.length}
        found |= {"corridor_openings": corridor.openings} if np.isfinite(corridor.openings) else {}
        found |= {"screw_gap": corridor.gap} if ring else {}
        measures |= {f"{what}:{name}.{screw.name}": value for what, value in found.items()}
    features = []
    if (threads := placed.threads) is not None:
        features.append(Feature(f"thread:{name}", threads, 0))
    if placed.screws:
        volume = sum(piece.volume_within(solid) for screw in placed.screws for piece in screw.metal)
        features.append(Feature(f"screw:{name}", placed.metal, 0, volume))
    if ring and (washers := placed.washers(solid)) is not None:
        features.append(Feature(f"washer:{name}", washers, 0))
    return features


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
