"""A parametric sacrum: S1-S5 curved along its landmarks, alae, posterior arch, openings, joint surfaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sacrofem.catalogue.models import Anatomy
from sacrofem.shapes.field import BoolArray, FloatArray, IntArray, Shape
from sacrofem.shapes.openings import mirrored, openings_shape
from sacrofem.shapes.primitives import (
    ellipsoid,
    project_on_segment,
    smooth_subtract,
    smooth_union,
    tapered_capsule,
    tube,
)

BODY, ALA, ALAR_VOID = 1, 2, 3
REGION_NAMES = {BODY: "body", ALA: "ala", ALAR_VOID: "alar_void"}

_SIDE = np.array([0.0, 0.0, 1.0])
_DISCS = ("S1S2", "S2S3", "S3S4", "S4S5")
#: Half widths of the vertebral column at the endplate, the four disc remnants and the apex, mm: the endplate's from
#: the landmark, the others so that the column ends at the medial rim of the ventral foramina.
_COLUMN_HALF_WIDTHS = (15.5, 14.0, 13.0, 12.0, 8.0)
#: Half widths of the plate (bodies with lateral parts) at the disc remnants and the apex, mm, template sections.
_PLATE_HALF_WIDTHS = (40.0, 36.0, 33.0, 27.0, 9.0)
_AURICULAR_HALF_WIDTH = 10.0  # mm; limb width 20 (J Orthop Trauma 1993, 7: SIJ limbs)
_SURFACE_TOLERANCE = 1.5  # mm, from a joint surface to a facet that belongs to it
_FILLET = 4.0


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
    """

    bone: Shape
    openings: Shape
    bounds: tuple[FloatArray, FloatArray]
    endplate: Callable[[FloatArray, FloatArray], BoolArray]
    auricular: Callable[[FloatArray, FloatArray, str], BoolArray]
    region: Callable[[FloatArray], IntArray]


@dataclass(frozen=True)
class _Landmarks:
    """Landmarks as arrays, with the directions that follow from them."""

    at: dict[str, FloatArray]

    @property
    def endplate_normal(self) -> FloatArray:
        """Cranial normal of the S1 endplate, from promontory and posterior corner."""
        along = self.at["SP_promontory"] - self.at["S1_post_sup_corner"]
        along = along / np.linalg.norm(along)
        return np.array([-along[1], along[0], 0.0])

    @property
    def endplate_semi_axes(self) -> tuple[float, float]:
        """(anteroposterior, transverse) semi-axes of the endplate, mm."""
        depth = np.linalg.norm(self.at["SP_promontory"] - self.at["S1_post_sup_corner"])
        return float(depth) / 2, float(self.at["S1_endplate_lateral"][2])

    @property
    def auricular_plane(self) -> tuple[FloatArray, FloatArray]:
        """Point and outward normal of the plane that best fits the auricular landmarks."""
        names = ("AUR_corner", "AUR_short_end", "AUR_long_end", "AUR_centroid")
        points = np.array([self.at[name] for name in names])
        centre = points.mean(axis=0)
        normal = np.linalg.svd(points - centre)[2][2]
        return centre, normal * np.sign(normal[2])


def build_sacrum(anatomy: Anatomy) -> Sacrum:
    """Build the shapes of a sacrum from its landmarks and the sizes of its openings.

    Args:
        anatomy: The anatomy; ``scale`` enlarges everything about the origin.

    Returns:
        The sacrum.
    """
    marks = _Landmarks({name: np.array(at, dtype=np.float64) for name, at in anatomy.landmarks.items()})
    solid, openings, column = _solid(marks), openings_shape(anatomy), _column(marks)
    scale = anatomy.scale
    lower = scale * np.array([-78.0, -112.0, -64.0])
    upper = scale * np.array([22.0, 28.0, 64.0])

    def bone(points: FloatArray) -> FloatArray:
        small = points / scale
        return scale * smooth_subtract(solid(small), openings(small), 1.5)

    return Sacrum(
        bone=bone,
        openings=lambda points: scale * openings(points / scale),
        bounds=(lower, upper),
        endplate=lambda centroids, normals: _is_endplate(marks, centroids / scale, normals),
        auricular=lambda centroids, normals, side: _is_auricular(marks, centroids / scale, normals, side),
        region=lambda points: _region(marks, column, points / scale),
    )


def _column(marks: _Landmarks) -> Shape:
    """Bodies S1-S5, cut flat by the endplate."""
    at, normal = marks.at, marks.endplate_normal
    depth, width = marks.endplate_semi_axes
    walls = [(at[f"V_{d}"], at[f"C_ant_{d}"]) for d in _DISCS] + [(at["V_apex"], at["D_apex"])]
    centres = np.array([at["O_S1_endplate_centre"] + 6.0 * normal, *[0.5 * (v + c) for v, c in walls]])
    centres[-1] += np.array([0.0, 6.0, 0.0])  # the rounded end of the tube reaches the apex
    halves = [depth, *[float(np.linalg.norm(v - c)) / 2 for v, c in walls]]
    semi = np.column_stack([halves, [width, *_COLUMN_HALF_WIDTHS]])
    semi[0] *= 1.02

    def distance(points: FloatArray) -> FloatArray:
        return np.maximum(tube(points, centres, semi, _SIDE), points @ normal)

    return distance


def _plate(marks: _Landmarks, right: FloatArray) -> FloatArray:
    """The flat part that carries the foramina."""
    walls = [(marks.at[f"V_{d}"], marks.at[f"C_ant_{d}"]) for d in _DISCS] + [(marks.at["V_apex"], marks.at["D_apex"])]
    centres = np.array([0.5 * (v + c) for v, c in walls])
    centres[-1] += np.array([0.0, 6.0, 0.0])
    halves = np.array([float(np.linalg.norm(v - c)) / 2 for v, c in walls])
    return tube(right, centres, np.column_stack([halves, _PLATE_HALF_WIDTHS]), _SIDE)


def _lateral_mass(marks: _Landmarks, right: FloatArray) -> FloatArray:
    """Ala and lateral mass down to the inferolateral angle, cut by the auricular plane."""
    at = marks.at
    centre, normal = marks.auricular_plane
    medial = 0.5 * (at["Ala_ant_mid"] + at["Ala_sup_mid"])
    lateral = 0.5 * (at["Ala_ant_lateral_brim"] + at["Ala_sup_lateral"])
    medial_radius = 0.5 * float(np.linalg.norm(at["Ala_ant_mid"] - at["Ala_sup_mid"]))

    def inside(name: str, depth: float) -> FloatArray:
        return at[name] - depth * normal

    chains = [
        (
            medial + np.array([-1.0, 1.0, -14.0]),
            medial + np.array([-1.0, 1.0, 0.0]),
            medial_radius - 1,
            medial_radius,
        ),
        (medial, inside("AUR_short_end", 8.0) + np.array([0.0, -2.0, 0.0]), medial_radius, 11.5),
        (
            lateral + np.array([-3.0, 0.0, -8.0]),
            inside("AUR_corner", 8.0) + np.array([-1.5, 4.0, 0.0]),
            12.5,
            11.5,
        ),
        (medial, inside("AUR_corner", 12.0), medial_radius, 11.0),
        (inside("AUR_corner", 8.0) + np.array([-2.0, 3.0, 0.0]), inside("AUR_long_end", 8.0), 11.5, 11.0),
        (inside("AUR_long_end", 9.0), at["LatMass_S3"] + np.array([2.0, 2.0, -7.5]), 10.5, 7.0),
        (
            at["LatMass_S3"] + np.array([2.0, 2.0, -7.5]),
            at["ILA_inferolateral_angle"] + np.array([-0.5, 2.5, -6.0]),
            7.0,
            5.5,
        ),
    ]
    mass = np.full(len(right), np.inf)
    for start, end, r_start, r_end in chains:
        capsule = tapered_capsule(right, start, end, r_start, r_end)
        mass = capsule if np.isinf(mass).all() else smooth_union(mass, capsule, _FILLET)
    return np.maximum(mass, (right - centre) @ normal)


def _arch(marks: _Landmarks, anatomy_free: FloatArray) -> FloatArray:
    """Laminae, median crest and superior articular processes."""
    at, right = marks.at, anatomy_free
    walls = [
        (
            0.5 * (at["S1_post_sup_corner"] + at["C_ant_S1S2"]) + np.array([2.0, 2.0, 0.0]),
            at["C_post_S1"] + np.array([-3.0, -4.0, 0.0]),
        ),
        *[(at[f"C_ant_{d}"], at[f"C_post_{d}"]) for d in _DISCS[:3]],
    ]
    centres = np.array([0.5 * (a + p) for a, p in walls] + [at["Hiatus_apex"] + np.array([2.5, 5.0, 0.0])])
    halves = [float(np.linalg.norm(a - p)) / 2 + 4.5 for a, p in walls] + [5.0]
    laminae = tube(right, centres, np.column_stack([halves, [20.0, 18.0, 15.5, 13.5, 10.0]]), _SIDE)
    crest = [at[f"Crest_S{i}"] + np.array([2.8, 1.2, 0.0]) for i in range(1, 5)]
    posterior = [at["C_post_S1"], at["C_post_S1S2"], at["C_post_S2S3"], at["C_post_S3S4"]]
    for tip, root in zip(crest, posterior, strict=True):
        laminae = smooth_union(laminae, tapered_capsule(right, root + np.array([-2.0, -2.0, 0.0]), tip, 4.5, 3.0), 3.0)
    for upper, lower in pairwise(crest):
        laminae = smooth_union(laminae, tapered_capsule(right, upper, lower, 3.0, 3.0), 3.0)
    tip = at["SAP_S1_tip"]
    process = tapered_capsule(right, tip + np.array([-6.5, -15.0, 1.5]), tip + np.array([0.3, -4.2, 0.0]), 7.5, 4.5)
    return smooth_union(laminae, process, 3.0)


def _solid(marks: _Landmarks) -> Shape:
    """The bone without its openings."""
    column = _column(marks)
    depth, width = marks.endplate_semi_axes
    normal = marks.endplate_normal
    along = np.array([normal[1], -normal[0], 0.0])

    def distance(points: FloatArray) -> FloatArray:
        right = mirrored(points)
        flat = smooth_union(_plate(marks, right), _lateral_mass(marks, right), _FILLET)
        rest = smooth_union(flat, _arch(marks, right), 3.0)
        # Nothing may stand above the endplate or its rim: it carries the L5-S1 disc.
        height = right @ normal
        radial = np.sqrt((right @ along / (depth + 1.0)) ** 2 + (right[:, 2] / (width + 1.0)) ** 2)
        disc_space = np.maximum((radial - 1.0) * depth, -height)
        rest = np.maximum(rest, -disc_space)
        return smooth_union(column(right), rest, 2.0)

    def flat_endplate(points: FloatArray) -> FloatArray:
        right = mirrored(points)
        height = right @ normal
        radial = np.sqrt((right @ along / (depth + 1.0)) ** 2 + (right[:, 2] / (width + 1.0)) ** 2)
        disc_space = np.maximum((radial - 1.0) * depth, -height)
        return np.maximum(distance(points), -disc_space)

    return flat_endplate


def _is_endplate(marks: _Landmarks, centroids: FloatArray, normals: FloatArray) -> BoolArray:
    normal = marks.endplate_normal
    along = np.array([normal[1], -normal[0], 0.0])
    depth, width = marks.endplate_semi_axes
    radial = (centroids @ along / depth) ** 2 + (centroids[:, 2] / width) ** 2
    near = np.abs(centroids @ normal) < _SURFACE_TOLERANCE
    facing: BoolArray = normals @ normal > np.cos(np.radians(30.0))
    return facing & near & (radial < 1.0)


def _is_auricular(marks: _Landmarks, centroids: FloatArray, normals: FloatArray, side: str) -> BoolArray:
    sign = {"right": 1.0, "left": -1.0}[side]
    flip = np.array([1.0, 1.0, sign])
    right, facing = centroids * flip, normals * flip
    centre, normal = marks.auricular_plane
    flat = right - ((right - centre) @ normal)[:, None] * normal
    limbs = [("AUR_short_end", "AUR_corner"), ("AUR_corner", "AUR_long_end")]
    away = np.min([project_on_segment(flat, marks.at[a], marks.at[b])[1] for a, b in limbs], axis=0)
    near = np.abs((right - centre) @ normal) < _SURFACE_TOLERANCE
    return (facing @ normal > np.cos(np.radians(30.0))) & near & (away < _AURICULAR_HALF_WIDTH)


def _region(marks: _Landmarks, column: Shape, points: FloatArray) -> IntArray:
    """Body, ala, or the void in the ala beside the foramina of S1-S3 (Wagner 2016, JBJS 98:584)."""
    right = mirrored(points)
    central = (column(right) < 0.5) | (right[:, 2] < _COLUMN_HALF_WIDTHS[0])
    at = marks.at
    lateral_of_s1 = 0.5 * (at["FV1"] + at["AUR_corner"]) + np.array([-3.0, 8.0, 0.0])
    lateral_of_s2 = 0.5 * (at["FV2"] + at["AUR_long_end"]) + np.array([4.0, 6.0, 0.0])
    voids = np.minimum(
        ellipsoid(right, lateral_of_s1, np.array([8.0, 10.0, 8.0])),
        ellipsoid(right, lateral_of_s2, np.array([7.0, 11.0, 7.0])),
    )
    return np.where(central, BODY, np.where(voids < 0.0, ALAR_VOID, ALA)).astype(np.int64)
