"""Several right-hand sides at once: the same products, the same cycle, the same solutions as one by one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

# isort: split
import numpy as np
import pytest
from mpi4py import MPI
from petsc4py import PETSc

from sacrofem.errors import ModelError
from sacrofem.mechanics.model import SacrumModel
from sacrofem.solver import kernels
from sacrofem.solver.block_matrix import BlockMatrix
from tests.block_solver import loads, stiff_model

LAUNCHER = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")


@pytest.fixture(scope="module", params=[1, 2])
def model(request: pytest.FixtureRequest) -> SacrumModel:
    return stiff_model(request.param, MPI.COMM_SELF)


@pytest.mark.parametrize("width", kernels.WIDTHS)
def test_products_are_those_of_petsc(model: SacrumModel, width: int) -> None:
    random = np.random.default_rng(3)
    x = random.standard_normal((model.matrix.getSize()[0], width))
    rows = BlockMatrix.of(model.matrix, (3, 3))
    found, minus = rows.multiply(x), rows.multiply(x, minus_from=2 * x)
    for column in range(width):
        vector, expected = model.matrix.createVecs()
        vector.array[:] = x[:, column]
        model.matrix.mult(vector, expected)
        np.testing.assert_allclose(found[:, column], expected.array, rtol=1e-11, atol=1e-9)
        np.testing.assert_allclose(minus[:, column], 2 * x[:, column] - expected.array, rtol=1e-11, atol=1e-9)


def test_the_cycle_is_symmetric_and_positive(model: SacrumModel) -> None:
    cycle = model.solver.block_solver().cycle
    random = np.random.default_rng(5)
    x = random.standard_normal((model.matrix.getSize()[0], 2))
    y = cycle.apply(x)
    first, second = float(x[:, 0] @ y[:, 1]), float(x[:, 1] @ y[:, 0])
    size = float(np.linalg.norm(x[:, 0]) * np.linalg.norm(y[:, 1]))
    assert abs(first - second) < 1e-5 * size
    assert float(x[:, 0] @ y[:, 0]) > 0


def test_the_solutions_are_those_of_one_by_one(model: SacrumModel) -> None:
    given = loads(model)
    found, log = model.solver.block_solver().solve(given, 1e-10, 200)
    assert log.iterations < 60
    assert log.residuals.max() < 1e-9
    for column in range(given.shape[1]):
        vector, alone = model.matrix.createVecs()
        vector.array[:] = given[:, column]
        model.solver.solve(vector, alone, 1e-11)
        assert np.linalg.norm(found[:, column] - alone.array) <= 1e-7 * np.linalg.norm(alone.array)


def test_it_takes_as_many_iterations_as_one_right_hand_side(model: SacrumModel) -> None:
    vector = PETSc.Vec().createSeq(model.matrix.getSize()[0])
    vector.array[:] = loads(model)[:, 0]
    alone = model.solver.solve(vector, vector.duplicate(), 1e-9)
    _, log = model.solver.block_solver().solve(loads(model)[:, :1], 1e-9, 200)
    assert log.iterations <= alone.iterations + 5


def test_an_indefinite_matrix_is_said_to_be_one(model: SacrumModel) -> None:
    solver = model.solver.block_solver()
    solver.matrix.rows.data *= -1.0
    assert solver.solve(loads(model), 1e-9, 200)[1].reason == PETSc.KSP.ConvergedReason.DIVERGED_INDEFINITE_MAT
    solver.matrix.rows.data *= -1.0


@pytest.mark.parametrize("order", [1, 2])
def test_one_rank_and_two_agree(order: int) -> None:
    assert LAUNCHER

    def numbers(ranks: int) -> list[float]:
        command = [LAUNCHER or "", "-n", str(ranks), sys.executable, "-m", "tests.block_solver", str(order)]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        found: list[float] = json.loads(done.stdout.splitlines()[-1])
        return found

    one, two = numbers(1), numbers(2)
    assert two[:-2] == pytest.approx(one[:-2], rel=1e-6, abs=1e-6)
    assert two[-2] <= 1.3 * one[-2] + 3
    assert max(one[-1], two[-1]) < 1e-9


def test_a_compiler_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="kernels do not compile") as caught:
        kernels._compile(b"not C at all", kernels._compiler(), tmp_path / "kernels.so")
    assert "next:" in str(caught.value)
