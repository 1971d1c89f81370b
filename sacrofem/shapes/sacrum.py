"""A parametric sacrum: S1-S5 curved along its landmarks, alae, posterior arch, openings, joint surfaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sacrofem.catalogue.models import Anatomy
from sacrofem.shapes.arc import Arc, curve
from sacrofem.shapes.field import BoolArray, FloatArray, IntArray, Shape
from sacrofem.shapes.landmarks import Landmarks, mirrored
from sacrofem.shapes.openings import openings_shape
from sacrofem.shapes.primitives import ellipsoid, smooth_subtract
from sacrofem.shapes.solid import solid_shape
from sacrofem.shapes.turning import turn_matrix, turned_box, turned_facets, turned_points
from sacrofem.shapes.variation import turn_sacrum, vary_anatomy

BODY, ALA, ALAR_VOID = 1, 2, 3
REGION_NAMES = {BODY: "body", ALA: "ala", ALAR_VOID: "alar_void"}

#: From the endplate's and the joint's plane to a facet that belongs to it, mm; the joint swells at its cranial end.
_ENDPLATE_TOLERANCE, _JOINT_TOLERANCE = 1.5, 2.6
#: Rims of canal and foramina are rounded by this, mm.
_RIM = 2.0


@dataclass(frozen=True)
class Sacrum:
    """A sacrum as shapes and surfaces, frame G, mm.

    Attributes:
        bone: Signed distance of the bone, negative inside.
        openings: Signed distance of canal and foramina, negative in the opening.
        bounds: Lower and upper corner of a box around the bone.
        endplate: (centroids, outward normals) -> which outer facets are the S1 endplate.
        auricular: (centroids, outward normals, side) -> which outer facets are an auricular surface.
        region: points -> BODY, ALA or ALAR_VOID.
        anatomy: Name of the entry it was built from, for messages.
    """

    bone: Shape
    openings: Shape
    bounds: tuple[FloatArray, FloatArray]
    endplate: Callable[[FloatArray, FloatArray], BoolArray]
    auricular: Callable[[FloatArray, FloatArray, str], BoolArray]
    region: Callable[[FloatArray], IntArray]
    anatomy: str = ""

    def turned(self, degrees: float) -> Sacrum:
        """The sacrum turned forwards about the origin, so that its slope grows by ``degrees``."""
        turn = turn_matrix(degrees)
        return Sacrum(
            bone=turned_points(self.bone, degrees),
            openings=turned_points(self.openings, degrees),
            bounds=turned_box(self.bounds, degrees),
            endplate=turned_facets(self.endplate, degrees),
            auricular=lambda centroids, normals, side: self.auricular(centroids @ turn, normals @ turn, side),
            region=turned_points(self.region, degrees),
            anatomy=self.anatomy,
        )


def build_sacrum(anatomy: Anatomy) -> Sacrum:
    """Build the shapes of a sacrum from its landmarks, its sections and the sizes of its openings.

    Args:
        anatomy: The anatomy, varied as it says; ``scale`` enlarges everything about the origin.

    Returns:
        The sacrum.
    """
    anatomy = vary_anatomy(anatomy)
    if (turn := anatomy.turns.sacrum) != 0.0:
        return build_sacrum(turn_sacrum(anatomy, -turn)).turned(turn)
    marks = Landmarks.of(anatomy)
    solid, openings, region = solid_shape(anatomy), openings_shape(anatomy), _region(marks, anatomy)
    scale = anatomy.scale
    corners = np.array(list(marks.at.values()))
    lower, upper = corners.min(axis=0) - 12.0, corners.max(axis=0) + 10.0
    lower[2] = -upper[2]

    def bone(points: FloatArray) -> FloatArray:
        small = points / scale
        return scale * smooth_subtract(solid(small), openings(small), _RIM)

    return Sacrum(
        bone=bone,
        openings=lambda points: scale * openings(points / scale),
        bounds=(scale * lower, scale * upper),
        endplate=lambda centroids, normals: _is_endplate(marks, centroids / scale, normals),
        auricular=lambda centroids, normals, side: _is_auricular(marks, anatomy, centroids / scale, normals, side),
        region=lambda points: region(points / scale),
        anatomy=anatomy.name,
    )


def _is_endplate(marks: Landmarks, centroids: FloatArray, normals: FloatArray) -> BoolArray:
    normal, centre = marks.endplate_normal, marks.endplate_centre
    depth, width = marks.endplate_semi_axes
    radial = ((centroids - centre) @ marks.endplate_forward / depth) ** 2 + (centroids[:, 2] / width) ** 2
    near = np.abs((centroids - centre) @ normal) < _ENDPLATE_TOLERANCE
    facing: BoolArray = normals @ normal > np.cos(np.radians(30.0))
    return facing & near & (radial < 1.0)


def _is_auricular(marks: Landmarks, anatomy: Anatomy, centroids: FloatArray, normals: FloatArray, side: str) -> BoolArray:
    sign = {"right": 1.0, "left": -1.0}[side]
    flip = np.array([1.0, 1.0, sign])
    right, facing = centroids * flip, normals * flip
    centre, normal = marks.auricular_plane
    near = np.abs((right - centre) @ normal) < _JOINT_TOLERANCE
    inside = np.zeros(len(right), dtype=np.bool_)
    # The limbs end at their landmarks, and meet in a rounded corner.
    for corner, end in marks.auricular_limbs:
        axis = end - corner
        along = (right - corner) @ axis / (axis @ axis)
        across = np.linalg.norm(right - corner - along[:, None] * axis - ((right - corner) @ normal)[:, None] * normal, axis=1)
        inside |= (along > 0.0) & (along < 1.0) & (across < anatomy.auricular_half_width)
    inside |= np.linalg.norm(right - marks.at["AUR_corner"], axis=1) < anatomy.auricular_half_width
    return (facing @ normal > np.cos(np.radians(30.0))) & near & inside


def _region(marks: Landmarks, anatomy: Anatomy) -> Callable[[FloatArray], IntArray]:
    """Body, ala, or the void in the ala beside the foramina of S1-S3 (Wagner 2016, JBJS 98:584)."""
    at, arc = marks.at, Arc.through(marks.at)
    levels = np.array([section.level for section in anatomy.sections])
    half_width = curve(arc.station(levels), np.array([section.body_half_width for section in anatomy.sections]))
    first, last = arc.stations[0], arc.stations[-1]
    lateral_of_s1 = 0.5 * (at["FV1"] + at["AUR_corner"]) + np.array([-3.0, 8.0, 0.0])
    lateral_of_s2 = 0.5 * (at["FV2"] + at["AUR_long_end"]) + np.array([4.0, 6.0, 0.0])

    def region(points: FloatArray) -> IntArray:
        right = mirrored(points)
        central = right[:, 2] < half_width(np.clip(arc.coordinates(right)[0], first, last))
        voids = np.minimum(
            ellipsoid(right, lateral_of_s1, np.array([8.0, 10.0, 8.0])),
            ellipsoid(right, lateral_of_s2, np.array([7.0, 11.0, 7.0])),
        )
        return np.where(central, BODY, np.where(voids < 0.0, ALAR_VOID, ALA)).astype(np.int64)

    return region
