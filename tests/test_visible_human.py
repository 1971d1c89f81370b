"""The male anatomy beside the Visible Human Male, after similarity alignment: it was shaped by published figures, not by him."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sacrofem.catalogue.library import Library
from sacrofem.catalogue.models import Anatomy
from sacrofem.mesh.surface import contour_shape
from sacrofem.shapes.field import Shape
from sacrofem.shapes.landmarks import mirrored
from sacrofem.shapes.pelvic_ring import PelvicRing, build_pelvic_ring

Array = NDArray[np.float64]

DATA = Path(os.environ.get("SACROFEM_DATA", Path(__file__).parents[2] / "shared" / "data")) / "visible_human_male"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the Visible Human Male is not at {DATA}; SACROFEM_DATA names its folder"
)

#: The file of the sacrum goes on into the coccyx, which the anatomy does not have, below this y, mm.
COCCYX_BELOW = -76.0


@dataclass(frozen=True)
class Cloud:
    """Points spread evenly over a surface, close enough (about 1 mm) that the nearest one stands for the surface."""

    points: Array
    tree: cKDTree

    @classmethod
    def on(cls, points: Array, triangles: NDArray[np.integer], count: int = 150_000) -> Cloud:
        rng = np.random.default_rng(0)
        a, b, c = (points[triangles[:, i]] for i in range(3))
        areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        pick = rng.choice(len(areas), count, p=areas / areas.sum())
        u, v = rng.uniform(size=(2, count, 1))
        u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
        spread = a[pick] + u * (b - a)[pick] + v * (c - a)[pick]
        return cls(spread, cKDTree(spread))


def fit_similarity(source: Array, target: Array) -> tuple[float, Array, Array]:
    """Scale, rotation and shift that bring pairs of points together best (Umeyama 1991)."""
    middle_s, middle_t = source.mean(axis=0), target.mean(axis=0)
    s, t = source - middle_s, target - middle_t
    u, values, vh = np.linalg.svd(t.T @ s / len(s))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vh))])
    rotation = (u * signs) @ vh
    scale = float((values * signs).sum() / (s**2).sum() * len(s))
    return scale, rotation, middle_t - scale * rotation @ middle_s


def align(model: Cloud, real: Cloud, steps: int = 60) -> tuple[Array, float]:
    """Bring the model onto the real bone by pairs of nearest points, both ways.

    Returns:
        The model's points there, and the scale.
    """
    rng = np.random.default_rng(1)
    own, other = model.points[rng.choice(len(model.points), 6000)], real.points[rng.choice(len(real.points), 6000)]
    scale, rotation, shift = 1.0, np.eye(3), real.points.mean(axis=0) - model.points.mean(axis=0)
    for _ in range(steps):
        forward = real.points[real.tree.query(scale * own @ rotation.T + shift)[1]]
        back = model.points[model.tree.query((other - shift) @ rotation / scale)[1]]
        scale, rotation, shift = fit_similarity(np.vstack([own, back]), np.vstack([forward, other]))
    return scale * model.points @ rotation.T + shift, scale


def distances(model: Array, real: Cloud) -> list[tuple[float, float]]:
    """Mean and 95th percentile of the distances of the model's surface from the real one, and the other way, mm."""
    ways = real.tree.query(model[::5])[0], cKDTree(model).query(real.points[::5])[0]
    return [(float(away.mean()), float(np.percentile(away, 95))) for away in ways]


def read(name: str, above: float = -np.inf) -> Cloud:
    surface = pv.read(DATA / name).clean(tolerance=0.01, absolute=True)
    points, triangles = np.asarray(surface.points, dtype=np.float64), surface.regular_faces
    return Cloud.on(points, triangles[points[triangles].mean(axis=1)[:, 1] > above])


def contour(shape: Shape, bounds: tuple[Array, Array]) -> Cloud:
    surface = contour_shape(shape, bounds, 1.75)
    return Cloud.on(surface.points, surface.triangles)


@pytest.fixture(scope="module")
def ring() -> PelvicRing:
    return build_pelvic_ring(Library.standard().get(Anatomy, "male_adult"))


def test_sacrum_of_the_male_anatomy_lies_on_that_of_the_visible_human(ring):
    real = read("S1_Schrumpfverpacken_APP_ISB_mm.ply", COCCYX_BELOW)
    model, scale = align(contour(ring.sacrum.bone, ring.sacrum.bounds), real)
    # The man is tall: his sacrum is a little larger.
    assert 0.95 < scale < 1.1
    for mean, most in distances(model, real):
        assert mean < 3.6
        assert most < 8.6


def test_hip_bones_of_the_male_anatomy_lie_on_those_of_the_visible_human(ring):
    real = read("Pelvis_APP_ISB_mm.ply")

    def hips(points: Array) -> Array:
        folded = mirrored(points)
        return np.minimum(ring.hip_right(folded), ring.symphysis(folded))

    model, scale = align(contour(hips, ring.bounds), real)
    assert 0.95 < scale < 1.1
    for mean, most in distances(model, real):
        assert mean < 4.0
        assert most < 10.0
