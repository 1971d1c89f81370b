"""The built sacrum measures what anatomists measured: each measure within the spread of its source (see `norms`)."""

from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.ndimage import label

from sacrofem.catalogue.models import Anatomy, CementPattern
from sacrofem.shapes.cement import check_needle_path
from sacrofem.shapes.landmarks import Landmarks
from sacrofem.shapes.morphometry import measure_sacrum
from sacrofem.shapes.morphometry.midplane import measure_canal, measure_profile, trace_profile
from sacrofem.shapes.morphometry.norms import NORMS
from sacrofem.shapes.morphometry.rays import first_hits, outward_normals
from sacrofem.shapes.morphometry.surfaces import measure_corridors, measure_endplate, measure_joint
from sacrofem.shapes.primitives import project_on_segment
from sacrofem.shapes.sacrum import build_sacrum

GEOMETRY = Path(__file__).parents[1] / "geometry"
STEP = 1.5
#: Points of the template on the bone's surface; foramina and the canal's ends are points in openings.
ON_SURFACE = [
    "O_S1_endplate_centre", "SP_promontory", "S1_post_sup_corner", "S1_endplate_lateral",
    "V_S1S2", "V_S2S3", "V_S3S4", "V_S4S5", "V_apex", "D_apex",
    "C_ant_S1S2", "C_ant_S2S3", "C_ant_S3S4", "C_ant_S4S5",
    "C_post_S1", "C_post_S1S2", "C_post_S2S3", "C_post_S3S4", "Hiatus_apex",
    "Crest_S1", "Crest_S2", "Crest_S3", "Crest_S4", "SAP_S1_tip", "Foramen1_roof",
    "Ala_ant_medial", "Ala_ant_mid", "Ala_ant_lateral_brim", "Ala_sup_mid", "Ala_sup_lateral", "Ala_lateral_tip",
    "AUR_corner", "AUR_short_end", "AUR_long_end", "AUR_centroid", "LatMass_S3", "ILA_inferolateral_angle",
]  # fmt: skip


def read_anatomy(**changes: object) -> Anatomy:
    data = YAML(typ="safe").load((GEOMETRY / "anatomies" / "female_elderly.yaml").read_text(encoding="utf-8"))
    return Anatomy(**{**data, **changes})


@pytest.fixture(scope="module")
def sacrum():
    return build_sacrum(read_anatomy())


@pytest.fixture(scope="module")
def measures(sacrum):
    return {measure.name: measure for measure in measure_sacrum(sacrum)}


@pytest.fixture(scope="module")
def voxels(sacrum):
    """Bone on a grid, and the grid's first point."""
    lower, upper = sacrum.bounds
    axes = [np.arange(lower[i], upper[i], STEP) for i in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    bone = sacrum.bone(grid.reshape(-1, 3)).reshape(grid.shape[:3]) < 0.0
    return bone, lower


def at(voxels, point) -> tuple[int, ...]:
    return tuple(int(i) for i in np.round((np.asarray(point) - voxels[1]) / STEP))


@pytest.mark.parametrize("name", NORMS)
def test_sacrum_of_a_woman_has_the_published(name, measures):
    measure = measures[name]
    assert measure.value == pytest.approx(measure.expected, abs=measure.tolerance), measure.source


def test_every_measure_has_an_expected_value_and_every_expected_value_is_measured(measures):
    assert set(measures) == set(NORMS)


@pytest.mark.parametrize("name", ON_SURFACE)
def test_surface_landmark_lies_within_2_mm_of_the_surface(name, sacrum):
    point = np.array([read_anatomy().landmarks[name]])
    # Divided by its slope, the shape's value is a distance.
    steps = 0.5 * np.eye(3)
    slope = np.linalg.norm([sacrum.bone(point + s)[0] - sacrum.bone(point - s)[0] for s in steps])
    assert abs(sacrum.bone(point)[0]) / max(slope, 0.5) < 2.0


def test_left_side_mirrors_the_right(sacrum):
    points = np.random.default_rng(3).uniform(*sacrum.bounds, (20_000, 3))
    mirror = points * np.array([1.0, 1.0, -1.0])
    assert np.array_equal(sacrum.bone(points), sacrum.bone(mirror))
    assert np.array_equal(sacrum.region(points), sacrum.region(mirror))


def test_bone_is_one_piece_without_holes_inside(voxels):
    bone, _ = voxels
    sizes = np.bincount(label(bone)[0].ravel())[1:]
    assert len(sizes) == 1
    assert label(~bone)[1] == 1


@pytest.mark.parametrize("level", [1, 2, 3, 4])
@pytest.mark.parametrize("side", [1.0, -1.0], ids=["right", "left"])
def test_foramen_is_open_from_the_pelvis_through_the_canal_to_the_back(level, side, voxels, sacrum):
    """Free space beside the ways between the mouths and the canal joins a point in front, one in the canal and one behind."""
    bone, lower = voxels
    marks = Landmarks.of(read_anatomy()).at
    flip = np.array([1.0, 1.0, side])
    ventral, dorsal = marks[f"FV{level}"] * flip, marks[f"FD{level}"] * flip
    walls = {1: ("C_ant_S1S2", "C_post_S1S2"), 2: ("C_ant_S2S3", "C_post_S2S3"), 3: ("C_ant_S3S4", "C_post_S3S4")}
    if level == 4:
        canal = marks["C_ant_S4S5"] + np.array([-2.5, 3.0, 0.0])
    else:
        canal = 0.5 * (marks[walls[level][0]] + marks[walls[level][1]])
    places = (lower[:, None] + STEP * np.indices(bone.shape).reshape(3, -1)).T
    # Only space beside the straight ways counts: none leads around by another level's foramen.
    ways = [(ventral, dorsal), (0.5 * (ventral + dorsal), canal)]
    beside = np.min([project_on_segment(places, *way)[1] for way in ways], axis=0).reshape(bone.shape) < 7.5
    free, _ = label(~bone & beside)
    outward = (ventral - dorsal) / np.linalg.norm(ventral - dorsal)
    pieces = [free[at(voxels, point)] for point in (ventral + 3.0 * outward, canal, dorsal - 3.0 * outward)]
    assert pieces[0] > 0
    assert len(set(pieces)) == 1


def test_canal_is_open_from_the_endplate_to_the_hiatus(voxels):
    """Free space near the midplane, with the back of the canal closed, joins inlet and hiatus."""
    bone, _ = voxels
    marks = read_anatomy().landmarks
    half = round(5.0 / STEP)
    middle = at(voxels, (0.0, 0.0, 0.0))[2]
    free = np.zeros_like(bone)
    free[:, :, middle - half : middle + half + 1] = ~bone[:, :, middle - half : middle + half + 1]
    # Only what has bone in front and behind in the midplane is canal.
    ahead = np.cumsum(bone[::-1], axis=0)[::-1] > 0
    behind = np.cumsum(bone, axis=0) > 0
    canal, _ = label(free & ahead & behind)
    inlet = 0.5 * (np.array(marks["C_ant_S1S2"]) + np.array(marks["C_post_S1"]))
    outlet = np.array(marks["Hiatus_apex"]) + np.array([2.5, 4.0, 0.0])
    assert canal[at(voxels, inlet)] > 0
    assert canal[at(voxels, inlet)] == canal[at(voxels, outlet)]


def test_hiatus_opens_the_canal_backwards(sacrum):
    marks = read_anatomy().landmarks
    y = marks["Hiatus_apex"][1]
    origins = np.array([[-90.0, y + 6.0, 0.0], [-90.0, y - 6.0, 0.0]])
    lamina, floor = -90.0 + first_hits(sacrum.bone, origins, np.array([1.0, 0.0, 0.0]), 60.0)
    assert lamina < marks["Hiatus_apex"][0]
    assert floor > marks["Hiatus_apex"][0]


def test_endplate_faces_up_its_normal_and_nothing_of_it_lies_elsewhere(sacrum):
    xs, zs = (axis.ravel() for axis in np.meshgrid(np.arange(-40.0, 15.0, 1.0), np.arange(-50.0, 50.0, 1.0)))
    origins = np.column_stack([xs, np.full(len(xs), 30.0), zs])
    hits = first_hits(sacrum.bone, origins, np.array([0.0, -1.0, 0.0]), 60.0)
    points = (origins - hits[:, None] * np.array([0.0, 1.0, 0.0]))[~np.isnan(hits)]
    plate = sacrum.endplate(points, outward_normals(sacrum.bone, points))
    area = plate.sum() / np.cos(np.radians(37.0))
    assert area == pytest.approx(np.pi / 4 * 30.0 * 48.0, rel=0.2)
    assert np.abs(points[plate, 2]).max() < 25.0


def test_anatomy_scaled_by_0_96_has_lengths_0_96_times_as_long(measures):
    scale = 0.96
    small = build_sacrum(read_anatomy(scale=scale))
    profile = trace_profile(small, scale)
    values = {
        **measure_profile(profile),
        **measure_endplate(small, profile.points[0], scale),
        **measure_canal(small, profile, scale),
        **measure_joint(small, scale),
        **measure_corridors(small, scale),
    }
    powers = {"mm": 1, "cm2": 2}
    for name, value in values.items():
        expected = measures[name].value * scale ** powers.get(measures[name].unit, 0)
        assert value == pytest.approx(expected, rel=0.01, abs=0.1), name


def test_needle_of_the_long_axis_stays_in_bone(sacrum):
    data = YAML(typ="safe").load((GEOMETRY / "cement" / "long_axis_right.yaml").read_text(encoding="utf-8"))
    check_needle_path(CementPattern(**data), sacrum)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"across": [0, 8, 4, 18, 25, 32, 40, 48, 58]}, "across must rise"),
        ({"across": [0, 8, 13]}, "needs 3 values"),
    ],
)
def test_sections_that_do_not_fit_are_refused_with_what_is_wrong(change, said):
    with pytest.raises(ValueError, match=said):
        read_anatomy(**change)
