"""The studies that come with sacrofem: each is checked; each is run, on a coarse mesh, behind the marker slow."""

from __future__ import annotations

from pathlib import Path

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
