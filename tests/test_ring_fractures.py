"""Fractures of the pelvic ring: torn joints, displaced fragments, and all types of the FFP classification in one table."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

import sacrofem
from sacrofem.catalogue import Library, load_study, resolve_study
from sacrofem.catalogue.fracture import Boundary, Displacement, Fracture
from sacrofem.catalogue.models import Anatomy, MeshSettings
from sacrofem.errors import ConfigError, GeometryError
from sacrofem.mesh.build import build_model_mesh
from sacrofem.shapes.displacement import displaced_ring
from sacrofem.shapes.field import Shape
from sacrofem.shapes.fracture import fracture_sheets
from sacrofem.shapes.pelvic_ring import PelvicRing, build_pelvic_ring
from sacrofem.study.apart import split_apart

LIBRARY = Library.standard()
STUDY = Path(__file__).parents[1] / "studies" / "ffp.yaml"
TYPES = ("ia", "ib", "iia", "iib", "iic", "iiia", "iiib", "iiic", "iva", "ivb", "ivc")


@cache
def ring() -> PelvicRing:
    return build_pelvic_ring(LIBRARY.get(Anatomy, "female_elderly"))


@cache
def places() -> np.ndarray:
    """Points in and about the ring."""
    random = np.random.default_rng(5)
    points = random.uniform(*ring().bounds, size=(120_000, 3))
    return points[ring().solid(points) < 8.0]


def inside(shape: Shape, points: np.ndarray) -> np.ndarray:
    return np.asarray(shape(points) < 0.0)


def ffp(name: str) -> Fracture:
    return LIBRARY.get(Fracture, f"ffp_{name}")


def test_every_type_of_the_classification_is_an_entry() -> None:
    for name in TYPES:
        wanted = {"i": "I", "v": "V"}
        roman = "".join(wanted.get(letter, letter) for letter in name[:-1]) + name[-1]
        assert ffp(name).classification.ffp == roman
        assert bool(ffp(name).displacements) == (roman.startswith(("III", "IV")))


def test_a_displaced_half_stands_higher_and_the_rest_stays() -> None:
    """FFP IIIc: beyond the breaks the bone is the old one shifted, before them the old one; so of each moved point."""
    moved, _ = displaced_ring(ring(), ffp("iiic"))
    offset = np.array(ffp("iiic").displacements[0].offset)
    points = places()
    ala, upper, lower = (sheet.level(points) for sheet in fracture_sheets(ffp("iiic")))
    sacral = (ala > 6.0) & (np.abs(points[:, 2]) < 60.0) & (points[:, 0] < 10.0)
    hip = (np.minimum(upper, lower) > 6.0) & (points[:, 2] > 10.0)
    far = (points[:, 2] < 10.0) & (ala < -6.0)
    for old, new, fragment in (
        (ring().sacrum.bone, moved.sacrum.bone, sacral),
        (ring().hip_right, moved.hip_right, hip),
        (ring().tissues["sacroiliac_right"], moved.tissues["sacroiliac_right"], hip),
    ):
        assert np.array_equal(inside(new, points[fragment]), inside(old, points[fragment] - offset))
        assert inside(old, points[fragment]).any()
    for old, new in ((ring().sacrum.bone, moved.sacrum.bone), (ring().hip_left, moved.hip_left)):
        assert np.array_equal(inside(new, points[far]), inside(old, points[far]))


def test_both_faces_of_a_displaced_break_meet_and_end_in_ledges() -> None:
    """On the plane of the break there is bone on both sides where old and shifted section overlap, on one side elsewhere."""
    fracture = ffp("iiic")
    moved, _ = displaced_ring(ring(), fracture)
    (ala, *_), offset = fracture_sheets(fracture), np.array(fracture.displacements[0].offset)
    lower, upper = ring().sacrum.bounds
    random = np.random.default_rng(2)
    points = random.uniform(lower, upper, size=(60_000, 3))
    normal = np.array([-0.12, -0.15, 0.98])
    for _ in range(6):  # onto the wavy sheet
        points = points - ala.level(points)[:, None] * normal
    points = points[np.abs(ala.level(points)) < 1e-3]
    before, beyond = (inside(moved.sacrum.bone, points + side * 0.1 * normal) for side in (-1.0, 1.0))
    still, gone = ring().sacrum.bone(points), ring().sacrum.bone(points - offset)
    clear = (np.abs(still) > 0.3) & (np.abs(gone) > 0.3)
    assert np.array_equal(before[clear], still[clear] < 0.0)
    assert np.array_equal(beyond[clear], gone[clear] < 0.0)
    both, ledge = (before & beyond)[clear].sum(), (before != beyond)[clear].sum()
    assert 0.05 < ledge / both < 0.6


def test_landmark_surfaces_move_with_their_fragment() -> None:
    moved, _ = displaced_ring(ring(), ffp("iiia"))
    offset = np.array(ffp("iiia").displacements[0].offset)
    middle = np.array([35.0, -106.0, 82.0])
    random = np.random.default_rng(3)
    outward = random.normal(size=(4000, 3))
    outward /= np.linalg.norm(outward, axis=1)[:, None]
    for side, shift in (("right", offset), ("left", np.zeros(3))):
        flip = np.array([1.0, 1.0, 1.0 if side == "right" else -1.0])
        socket, normals = middle * flip + 24.0 * outward, -outward
        old = ring().surfaces[f"acetabulum_{side}"](socket, normals)
        assert old.any()
        assert np.array_equal(moved.surfaces[f"acetabulum_{side}"](socket + shift, normals), old)


def test_a_torn_joint_keeps_its_cartilage_on_the_sacrum_while_the_hip_moves() -> None:
    """FFP IIIb: the gap of the joint stays free of bone."""
    moved, _ = displaced_ring(ring(), ffp("iiib"))
    points = places()
    for name in ("sacroiliac_right", "sacroiliac_left"):
        assert np.array_equal(moved.tissues[name](points), ring().tissues[name](points))
    in_gap = (ring().sacrum.bone(points) > 0.0) & (ring().sacrum.bone(points) < ring().joint_gap - 0.1)
    assert not inside(moved.hip_right, points[in_gap]).any()
    assert (inside(moved.hip_right, points) != inside(ring().hip_right, points)).sum() > 100


def test_a_fragment_that_hangs_on_the_rest_is_refused() -> None:
    """One broken ala frees nothing: the ring holds in front."""
    alone = ffp("iia").model_copy(
        update={"displacements": (Displacement(bounds=(Boundary(sheet="ala"),), offset=(0.0, 5.0, 0.0)),)}
    )
    with pytest.raises(GeometryError, match="hangs on the rest") as caught:
        displaced_ring(ring(), alone)
    assert "ffp_iia" in str(caught.value)


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({"displacements": ({"bounds": ({"sheet": "nowhere"},), "offset": (0, 1, 0)},)}, "bounded by 'nowhere'"),
        ({"disruptions": ({"name": "ala", "joint": "sacroiliac"},)}, "two sheets have one name"),
        ({"disruptions": ({"name": "front", "joint": "symphysis", "side": "both"},)}, "the disc stays on one pubis"),
    ],
)
def test_a_wrong_displacement_says_what_is_wrong(update: dict[str, object], said: str) -> None:
    given = ffp("iia").model_dump() | update
    with pytest.raises(ValidationError, match=said):
        Fracture.model_validate(given)


def test_a_fracture_of_the_ring_needs_the_ring() -> None:
    study = load_study(STUDY).study.model_copy(update={"extent": "sacrum", "support": "sacroiliac_cartilage"})
    with pytest.raises(ConfigError, match="'ffp_ia' in study 'ffp'"):
        resolve_study(study)
    with pytest.raises(GeometryError, match="ffp_ia"):
        build_model_mesh(LIBRARY.get(Anatomy, "female_elderly"), ffp("ia"), [], [], MeshSettings())


def test_a_study_of_several_fractures_is_one_study_for_each() -> None:
    resolved = resolve_study(load_study(STUDY))
    parts = split_apart(resolved)
    assert list(parts) == [f"ffp_{name}" for name in TYPES]
    assert len({part.digest() for part in parts.values()}) == len(TYPES)
    for name, part in parts.items():
        assert part.fracture.name == part.study.fracture == name
        assert list(split_apart(part)) == [""]
    with pytest.raises(ValidationError, match="either fracture or fractures"):
        sacrofem.Study.model_validate(resolved.study.model_dump() | {"fracture": "ffp_ia"})


def test_two_fractures_stand_in_one_table_and_are_not_solved_again(tmp_path: Path) -> None:
    study = sacrofem.Study(
        name="two",
        title="A complete and a partial break",
        source="made for a test",
        fractures=("denis1_right", "partial_ala_ventral_right"),
        treatments=(sacrofem.Treatment(name="untreated"),),
        bmd_levels=("severe",),
        loads=("standing",),
        density_law="dalstra1993",
        interface="linear",
        support="sacroiliac_cartilage",
        order=1,
        mesh=MeshSettings(size=7.0, feature_size=4.5, sampling=2.0, minimum_quality=0.03),
    )
    result = sacrofem.run_study(study, output=tmp_path / "two")
    motion = result.table[result.table.metric == "micromotion_mean"].set_index("fracture").value
    assert motion["denis1_right"] > motion["partial_ala_ventral_right"] > 0.0
    assert (tmp_path / "two" / "micromotion_by_fracture.png").stat().st_size > 5_000
    assert set(json.loads((tmp_path / "two" / "study.json").read_text())["parts"]) == set(study.fractures)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "two").glob("*/cases/*")}
    assert len(before) >= 4
    again = sacrofem.run_study(study, output=tmp_path / "two", pictures=False)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "two").glob("*/cases/*")} == before
    assert again.table.equals(result.table)


@pytest.mark.slow
@pytest.mark.timeout(10800)
def test_all_types_stand_in_one_table(tmp_path: Path) -> None:
    """The packaged study as it is. More breaks in the same bone never make it stiffer, but for the meshes' differences."""
    result = sacrofem.run_study(load_study(STUDY), output=tmp_path / "ffp", pictures=False)
    table = result.table.set_index(["fracture", "metric"]).value
    for name in TYPES:
        entry = ffp(name)
        surfaces = [name for sheet in entry.sheets for name in sheet.names]
        surfaces += [name for torn in entry.disruptions for name in torn.names]
        names = [f"ffp_{name}.{surface}" for surface in surfaces] if len(surfaces) > 1 else []
        for row in (f"ffp_{name}", *names):
            assert table[row, "micromotion_mean"] > 0.0
        about = json.loads((tmp_path / "ffp" / f"ffp_{name}" / "study.json").read_text())
        assert about["mesh"]["measures"]["quality_min"] >= 0.05
        for case in about["cases"].values():
            assert case["force_imbalance"] < 1e-6
    sunk = {name: table[f"ffp_{name}", "endplate_displacement"] for name in TYPES}
    for fewer, more in (("ia", "ib"), ("ia", "iic"), ("iia", "iic")):
        assert sunk[more] > 0.99 * sunk[fewer]
    # Broken on both sides behind (IV), the sacrum sinks deeper than in every other type.
    assert min(depth for name, depth in sunk.items() if name.startswith("iv")) > max(
        depth for name, depth in sunk.items() if not name.startswith("iv")
    )
