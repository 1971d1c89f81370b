"""Screws and bars as stepped cylinders, and the corridor of bone around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sacrofem.catalogue.implant import Implant, Screw
from sacrofem.errors import GeometryError, explain
from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.sacrum import Sacrum

#: Spacing along an axis, mm, and directions around it, at which a corridor is measured.
_STEP, _TURNS = 0.5, 24
#: Where a screw passes through the bone's surface on purpose, so many radii and mm of its axis are no breach: its mantle
#: leaves an oblique surface before or after its axis does.
_MOUTH_RADII, _MOUTH = 1.5, 3.0


@dataclass(frozen=True)
class Cylinder:
    """A piece of a screw.

    Attributes:
        start: (3,) one end of its axis, mm.
        end: (3,) the other end, mm.
        radius: mm.
    """

    start: FloatArray
    end: FloatArray
    radius: float

    def distance(self, points: FloatArray) -> FloatArray:
        """Signed distance, mm: exact inside and beside, a bound near the rims."""
        length = float(np.linalg.norm(self.end - self.start))
        axis = (self.end - self.start) / length
        along = (points - self.start) @ axis
        away = np.linalg.norm(points - self.start - along[:, None] * axis, axis=1)
        return np.maximum(away - self.radius, np.abs(along - length / 2) - length / 2)


@dataclass(frozen=True)
class ScrewShape:
    """A screw in place.

    Attributes:
        name: Of the screw within its implant.
        entry: (3,) head end of the axis, mm.
        tip: (3,) tip end, mm.
        cylinders: Its pieces; the first reaches from the tip.
    """

    name: str
    entry: FloatArray
    tip: FloatArray
    cylinders: tuple[Cylinder, ...]

    def radius(self, depth: FloatArray) -> FloatArray:
        """Radius (mm) at depths (mm) from the entry, without the washer."""
        thread = float(np.linalg.norm(self.cylinders[0].end - self.cylinders[0].start))
        length = float(np.linalg.norm(self.tip - self.entry))
        shaft = self.cylinders[1].radius if len(self.cylinders) > 1 else self.cylinders[0].radius
        return np.where(depth > length - thread, self.cylinders[0].radius, shaft)


@dataclass(frozen=True)
class Corridor:
    """How much bone is around a screw.

    Attributes:
        cortex: Shortest distance from the screw to the bone's outer surface or an opening, mm; negative where it breaches.
        openings: Shortest distance to canal and foramina, mm.
        place: (3,) where the first is shortest, mm.
        inside: Length of the axis from where it enters bone to its tip or exit, mm.
    """

    cortex: float
    openings: float
    place: FloatArray
    inside: float


def place_screws(implant: Implant) -> list[ScrewShape]:
    """The screws of an implant on their sides."""
    return [_place(screw, name, side) for screw in implant.screws for name, side in screw.names.items()]


def implant_body(implant: Implant) -> Shape:
    """All screws of an implant with their washers.

    Args:
        implant: The implant.

    Returns:
        Its signed distance, mm.
    """
    cylinders = [cylinder for screw in place_screws(implant) for cylinder in screw.cylinders]
    cylinders += [washer for screw in implant.screws for washer in _washers(screw)]

    def distance(points: FloatArray) -> FloatArray:
        nearest = cylinders[0].distance(points)
        for cylinder in cylinders[1:]:
            nearest = np.minimum(nearest, cylinder.distance(points))
        return nearest

    return distance


def measure_corridor(screw: ScrewShape, sacrum: Sacrum) -> Corridor:
    """Measure the bone around a screw from its entry into bone to its tip, or to its exit from the far side.

    Args:
        screw: The screw.
        sacrum: The bone.

    Raises:
        GeometryError: the screw meets no bone.
    """
    length = float(np.linalg.norm(screw.tip - screw.entry))
    depth = np.arange(0.0, length + _STEP / 2, _STEP).clip(max=length)
    axis = screw.entry + depth[:, None] / length * (screw.tip - screw.entry)
    in_bone = np.flatnonzero(sacrum.bone(axis) < 0.0)
    if len(in_bone) == 0:
        raise GeometryError(
            explain(
                f"The screw {screw.name!r} misses the bone.",
                where=f"from ({_format(screw.entry)}) to ({_format(screw.tip)}) mm",
                got="no bone on its axis",
                allowed="an axis through the sacrum",
                next_step="check its points (frame G, mm: x anterior, y superior, z to the right)",
            )
        )
    radius = screw.radius(depth)
    first, last = in_bone[0], in_bone[-1]
    from_entry, to_exit = depth - depth[first], depth[last] - depth
    mouth = _MOUTH_RADII * radius + _MOUTH
    kept = from_entry >= mouth
    kept &= (to_exit >= mouth) if last < len(depth) - 1 else to_exit >= 0.0
    kept[(first + last) // 2] = True
    side = _across(screw.tip - screw.entry)
    turns = np.linspace(0.0, 2 * np.pi, _TURNS, endpoint=False)
    ring = np.cos(turns)[:, None] * side[0] + np.sin(turns)[:, None] * side[1]
    skin = (axis[kept][:, None] + radius[kept][:, None, None] * ring).reshape(-1, 3)
    depths = -sacrum.bone(skin)
    worst = int(np.argmin(depths))
    return Corridor(
        cortex=float(depths[worst]),
        openings=float(sacrum.openings(skin).min()),
        place=skin[worst],
        inside=float(depth[last] - depth[first]),
    )


def check_corridor(implant: Implant, sacrum: Sacrum) -> dict[str, Corridor]:
    """Measure the corridor of every screw, and refuse one that breaches.

    Args:
        implant: The implant.
        sacrum: The bone.

    Returns:
        Screw name -> its corridor.

    Raises:
        GeometryError: names the implant, the screw, the place and what it breaches into.
    """
    corridors = {}
    for screw in place_screws(implant):
        corridor = measure_corridor(screw, sacrum)
        if corridor.cortex < -implant.allowance:
            opening = corridor.openings <= 0.0 and sacrum.openings(corridor.place[None])[0] < 1.0
            into = "the canal or a foramen" if opening else "the outside of the bone"
            raise GeometryError(
                explain(
                    "The corridor of bone is too narrow for a screw.",
                    where=f"implant {implant.name!r}, screw {screw.name!r}, at ({_format(corridor.place)}) mm",
                    got=f"{-corridor.cortex:.1f} mm through the cortex into {into}",
                    allowed=f"at most {implant.allowance:g} mm (allowance)",
                    next_step="move `entry` or `tip`, take a thinner screw, or another level",
                )
            )
        corridors[screw.name] = corridor
    return corridors


def _place(screw: Screw, name: str, side: str) -> ScrewShape:
    flip = np.array([1.0, 1.0, 1.0 if side == "right" else -1.0])
    entry, tip = np.array(screw.entry, dtype=np.float64) * flip, np.array(screw.tip, dtype=np.float64) * flip
    if screw.thread_length is None or screw.shaft_diameter is None:
        return ScrewShape(name, entry, tip, (Cylinder(entry, tip, screw.diameter / 2),))
    back = (entry - tip) / np.linalg.norm(entry - tip)
    step = tip + screw.thread_length * back
    return ScrewShape(
        name, entry, tip, (Cylinder(step, tip, screw.diameter / 2), Cylinder(entry, step, screw.shaft_diameter / 2))
    )


def _washers(screw: Screw) -> list[Cylinder]:
    if screw.washer is None:
        return []
    washers = []
    for side in screw.names.values():
        place = _place(screw, screw.name, side)
        inward = (place.tip - place.entry) / np.linalg.norm(place.tip - place.entry)
        washers.append(Cylinder(place.entry, place.entry + screw.washer.thickness * inward, screw.washer.diameter / 2))
    return washers


def _across(axis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors across an axis."""
    helper = np.eye(3)[np.argmin(np.abs(axis))]
    first = np.cross(axis, helper)
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    return first, second / np.linalg.norm(second)


def _format(point: FloatArray) -> str:
    return ", ".join(f"{value:.1f}" for value in point)
