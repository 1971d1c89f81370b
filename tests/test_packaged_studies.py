"""The studies that come with sacrofem: each is checked; each is run, on a coarse mesh, behind the marker slow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sacrofem.catalogue import load_study, resolve_study
from sacrofem.catalogue.models import MeshSettings
from sacrofem.study.fit import require_fit
from sacrofem.study.runner import run_study

FOLDER = Path(__file__).parents[1] / "studies"
STUDIES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", STUDIES)
def test_study_is_accepted(name: str) -> None:
    resolved = resolve_study(load_study(FOLDER / f"{name}.yaml"))
    assert resolved.study.reference is not None
    require_fit(resolved)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", STUDIES)
def test_study_runs_and_every_treatment_is_compared(name: str, tmp_path: Path) -> None:
    """In the weakest of its bones, under its first load."""
    file = load_study(FOLDER / f"{name}.yaml")
    resolved = resolve_study(file)
    weakest = max(resolved.levels, key=lambda level: level.rank)
    coarse = file.study.mesh if file.study.fractures else MeshSettings(size=6.0, feature_size=3.0, sampling=1.5)
    study = file.study.model_copy(update={"bmd_levels": (weakest.name,), "loads": file.study.loads[:1], "mesh": coarse})
    table = run_study(study, output=tmp_path / name, pictures=False).table
    if resolved.support.grounding:  # a load in balance by itself has no stiffness
        motion = table[table.metric == "micromotion_mean"].set_index("treatment")
        assert list(motion.index) == [arm.name for arm in study.treatments]
        assert (motion.change_percent.drop(study.reference) < 0.0).all()
        return
    stiffness = table[table.metric == "stiffness"]
    assert list(stiffness.fracture.unique()) == list(study.fracture_names)
    for _, rows in stiffness.groupby("fracture"):
        assert list(rows.treatment) == [arm.name for arm in study.treatments]
    # Cement calms a fracture and hardly stiffens the whole (Anderson and Cotton 2007); what is added never softens it.
    assert (stiffness[stiffness.treatment != study.reference].change_percent > -0.5).all()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_drugs_spare_the_bone_and_cement_calms_the_fracture(tmp_path: Path) -> None:
    """Anabolics more than antiresorptives, all more than none; no drug does to the fracture's motion what cement does."""
    study = load_study(FOLDER / "drugs.yaml").study
    coarse = MeshSettings(size=6.0, feature_size=3.5, sampling=1.5)
    study = study.model_copy(update={"loads": study.loads[:1], "mesh": coarse})
    table = run_study(study, output=tmp_path / "drugs", pictures=False).table
    strain, motion = (
        table[table.metric == metric].pivot_table(index="bmd_level", columns="treatment", values="value")
        for metric in ("strain_mean_ala", "micromotion_mean")
    )
    anabolic = [f"severe_{name}" for name in ("teriparatide_12_months", "romosozumab_12_months")]
    antiresorptive = [f"severe_{name}" for name in ("denosumab_12_months", "zoledronate_36_months")]
    for arm in ("untreated", "cement"):
        assert strain[arm][anabolic].max() < 0.97 * strain[arm][antiresorptive].min()
        assert strain[arm][antiresorptive].max() < 0.97 * strain[arm]["severe"]
        assert motion[arm].idxmax() == "severe"
    assert motion["untreated"].min() > 0.97 * motion["untreated"]["severe"]
    assert (motion["cement"] < 0.7 * motion["untreated"].min()).all()


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_in_gait_treatments_calm_the_fracture_and_the_ground_carries_nothing(tmp_path: Path) -> None:
    """On the ring with its ligaments, muscles and contact forces in balance, under every load of the study."""
    study = load_study(FOLDER / "ring_gait.yaml").study
    coarse = MeshSettings(size=6.0, feature_size=3.5, joint_size=3.0, sampling=1.5, minimum_quality=0.03)
    study = study.model_copy(update={"bmd_levels": ("severe",), "mesh": coarse})
    result = run_study(study, output=tmp_path / "gait", pictures=False)
    motion = result.table[result.table.metric == "micromotion_mean"].pivot_table(
        index="load", columns="treatment", values="value"
    )
    assert set(motion.index) == set(study.loads)
    for arm in ("cement", "screw"):
        assert (motion[arm] < motion["untreated"]).all()
    about = json.loads((tmp_path / "gait" / "study.json").read_text())
    for name, case in about["cases"].items():
        assert case["free_body_residual_force"] < 1e-3, name
        assert np.linalg.norm(case["reaction_N"]) < 1e-3 * study.body_weight, name
        assert case["force_imbalance"] < 1e-6, name
