"""The linear solve: it finds the solution across stiffness contrasts, and says why where it cannot."""

from __future__ import annotations

# isort: split
import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI
from petsc4py import PETSc

from sacrofem.errors import SolveError
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.loading import endplate_force
from sacrofem.mechanics.model import SacrumModel
from sacrofem.solver.diagnosis import explain_failure
from sacrofem.solver.interpolation import interpolate_to_quadratic
from sacrofem.solver.together import BlockSolver
from tests.blocks import block
from tests.solved_block import properties


def bridged_block(cells: tuple[int, int, int], order: int) -> SacrumModel:
    """A block of bone, bridged by cement a thousand times as stiff, in a stiff cortex."""
    model = SacrumModel(distribute(block(cells, bridge=0.4), MPI.COMM_SELF), frozenset({"cement:bridge"}), order)
    given = properties(thickness=1.0)
    given.young.update({"body": 10.0, "cement:bridge": 10000.0})
    model.set_properties(given)
    model.assemble()
    return model


@pytest.fixture
def model() -> SacrumModel:
    return bridged_block((6, 6, 12), order=1)


@pytest.fixture
def quadratic() -> SacrumModel:
    return bridged_block((3, 3, 6), order=2)


def load_of(model: SacrumModel) -> PETSc.Vec:
    return model.loading.vector(endplate_force(np.array([10.0, -30.0, -100.0])))


def solve_directly(model: SacrumModel, load: PETSc.Vec, exact: PETSc.Vec) -> None:
    direct = PETSc.KSP().create(MPI.COMM_SELF)
    direct.setOperators(model.matrix.convert("aij", PETSc.Mat()))
    direct.setType("preonly")
    direct.getPC().setType("cholesky")
    direct.getPC().setFactorSolverType("mumps")
    direct.solve(load, exact)


def test_the_solution_is_that_of_a_direct_solver(model: SacrumModel) -> None:
    load = load_of(model)
    found, exact = load.duplicate(), load.duplicate()
    log = model.solver.solve(load, found)
    solve_directly(model, load, exact)
    assert log.iterations < 60
    assert log.residual < 1e-8
    assert (found - exact).norm() < 1e-6 * exact.norm()


def test_a_linear_field_is_the_same_in_both_levels_of_p_multigrid(quadratic: SacrumModel) -> None:
    """Whatever is linear on either side of the cut, with a jump across it, is carried over exactly."""
    assert quadratic.linear_space is not None

    def strained(space: fem.FunctionSpace) -> PETSc.Vec:
        field = fem.Function(space)
        points = space.tabulate_dof_coordinates()
        field.x.array[:] = (points @ np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.0], [0.0, 4.0, 2.0]])).ravel()
        return field.x.petsc_vec.copy()

    coarse, fine = strained(quadratic.linear_space), strained(quadratic.V)
    carried = fine.duplicate()
    interpolate_to_quadratic(quadratic.linear_space, quadratic.V).mult(coarse, carried)
    assert (carried - fine).norm() < 1e-12 * fine.norm()


def test_p_multigrid_keeps_the_two_faces_of_a_fracture_apart(quadratic: SacrumModel) -> None:
    """A rigid motion of one copy of a cut vertex moves, in P2, no node beyond its own cells."""
    linear = quadratic.linear_space
    assert linear is not None
    matrix = interpolate_to_quadratic(linear, quadratic.V)
    for cell in range(linear.dofmap.list.shape[0]):
        unit = matrix.createVecRight()
        node = int(linear.dofmap.list[cell, 0])
        unit.setValue(3 * node, 1.0)
        unit.assemble()
        moved = set(np.flatnonzero((matrix * unit).array) // 3)
        touching = np.flatnonzero((linear.dofmap.list == node).any(axis=1))
        assert moved <= set(quadratic.V.dofmap.list[touching].ravel())


def test_the_quadratic_solution_is_that_of_a_direct_solver(quadratic: SacrumModel) -> None:
    load = load_of(quadratic)
    found, exact = load.duplicate(), load.duplicate()
    log = quadratic.solver.solve(load, found)
    solve_directly(quadratic, load, exact)
    assert log.iterations < 60
    assert (found - exact).norm() < 1e-6 * exact.norm()


def test_the_finest_level_relaxes_the_copies_of_a_place_together(model: SacrumModel) -> None:
    """Its blocks hold all copies of a node, those of the coarser levels one aggregate."""
    finest, *coarser = model.solver.block_solver().cycle.levels
    sizes = np.diff(finest.smoother.inverse.indptr)
    places = model.V.tabulate_dof_coordinates()
    twins = np.array([np.sum(np.linalg.norm(places - place, axis=1) < 1e-9) for place in places])
    assert (sizes == twins).all()
    assert sizes.max() > 1
    assert all((np.diff(level.smoother.inverse.indptr) == 1).all() for level in coarser)


def test_too_few_iterations_are_explained(model: SacrumModel) -> None:
    model.solver.most_iterations = 2
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
    monkeypatch.setattr(BlockSolver, "residuals", lambda *_: np.full(8, 1e-3))
    load = load_of(model)
    with pytest.raises(SolveError, match="stalled"):
        model.solver.solve(load, load.duplicate())
