"""Screws and bars as stepped cylinders with core, thread zone and washer, seated on the outer surface of the ring."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sacrofem.catalogue.implant import Implant, Plate, PlateScrew, Screw
from sacrofem.errors import GeometryError, explain
from sacrofem.shapes.field import FloatArray, Shape, unite

#: Sampling along an axis, mm, and how far beyond the given ends the bone's surface is looked for.
_STEP, _REACH = 0.25, 45.0
#: Where the bone's surface is oblique a washer reaches so many of its diameters below its head; no deeper, for the joint is near.
_SINK = 0.6


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

    def volume_within(self, solid: Shape) -> float:
        """Volume (mm^3) of the part whose axis lies in ``solid``."""
        length = float(np.linalg.norm(self.end - self.start))
        middles = (np.arange(int(length / _STEP)) + 0.5) * _STEP
        inside = solid(self.start + middles[:, None] * (self.end - self.start) / length) < 0.0
        return float(np.pi * self.radius**2 * _STEP * inside.sum())


@dataclass(frozen=True)
class ScrewShape:
    """A screw in place.

    Attributes:
        name: Of the screw within its implant.
        side: Of the body, where its head is.
        screw: Its entry in the catalogue.
        entry: (3,) head end of the axis, mm.
        tip: (3,) tip end, mm.
        seated: Whether the head lies on the bone's surface: then its metal is drawn beyond it, so that oblique surfaces cut it.
    """

    name: str
    side: str
    screw: Screw
    entry: FloatArray
    tip: FloatArray
    seated: bool = False

    @property
    def length(self) -> float:
        """From head to tip, mm."""
        return float(np.linalg.norm(self.entry - self.tip))

    @property
    def outward(self) -> FloatArray:
        """(3,) unit vector from the tip to the head."""
        outward: FloatArray = (self.entry - self.tip) / self.length
        return outward

    @property
    def cylinders(self) -> tuple[Cylinder, ...]:
        """Thread and shaft with their outer diameters; the first reaches from the tip."""
        return self._pieces(self.screw.diameter, 0.0)

    @property
    def metal(self) -> tuple[Cylinder, ...]:
        """What is solid metal: the core of the thread, and the shaft."""
        return self._pieces(self.screw.core_diameter or self.screw.diameter, self._beyond)

    @property
    def thread(self) -> Cylinder | None:
        """The threaded part with its core, where the core is told from it."""
        return self._pieces(self.screw.diameter, self._beyond)[0] if self.screw.core_diameter else None

    @property
    def _beyond(self) -> float:
        """How far metal is drawn beyond the surface."""
        return self.screw.diameter if self.seated else 0.0

    def _pieces(self, diameter: float, beyond: float) -> tuple[Cylinder, ...]:
        head = self.entry + beyond * self.outward
        tip = self.tip - (beyond if self.screw.through else 0.0) * self.outward
        if self.screw.thread_length is None or self.screw.shaft_diameter is None:
            return (Cylinder(head, tip, diameter / 2),)
        step = self.tip + self.screw.thread_length * self.outward
        return (Cylinder(step, tip, diameter / 2), Cylinder(head, step, self.screw.shaft_diameter / 2))

    def radius(self, depth: FloatArray) -> FloatArray:
        """Radius (mm) at depths (mm) from the entry, without the washer."""
        thread, shaft = self.screw.thread_length, self.screw.shaft_diameter
        if thread is None or shaft is None:
            return np.full(np.shape(depth), self.screw.diameter / 2)
        return np.where(depth > self.length - thread, self.screw.diameter, shaft) / 2

    def washers(self, sunk: bool) -> list[Cylinder]:
        """Discs on the bone's surface; ``sunk``: reaching from over the surface down to their thickness below it."""
        washer = self.screw.washer
        if washer is None:
            return []
        ends = [(self.entry, self.outward)]
        if washer.ends == "both":
            ends.append((self.tip, -self.outward))
        discs = []
        for end, out in ends:
            inner = end - _SINK * washer.diameter * out if sunk else end
            outer = end + washer.diameter * out if sunk else end + washer.thickness * out
            discs.append(Cylinder(inner, outer, washer.diameter / 2))
        return discs


@dataclass(frozen=True)
class Hole:
    """A screw of a plate in place.

    Attributes:
        name: Of the screw.
        plate: The plate.
        screw: Its entry in the catalogue.
        near: (3,) where it enters bone, mm.
        far: (3,) where it leaves it on the far side, mm; None where it ends in bone.
        outward: (3,) unit vector from the tip to the entry.
    """

    name: str
    plate: Plate
    screw: PlateScrew
    near: FloatArray
    far: FloatArray | None
    outward: FloatArray


@dataclass(frozen=True)
class PlacedImplant:
    """An implant in a bone.

    Attributes:
        entry: Its entry in the catalogue.
        screws: Its screws on their sides.
        holes: The screws of its plates; none where it was not seated in a ring.
    """

    entry: Implant
    screws: tuple[ScrewShape, ...]
    holes: tuple[Hole, ...] = ()

    @property
    def metal(self) -> Shape:
        """Signed distance of all that is solid metal in screws, mm."""
        return unite([piece.distance for screw in self.screws for piece in screw.metal])

    @property
    def threads(self) -> Shape | None:
        """Of the threaded parts with their cores; None where no core is told from its thread."""
        threads = [screw.thread.distance for screw in self.screws if screw.thread]
        return unite(threads) if threads else None

    def washers(self, solid: Shape) -> Shape | None:
        """Of the washers, drawn into the outermost layer of the bone, whose surface they follow; None without them."""
        discs = [(disc, screw.screw.washer) for screw in self.screws for disc in screw.washers(sunk=True)]
        shapes = [_sunk(disc, washer.thickness, solid) for disc, washer in discs if washer]
        return unite(shapes) if shapes else None


def place_screws(implant: Implant) -> list[ScrewShape]:
    """The screws of an implant on their sides, as they are given."""
    return [_place(screw, name, side) for screw in implant.screws for name, side in screw.names.items()]


def seat_implant(implant: Implant, solid: Shape) -> PlacedImplant:
    """Put heads, and tips that go through, onto the surface of bone.

    Args:
        implant: The implant.
        solid: Signed distance of the pelvic ring, mm.

    Returns:
        The implant in place. A screw grows or shrinks at its head; its thread keeps its length from the tip.

    Raises:
        GeometryError: an axis meets no bone, or leaves none near its entry.
    """
    screws = []
    for screw in place_screws(implant):
        head = _surface(implant, screw.name, screw.tip, screw.entry, solid)
        tip = _surface(implant, screw.name, head, screw.tip, solid) if screw.screw.through else screw.tip
        screws.append(replace(screw, entry=head, tip=tip, seated=True))
    holes = []
    for plate in implant.plates:
        for given in plate.screws:
            entry, tip = np.array(given.entry, dtype=np.float64), np.array(given.tip, dtype=np.float64)
            outward = (entry - tip) / np.linalg.norm(entry - tip)
            near = _surface(implant, given.name, tip, entry, solid)
            ends_outside = solid(tip[None])[0] > 0.0
            far = _surface(implant, given.name, near, tip, solid) if ends_outside else None
            holes.append(Hole(given.name, plate, given, near, far, outward))
    return PlacedImplant(implant, tuple(screws), tuple(holes))


def implant_body(implant: Implant | PlacedImplant) -> Shape:
    """All screws of an implant with their washers.

    Args:
        implant: The implant, as given or in place.

    Returns:
        Its signed distance, mm.
    """
    screws = implant.screws if isinstance(implant, PlacedImplant) else place_screws(implant)
    cylinders = [piece for screw in screws for piece in (*screw.cylinders, *screw.washers(sunk=False))]
    return unite([cylinder.distance for cylinder in cylinders])


def open_stretches(screw: ScrewShape, solid: Shape) -> list[tuple[FloatArray, FloatArray]]:
    """Where a seated screw crosses the open between two bones: from and to, mm."""
    depth = np.arange(_STEP, screw.length, _STEP)
    axis = screw.entry - depth[:, None] * screw.outward
    outside = np.flatnonzero(solid(axis) > 0.0)
    outside = outside[(depth[outside] > 3.0) & (depth[outside] < screw.length - 3.0)]
    runs = np.split(outside, np.flatnonzero(np.diff(outside) > 1) + 1) if len(outside) else []
    return [(axis[run[0]], axis[run[-1]]) for run in runs]


def _surface(implant: Implant, name: str, start: FloatArray, end: FloatArray, solid: Shape) -> FloatArray:
    """Where the axis from ``start`` to ``end`` leaves bone: next beyond ``end`` if that lies in bone, else last before it."""
    length = float(np.linalg.norm(end - start))
    direction = (end - start) / length
    along = np.arange(0.0, length + _REACH, _STEP)
    values = solid(start + along[:, None] * direction)
    inside = values < 0.0
    at = int(np.searchsorted(along, length))
    leaving = np.flatnonzero(inside[:-1] & ~inside[1:])
    leaving = leaving[leaving >= at - 1][:1] if inside[min(at, len(inside) - 1)] else leaving[leaving < at][-1:]
    if len(leaving) == 0:
        raise GeometryError(
            explain(
                "A screw misses the bone, or its head finds no surface.",
                where=f"implant {implant.name!r}, screw {name!r}, from ({_format(start)}) through ({_format(end)}) mm",
                got="bone without end" if inside.any() else "no bone on its axis",
                allowed=f"an axis that leaves bone within {_REACH:g} mm of its end",
                next_step="check its points (frame G, mm: x anterior, y superior, z to the right)",
            )
        )
    i = int(leaving[0])
    place: FloatArray = start + (along[i] + _STEP * values[i] / (values[i] - values[i + 1])) * direction
    return place


def _sunk(disc: Cylinder, thickness: float, solid: Shape) -> Shape:
    return lambda points: np.maximum(disc.distance(points), -solid(points) - thickness)


def _place(screw: Screw, name: str, side: str) -> ScrewShape:
    flip = np.array([1.0, 1.0, 1.0 if side == "right" else -1.0])
    entry, tip = np.array(screw.entry, dtype=np.float64) * flip, np.array(screw.tip, dtype=np.float64) * flip
    return ScrewShape(name, side, screw, entry, tip)


def _format(point: FloatArray) -> str:
    return ", ".join(f"{value:.1f}" for value in point)
