"""The parameters of a virtual population, each measured on the bone that is built with it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, label

from sacrofem.catalogue.library import Library
from sacrofem.catalogue.models import Anatomy, CementPattern, MeshSettings
from sacrofem.catalogue.resolution import load_study, resolve_study
from sacrofem.catalogue.variation import Variation
from sacrofem.mesh.build import mesh_digest
from sacrofem.mesh.surface import contour_shape
from sacrofem.shapes.cement import check_needle_path
from sacrofem.shapes.following import follow_entry
from sacrofem.shapes.landmarks import Landmarks
from sacrofem.shapes.morphometry.foramina import find_foramina
from sacrofem.shapes.morphometry.incidence import measure_incidence
from sacrofem.shapes.morphometry.midplane import measure_profile, trace_profile
from sacrofem.shapes.morphometry.surfaces import measure_corridors, measure_endplate, measure_joint
from sacrofem.shapes.pelvic_ring import PelvicRing, build_pelvic_ring
from sacrofem.shapes.primitives import project_on_segment
from sacrofem.shapes.sacrum import Sacrum, build_sacrum
from sacrofem.shapes.turning import turn_matrix
from sacrofem.shapes.variation import vary_anatomy
from sacrofem.study.properties import case_properties

TEMPLATE = Library.standard().get(Anatomy, "female_elderly")
STEP = 1.5


def varied(**parameters: float) -> Anatomy:
    return TEMPLATE.model_copy(update={"variation": Variation(**parameters)})


@pytest.fixture(scope="module")
def sacrum() -> Sacrum:
    return build_sacrum(TEMPLATE)


@pytest.fixture(scope="module")
def ring() -> PelvicRing:
    return build_pelvic_ring(TEMPLATE)


@pytest.fixture(scope="module")
def angles(ring: PelvicRing) -> dict[str, float]:
    return measure_incidence(ring)


def concavity(sacrum: Sacrum) -> float:
    return measure_profile(trace_profile(sacrum, 1.0))["depth of the pelvic concavity"]


def hip_breadth(ring: PelvicRing) -> float:
    return 2.0 * float(contour_shape(ring.hip_right, ring.right.bounds, 3.0).points[:, 2].max())


def widest_corridor(sacrum: Sacrum) -> float:
    """Radius of the widest straight cylinder of bone across S1, from 40 mm right to 40 mm left of the midplane, anywhere."""
    step = 0.5
    axes = np.arange(-26.0, 12.0, step), np.arange(-22.0, 20.0, step), np.arange(0.0, 40.1, 2.0)
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    bone = sacrum.bone(grid.reshape(-1, 3)).reshape(grid.shape[:3]).max(axis=2) < 0.0
    return float(distance_transform_edt(bone).max()) * step


def test_template_has_the_angles_of_its_landmarks(angles):
    assert angles["sacral slope"] == pytest.approx(36.9, abs=0.3)
    assert angles["pelvic tilt"] == pytest.approx(18.3, abs=0.7)
    assert angles["pelvic incidence"] == pytest.approx(55.1, abs=0.7)
    assert angles["inter-hip-centre"] == pytest.approx(164.0, abs=0.5)


def test_without_variation_the_anatomy_is_the_same():
    assert vary_anatomy(TEMPLATE) is TEMPLATE


def test_variation_is_applied_once():
    once = vary_anatomy(varied(size=0.95, breadth=1.05, pelvic_incidence=5, sacral_slope=-4, curvature=1.1, alar_dysmorphism=0.5))
    assert vary_anatomy(once) is once
    assert TEMPLATE.variation == Variation()


def test_size_is_a_scale(sacrum):
    small = build_sacrum(varied(size=0.9))
    points = np.random.default_rng(0).uniform(*sacrum.bounds, (2000, 3))
    assert np.allclose(small.bone(0.9 * points), 0.9 * sacrum.bone(points))


@pytest.mark.parametrize("factor", [0.92, 1.1])
def test_breadth_is_a_factor_on_every_breadth_and_on_no_depth(factor, sacrum, ring):
    other = build_pelvic_ring(varied(breadth=factor))
    before, after = measure_joint(sacrum, 1.0), measure_joint(other.sacrum, 1.0)
    assert after["maximal breadth"] / before["maximal breadth"] == pytest.approx(factor, abs=0.01)
    assert concavity(other.sacrum) == pytest.approx(concavity(sacrum), abs=0.1)
    assert other.right.hip_centre[2] / ring.right.hip_centre[2] == pytest.approx(factor)
    # The crest keeps its thickness.
    assert hip_breadth(other) / hip_breadth(ring) == pytest.approx(factor, abs=0.015)


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_curvature_is_a_factor_on_the_depth_of_the_concavity(factor, sacrum):
    assert concavity(build_sacrum(varied(curvature=factor))) / concavity(sacrum) == pytest.approx(factor, abs=0.025)


@pytest.mark.parametrize("degrees", [-10.0, 8.0])
def test_pelvic_incidence_turns_the_sacrum_between_the_hips(degrees, angles):
    other = measure_incidence(build_pelvic_ring(varied(pelvic_incidence=degrees)))
    assert other["pelvic incidence"] - angles["pelvic incidence"] == pytest.approx(degrees, abs=0.3)
    assert other["sacral slope"] - angles["sacral slope"] == pytest.approx(degrees, abs=0.3)
    assert other["pelvic tilt"] == pytest.approx(angles["pelvic tilt"], abs=0.3)


@pytest.mark.parametrize("degrees", [-8.0, 6.0])
def test_sacral_slope_is_posture_and_leaves_incidence_alone(degrees, angles, ring):
    other = build_pelvic_ring(varied(sacral_slope=degrees))
    measured = measure_incidence(other)
    assert measured["sacral slope"] - angles["sacral slope"] == pytest.approx(degrees, abs=0.3)
    assert measured["pelvic tilt"] - angles["pelvic tilt"] == pytest.approx(-degrees, abs=0.3)
    assert measured["pelvic incidence"] == pytest.approx(angles["pelvic incidence"], abs=0.3)
    # The same bones, turned.
    points = np.random.default_rng(1).uniform(*ring.bounds, (2000, 3))
    turned = points @ turn_matrix(degrees).T
    assert np.allclose(other.hip_right(turned), ring.hip_right(points), atol=1e-6)
    assert np.allclose(other.solid(turned), ring.solid(points), atol=1e-6)
    assert np.array_equal(other.posterior_ilium(turned), ring.posterior_ilium(points))


def test_the_joint_stays_closed_when_the_sacrum_turns():
    other = build_pelvic_ring(varied(pelvic_incidence=10.0))
    gap = other.right.uncut
    centres, normals = _auricular_rays(other.sacrum)
    # From the sacral face outwards: the uncut ilium is met within the gap of 2.6 mm.
    assert (gap(centres + 2.8 * normals) < 0.0).mean() > 0.9


def _auricular_rays(sacrum: Sacrum) -> tuple[np.ndarray, np.ndarray]:
    surface = contour_shape(sacrum.bone, sacrum.bounds, 2.0)
    a, b, c = (surface.points[surface.triangles[:, i]] for i in range(3))
    cross = np.cross(b - a, c - a)
    cross *= np.sign(np.sum(a * cross))
    normals = cross / np.linalg.norm(cross, axis=1)[:, None]
    centres = (a + b + c) / 3
    face = sacrum.auricular(centres, normals, "right")
    return centres[face], normals[face]


def test_alar_dysmorphism_narrows_the_corridor_of_s1_and_not_that_of_s2(sacrum):
    shares = (0.25, 0.5, 0.75, 1.0)
    others = [build_sacrum(varied(alar_dysmorphism=share)) for share in shares]
    widths = [widest_corridor(each) for each in (sacrum, *others)]
    assert all(after < before - 0.2 for before, after in pairwise(widths)), widths
    # Diameters: 18.9-19.7 mm in z027, from which the template comes, 7-10 mm in the dysmorphic z013.
    assert 2 * widths[0] == pytest.approx(19.3, abs=2.0)
    assert 7.0 < 2 * widths[-1] < 11.0
    second = [measure_corridors(each, 1.0)["S2 trans-sacral corridor, radius"] for each in (sacrum, *others)]
    assert np.ptp(second) <= 0.25


def test_thicker_cortex_is_another_stiffness_of_the_same_mesh():
    study = resolve_study(load_study("quickstart"))
    thick = study.anatomy.model_copy(update={"variation": Variation(cortical_thickness_factor=1.2)})
    assert vary_anatomy(thick) is thick
    level = study.levels[0]
    before, after = (case_properties(each, level) for each in (study, replace(study, anatomy=thick)))
    assert after.cortical_thickness == pytest.approx(1.2 * before.cortical_thickness)
    for region, thickness in before.cortical_thickness_of.items():
        assert after.cortical_thickness_of[region] == pytest.approx(1.2 * thickness)
    entries = study.fracture, [], [], MeshSettings()
    assert mesh_digest(thick, *entries) == mesh_digest(study.anatomy, *entries)
    assert mesh_digest(varied(breadth=1.1), *entries) != mesh_digest(study.anatomy, *entries)


def virtual_women(count: int) -> list[dict[str, float]]:
    """Women drawn within two standard deviations of published spreads.

    Breadth: sacral breadth 108.7 +- 11.0 (PMC5799488), of which half taken as size. PI: SD 10.5 degrees, SS: SD 7.8 (PubMed
    21833574). Height: 98.0 +- 9.2 (PMC5799488), taken as size with half its spread. Curvature: SD 10 % RECALLED.
    """
    rng = np.random.default_rng(2)
    women = []
    for _ in range(count):
        deviation = np.clip(rng.standard_normal(5), -2.0, 2.0) * [0.047, 0.05, 0.1, 7.8, 10.5]
        size, breadth, curvature = 1.0 + deviation[:3]
        incidence = float(np.clip(deviation[4], -20.0, 20.0))
        slope = deviation[3] - 0.6 * incidence  # a larger incidence stands with a larger slope
        women.append(
            {"size": size, "breadth": breadth, "curvature": curvature, "sacral_slope": slope, "pelvic_incidence": incidence}
            | {"alar_dysmorphism": float(rng.uniform())}
        )
    return women


@pytest.mark.parametrize("woman", virtual_women(6), ids=range(6))
def test_needle_follows_into_a_virtual_woman_and_stays_in_bone(woman):
    anatomy = varied(**woman)
    pattern = Library.standard().get(CementPattern, "long_axis_right")
    check_needle_path(follow_entry(pattern, TEMPLATE, anatomy), build_sacrum(anatomy))


@pytest.mark.parametrize("woman", virtual_women(6), ids=range(6))
def test_a_virtual_woman_has_one_bone_with_open_foramina(woman):
    anatomy = varied(**woman)
    sacrum = build_sacrum(anatomy)
    lower, upper = sacrum.bounds
    axes = [np.arange(lower[i], upper[i], STEP) for i in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    bone = sacrum.bone(grid.reshape(-1, 3)).reshape(grid.shape[:3]) < 0.0
    sizes = np.bincount(label(bone)[0].ravel())[1:]
    assert len(sizes) == 1
    assert label(~bone)[1] == 1
    # Each pair of foramina is one way from the pelvis to the back.
    own = vary_anatomy(anatomy)
    marks = {name: own.scale * at for name, at in Landmarks.of(own).at.items()}
    for level in range(1, 5):
        ventral, dorsal = marks[f"FV{level}"], marks[f"FD{level}"]
        outward = 3.0 * (ventral - dorsal) / np.linalg.norm(ventral - dorsal)
        beside = project_on_segment(grid.reshape(-1, 3), ventral, dorsal)[1].reshape(bone.shape) < 7.5
        free, _ = label(~bone & beside)
        ends = [tuple(int(i) for i in np.round((at - lower) / STEP)) for at in (ventral + outward, dorsal - outward)]
        assert free[ends[0]] == free[ends[1]] > 0, level
    upright = sacrum.turned(-own.turns.sacrum)
    profile = trace_profile(upright, own.scale)
    foramina = find_foramina(upright, profile, own.scale)
    assert [len(foramina[side]) for side in ("ventral", "dorsal")] == [4, 4]
    slope = measure_endplate(upright, profile.points[0], own.scale)["sacral slope"]
    assert slope == pytest.approx(36.9, abs=0.5)
