"""The whole chain from Python: a study of standing in osteoporotic bone, on one and two ranks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import pyvista as pv

import sacrofem
from sacrofem.study.runner import StudyResult
from sacrofem.verification.registry import CHECKS
from tests.small_study import LEVELS, LOADS, SMALL


@pytest.fixture(scope="module")
def study() -> sacrofem.Study:
    return SMALL


@pytest.fixture(scope="module")
def result(study: sacrofem.Study, tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return sacrofem.run_study(study, output=tmp_path_factory.mktemp("results"))


def metric(result: StudyResult, name: str, treatment: str, level: str, load: str) -> float:
    table = result.table
    setting = (table.treatment == treatment) & (table.bmd_level == level) & (table.load == load)
    (value,) = table[setting & (table.metric == name)].value
    return float(value)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("treatment", ["cement", "screw"])
def test_a_treatment_calms_the_fracture(result: StudyResult, treatment: str, level: str, load: str) -> None:
    for name in ("micromotion_mean", "micromotion_p95", "fragment_translation"):
        assert metric(result, name, treatment, level, load) < metric(result, name, "untreated", level, load)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("treatment", ["untreated", "cement", "screw"])
def test_weaker_bone_moves_and_strains_more(result: StudyResult, treatment: str, load: str) -> None:
    for name in ("micromotion_mean", "strain_mean_ala", "strain_mean_body", "endplate_displacement"):
        values = [metric(result, name, treatment, level, load) for level in LEVELS]
        assert values == sorted(values), name


def test_files_are_complete_and_the_fracture_is_open(study: sacrofem.Study, result: StudyResult) -> None:
    stored = pd.read_parquet(result.folder / "results.parquet")
    pd.testing.assert_frame_equal(stored, result.table)
    assert set(pd.read_csv(result.folder / "results.csv").columns) == set(stored.columns)
    about = json.loads((result.folder / "study.json").read_text())
    assert about["mesh"]["measures"]["quality_min"] > 0.05
    assert about["run"]["versions"]["petsc"]
    assert {"mesh", "pictures"} < set(about["run"]["seconds"])
    assert [check["name"] for check in about["verification"]["checks"]] == [check.name for check in CHECKS]
    for case in about["cases"].values():
        assert case["force_imbalance"] < 1e-6
        assert case["work_Nmm"] == pytest.approx(2 * case["energy_Nmm"], rel=1e-6)
    grid = pv.read(result.folder / "cases" / "untreated-severe-standing.vtu")
    assert grid.n_points > grid.clean(tolerance=0).n_points
    pictures = {path.name for path in result.folder.glob("*.png") if path.stat().st_size > 10_000}
    drawn = {
        f"{kind}-{arm}-severe-standing.png"
        for kind in ("fracture_motion", "deformed")
        for arm in ("untreated", "cement", "screw")
    }
    drawn |= {f"load-{name}.png" for name in study.loads}
    assert pictures == drawn | {"model.png", "micromotion_over_bmd.png"}


def test_cement_holds_the_wanted_volume(result: StudyResult) -> None:
    measures = json.loads((result.folder / "study.json").read_text())["mesh"]["measures"]
    assert measures["cement_ml:long_axis_right"] == pytest.approx(measures["cement_ml_wanted:long_axis_right"], rel=0.05)


def test_finished_cases_are_not_solved_again(study: sacrofem.Study, result: StudyResult) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (result.folder / "cases").iterdir()}
    again = sacrofem.run_study(study, output=result.folder, pictures=False)
    assert {path.name: path.stat().st_mtime_ns for path in (result.folder / "cases").iterdir()} == before
    pd.testing.assert_frame_equal(again.table, result.table)


@pytest.mark.parametrize("ranks", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_several_ranks_give_the_metrics_of_one(ranks: int, study: sacrofem.Study, result: StudyResult, tmp_path: Path) -> None:
    (tmp_path / "small.json").write_text(study.model_dump_json())
    script = (
        "import sys, pathlib, sacrofem; folder = pathlib.Path(sys.argv[1]);"
        "study = sacrofem.Study.model_validate_json((folder / 'small.json').read_text());"
        "sacrofem.run_study(study, output=folder / 'again', pictures=False)"
    )
    launcher = Path(sys.executable).with_name("mpiexec")
    done = subprocess.run(
        [str(launcher), "-n", str(ranks), sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    again = pd.read_parquet(tmp_path / "again" / "results.parquet")
    assert list(again.metric) == list(result.table.metric)
    scale = result.table.groupby("metric").value.transform(lambda values: values.abs().max())
    assert ((again.value - result.table.value).abs() <= 1e-6 * scale + 1e-12).all()
