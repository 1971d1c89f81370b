"""Entries drawn on one anatomy, placed in another: their places follow the landmarks that both bones have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ValidationError

from sacrofem.catalogue.entry import Drawn, InFrame
from sacrofem.catalogue.fracture import Ellipsoid
from sacrofem.catalogue.models import Anatomy
from sacrofem.catalogue.variation import Variation
from sacrofem.errors import GeometryError, explain
from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.hip.landmark_following import interpolate_displacements
from sacrofem.shapes.sacrum import build_sacrum
from sacrofem.shapes.variation import vary_anatomy

#: Points of one bone -> the places that correspond to them in another.
PlaceMap = Callable[[FloatArray], FloatArray]

#: Half the length over which the turn of a plane is measured, mm: planes reach across the bone.
_REACH = 10.0
#: Spacing of the places on an axis that it follows, mm; so many in bone are needed.
_STEP, _FEWEST_ON_AXIS = 2.0, 3
#: Two bones share enough to follow: an affine map has twelve figures, four landmarks of three.
_FEWEST = 8
#: Coordinates are rounded to this many decimals of a mm, so that the midplane stays the midplane.
_DECIMALS = 9


def map_places(template: Anatomy, anatomy: Anatomy) -> PlaceMap:
    """Where places of one anatomy lie in another.

    The displacements of the landmarks that both name are interpolated by the biharmonic spline of space with an affine part
    (Duchon 1977), so that landmarks come to lie exactly where the other bone has them, and an affine image gets its map.

    Args:
        template: What the places are given on; its variation does not count.
        anatomy: The other bone, varied as it says.

    Returns:
        The map; it takes the midplane to the midplane and mirror images to mirror images.

    Raises:
        GeometryError: they have too few landmarks in common.
    """
    before, after = _both_sides(template), _both_sides(vary_anatomy(anatomy))
    shared = [name for name in before if name in after]
    if len(shared) < _FEWEST:
        raise GeometryError(
            explain(
                "An entry cannot follow from one anatomy to another.",
                where=f"drawn on {template.name!r}, studied on {anatomy.name!r}",
                got=f"{len(shared)} landmarks of the same name",
                allowed=f"at least {_FEWEST}",
                next_step="name the landmarks alike, or give the entry in frame G of this bone with `drawn_on: null`",
            )
        )
    source = np.array([before[name] for name in shared])
    moved = np.array([after[name] for name in shared]) - source

    def place(points: FloatArray) -> FloatArray:
        points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        placed = (points + interpolate_displacements(source, moved, points)).round(_DECIMALS)
        placed[points[:, 2] == 0.0, 2] = 0.0
        return placed

    return place


def follow_entry[Kind: Drawn](entry: Kind, template: Anatomy | None, anatomy: Anatomy) -> Kind:
    """Place an entry in a bone.

    Places follow :func:`map_places`. Needles and screws stay straight, along the line that fits best where the part of their
    axis within the sacrum goes. Planes stay planes: their normals turn as the bone around them does. Ellipsoids stay
    ellipsoids, stretched along their axes and turned about z. Diameters, lengths of threads, volumes of cement and waviness
    keep their size.

    Args:
        entry: A fracture, cement pattern or implant.
        template: What it is drawn on; None: its places are meant as they stand.
        anatomy: The bone.

    Returns:
        The entry itself where the bone is the template; else one that is no longer drawn on another bone.

    Raises:
        GeometryError: it does not fit into that bone's proportions, or the bones have too few landmarks in common.
    """
    if template is None or _both_sides(template) == _both_sides(vary_anatomy(anatomy)):
        return entry
    moved = _follow_part(entry, _way_between(template.model_dump_json(), anatomy.model_dump_json()), np.zeros(3))
    try:
        # Written out and read again: what an entry says of itself must hold for the moved one, too.
        return type(entry).model_validate(moved.model_dump() | {"drawn_on": None})
    except ValidationError as error:
        told = error.errors()[0]
        raise GeometryError(
            explain(
                "An entry does not fit the proportions of the bone that it follows into.",
                where=f"{entry.kind} {entry.name!r} on anatomy {anatomy.name!r}, {'.'.join(map(str, told['loc']))}",
                got=str(told["msg"]),
                allowed="what the entry allows on the bone it is drawn on",
                next_step="write an entry of its own for this bone, with `drawn_on: null`",
            )
        ) from error


def require_own_places(entry: Drawn, anatomy: Anatomy) -> None:
    """Refuse an entry that is drawn on another bone and was not placed in this one."""
    if entry.drawn_on in (None, anatomy.name) and vary_anatomy(anatomy) is anatomy:
        return
    if entry.drawn_on is None:
        return
    raise GeometryError(
        explain(
            "An entry is drawn on another bone than the one that is meshed.",
            where=f"{entry.kind} {entry.name!r}, drawn_on",
            got=f"{entry.drawn_on!r} for anatomy {anatomy.name!r}" + ("" if vary_anatomy(anatomy) is anatomy else ", varied"),
            allowed="an entry placed in this bone",
            next_step="place it by sacrofem.shapes.following.follow_entry, as a study does, or say `drawn_on: null`",
        )
    )


def _both_sides(anatomy: Anatomy) -> dict[str, tuple[float, float, float]]:
    """All landmarks, right and left, scaled; those that mark the midplane once."""
    scale = anatomy.scale
    right = {**anatomy.landmarks, **(anatomy.hip.landmarks if anatomy.hip else {})}
    scaled = {name: (scale * x, scale * y, scale * z) for name, (x, y, z) in right.items()}
    return scaled | {f"{name} left": (x, y, -z) for name, (x, y, z) in scaled.items() if z != 0.0}


@dataclass(frozen=True)
class _Way:
    """From one bone into another: the map, and the sacrum that axes lie in."""

    place: PlaceMap
    bone: Shape

    def move_axis(self, ends: FloatArray) -> FloatArray:
        """(2, 3) ends of an axis moved."""
        moved = self.place(ends)
        count = max(2, int(np.linalg.norm(ends[1] - ends[0]) / _STEP))
        points = ends[0] + np.linspace(0.0, 1.0, count)[:, None] * (ends[1] - ends[0])
        points = points[self.bone(points) < 0.0]
        if len(points) < _FEWEST_ON_AXIS:
            return moved
        inside = self.place(points)
        middle = inside.mean(axis=0)
        along = np.linalg.svd(inside - middle)[2][0]
        return (middle + ((moved - middle) @ along)[:, None] * along).round(_DECIMALS)


@lru_cache(maxsize=8)
def _way_between(template: str, anatomy: str) -> _Way:
    drawn_on = Anatomy.model_validate_json(template)
    bone = build_sacrum(drawn_on.model_copy(update={"variation": Variation()})).bone
    return _Way(map_places(drawn_on, Anatomy.model_validate_json(anatomy)), bone)


def _follow_part[Model: BaseModel](part: Model, way: _Way, about: FloatArray) -> Model:
    """A part of an entry with its places moved; its normals turn about the middle of its places (else ``about``)."""
    if isinstance(part, Ellipsoid):
        return part.model_copy(update=_follow_ellipsoid(part, way.place))
    fields = {name: (getattr(part, name), _hint(field)) for name, field in type(part).model_fields.items()}
    places = [point for value, hint in fields.values() for point in _places(value, hint)]
    about = np.mean(places, axis=0) if places else about
    changes = {name: _follow_value(value, hint, way, about) for name, (value, hint) in fields.items()}
    ends = [name for name, (_, hint) in fields.items() if (mark := _mark(hint)) and mark.what == "end"]
    if ends:
        given = np.array([getattr(part, name) for name in ends], dtype=np.float64)
        moved = way.move_axis(given)
        changes |= {name: tuple(at.tolist()) for name, at in zip(ends, moved, strict=True)}
        longer = np.linalg.norm(moved[1] - moved[0]) / np.linalg.norm(given[1] - given[0])
        along = {name: value for name, (value, hint) in fields.items() if (mark := _mark(hint)) and mark.what == "along"}
        changes |= {name: float(longer * value) for name, value in along.items()}
    return part.model_copy(update=changes)


def _hint(field: Any) -> Any:
    """The marker of a field that is a place or a normal, else its annotation."""
    return next((mark for mark in field.metadata if isinstance(mark, InFrame)), field.annotation)


def _choices(hint: Any) -> tuple[Any, ...]:
    """What an annotation allows: the members of a union, else itself."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _mark(hint: Any) -> InFrame | None:
    """The marker of an annotation, optional or not."""
    marks = (mark for choice in _choices(hint) for mark in (choice, *getattr(choice, "__metadata__", ())))
    return next((mark for mark in marks if isinstance(mark, InFrame)), None)


def _within(hint: Any, count: int) -> list[Any]:
    """Annotations of the items of a tuple or list of ``count`` items, optional or not."""
    for choice in _choices(hint):
        if get_origin(choice) in (tuple, list):
            kinds = [argument for argument in get_args(choice) if argument is not Ellipsis]
            return kinds if len(kinds) == count else kinds[:1] * count
    return [None] * count


def _places(value: Any, hint: Any) -> list[Any]:
    """The places that a field itself holds, not those of parts in it."""
    mark = _mark(hint)
    if value is None or isinstance(value, BaseModel):
        return []
    if mark is not None:
        return [value] if mark.what == "place" else []
    if isinstance(value, tuple | list):
        return [found for item, kind in zip(value, _within(hint, len(value)), strict=True) for found in _places(item, kind)]
    return []


def _follow_value(value: Any, hint: Any, way: _Way, about: FloatArray) -> Any:
    if isinstance(value, BaseModel):
        return _follow_part(value, way, about)
    mark = _mark(hint)
    if mark is not None:
        if value is None or mark.what in ("end", "along"):
            return value
        at = np.array(value, dtype=np.float64)
        if mark.what == "vector":
            return tuple((_rotation(way.place, about, np.full(3, _REACH)) @ at).round(_DECIMALS).tolist())
        return tuple((way.place(at)[0] if mark.what == "place" else _turn_normal(at, about, way.place)).tolist())
    if isinstance(value, tuple | list):
        items = zip(value, _within(hint, len(value)), strict=True)
        return type(value)(_follow_value(item, kind, way, about) for item, kind in items)
    if isinstance(value, dict):
        return {key: _follow_value(item, None, way, about) for key, item in value.items()}
    return value


def _stretch(place: PlaceMap, about: FloatArray, reach: FloatArray) -> FloatArray:
    """(3, 3) mean derivative of a map over so many mm on both sides of a point along x, y and z."""
    ends = place(np.vstack([about + np.diag(reach), about - np.diag(reach)]))
    return ((ends[:3] - ends[3:]) / (2.0 * reach[:, None])).T


def _rotation(place: PlaceMap, about: FloatArray, reach: FloatArray) -> FloatArray:
    """(3, 3) rotation nearest to the mean derivative of a map (polar decomposition)."""
    left, _, right = np.linalg.svd(_stretch(place, about, reach))
    rotation: FloatArray = left @ right
    return rotation


def _turn_normal(normal: FloatArray, about: FloatArray, place: PlaceMap) -> FloatArray:
    """A plane's normal after the map: by the inverse transposed, as areas turn."""
    turned = np.linalg.solve(_stretch(place, about, np.full(3, _REACH)).T, normal)
    turned = (turned * np.linalg.norm(normal) / np.linalg.norm(turned)).round(_DECIMALS)
    if about[2] == normal[2] == 0.0:
        turned[2] = 0.0
    return turned


def _follow_ellipsoid(given: Ellipsoid, place: PlaceMap) -> dict[str, Any]:
    centre, semi_axes = np.array(given.centre, dtype=np.float64), np.array(given.semi_axes, dtype=np.float64)
    reach = np.maximum(semi_axes, _REACH / 2)
    stretch, rotation = _stretch(place, centre, reach), _rotation(place, centre, reach)
    turn = float(np.degrees(np.arctan2(rotation[0, 1], rotation[0, 0])))
    cosine, sine = np.cos(np.radians(given.turn)), np.sin(np.radians(given.turn))
    axes = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    longer = np.linalg.norm(axes @ stretch.T, axis=1)
    return {
        "centre": tuple(place(centre)[0].tolist()),
        "semi_axes": tuple((semi_axes * longer).tolist()),
        "turn": round(given.turn + turn, _DECIMALS),
    }
