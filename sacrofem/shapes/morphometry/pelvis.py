"""Breadths, heights, sockets, joints and wall thicknesses of a built pelvic ring, measured on its shape."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from sacrofem.catalogue.models import Anatomy
from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.hip.ischiopubis import Symphysis
from sacrofem.shapes.hip.parameters import HipParameters
from sacrofem.shapes.morphometry.incidence import find_hip_centre, measure_incidence
from sacrofem.shapes.pelvic_ring import PelvicRing

#: Distance between the landmarks of both sides, at the surface nearest to them.
BREADTHS = {
    "ASIS-ASIS": "ASIS", "AIIS-AIIS": "AIIS", "PSIS-PSIS": "PSIS", "tubercle-tubercle": "PubicTubercle",
    "spine-spine (ischial)": "IschialSpine",
}  # fmt: skip
#: Thickness of the ilium near these landmarks.
THICKNESSES = ("Fossa_centre", "Pillar_upper", "Pillar_lower", "Supra_acetabular")
#: About normal to the wing, where chords through it are looked for, and how far from it.
_ACROSS, _SPREAD, _CHORDS = np.array([-0.4, -0.3, 0.85]), 0.35, 60


def landmarks_of(anatomy: Anatomy) -> dict[str, FloatArray]:
    """All landmarks of an anatomy, scaled, mm."""
    given = {**anatomy.landmarks, **(anatomy.hip.landmarks if anatomy.hip else {})}
    return {name: anatomy.scale * np.array(at, dtype=np.float64) for name, at in given.items()}


def measure_pelvis(anatomy: Anatomy, ring: PelvicRing, hip: FloatArray) -> dict[str, float]:
    """Measure a ring.

    Args:
        anatomy: Its anatomy, varied already.
        ring: The ring built from it.
        hip: (n, 3) points on the surface of the right hip bone, about 1.25 mm apart.

    Returns:
        Name -> mm, or degrees for angles.
    """
    assert anatomy.hip
    scale, marks = anatomy.scale, landmarks_of(anatomy)
    tree = cKDTree(hip)

    def surface_at(name: str) -> FloatArray:
        point: FloatArray = hip[np.asarray(tree.query(marks[name])[1])]
        return point

    measures = {name: 2.0 * float(surface_at(landmark)[2]) for name, landmark in BREADTHS.items()}
    measures["bicristal breadth"] = 2.0 * float(hip[hip[:, 1] > -40.0 * scale, 2].max())
    measures["pelvic height"] = float(np.ptp(hip[:, 1]))
    measures["ilium above the hip centre"] = float(hip[:, 1].max() - ring.right.hip_centre[1])
    measures["acetabular radius, bone"] = find_hip_centre(ring)[1]
    angles = measure_incidence(ring)
    measures |= {name: angles[name] for name in ("inter-hip-centre", "sacral slope", "pelvic tilt", "pelvic incidence")}
    promontory = marks["SP_promontory"]
    measures["promontory to tubercle"] = float(np.linalg.norm(surface_at("PubicTubercle") - promontory))
    disc = Symphysis.of(HipParameters.of(anatomy.hip, anatomy.landmarks))
    along = np.linspace(-0.5, 0.5, 60)[:, None] * disc.height * disc.along
    back = scale * (disc.centre + along - 0.5 * disc.depth * disc.forward)
    measures["obstetric conjugate"] = float(np.linalg.norm(back - promontory, axis=1).min())
    measures["symphysis height"], measures["symphysis depth"] = scale * disc.height, scale * disc.depth
    measures["symphysis gap"] = scale * disc.gap
    measures["sacroiliac gap"] = scale * (anatomy.hip.cartilage.sacral + anatomy.hip.cartilage.iliac)
    for name in THICKNESSES:
        measures[f"ilium thickness, {name}"] = wall_thickness(ring.hip_right, marks[name])
    return measures


def wall_thickness(bone: Shape, near: FloatArray, reach: float = 40.0) -> float:
    """Smallest chord through a wall near a point, mm, from the point deepest in bone within 3 mm, over random directions."""
    offsets = np.stack(np.meshgrid(*[np.arange(-3.0, 3.1, 1.0)] * 3), axis=-1).reshape(-1, 3)
    middle = near + offsets[np.argmin(bone(near + offsets))]
    directions = _ACROSS + _SPREAD * np.random.default_rng(1).standard_normal((_CHORDS, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    steps = np.arange(0.0, reach, 0.1)

    def ways(sign: float) -> FloatArray:
        points = middle + sign * steps[None, :, None] * directions[:, None]
        inside = (bone(points.reshape(-1, 3)) < 0.0).reshape(len(directions), -1)
        return np.where(inside.all(axis=1), reach, steps[np.argmin(inside, axis=1)])

    return float((ways(1.0) + ways(-1.0)).min())
