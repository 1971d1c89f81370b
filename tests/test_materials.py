"""Density laws, CT numbers, drugs and materials against published figures, and what they refuse."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from pydantic import ValidationError

from sacrofem.catalogue import Library
from sacrofem.catalogue.density import (
    ash_density,
    bmd_from_hu,
    density_of_law,
    dose_level,
    find_out_of_range,
    modulus_of_density,
    young_modulus,
)
from sacrofem.catalogue.models import BmdLevel, Calibration, Cortex, DensityLaw, DosedLevel, DrugCourse, Material, Study
from sacrofem.catalogue.resolution import resolve_study
from sacrofem.errors import ConfigError
from sacrofem.study.cases import expand_cases
from sacrofem.study.densities import warn_of_densities
from tests.test_cli import sacrofem

LIBRARY = Library.standard()


def law(name: str) -> DensityLaw:
    return LIBRARY.get(DensityLaw, name)


def study(**changes: object) -> Study:
    given = {
        "name": "small",
        "title": "",
        "source": "",
        "fracture": "denis1_right",
        "treatments": [{"name": "untreated"}],
        "bmd_levels": ["osteoporosis"],
        "loads": ["standing"],
        "density_law": "dalstra1993",
        "interface": "linear",
        "support": "sacroiliac_cartilage",
    }
    return Study.model_validate(given | changes)


@pytest.mark.parametrize(
    ("name", "density", "modulus"),
    [
        # Each figure worked out from the published formula by hand, rho in g/cm^3.
        ("dalstra1993", 0.30, 104.35),  # 2017.3 * 0.30^2.46
        ("morgan2003_vertebra", 0.20, 384.16),  # 4730 * 0.20^1.56
        ("morgan2003_femoral_neck", 0.50, 2438.7),  # 6850 * 0.5^1.49
        ("morgan2003_greater_trochanter", 0.20, 449.4),  # 15010 * 0.2^2.18
        ("morgan2003_proximal_tibia", 0.20, 693.5),  # 15490 * 0.2^1.93
        ("keller1994", 0.10, 53.85),  # 10500 * 0.1^2.29, ash
        ("carter_hayes1977", 1.00, 2875.0),  # 3790 * 0.01^0.06
        ("linde1992", 0.25, 302.8),  # 4778 * 0.25^1.99
        ("kopperdahl2002", 0.10, 288.3),  # -34.7 + 3230 * 0.1, QCT
    ],
)
def test_a_law_gives_the_published_formulas_value(name: str, density: float, modulus: float) -> None:
    assert modulus_of_density(law(name), density) == pytest.approx(modulus, rel=1e-3)


def test_rho_1995_is_the_same_in_grams_and_kilograms() -> None:
    """0.63 rho^1.35 with kg/m^3."""
    assert modulus_of_density(law("rho1995_lumbar"), 0.2) == pytest.approx(0.63 * 200.0**1.35, rel=1e-3)


@pytest.mark.parametrize(
    ("bmd", "dalstra", "morgan", "kopperdahl"),
    [(227, 304, 1038, 699), (160, 170, 602, 482), (120, 111, 384, 353), (80, 66, 204, 224), (37, 32, 61, 85)],
)
def test_moduli_over_bmd_are_those_of_the_reviewed_table(bmd: float, dalstra: float, morgan: float, kopperdahl: float) -> None:
    """Table of the review of density laws in docs/materials.md, DERIVED by hand."""
    found = [young_modulus(law(name), bmd) for name in ("dalstra1993", "morgan2003_vertebra", "kopperdahl2002")]
    assert found == pytest.approx([dalstra, morgan, kopperdahl], rel=0.01, abs=0.6)


def test_ten_times_the_strain_rate_stiffens_by_fifteen_per_cent() -> None:
    slow = law("carter_hayes1977")
    fast = slow.model_copy(update={"strain_rate": 10.0 * slow.strain_rate})
    assert modulus_of_density(fast, 0.3) / modulus_of_density(slow, 0.3) == pytest.approx(10.0**0.06)


@pytest.mark.parametrize("name", [entry.name for entry in LIBRARY.entries() if isinstance(entry, DensityLaw)])
def test_a_void_without_mineral_takes_the_floor_and_moduli_rise_with_bmd(name: str) -> None:
    found = [young_modulus(law(name), bmd) for bmd in (-60.0, 0.0, 5.0, 14.0, 15.0, 40.0, 100.0, 160.0)]
    assert found[:2] == [law(name).minimum] * 2
    assert found == sorted(found)
    assert found[-1] > 20.0 * law(name).minimum


def test_the_offset_of_the_ash_line_fades_to_nothing_without_mineral() -> None:
    """The trap: the regression's offset of 0.079 g/cm^3 alone would give a void of fat 14 MPa."""
    dalstra = law("dalstra1993")
    assert ash_density(dalstra, 100.0) == pytest.approx(0.877 * 0.1 + 0.079)
    assert ash_density(dalstra, 0.0) == ash_density(dalstra, -40.0) == 0.0
    assert ash_density(dalstra, 1e-6) < 1e-6
    assert density_of_law(dalstra, 100.0) == pytest.approx((0.0877 + 0.079) / 0.6)
    careless = dalstra.model_copy(update={"offset_from": 0.0})
    assert young_modulus(careless, 1e-6) == pytest.approx(13.8, abs=0.2)
    assert young_modulus(dalstra, 1e-6) == dalstra.minimum


def test_ct_numbers_become_the_published_densities() -> None:
    calibration = LIBRARY.get(Calibration, "andresen2025")
    found = [bmd_from_hu(calibration, hu) for hu in (44.84, 105.66, 97.73)]
    assert found == pytest.approx([37.16, 86.42, 80.0], abs=0.03)


def test_a_level_in_hounsfield_units_is_the_level_in_its_calibrations_bmd(tmp_path: object) -> None:
    given = LIBRARY.get(BmdLevel, "severe").model_dump() | {
        "name": "scanned",
        "bmd": {},
        "hu": {"body": 44.84, "ala": 17.0, "alar_void": -50.0},
        "calibration": "andresen2025",
    }
    level = BmdLevel.model_validate(given)

    class Own(Library):
        def get(self, model: type, name: str, where: str = "") -> object:
            return level if (model, name) == (BmdLevel, "scanned") else LIBRARY.get(model, name, where)

    resolved = resolve_study(study(bmd_levels=["scanned"]), Own(LIBRARY.folders))
    assert resolved.levels[0].bmd["body"] == pytest.approx(37.16, abs=0.03)
    assert resolved.levels[0].bmd["alar_void"] < 0.0


@pytest.mark.parametrize(
    "changes",
    [
        {"bmd": {"body": 1.0, "ala": 1.0, "alar_void": 1.0}, "hu": {"body": 1.0}, "calibration": "andresen2025"},
        {"bmd": {}, "hu": {"body": 40.0, "ala": 20.0, "alar_void": 0.0}},
        {"bmd": {"body": 100.0}},
    ],
)
def test_a_level_without_one_complete_density_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BmdLevel.model_validate(LIBRARY.get(BmdLevel, "severe").model_dump() | changes)


def test_a_density_outside_the_laws_range_is_named_with_region_density_and_range(caplog: pytest.LogCaptureFixture) -> None:
    resolved = resolve_study(study(bmd_levels=["normal", "severe"]))
    with caplog.at_level(logging.WARNING):
        message = warn_of_densities(resolved)
    assert message
    assert len(caplog.records) == 1  # once for a study
    assert "severe alar_void: 0.000 g/cm^3" in message
    assert "0.11 to 0.4 g/cm^3" in message
    assert "normal" not in message
    tibia = resolve_study(study(bmd_levels=["normal"], density_law="morgan2003_greater_trochanter"))
    said = warn_of_densities(tibia)
    assert said
    assert "normal ala: 0.098 g/cm^3" in said  # 59 mg/cm^3 / 0.6
    assert "normal body" not in said


def test_a_law_of_unknown_range_warns_of_nothing() -> None:
    free = law("dalstra1993").model_copy(update={"valid_range": None})
    assert find_out_of_range(free, [LIBRARY.get(BmdLevel, "severe")]) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"form": "linear", "exponent": 2.0},
        {"intercept": 3.0},
        {"density": "qct", "offset": 0.079},
        {"valid_range": [0.4, 0.1]},
    ],
)
def test_a_law_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    given = {"name": "own", "title": "own", "source": "own", "coefficient": 100.0, "minimum": 1.0}
    with pytest.raises(ValidationError):
        DensityLaw.model_validate(given | changes)


def test_teriparatide_lifts_each_region_by_its_sites_per_cent_and_leaves_the_void() -> None:
    level, course = LIBRARY.get(BmdLevel, "severe"), LIBRARY.get(DrugCourse, "teriparatide_12_months")
    dosed = dose_level(level, course)
    assert dosed.bmd["body"] == pytest.approx(37.0 * 1.222)
    assert dosed.bmd["hip"] == pytest.approx(34.0 * 1.031)
    assert dosed.bmd["alar_void"] == level.bmd["alar_void"] == -40.0
    assert dosed.cortical_thickness == pytest.approx(0.5 * 1.043)
    assert "teriparatide" in dosed.title


@pytest.mark.parametrize("name", [entry.name for entry in LIBRARY.entries() if isinstance(entry, DrugCourse)])
def test_patients_who_answer_better_gain_more(name: str) -> None:
    level, course = LIBRARY.get(BmdLevel, "osteoporosis"), LIBRARY.get(DrugCourse, name)
    low, mean, high = (dose_level(level, course, response) for response in ("low", "mean", "high"))
    for region in ("body", "hip"):
        assert level.bmd[region] < low.bmd[region] < mean.bmd[region] < high.bmd[region]
    assert mean.bmd["body"] / level.bmd["body"] == pytest.approx(1.0 + course.spine.percent / 100.0)


def test_a_study_names_a_level_and_a_drug_and_runs_it_as_a_denser_level() -> None:
    dosed = {"level": "osteoporosis", "drug": "teriparatide_12_months"}
    resolved = resolve_study(study(bmd_levels=["osteoporosis", dosed, {**dosed, "response": "high"}]))
    names = [case.level.name for case in expand_cases(resolved)]
    assert names == [
        "osteoporosis_teriparatide_12_months_high",
        "osteoporosis_teriparatide_12_months",
        "osteoporosis",
    ]
    assert DosedLevel(level="severe", drug="x").name == "severe_x"


def test_an_unknown_drug_is_named_with_the_ones_there_are() -> None:
    with pytest.raises(ConfigError, match="romosozumab_12_months") as raised:
        resolve_study(study(bmd_levels=[{"level": "severe", "drug": "romosozumab"}]))
    assert "bmd_levels[0]" in str(raised.value)


def test_check_says_which_densities_leave_the_laws_range(tmp_path: Path) -> None:
    said = sacrofem("check", "quickstart", folder=tmp_path)
    assert "density law dalstra1993" in said
    assert "severe alar_void" in said


def test_a_composites_modulus_is_that_of_its_bone_fraction() -> None:
    along = LIBRARY.get(Material, "cement_bone_along_trabeculae")
    assert along.composite
    assert along.young_modulus == along.composite.young_modulus
    ends = [along.composite.model_copy(update={"bone_fraction": part}).young_modulus for part in (0.0, 0.25)]
    assert ends == pytest.approx([2400.0, 4400.0])  # Williams and Johnson 1989
    unbonded = LIBRARY.get(Material, "cement_bone_unbonded")
    assert unbonded.young_modulus == pytest.approx(2400.0 / 1.2)  # Kinzl 2012: 20 % more compliant
    with pytest.raises(ValidationError, match="3200"):
        Material.model_validate(along.model_dump() | {"young_modulus": 3000.0})


def test_a_cortex_of_negative_energy_is_refused() -> None:
    cortex = LIBRARY.get(Cortex, "reilly_burstein1975")
    with pytest.raises(ValidationError):
        Cortex.model_validate(cortex.model_dump() | {"poisson_ratio": 0.99, "transverse_ratio": 1.5})
