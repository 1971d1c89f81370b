"""A fracture as sheets: wavy planes through a bone, cut off to their limits; joints torn; a bruise as an ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sacrofem.catalogue.entry import sides_of
from sacrofem.catalogue.fracture import Bruise, Ellipsoid, Fracture, FractureSheet, SheetSide
from sacrofem.shapes.field import BoolArray, FloatArray, Shape
from sacrofem.shapes.primitives import ellipsoid
from sacrofem.shapes.turning import turn_matrix

#: Thickness of the layer of cells behind a sheet that ends at half spaces or has a reach, mm; no interface lies beyond.
_BACKING = 7.0
_SUFFIXES = {"_right": "_left", "_left": "_right"}


@dataclass(frozen=True)
class Limit:
    """A surface at which a sheet ends.

    Attributes:
        surface: Names the surface; the same for limits on both of its sides, and for a sheet that is a limit.
        level: Signed distance, mm; the sheet lies where it is negative.
        behind: Whether that is where the surface's own level is negative, too.
    """

    surface: str
    level: Shape
    behind: bool = True


@dataclass(frozen=True)
class Sheet:
    """A fracture sheet.

    Attributes:
        name: Name of the fracture, and of the sheet where it has several: ``<fracture>.<sheet>``.
        surface: Names the surface it lies in, as limits do.
        level: Signed distance from the sheet, mm; positive on the lateral side (beyond its normal).
        limits: Where it ends.
        bone: The bone it runs through: ``sacrum``, ``hip_right`` or ``hip_left``.
        centre: (3,) middle of the place it lies in, mm, where it is one of several in which the bone meets its plane.
        reach: Radius of that place, mm.
    """

    name: str
    surface: str
    level: Shape
    limits: tuple[Limit, ...] = ()
    bone: str = "sacrum"
    centre: FloatArray | None = None
    reach: float = np.inf

    def extent(self, points: FloatArray) -> BoolArray:
        """(n, 3) points on the sheet -> whether the bone is broken there."""
        return self.overrun(points) <= 0.0

    def overrun(self, points: FloatArray) -> FloatArray:
        """How far (mm) points lie beyond the sheet's limits; negative within them."""
        levels = [limit.level(points) for limit in self.limits]
        if self.centre is not None:
            levels.append(np.linalg.norm(points - self.centre, axis=1) - self.reach)
        beyond: FloatArray = np.max(levels, axis=0) if levels else np.full(len(points), -np.inf)
        return beyond

    def away(self, points: FloatArray) -> FloatArray:
        """Distance (mm) of points from the broken part of the sheet: exact beside it, a lower bound past its ends."""
        near: FloatArray = np.maximum(np.abs(self.level(points)), self.overrun(points))
        return near


@dataclass(frozen=True)
class JointBreak:
    """A joint torn from a hip bone.

    Attributes:
        name: Name of the fracture, and of the disruption where the fracture has several surfaces.
        joint: ``sacroiliac_right``, ``sacroiliac_left`` or ``symphysis``.
        side: Of the hip bone that parts.
    """

    name: str
    joint: str
    side: str


def joint_breaks(fracture: Fracture) -> list[JointBreak]:
    """The joints that a fracture tears."""
    return [
        JointBreak(_full_name(fracture, name), f"{part.joint}_{side}" if part.joint == "sacroiliac" else part.joint, side)
        for part in fracture.disruptions
        for name, side in part.names.items()
    ]


def _full_name(fracture: Fracture, name: str) -> str:
    names = [name for sheet in fracture.sheets for name in sheet.names]
    names += [name for torn in fracture.disruptions for name in torn.names]
    return fracture.name if len(names) == 1 else f"{fracture.name}.{name}"


def fracture_sheets(fracture: Fracture) -> list[Sheet]:
    """Build the sheets of a fracture, as they lie in bone that has not moved.

    Args:
        fracture: The fracture; points and normals are given for the right side and mirrored for the left.

    Returns:
        The sheets. A level is the distance from the mean plane minus an undulation along the trace and across it.
    """
    given = {name: (sheet, side) for sheet in fracture.sheets for name, side in sheet.names.items()}
    levels = {name: _plane(sheet, side) for name, (sheet, side) in given.items()}
    return [
        Sheet(
            name=_full_name(fracture, name),
            surface=_surface(name),
            level=levels[name],
            limits=tuple(_limits(sheet, side, levels, mirrored=side == "left" and sheet.side == "both")),
            bone=bone_of(sheet, side),
            centre=None if sheet.reach is None else np.mean(sheet.through, axis=0) * _flip(side),
            reach=np.inf if sheet.reach is None else sheet.reach,
        )
        for name, (sheet, side) in given.items()
    ]


def bone_of(sheet: FractureSheet, side: str) -> str:
    """Name of the bone that the sheet of a side runs through."""
    return f"hip_{side}" if sheet.bone == "hip" else sheet.bone


def bruise_shape(bruise: Bruise) -> Shape:
    """Signed distance of the softened bone, mm."""
    places = [np.array(bruise.place.centre, dtype=np.float64) * _flip(side) for side in sides_of(bruise.side)]
    shapes = [_ellipsoid(place, bruise.place) for place in places]

    def distance(points: FloatArray) -> FloatArray:
        nearest: FloatArray = np.minimum.reduce([shape(points) for shape in shapes])
        return nearest

    return distance


def _flip(side: str) -> FloatArray:
    return np.array([1.0, 1.0, 1.0 if side == "right" else -1.0])


def _plane(sheet: FractureSheet, side: str) -> Shape:
    flip = _flip(side)
    first, second = (np.array(point, dtype=np.float64) for point in sheet.through)
    along = (second - first) / np.linalg.norm(second - first)
    normal = np.array(sheet.normal, dtype=np.float64)
    normal -= (normal @ along) * along
    normal /= np.linalg.norm(normal)
    across = np.cross(normal, along)
    amplitude, wavelength = sheet.waviness

    def level(points: FloatArray) -> FloatArray:
        local = points * flip - first
        phase = 2 * np.pi / wavelength
        wave = amplitude * np.sin(phase * (local @ along)) * np.cos(phase * (local @ across))
        return local @ normal - wave

    return level


def _limits(sheet: FractureSheet, side: str, levels: dict[str, Shape], mirrored: bool) -> list[Limit]:
    flip = _flip(side)
    limits = []
    for space in sheet.limits.half_spaces:
        point, outward = (np.array(value, dtype=np.float64) * flip for value in (space.point, space.outward))
        limits.append(Limit(f"plane {point} {outward}", _half_space(point, outward)))
    for place in sheet.limits.ellipsoids:
        centre = np.array(place.centre, dtype=np.float64) * flip
        limits.append(Limit(f"ellipsoid {centre} {place.semi_axes} {place.turn:g}", _ellipsoid(centre, place)))
    for other in sheet.limits.sheets:
        name = _mirror_name(other.sheet) if mirrored else other.sheet
        behind = other.side == "behind"
        if other.distance:
            limits.append(Limit(f"{_surface(name)} {other.side} {other.distance:g}", _side(levels[name], other)))
        else:
            limits.append(Limit(_surface(name), _side(levels[name], other), behind))
    if sheet.limits.half_spaces or sheet.reach is not None:
        own = next(key for key, owner in sheet.names.items() if owner == side)
        limits.append(Limit(f"backing of {own}", _backing(levels[own])))
    return limits


def _surface(name: str) -> str:
    return f"sheet {name}"


def _mirror_name(name: str) -> str:
    for suffix, opposite in _SUFFIXES.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix) + opposite
    return name


def _half_space(point: FloatArray, outward: FloatArray) -> Shape:
    unit = outward / np.linalg.norm(outward)
    return lambda points: (points - point) @ unit


def _ellipsoid(centre: FloatArray, place: Ellipsoid) -> Shape:
    semi_axes = np.array(place.semi_axes, dtype=np.float64)
    frame = turn_matrix(place.turn).T if place.turn else None
    return lambda points: ellipsoid(points, centre, semi_axes, frame)


def _backing(level: Shape) -> Shape:
    """A parallel of a sheet: half spaces alone would leave the mesh a block of bone as wide as the sacrum behind it."""
    return lambda points: -level(points) - _BACKING


def _side(level: Shape, limit: SheetSide) -> Shape:
    sign = 1.0 if limit.side == "behind" else -1.0
    return lambda points: sign * level(points) + limit.distance
