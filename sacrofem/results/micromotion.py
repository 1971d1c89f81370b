"""How the two faces of a fracture move against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sacrofem.mesh.facets import facet_areas, facet_geometry
from sacrofem.results.fields import CaseFields
from sacrofem.results.weighting import triangle_rule, triangle_shapes, weighted_quantile

if TYPE_CHECKING:
    from sacrofem.mechanics.interface import Status

FloatArray = NDArray[np.float64]

type Measure = tuple[str, float, str]

#: mm. Strains of 2 % (bone) and 10 % (fibrocartilage), the limits of Perren's interfragmentary strain, over a gap of
#: 2 mm (the gap cut on cadavers in PMC4633425).
MOTION_THRESHOLDS = (0.04, 0.2)


@dataclass(frozen=True)
class Motion:
    """The motion of the lateral face against the medial one, sampled on a fracture.

    Attributes:
        places: (q, 3) sample points, mm.
        areas: (q,) area that each sample stands for, mm^2.
        jump: (q, 3) displacement of the lateral face minus that of the medial, mm; zero where welded.
        normals: (q, 3) unit normals from the medial side to the lateral.
        welded: (q,) whether a treatment bridges the fracture there.
    """

    places: FloatArray
    areas: FloatArray
    jump: FloatArray
    normals: FloatArray
    welded: NDArray[np.bool_]

    @property
    def opening(self) -> FloatArray:
        """(q,) mm; positive where the fracture gapes, negative where its faces close on each other."""
        along: FloatArray = np.einsum("ij,ij->i", self.jump, self.normals)
        return along

    @property
    def sliding(self) -> FloatArray:
        """(q,) mm, length of the jump in the plane of the fracture."""
        within: FloatArray = np.linalg.norm(self.jump - self.opening[:, None] * self.normals, axis=1)
        return within


def sample_motion(fields: CaseFields, fracture: str) -> Motion:
    """Sample the jump of the displacement at the quadrature points of every facet.

    Args:
        fields: The solved case.
        fracture: Name of the fracture.
    """
    faces = fields.fractures[fracture]
    triangles = faces.nodes[:, 0, :3]
    barycentric, weights = triangle_rule()
    shapes = triangle_shapes(barycentric, fields.order)
    steps = fields.displacement[faces.nodes[:, 1]] - fields.displacement[faces.nodes[:, 0]]
    count = len(weights)
    return Motion(
        places=np.einsum("qi,fij->fqj", barycentric, fields.points[triangles]).reshape(-1, 3),
        areas=np.outer(facet_areas(fields.points, triangles), weights).ravel(),
        jump=np.einsum("qi,fij->fqj", shapes, steps).reshape(-1, 3),
        normals=np.repeat(facet_geometry(fields.points, triangles)[1], count, axis=0),
        welded=np.repeat(faces.welded, count),
    )


def join_motions(motions: Sequence[Motion]) -> Motion:
    """The motion of all surfaces of a fracture as one."""
    return Motion(
        places=np.concatenate([motion.places for motion in motions]),
        areas=np.concatenate([motion.areas for motion in motions]),
        jump=np.concatenate([motion.jump for motion in motions]),
        normals=np.concatenate([motion.normals for motion in motions]),
        welded=np.concatenate([motion.welded for motion in motions]),
    )


def measure_motion(motion: Motion, rigid: bool = True) -> list[Measure]:
    """Micromotion, opening and sliding, and the rigid motion of the lateral fragment.

    Means, percentiles and area shares count the whole fracture, welded parts with zero motion, so that treatments are
    compared over one and the same area.

    Args:
        motion: The sampled motion.
        rigid: Whether one fragment moves, so that its rigid motion has a meaning.

    Returns:
        (metric, value, unit) of every measure.
    """
    size = np.linalg.norm(motion.jump, axis=1)
    total = float(motion.areas.sum())
    measures: list[Measure] = []
    for name, values in (("micromotion", size), ("opening", motion.opening), ("sliding", motion.sliding)):
        measures += [
            (f"{name}_mean", float(motion.areas @ values) / total, "mm"),
            (f"{name}_p95", weighted_quantile(values, motion.areas, 0.95), "mm"),
            (f"{name}_max", float(values.max()), "mm"),
        ]
    measures.append(("closing_max", float(max(0.0, -motion.opening.min())), "mm"))
    for threshold in MOTION_THRESHOLDS:
        share = float(motion.areas[size > threshold].sum()) / total
        measures.append((f"micromotion_area_share_above_{threshold:g}_mm", share, "1"))
    if rigid:
        translation, rotation = fit_rigid_motion(motion)
        measures.append(("fragment_translation", float(np.linalg.norm(translation)), "mm"))
        measures.append(("fragment_rotation", float(np.degrees(np.linalg.norm(rotation))), "degree"))
    measures += [
        ("fracture_area", total, "mm^2"),
        ("bridged_area_share", float(motion.areas[motion.welded].sum()) / total, "1"),
    ]
    return measures


def measure_faces(status: Status) -> list[Measure]:
    """How the faces of a fracture or body stand: shares of the area that may part, and how deep they pass through each other."""
    return [
        ("open_area_share", status.open, "1"),
        ("stick_area_share", status.sticking, "1"),
        ("slip_area_share", status.slipping, "1"),
        ("penetration_max", status.penetration, "mm"),
    ]


def fit_rigid_motion(motion: Motion) -> tuple[FloatArray, FloatArray]:
    """The small rigid motion t + w x (x - c) that fits the jump best, by area; c is the fracture's centroid.

    Args:
        motion: The sampled motion.

    Returns:
        (3,) translation t of the centroid, mm, and (3,) rotation w, radian.
    """
    weights = motion.areas / motion.areas.sum()
    arms = motion.places - weights @ motion.places
    # w x r = -[r]x w; the columns of each block are e1 x r, e2 x r, e3 x r.
    turning = np.stack([np.cross(axis, arms) for axis in np.eye(3)], axis=2)
    matrix = np.concatenate([np.broadcast_to(np.eye(3), (len(arms), 3, 3)), turning], axis=2)
    root = np.sqrt(weights)[:, None]
    fitted = np.linalg.lstsq((root[:, :, None] * matrix).reshape(-1, 6), (root * motion.jump).ravel(), rcond=None)[0]
    return fitted[:3], fitted[3:]
