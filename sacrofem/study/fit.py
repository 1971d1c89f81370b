"""Whether what an arm of a study holds fits together: screws, needles and cement of one treatment, in one bone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import combinations
from math import dist

import numpy as np

from sacrofem.catalogue.models import CementPattern, Implant, Treatment
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.errors import GeometryError, explain
from sacrofem.mesh.bodies import fit_pattern, place_implants
from sacrofem.shapes.attachment import place_ligaments
from sacrofem.shapes.cement import place_needles
from sacrofem.shapes.corridor import check_corridor
from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.implant import PlacedImplant, implant_body
from sacrofem.shapes.pelvic_ring import build_pelvic_ring
from sacrofem.shapes.sacrum import Sacrum, build_sacrum
from sacrofem.study.placement import place_entries

logger = logging.getLogger(__name__)

#: Screws of two entries whose ends are nearer to each other than this lie in one place, mm (DESIGN).
_ONE_PLACE = 1.0
#: Spacing at which axes are looked at, mm.
_STEP = 0.5


def require_fit(study: ResolvedStudy) -> None:
    """Refuse screws that cross each other, and screws through a needle or the cement of the same treatment.

    A treatment that says ``augmented: true`` may hold screws in cement. Needles of two patterns may cross: they are
    not in the bone at one time. A warning says which screws of different entries lie in one place.

    Args:
        study: The resolved study.

    Raises:
        ConfigError: the anatomy lacks a landmark that a ligament holds on to.
        GeometryError: names both entries and the place; or a needle, cement or a corridor that does not fit by itself.
    """
    _warn_of_doubled_screws(list(study.implants.values()))
    if study.ligaments is not None:
        place_ligaments(study.ligaments, study.anatomy)  # says so where a landmark is missing
    mixed = [arm for arm in study.study.treatments if len(arm.implants) > 1 or (arm.implants and arm.cement)]
    if not mixed:
        return
    study = place_entries(study)
    ring = build_pelvic_ring(study.anatomy) if study.study.extent == "pelvic_ring" else None
    sacrum = ring.sacrum if ring else build_sacrum(study.anatomy)
    bone = ring.solid if ring else sacrum.bone
    for arm in mixed:
        implants = place_implants([study.implants[name] for name in arm.implants], ring)
        for implant in implants:
            check_corridor(implant, ring or sacrum)
        for first, second in combinations(implants, 2):
            _require_apart(arm, first, second, bone)
        if not arm.augmented:
            for name in arm.cement_names:
                _require_clear(arm, study.patterns[name], implants, sacrum)


def list_doubled_screws(implants: Sequence[Implant]) -> list[tuple[str, str]]:
    """Screws of two entries that lie in one place, as ``entry.screw``.

    All treatments share one mesh, and each entry is meshed by itself: where two lie in one place their surfaces graze each
    other, and the slivers between them cost minutes (a ring with two entries of the same four screws: more than half an
    hour for the mesh).
    """
    screws = [(implant.name, screw) for implant in implants for screw in implant.screws]
    return [
        (f"{first}.{one.name}", f"{second}.{other.name}")
        for (first, one), (second, other) in combinations(screws, 2)
        if first != second
        and (one.side == other.side or "both" in (one.side, other.side))
        and max(dist(one.entry, other.entry), dist(one.tip, other.tip)) < _ONE_PLACE
    ]


def _warn_of_doubled_screws(implants: Sequence[Implant]) -> None:
    for first, second in list_doubled_screws(implants):
        logger.warning(
            "screws %s and %s lie in one place, but each is meshed by itself, which is slow. Where one entry is the sum of "
            "others, name those in its treatment: `implants: [iliosacral_s1_bilateral, spinopelvic]` for triangular_bilateral",
            first,
            second,
        )


def _require_apart(arm: Treatment, first: PlacedImplant, second: PlacedImplant, bone: Shape) -> None:
    if first.screws and second.screws:
        skins = _in_bone(_skins(first), bone)
        _refuse(arm, "Two implants cross.", first.entry.name, second.entry.name, implant_body(second), skins)


def _require_clear(arm: Treatment, pattern: CementPattern, implants: Sequence[PlacedImplant], sacrum: Sacrum) -> None:
    needles = np.concatenate(
        [_skin(needle.entry, needle.target, needle.needle.diameter / 2) for needle in place_needles(pattern)]
    )
    cement = [level for _, _, level in fit_pattern(pattern, sacrum)]
    for implant in implants:
        if not implant.screws:
            continue
        name, body = implant.entry.name, implant_body(implant)
        _refuse(arm, "A screw lies in a needle's way.", pattern.name, name, body, _in_bone(needles, sacrum.bone))
        for level in cement:
            _refuse(arm, "A screw goes through cement.", name, pattern.name, level, _in_bone(_skins(implant), sacrum.bone))


def _skins(implant: PlacedImplant) -> FloatArray:
    return np.concatenate([_skin(screw.entry, screw.tip, screw.cylinders[0].radius) for screw in implant.screws])


def _refuse(arm: Treatment, what: str, first: str, second: str, body: Shape, points: FloatArray) -> None:
    """Raise where points of the first entry lie in the body of the second."""
    depth = body(points)
    inside = points[depth < 0.0]
    if not len(inside):
        return
    x, y, z = inside.mean(axis=0)
    raise GeometryError(
        explain(
            what,
            where=f"treatment {arm.name!r}, entries {first!r} and {second!r}, about ({x:.1f}, {y:.1f}, {z:.1f}) mm",
            got=f"one reaches {-float(depth.min()):.1f} mm into the other",
            allowed="bodies apart from each other, or `augmented: true` for a screw in cement",
            next_step="take one of them out of this treatment, or move its `entry`, `tip` or `target`",
        )
    )


def _in_bone(points: FloatArray, bone: Shape) -> FloatArray:
    return points[bone(points) < 0.0]


def _skin(start: FloatArray, end: FloatArray, radius: float) -> FloatArray:
    """Points on the axis and on the mantle of a cylinder."""
    length = float(np.linalg.norm(end - start))
    along = (end - start) / length
    helper = np.eye(3)[np.argmin(np.abs(along))]
    first = np.cross(along, helper)
    first /= np.linalg.norm(first)
    second = np.cross(along, first)
    axis = start + np.arange(0.0, length, _STEP)[:, None] * along
    turns = np.linspace(0.0, 2 * np.pi, 16, endpoint=False)[:, None]
    ring = np.concatenate([np.zeros((1, 3)), radius * (np.cos(turns) * first + np.sin(turns) * second)])
    points: FloatArray = (axis[:, None] + ring).reshape(-1, 3)
    return points
