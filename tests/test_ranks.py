"""Every metric of a whole study is the same on 1, 2 and 4 ranks: sacrum, and ring with ligaments and rods; P1 and P2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import sacrofem
from tests.small_study import SMALL
from tests.test_mpi import LAUNCHER

SACRUM = SMALL.model_copy(
    update={
        "name": "ranked",
        "bmd_levels": ("severe",),
        "mesh": sacrofem.MeshSettings(size=10.0, feature_size=6.0, sampling=2.0, minimum_quality=0.03),
    }
)
#: The mesh is that of the ring in tests/test_export.py.
RING = SACRUM.model_copy(
    update={
        "extent": "pelvic_ring",
        "support": "ball_and_socket",
        "treatments": (
            sacrofem.Treatment(name="untreated"),
            sacrofem.Treatment(name="rod", implants=("transiliac_internal_fixator",)),
        ),
        "loads": ("standing",),
        "mesh": sacrofem.MeshSettings(size=7.0, feature_size=4.0, joint_size=3.0, sampling=2.0, minimum_quality=0.03),
    }
)


def table_on_ranks(ranks: int, study: sacrofem.Study, folder: Path) -> pd.DataFrame:
    """The table of a study that ``ranks`` ranks ran."""
    assert LAUNCHER, "mpiexec is missing: it comes with dolfinx-solver-real (uv sync) or mpich"
    folder.mkdir(exist_ok=True)
    (folder / "study.json").write_text(study.model_dump_json())
    command = [LAUNCHER, "-n", str(ranks), sys.executable, "-m", "tests.ranked_study"]
    command += [str(folder / "study.json"), str(folder / f"on_{ranks}")]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return pd.read_parquet(folder / f"on_{ranks}" / "results.parquet")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("study", [SACRUM, RING], ids=["sacrum", "ring"])
def test_every_metric_agrees(study: sacrofem.Study, order: int, tmp_path: Path) -> None:
    given = study.model_copy(update={"order": order})
    one = table_on_ranks(1, given, tmp_path)
    if study is RING:
        assert one.metric.str.startswith("ligament_tension_").any()
        assert one.metric.str.startswith("member_stress_max").any()
    scale = one.groupby("metric").value.transform(lambda values: values.abs().max())
    for ranks in (2, 4):
        several = table_on_ranks(ranks, given, tmp_path)
        assert list(several.metric) == list(one.metric)
        off = (several.value - one.value).abs()
        worst = (off / scale.where(scale > 0, 1.0)).idxmax()
        where = (
            f"{one.case[worst]}, {one.metric[worst]}: {one.value[worst]:.12g} on 1 rank, {several.value[worst]:.12g} on {ranks}"
        )
        assert (off <= 1e-6 * scale + 1e-12).all(), where
