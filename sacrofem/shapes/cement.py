"""Cement bodies along needles, and the paths of the needles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sacrofem.catalogue.cement import CementPattern, Needle, NeedleEllipsoid
from sacrofem.catalogue.entry import sides_of
from sacrofem.errors import GeometryError, explain
from sacrofem.shapes.field import FloatArray, Shape, unite
from sacrofem.shapes.primitives import ellipsoid, tapered_capsule
from sacrofem.shapes.sacrum import Sacrum

_UP = np.array([0.0, 1.0, 0.0])
#: Spacing along a needle, mm.
_STEP = 0.5


@dataclass(frozen=True)
class PlacedNeedle:
    """A needle on its side of the body.

    Attributes:
        name: Of the needle, with its side where there are two.
        needle: Its entry in the catalogue.
        entry: (3,) where it enters bone, mm.
        target: (3,) its tip, mm.
    """

    name: str
    needle: Needle
    entry: FloatArray
    target: FloatArray

    @property
    def back(self) -> FloatArray:
        """(3,) unit vector from the tip to the entry."""
        back: FloatArray = (self.entry - self.target) / np.linalg.norm(self.entry - self.target)
        return back

    def path(self) -> tuple[FloatArray, FloatArray]:
        """Depths (mm from the entry) and points of the path, from the end of its approach to the tip."""
        length = float(np.linalg.norm(self.target - self.entry))
        depths = np.arange(min(self.needle.approach, 0.5 * length), length, _STEP)
        return depths, self.entry - depths[:, None] * self.back


@dataclass(frozen=True)
class NeedleClearance:
    """How far a needle's surface stays from where it must not go, over its path; negative where it goes there.

    Attributes:
        cortex: Shortest distance to the bone's outer surface or an opening, mm.
        openings: Shortest distance to canal and foramina, mm.
    """

    cortex: float
    openings: float


def place_needles(pattern: CementPattern) -> list[PlacedNeedle]:
    """The needles of a pattern on its sides."""
    placed = []
    for side in sides_of(pattern.side):
        flip = np.array([1.0, 1.0, 1.0 if side == "right" else -1.0])
        for needle in pattern.needles:
            name = f"{needle.name}_{side}" if pattern.side == "both" else needle.name
            placed.append(PlacedNeedle(name, needle, np.array(needle.entry) * flip, np.array(needle.target) * flip))
    return placed


def needle_volumes(pattern: CementPattern) -> list[float]:
    """Wanted volume (mL) of every needle of :func:`place_needles`."""
    total = sum(needle.share for needle in pattern.needles)
    one_side = [pattern.volume * needle.share / total for needle in pattern.needles]
    return one_side * len(sides_of(pattern.side))


def cement_body(placed: PlacedNeedle, scale: float = 1.0) -> Shape:
    """The union of the bodies on one needle.

    Args:
        placed: The needle.
        scale: Factor on radii and semi-axes.

    Returns:
        Its signed distance, mm.
    """
    shapes = [_capsule(placed, capsule.radius, capsule.length, capsule.back, scale) for capsule in placed.needle.capsules]
    shapes += [needle_ellipsoid(placed, body, scale) for body in placed.needle.ellipsoids]
    return unite(shapes)


def needle_ellipsoid(placed: PlacedNeedle, body: NeedleEllipsoid, scale: float = 1.0) -> Shape:
    """An ellipsoid on a needle: its axes along it, across it and upwards, across it and level."""
    along = placed.back
    up = _UP - (_UP @ along) * along
    up /= np.linalg.norm(up)
    frame = np.array([along, up, np.cross(along, up)])
    centre = placed.target + body.back * along
    semi_axes = scale * np.array(body.semi_axes)

    def distance(points: FloatArray) -> FloatArray:
        return ellipsoid(points, centre, semi_axes, frame)

    return distance


def _capsule(placed: PlacedNeedle, radius: tuple[float, float], length: float, back: float, scale: float) -> Shape:
    start = placed.target + back * placed.back
    end = start + length * placed.back

    def distance(points: FloatArray) -> FloatArray:
        return tapered_capsule(points, start, end, scale * radius[0], scale * radius[1])

    return distance


def check_needle_path(pattern: CementPattern, sacrum: Sacrum) -> dict[str, NeedleClearance]:
    """Measure how far the needles of a pattern stay from the cortex and from openings, and refuse a path out of bone.

    Args:
        pattern: The cement pattern.
        sacrum: The bone.

    Returns:
        Needle name -> its clearance.

    Raises:
        GeometryError: names pattern, needle, anatomy and place, and how far outside it is.
    """
    clearances = {}
    for placed in place_needles(pattern):
        depths, path = placed.path()
        distance = sacrum.bone(path)
        worst = int(np.argmax(distance))
        if distance[worst] > 0.0:
            x, y, z = path[worst]
            opening = sacrum.openings(path[worst][None])[0] < 0.0
            raise GeometryError(
                explain(
                    "The needle's path leaves the bone.",
                    where=f"cement pattern {pattern.name!r}, needle {placed.name!r}, {depths[worst]:.1f} mm from its entry, at "
                    f"({x:.1f}, {y:.1f}, {z:.1f}) mm in anatomy {sacrum.anatomy!r}",
                    got=f"{distance[worst]:.1f} mm outside bone" + (", in the canal or a foramen" if opening else ""),
                    allowed="a straight path in bone from entry to target",
                    next_step="move `entry` or `target`; `sacrofem show` prints the anatomy's landmarks",
                )
            )
        radius = placed.needle.diameter / 2
        clearances[placed.name] = NeedleClearance(
            cortex=float(-distance.max()) - radius, openings=float(sacrum.openings(path).min()) - radius
        )
    return clearances
