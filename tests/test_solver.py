"""The linear solve: it finds the solution across stiffness contrasts, and says why where it cannot."""

from __future__ import annotations

# isort: split
import numpy as np
import pytest
from mpi4py import MPI
from petsc4py import PETSc

from sacrofem.errors import SolveError
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.solver import multigrid
from sacrofem.solver.diagnosis import explain_failure
from tests.blocks import block
from tests.solved_block import properties


@pytest.fixture
def model() -> SacrumModel:
    """A block of bone, bridged by cement a thousand times as stiff, in a stiff cortex."""
    model = SacrumModel(distribute(block((6, 6, 12), bridge=0.4), MPI.COMM_SELF), frozenset({"cement:bridge"}), 1)
    given = properties(thickness=1.0)
    given.young.update({"body": 10.0, "cement:bridge": 10000.0})
    model.set_properties(given)
    model.assemble()
    return model


def load_of(model: SacrumModel) -> PETSc.Vec:
    return model._load_vector(np.array([10.0, -30.0, -100.0]))


def test_the_solution_is_that_of_a_direct_solver(model: SacrumModel) -> None:
    load = load_of(model)
    found, exact = load.duplicate(), load.duplicate()
    log = model.solver.solve(load, found)
    direct = PETSc.KSP().create(MPI.COMM_SELF)
    direct.setOperators(model.matrix)
    direct.setType("preonly")
    direct.getPC().setType("cholesky")
    direct.getPC().setFactorSolverType("mumps")
    direct.solve(load, exact)
    assert log.iterations < 60
    assert log.residual < 1e-8
    assert (found - exact).norm() < 1e-6 * exact.norm()


def test_smoothers_are_those_asked_for(model: SacrumModel) -> None:
    pc = model.solver.ksp.getPC()
    smoother = pc.getMGSmoother(pc.getMGLevels() - 1)
    assert smoother.getPC().getType() == multigrid.GAMG_OPTIONS["mg_levels_pc_type"]


def test_too_few_iterations_are_explained(model: SacrumModel) -> None:
    model.solver.ksp.setTolerances(max_it=2)
    load = load_of(model)
    with pytest.raises(SolveError, match=r"DIVERGED_ITS.*(\n.*)*after 2 iterations") as caught:
        model.solver.solve(load, load.duplicate())
    assert "next:" in str(caught.value)


@pytest.mark.parametrize(("reason", "name"), [(-8, "INDEFINITE_PC"), (-9, "NANORINF"), (-10, "INDEFINITE_MAT"), (-99, "-99")])
def test_every_reason_has_a_cause_and_a_next_step(reason: int, name: str) -> None:
    said = str(explain_failure(reason, 7, 0.5, 300))
    for word in (name, "300 dofs", "after 7 iterations", "likely cause: ", "next: "):
        assert word in said


def test_a_stalled_residual_is_no_result(model: SacrumModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.solver, "residual", lambda *_: 1e-3)
    load = load_of(model)
    with pytest.raises(SolveError, match="stalled"):
        model.solver.solve(load, load.duplicate())
