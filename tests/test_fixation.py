"""Constructs in an H-type fracture of the ring, coarse, against the orderings of the literature."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sacrofem.catalogue import load_study
from sacrofem.catalogue.models import MeshSettings
from sacrofem.study.runner import run_study

STUDY = Path(__file__).parents[1] / "studies" / "fixation_ring.yaml"


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Micromotion of the severe bone in standing, mm: fractures down, treatments across."""
    study = load_study(STUDY).study
    coarse = MeshSettings(size=6.0, feature_size=3.0, joint_size=3.0, sampling=1.5)
    study = study.model_copy(update={"bmd_levels": ("severe",), "mesh": coarse})
    table = run_study(study, output=tmp_path_factory.mktemp("fixation") / "out", pictures=False).table
    chosen = table[table.metric == "micromotion_mean"]
    return chosen.pivot_table(index="fracture", columns="treatment", values="value")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_construct_calms_the_fracture(motion: pd.DataFrame) -> None:
    """Fixation lowers motion (Mears 2010; J Healthcare Eng 2020, 5379593)."""
    mean = motion.mean()
    assert (mean.drop("untreated") < mean["untreated"]).all()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_trans_sacral_levels_calm_it_more_than_one(motion: pd.DataFrame) -> None:
    """Zhao 2012; doi 10.1186/s13018-021-02581-5."""
    mean = motion.mean()
    assert mean["trans_sacral_s1_s2"] < mean["trans_sacral_s1"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_triangle_calms_it_more_than_its_screws_or_its_rods_alone(motion: pd.DataFrame) -> None:
    """Bilateral triangular above lumbopelvic fixation (doi 10.1186/s13018-021-02581-5), and above iliosacral screws."""
    mean = motion.mean()
    assert mean["triangular"] < mean["spinopelvic"]
    assert mean["triangular"] < mean["iliosacral_s1"]
