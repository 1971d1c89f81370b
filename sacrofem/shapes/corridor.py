"""The corridor of bone around a screw: how far it stays from the cortex, from canal and foramina, and from the socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sacrofem.catalogue.implant import Implant
from sacrofem.errors import GeometryError, explain
from sacrofem.shapes.field import BoolArray, FloatArray, Shape
from sacrofem.shapes.implant import PlacedImplant, ScrewShape, open_stretches, place_screws, seat_implant
from sacrofem.shapes.outside import require_clear_rods
from sacrofem.shapes.pelvic_ring import PelvicRing
from sacrofem.shapes.sacrum import Sacrum

#: Spacing along an axis, mm, and directions around it, at which a corridor is measured.
_STEP, _TURNS = 0.5, 24
#: Where a screw passes through the bone's surface on purpose, so many radii and mm of its axis are no breach: its mantle
#: leaves an oblique surface before or after its axis does.
_MOUTH_RADII, _MOUTH = 1.5, 3.0
#: So deep in both sacrum and ilium, and so far outside both, mm, a screw passes from bone to bone: no cortex to stay away from.
_JOINT_DEPTH, _JOINT_WIDTH = 3.0, 6.0


@dataclass(frozen=True)
class Corridor:
    """How much bone is around a screw.

    Attributes:
        cortex: Shortest distance from the screw to the bone's outer surface or an opening, mm; negative where it breaches.
        openings: Shortest distance to canal and foramina, mm; infinite for a screw in a hip bone.
        place: (3,) where the first is shortest, mm.
        inside: Length of the axis from where it enters bone to its tip or exit, mm.
        gap: Length of the axis in the open between ilium and sacrum, mm.
    """

    cortex: float
    openings: float
    place: FloatArray
    inside: float
    gap: float = 0.0


def measure_corridor(
    screw: ScrewShape,
    bone: Shape,
    openings: Shape | None,
    exempt: Callable[[FloatArray], BoolArray] | None = None,
) -> Corridor:
    """Measure the bone around a screw from its entry into bone to its tip, or to its exit from the far side.

    Args:
        screw: The screw.
        bone: Signed distance of the bone, mm.
        openings: Of canal and foramina; None where there are none.
        exempt: Which points of its mantle do not count.

    Raises:
        GeometryError: the screw meets no bone.
    """
    depth = np.arange(0.0, screw.length + _STEP / 2, _STEP).clip(max=screw.length)
    axis = screw.entry - depth[:, None] * screw.outward
    in_bone = np.flatnonzero(bone(axis) < 0.0)
    if len(in_bone) == 0:
        raise GeometryError(
            explain(
                f"The screw {screw.name!r} misses the bone.",
                where=f"from ({_format(screw.entry)}) to ({_format(screw.tip)}) mm",
                got="no bone on its axis",
                allowed="an axis through the bone",
                next_step="check its points (frame G, mm: x anterior, y superior, z to the right)",
            )
        )
    radius = screw.radius(depth)
    first, last = in_bone[0], in_bone[-1]
    from_entry, to_exit = depth - depth[first], depth[last] - depth
    mouth = _MOUTH_RADII * radius + _MOUTH
    leaves = last < len(depth) - 1 or screw.screw.through
    kept = (from_entry >= mouth) & (to_exit >= np.where(leaves, mouth, 0.0))
    kept[(first + last) // 2] = True
    side = _across(screw.tip - screw.entry)
    turns = np.linspace(0.0, 2 * np.pi, _TURNS, endpoint=False)
    ring = np.cos(turns)[:, None] * side[0] + np.sin(turns)[:, None] * side[1]
    skin = (axis[kept][:, None] + radius[kept][:, None, None] * ring).reshape(-1, 3)
    if exempt is not None and not exempt(skin).all():
        skin = skin[~exempt(skin)]
    depths = -bone(skin)
    worst = int(np.argmin(depths))
    return Corridor(
        cortex=float(depths[worst]),
        openings=float(openings(skin).min()) if openings else np.inf,
        place=skin[worst],
        inside=float(depth[last] - depth[first]),
    )


def check_corridor(implant: Implant | PlacedImplant, host: Sacrum | PelvicRing) -> dict[str, Corridor]:
    """Measure the corridor of every screw, and refuse one that breaches.

    Args:
        implant: The implant.
        host: The sacrum alone, or the ring, where heads are seated on the outer tables of the ilia.

    Returns:
        Screw name -> its corridor.

    Raises:
        GeometryError: names the implant, the screw, the anatomy, the place and what it breaches into; or the implant needs the
            ring, a rod runs through bone, or two of its screws cross.
    """
    entry = implant.entry if isinstance(implant, PlacedImplant) else implant
    if isinstance(host, Sacrum):
        if entry.needs_ring:
            raise GeometryError(
                explain(
                    "The implant has parts outside the sacrum.",
                    where=f"implant {entry.name!r}",
                    got="the sacrum alone",
                    allowed="the pelvic ring",
                    next_step="study it with `extent: pelvic_ring`",
                )
            )
        screws = place_screws(entry)
        found = {screw.name: measure_corridor(screw, host.bone, host.openings) for screw in screws}
    else:
        placed = implant if isinstance(implant, PlacedImplant) else seat_implant(implant, host.solid)
        screws = list(placed.screws)
        require_clear_rods(placed, host.solid)
        found = {screw.name: _measure_in_ring(screw, host) for screw in placed.screws}
    sacrum = host if isinstance(host, Sacrum) else host.sacrum
    _require_apart(entry, screws)
    for name, corridor in found.items():
        _require_bone(entry, name, corridor, sacrum)
    return found


def _measure_in_ring(screw: ScrewShape, ring: PelvicRing) -> Corridor:
    if screw.screw.bone == "hip":
        return measure_corridor(screw, ring.hip_right if screw.side == "right" else ring.hip_left, None)

    def hips(points: FloatArray) -> FloatArray:
        return np.minimum(ring.hip_right(points), ring.hip_left(points))

    def bone(points: FloatArray) -> FloatArray:
        return np.minimum(ring.sacrum.bone(points), hips(points))

    def at_joint(points: FloatArray) -> BoolArray:
        sides = np.stack([ring.sacrum.bone(points), hips(points)])
        between: BoolArray = ((sides > -_JOINT_DEPTH) & (sides < _JOINT_WIDTH)).all(axis=0)
        return between

    corridor = measure_corridor(screw, bone, ring.sacrum.openings, at_joint)
    gap = sum(float(np.linalg.norm(end - start)) for start, end in open_stretches(screw, ring.solid))
    return Corridor(corridor.cortex, corridor.openings, corridor.place, corridor.inside, gap)


def _require_apart(implant: Implant, screws: Sequence[ScrewShape]) -> None:
    """Refuse screws of one implant that cross."""
    for first, second in combinations(screws, 2):
        depth = np.arange(0.0, first.length, _STEP)
        axis = first.entry - depth[:, None] * first.outward
        away = np.minimum.reduce([piece.distance(axis) for piece in second.cylinders]) - first.radius(depth)
        worst = int(np.argmin(away))
        if away[worst] < 0.0:
            raise GeometryError(
                explain(
                    "Two screws of one implant cross.",
                    where=f"implant {implant.name!r}, screws {first.name!r} and {second.name!r}, at ({_format(axis[worst])}) mm",
                    got=f"{-away[worst]:.1f} mm of one in the other",
                    allowed="screws apart from each other",
                    next_step="move `entry` or `tip` of one of them",
                )
            )


def _require_bone(implant: Implant, name: str, corridor: Corridor, sacrum: Sacrum) -> None:
    if corridor.cortex >= -implant.allowance:
        return
    opening = corridor.openings <= 0.0 and sacrum.openings(corridor.place[None])[0] < 1.0
    into = "the canal or a foramen" if opening else "the outside of the bone"
    raise GeometryError(
        explain(
            "The corridor of bone is too narrow for a screw.",
            where=f"implant {implant.name!r}, screw {name!r}, at ({_format(corridor.place)}) mm in anatomy {sacrum.anatomy!r}",
            got=f"{-corridor.cortex:.1f} mm through the cortex into {into}",
            allowed=f"at most {implant.allowance:g} mm (allowance)",
            next_step="move `entry` or `tip`, take a thinner screw, or another level",
        )
    )


def _across(axis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors across an axis."""
    helper = np.eye(3)[np.argmin(np.abs(axis))]
    first = np.cross(axis, helper)
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    return first, second / np.linalg.norm(second)


def _format(point: FloatArray) -> str:
    return ", ".join(f"{value:.1f}" for value in point)
