"""Sacroiliac joints and symphysis of the female ring: gaps, cartilage, disc, and the mirror image."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from sacrofem.mesh.surface import contour_shape
from tests.hip.measuring import facets


def test_sacroiliac_gap(ring, surface, parameters, report):
    sacrum = contour_shape(ring.sacrum.bone, ring.sacrum.bounds, 1.0)
    tree = cKDTree(sacrum.points)
    away = tree.query(surface.points)[0]
    report("smallest distance of ilium from sacrum", away.min(), "> 2.3")
    assert ring.sacrum.bone(surface.points).min() > 2.6 - 0.25
    assert away.min() > 2.3
    # From the sacral face, away from its rim, to the ilium.
    places, outward, _ = facets(sacrum)
    face = ring.sacrum.auricular(places, outward, "right") & (ring.sacrum.bone(places + 0.5 * outward) > 0.45)
    steps = np.arange(0.0, 8.0, 0.1)
    across = np.stack([ring.hip_right(places[face] + s * outward[face]) < 0 for s in steps], axis=1)
    gap = steps[np.argmax(across, axis=1)][across.any(axis=1)]
    report("share of the sacral face that faces the ilium", across.any(axis=1).mean(), "> 0.9")
    for part in (5, 50, 95):
        report(f"joint gap, percentile {part}", np.percentile(gap, part), "2.6")
    assert across.any(axis=1).mean() > 0.9
    assert abs(np.median(gap) - 2.6) < 0.2
    assert np.percentile(np.abs(gap - 2.6), 90) < 0.6
    centroids, normals, areas = facets(surface)
    mine = ring.surfaces["iliac_auricular_right"](centroids, normals)
    report("iliac auricular area, cm2", areas[mine].sum() / 100, "13.7 ± 1.6; VSD 14-18")
    assert 10 < areas[mine].sum() / 100 < 18.5


def test_cartilage_fills_the_gap(ring, report):
    body = contour_shape(ring.cartilage_right, ring.right.bounds, 0.8)
    centroids, _, areas = facets(body)
    on_sacrum = np.abs(ring.sacrum.bone(centroids)) < 0.3
    on_ilium = np.abs(ring.hip_right(centroids)) < 0.3
    report("cartilage on sacrum, cm2", areas[on_sacrum].sum() / 100, "13.7 ± 1.6; VSD 14-18")
    report("cartilage on ilium, cm2", areas[on_ilium].sum() / 100, "the same")
    # How much there can be depends on the sacrum's face.
    sacrum = contour_shape(ring.sacrum.bone, ring.sacrum.bounds, 1.0)
    places, normals, sizes = facets(sacrum)
    face = sizes[ring.sacrum.auricular(places, normals, "right")].sum()
    report("sacral auricular facets, cm2", face / 100, "13.7 ± 1.6; VSD 14-18")
    assert areas[on_sacrum].sum() > 0.8 * face
    assert areas[on_ilium].sum() > 0.85 * areas[on_sacrum].sum()
    inside = body.points[::50]
    assert ring.hip_right(inside).min() > -0.3
    assert ring.sacrum.bone(inside).min() > -0.3


def test_symphysis(ring, surface, report):
    centroids, normals, areas = facets(surface)
    face = ring.surfaces["symphyseal_right"](centroids, normals)
    disc = contour_shape(ring.symphysis, (np.array([45.0, -165, -5]), np.array([95.0, -105, 5])), 0.5)
    centre = disc.points.mean(axis=0)
    axes = np.linalg.svd(disc.points - centre, full_matrices=False)[2]
    height, depth, gap = np.ptp((disc.points - centre) @ axes.T, axis=0)
    for name, value, expected in (("height", height, 36), ("depth", depth, 15), ("gap", gap, 4)):
        report(f"symphysis {name}", value, f"{expected}")
        assert abs(value - expected) < 0.6
    report("symphyseal face, cm2", areas[face].sum() / 100, "4.0 ± 0.9")
    assert 3.5 < areas[face].sum() / 100 < 6.0
    assert np.abs(ring.hip_right(disc.points[disc.points[:, 2] > 1.9])).max() < 1.5


def test_left_is_the_mirror_image(ring):
    points = np.random.default_rng(2).uniform(*ring.bounds, (500, 3))
    flipped = points * [1, 1, -1]
    assert np.array_equal(ring.hip_left(points), ring.hip_right(flipped))
    assert np.array_equal(ring.cartilage_left(points), ring.cartilage_right(flipped))
    normals = np.tile([0.0, 0.0, 1.0], (500, 1))
    for name in ("acetabulum", "iliac_auricular", "symphyseal"):
        left = ring.surfaces[f"{name}_left"](points, normals)
        assert np.array_equal(left, ring.surfaces[f"{name}_right"](flipped, normals * [1, 1, -1]))
