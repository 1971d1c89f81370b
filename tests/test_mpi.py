"""Results do not depend on the number of ranks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LAUNCHER = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")


def run_on_ranks(ranks: int, *command: str) -> str:
    """The last line that a module of the tests prints on ``ranks`` ranks."""
    assert LAUNCHER, "mpiexec is missing: it comes with dolfinx-solver-real (uv sync) or mpich"
    launched = [LAUNCHER, "-n", str(ranks), sys.executable, "-m", *command]
    root = Path(__file__).parents[1]
    done = subprocess.run(launched, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def numbers(ranks: int, order: int, law: str) -> list[float]:
    """What a full, a partial and a bridged fracture did on ``ranks`` ranks.

    Of each: opening, slide, work, energy, work of friction, and what carries force across it (5 carriers).
    """
    found: list[float] = json.loads(run_on_ranks(ranks, "tests.solved_block", str(order), law))
    return found


@pytest.mark.parametrize(("order", "law"), [(1, "linear"), (2, "linear"), (1, "compression_only")])
def test_one_rank_and_two_agree(order: int, law: str) -> None:
    assert numbers(2, order, law) == pytest.approx(numbers(1, order, law), rel=1e-6, abs=1e-9)


def test_friction_on_two_ranks_does_work_and_agrees_with_one() -> None:
    found = numbers(1, 1, "frictional")
    assert max(found[6::12]) > 1e-3  # N mm: faces slide, so that there is something to agree on
    assert numbers(2, 1, "frictional") == pytest.approx(found, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("order", "law"), [(1, "linear"), pytest.param(2, "linear", marks=pytest.mark.slow)])
def test_more_ranks_than_cores_agree(order: int, law: str) -> None:
    assert numbers(4, order, law) == pytest.approx(numbers(1, order, law), rel=1e-6, abs=1e-9)
