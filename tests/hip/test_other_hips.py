"""Other pelves by moved landmarks and scale, and descriptions that are incomplete."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from sacrofem.errors import GeometryError
from sacrofem.mesh.surface import contour_shape
from sacrofem.shapes.hip.landmark_following import follow_landmarks
from sacrofem.shapes.pelvic_ring import build_pelvic_ring
from tests.hip.measuring import euler_number, with_hip

MEASURED = (
    "ASIS", "AIIS", "PubicTubercle", "PSIS", "PIIS", "IschialSpine", "IliacCrest_top", "Iliac_tubercle_lateral",
    "IschialTuberosity_low", "HJC", "Symphysis_sup", "Symphysis_inf", "SupRamus_medial", "SupRamus_narrow",
    "SupRamus_lateral", "InfRamus_mid", "InfRamus_lateral", "Inlet_transverse_max",
)  # fmt: skip
JOINT = ("AUR_corner", "AUR_short_end", "AUR_long_end", "AUR_centroid")

JOINT = ("AUR_corner", "AUR_short_end", "AUR_long_end", "AUR_centroid")


def test_other_landmarks_follow_an_affine_image(given):
    template = given["landmarks"]
    matrix, shift = np.diag([1.05, 0.95, 1.1]) + 0.02, np.array([3.0, -2.0, 1.0])
    image = {name: matrix @ np.array(at) + shift for name, at in template.items()}
    followed = follow_landmarks(template, {name: image[name] for name in MEASURED})
    for name, at in image.items():
        assert np.allclose(followed[name], at, atol=1e-6), name


@pytest.mark.parametrize("seed", range(1))
def test_other_pelves_are_bones_too(given, anatomy, seed, report):
    """Measured landmarks moved at random by 4 mm, their neighbours following; the ASIS wider by 6 mm, as with age."""
    rng = np.random.default_rng(seed)
    template = {**{name: anatomy.landmarks[name] for name in JOINT}, **given["landmarks"]}
    measured = {}
    for name in MEASURED:
        step = rng.uniform(-1, 1, 3)
        step[2] *= not name.startswith("Symphysis")
        measured[name] = np.array(template[name]) + 4.0 * step / max(1.0, np.linalg.norm(step))
    measured["ASIS"] = measured["ASIS"] + [0.0, 0.0, 6.0]
    followed = follow_landmarks(template, measured, JOINT)
    other = build_pelvic_ring(with_hip(anatomy, {**given, "landmarks": {name: followed[name] for name in given["landmarks"]}}))
    surface = contour_shape(other.hip_right, other.right.bounds, 1.5)
    assert euler_number(surface) == 0
    away = cKDTree(surface.points).query([measured[name] for name in ("ASIS", "PSIS", "PIIS", "IschialSpine", "PubicTubercle")])[
        0
    ]
    report(f"varied pelvis {seed}: farthest landmark", away.max(), "< 4")
    assert away.max() < 4.0
    assert other.sacrum.bone(surface.points).min() > 2.6 - 0.3


def test_scale(ring, anatomy):
    small = build_pelvic_ring(anatomy.model_copy(update={"scale": 0.96}))
    full = ring
    points = np.random.default_rng(3).uniform(*full.bounds, (500, 3))
    assert np.allclose(small.hip_right(0.96 * points), 0.96 * full.hip_right(points), atol=0.1)


@pytest.mark.parametrize(("name", "error"), [("ASIS", ValueError), ("Fossa_centre", GeometryError)])
def test_missing_landmark_is_named(given, anatomy, name, error):
    landmarks = {known: at for known, at in given["landmarks"].items() if known != name}
    with pytest.raises(error, match=name):
        build_pelvic_ring(with_hip(anatomy, {**given, "landmarks": landmarks}))


def test_an_anatomy_without_hips_is_refused_by_name(anatomy):
    with pytest.raises(GeometryError, match="female_elderly"):
        build_pelvic_ring(anatomy.model_copy(update={"hip": None}))


def test_a_thickness_that_is_missing_is_named(anatomy, given):
    thinner = {name: value for name, value in given["rim_thickness"].items() if name != "PSIS"}
    with pytest.raises(ValueError, match="rim_thickness lacks PSIS"):
        with_hip(anatomy, {**given, "rim_thickness": thinner})
