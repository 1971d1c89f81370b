"""Thickness of plates, crest and rami of the female hip bone against the tables of anatomy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hip.measuring import deepest, facets, section, thickness

THICKNESS = {
    "Fossa_centre": (5.5, 1.2), "Fossa_upper": (6.0, 1.5), "Pillar_upper": (14.5, 2), "Pillar_lower": (15, 3),
    "Supra_acetabular": (22, 2.5), "AUR_centroid": (18.5, 3), "AUR_corner": (18.5, 3.5), "AUR_long_end": (18.5, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", THICKNESS)
def test_thickness(ring, parameters, report, name):
    expected, tolerance = THICKNESS[name]
    joint = np.array([0.0, 0.0, 12.0]) if name.startswith("AUR") else np.zeros(3)
    start = np.array([-0.1, -0.15, 1.0]) if name.startswith("AUR") else np.array([-0.4, -0.3, 0.85])
    near = deepest(ring.hip_right, parameters.landmarks[name] + joint, 3.0)
    measured = thickness(ring.hip_right, near, start / np.linalg.norm(start))
    report(f"thickness {name}", measured, f"{expected} ± {tolerance}")
    assert abs(measured - expected) < tolerance


def test_crest_thickness(ring, parameters, report):
    for name in ("Crest_anterior", "Crest_tubercle", "Crest_middle", "IliacCrest_top", "Crest_posterior"):
        inward = parameters.landmarks["Fossa_centre"] - parameters.landmarks[name]
        near = parameters.landmarks[name] + 6.0 * inward / np.linalg.norm(inward)
        near = deepest(ring.hip_right, near, 3.0)
        measured = thickness(ring.hip_right, near, np.array([-0.4, -0.3, 0.85]))
        low, high = (13, 16) if name == "Crest_tubercle" else (8, 13.5)
        report(f"thickness {name}", measured, f"{low}-{high}")
        assert low - 1 < measured < high + 1


def test_nowhere_thinner_than_tetrahedra_need(ring, surface, report):
    centroids, normals, _ = facets(surface)
    rng = np.random.default_rng(0)
    pick = rng.choice(len(centroids), 1500, replace=False)
    depths = np.arange(0.5, 12.0, 0.25)
    inside = np.stack([ring.hip_right(centroids[pick] - d * normals[pick]) < 0 for d in depths], axis=1)
    chord = np.where(inside.all(axis=1), 12.0, depths[np.argmin(inside, axis=1)])
    chord = chord[inside[:, 0]]
    report("thinnest plate (0.5th percentile of chords)", np.percentile(chord, 0.5), "> 3.5")
    assert np.percentile(chord, 0.5) > 3.5


def test_rami(ring, parameters, report):
    at = parameters.landmarks
    along = at["SupRamus_medial"] - at["SupRamus_lateral"]
    sections = [section(ring.hip_right, at["SupRamus_narrow"] + s * along / np.linalg.norm(along), along, 16) for s in (-4, 0, 4)]
    area, height, width = min(sections)
    report("superior ramus narrowest height", height, "19 ± 2.5")
    report("superior ramus narrowest thickness", width, "11 ± 2.5")
    report("superior ramus narrowest area, mm2", area, "165 ± 30")
    assert abs(height - 19) < 2.5
    assert abs(width - 11) < 2.5
    along = at["InfRamus_mid"] - at["InfRamus_lateral"]
    area, height, width = section(ring.hip_right, at["InfRamus_mid"], along, 12)
    report("inferior ramus height", height, "15 ± 2")
    report("inferior ramus thickness", width, "7 ± 2")
    report("inferior ramus area, mm2", area, "75-97")
    assert abs(height - 15) < 2.5
    assert abs(width - 7) < 2
    assert 70 < area < 115
