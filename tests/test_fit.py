"""What does not fit together is refused by name and place; volumes and meshes of a study's own arms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

# isort: split
import pandas as pd
import pytest

from sacrofem.catalogue import Library, load_study, resolve_study
from sacrofem.catalogue.cement import CementPattern, CementVolume
from sacrofem.catalogue.implant import Implant
from sacrofem.catalogue.models import Anatomy, Interface, Study, Treatment
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.errors import ConfigError, GeometryError
from sacrofem.shapes.cement import check_needle_path
from sacrofem.shapes.corridor import check_corridor
from sacrofem.shapes.implant import place_screws
from sacrofem.shapes.sacrum import build_sacrum
from sacrofem.study.apart import join_tables
from sacrofem.study.cases import active_regions, split_study
from sacrofem.study.fit import list_doubled_screws, require_fit
from sacrofem.study.properties import case_properties, interface_over_gap

LIBRARY = Library.standard()
UNTREATED = Treatment(name="untreated")


def study(*arms: Treatment, **changes: object) -> ResolvedStudy:
    given = Study(
        name="small",
        title="test",
        source="test",
        anatomy="female_elderly",
        fracture="denis1_right",
        treatments=(UNTREATED, *arms),
        bmd_levels=("severe",),
        loads=("standing",),
        density_law="dalstra1993",
        interface="linear",
        support="sacroiliac_cartilage",
    )
    return resolve_study(given.model_copy(update=changes), LIBRARY)


def test_a_screw_through_cement_of_its_own_treatment_is_refused_naming_both_and_the_place() -> None:
    arm = Treatment(name="both", cement=("short_axis_right",), implants=("trans_sacral_s1",))
    with pytest.raises(GeometryError, match=r"(?s)'both'.*'trans_sacral_s1'|'short_axis_right'") as caught:
        require_fit(study(arm))
    said = str(caught.value)
    for word in ("short_axis_right", "trans_sacral_s1", " mm", "augmented"):
        assert word in said


def test_an_augmented_screw_may_lie_in_its_cement() -> None:
    arm = Treatment(name="both", cement=("augmented_tip_s1_right",), implants=("iliosacral_s1_right",), augmented=True)
    require_fit(study(arm))


def test_screws_that_cross_are_refused_naming_both_and_the_place() -> None:
    arm = Treatment(name="crossed", implants=("trans_sacral_s1", "iliosacral_s1_right"))
    with pytest.raises(GeometryError, match=r"(?s)cross.*'trans_sacral_s1' and 'iliosacral_s1_right', about \(.* mm"):
        require_fit(study(arm))


def test_screws_of_two_levels_have_room_beside_each_other() -> None:
    require_fit(study(Treatment(name="two", implants=("trans_sacral_s1", "trans_sacral_s2"))))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"diameter": 16.0},
            r"(?s)too narrow.*'trans_sacral_s1', screw 's1', at \(.*in anatomy 'female_elderly'.*mm through the cortex",
        ),
        ({"entry": (-10.5, 60.0, 70.0), "tip": (-10.5, 60.0, -70.0)}, "misses the bone"),
        ({"entry": (-30.0, -16.0, 70.0), "tip": (-30.0, -16.0, -70.0)}, r"canal or a foramen"),
    ],
)
def test_a_screw_without_a_corridor_is_refused_by_name_and_place(change: dict[str, object], said: str) -> None:
    implant = LIBRARY.get(Implant, "trans_sacral_s1")
    moved = implant.model_copy(update={"screws": (implant.screws[0].model_copy(update=change),)})
    with pytest.raises(GeometryError, match=said):
        check_corridor(moved, build_sacrum(LIBRARY.get(Anatomy, "female_elderly")))


def test_a_needle_out_of_bone_is_refused_by_name_and_place() -> None:
    pattern = LIBRARY.get(CementPattern, "long_axis_right")
    needle = pattern.needles[0].model_copy(update={"target": (30.0, -8.0, 30.0)})
    said = r"(?s)leaves the bone.*'long_axis_right', needle '\w+', .* at \(.*\) mm in anatomy 'female_elderly'"
    with pytest.raises(GeometryError, match=said):
        check_needle_path(pattern.model_copy(update={"needles": (needle,)}), build_sacrum(LIBRARY.get(Anatomy, "female_elderly")))


def test_a_screw_in_the_way_of_a_needle_is_refused_naming_both_and_the_place() -> None:
    """A needle whose cement lies aside: only its way through the bone meets the screw."""
    arm = Treatment(name="both", cement=("short_axis_right",), implants=("trans_sacral_s1",))
    resolved = study(arm)
    pattern = resolved.patterns["short_axis_right"]
    said = r"(?s)in a needle's way.*'both', entries 'short_axis_right' and 'trans_sacral_s1', about \(.* mm"
    small = replace(resolved, patterns={"short_axis_right": pattern.model_copy(update={"volume": 0.2})})
    with pytest.raises(GeometryError, match=said):
        require_fit(small)


def test_screws_of_two_entries_in_one_place_are_named() -> None:
    """A triangle is the sum of its screws and its rods; named as such, every screw is meshed once."""
    triangle, screws, rods, bar = (
        LIBRARY.get(Implant, name)
        for name in ("triangular_bilateral", "iliosacral_s1_bilateral", "spinopelvic", "trans_sacral_s1")
    )
    assert list_doubled_screws([triangle, screws, rods, bar]) == [
        ("triangular_bilateral.s1", "iliosacral_s1_bilateral.s1"),
        ("triangular_bilateral.iliac", "spinopelvic.iliac"),
    ]
    assert not list_doubled_screws([screws, rods, bar])


@pytest.mark.parametrize("name", ["fixation_ring", "validation/bench_h_ring"])
def test_packaged_studies_mesh_the_screws_of_a_triangle_once(name: str) -> None:
    resolved = resolve_study(load_study(Path(__file__).parents[1] / "studies" / f"{name}.yaml").study, LIBRARY)
    doubled = {place for pair in list_doubled_screws(list(resolved.implants.values())) for place in pair}
    assert doubled <= {"transiliac_internal_fixator.iliac", "spinopelvic.iliac"}  # their necks differ


def test_a_partly_threaded_screw_is_thin_behind_its_thread() -> None:
    screw = place_screws(LIBRARY.get(Implant, "iliosacral_s1_partly_threaded_right"))[0]
    assert [2 * cylinder.radius for cylinder in screw.cylinders] == [7.3, 4.8]


def test_an_arm_gives_a_pattern_a_volume_of_its_own() -> None:
    arm = Treatment(name="less", cement=(CementVolume(pattern="long_axis_right", volume=2.5),))
    resolved = study(arm, treatments=(UNTREATED, arm, Treatment(name="usual", cement=("long_axis_right",))))
    volumes = {name: pattern.volume for name, pattern in resolved.patterns.items()}
    assert volumes == {"long_axis_right_2_5_ml": 2.5, "long_axis_right": 4.0}
    assert "cement:long_axis_right_2_5_ml" in active_regions(arm)
    assert "cement:long_axis_right_2_5_ml" in case_properties(resolved, resolved.levels[0]).young


def test_one_entry_twice_in_an_arm_is_refused() -> None:
    arm = Treatment(name="twice", cement=("long_axis_right", "long_axis_right"))
    with pytest.raises(ConfigError, match=r"long_axis_right"):
        study(arm)


def test_a_wider_gap_is_softer_and_faces_that_touch_are_not() -> None:
    linear, unilateral = (LIBRARY.get(Interface, name) for name in ("linear", "unilateral"))
    assert interface_over_gap(linear, 2.0).normal_stiffness == pytest.approx(0.75)
    assert interface_over_gap(linear, 1.0) == linear
    assert interface_over_gap(unilateral, 2.0).normal_stiffness == unilateral.normal_stiffness
    assert interface_over_gap(unilateral, 2.0).tangential_stiffness == pytest.approx(0.25)


def test_a_bruise_softens_the_bone_it_lies_in() -> None:
    young = case_properties(study(fracture="bakker_a1_right"), LIBRARY.get(type(study().levels[0]), "severe")).young
    assert young["bruised_ala"] == pytest.approx(0.5 * young["ala"])


def test_meshes_of_their_own_pair_each_arm_with_the_reference() -> None:
    arms = (Treatment(name="a", cement=("long_axis_right",)), Treatment(name="b", cement=("coaxial_right",)))
    parts = split_study(study(*arms, shared_mesh=False))
    assert [[arm.name for arm in part.study.treatments] for part in parts] == [["untreated", "a"], ["untreated", "b"]]
    assert [list(part.patterns) for part in parts] == [["long_axis_right"], ["coaxial_right"]]
    assert len(split_study(study(*arms))) == 1


def test_joined_tables_hold_the_reference_once() -> None:
    tables = [
        pd.DataFrame({"fracture": "f", "treatment": ["untreated", arm], "value": [i, 10 + i]}) for i, arm in enumerate("ab")
    ]
    joined = join_tables(tables, "untreated")
    assert list(joined.treatment) == ["untreated", "a", "b"]
    assert list(joined.value) == [0, 10, 11]
