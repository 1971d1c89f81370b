"""Which solver a model gets, what the user may say of it, and how a solve that cannot be right is refused."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

# isort: split
import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI
from petsc4py import PETSc

from sacrofem.errors import ConfigError, SolveError
from sacrofem.loads.parts import LoadPart
from sacrofem.mechanics.balance import compare_works, require_balance
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.loading import endplate_force
from sacrofem.mechanics.model import SacrumModel
from sacrofem.solver import choice, memory
from sacrofem.solver.diagnosis import explain_memory
from sacrofem.solver.direct import DirectSolver
from sacrofem.solver.memory import estimate_memory, free_memory, require_memory
from sacrofem.solver.multigrid import MultigridSolver
from sacrofem.solver.plain import PetscSolver
from sacrofem.solver.together import BlockSolver
from sacrofem.solving import Reuse, SolverSettings, parse_options
from tests.blocks import block
from tests.solved_block import properties

FORCE = np.array([10.0, -30.0, -100.0])
TUNED = "-ksp_type cg -pc_type gamg -pc_gamg_threshold 0.02 -mg_levels_pc_type pbjacobi"


def model_by(
    settings: SolverSettings,
    order: int = 1,
    law: str = "linear",
    supported: bool = True,
    cells: tuple[int, int, int] = (3, 3, 6),
) -> SacrumModel:
    """A block of bone cut half through, solved as the settings say; ready but for its preconditioner."""
    model = SacrumModel(distribute(block(cells, fracture_depth=0.7), MPI.COMM_SELF), frozenset(), order, settings=settings)
    model.set_properties(properties(law, thickness=1.0))
    if not supported:
        for springs in (model.supports.normal, model.supports.tangential):
            for stiffness in springs.values():
                stiffness.value = 0.0
    model.assemble(renew=False)
    return model


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("law", ["linear", "frictional"])
@pytest.mark.parametrize("settings", [SolverSettings("direct"), SolverSettings("petsc", TUNED)], ids=["direct", "petsc"])
def test_all_solvers_give_the_same_motion(settings: SolverSettings, law: str, order: int) -> None:
    found, expected = (model_by(given, order, law) for given in (settings, SolverSettings("multigrid")))
    for model in (found, expected):
        model.reassemble()
    one, other = (model.solve(np.array([26.0, 10.0, -60.0])) for model in (found, expected))
    assert one.work == pytest.approx(other.work, rel=1e-7)
    assert np.abs(one.displacement.x.array - other.displacement.x.array).max() < 1e-6 * np.abs(other.displacement.x.array).max()


def test_small_models_are_factored_and_large_ones_are_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="sacrofem"):
        assert isinstance(model_by(SolverSettings()).solver, DirectSolver)
        monkeypatch.setitem(choice.DIRECT_BELOW, 1, 10)
        assert isinstance(model_by(SolverSettings()).solver, MultigridSolver)
    said = caplog.text
    assert "solver: direct (up to 15,000 dofs a factor is quicker)" in said
    assert "solver: multigrid (above 10 dofs it is quicker than a factor)" in said
    assert "memory: about" in said


def test_options_of_petsc_choose_its_solver() -> None:
    assert isinstance(model_by(SolverSettings(petsc="-pc_type jacobi")).solver, PetscSolver)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "magic"}, "--solver"),
        ({"method": "direct", "petsc": "-pc_type gamg"}, "--solver direct"),
        ({"memory_limit": 0.0}, "--memory-limit"),
        ({"petsc": "cg"}, "got:     cg"),
        ({"petsc": "-ksp_type cg gmres"}, "got:     gmres"),
        ({"petsc": "-ksp_type 'cg"}, "--petsc"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match="next:") as caught:
        SolverSettings(**given)
    assert said in str(caught.value)


def test_options_are_read_as_on_the_command_line() -> None:
    assert parse_options("-ksp_type cg -ksp_view -pc_gamg_threshold -1") == {
        "ksp_type": "cg",
        "ksp_view": None,
        "pc_gamg_threshold": "-1",
    }


def test_reuse_is_named() -> None:
    assert Reuse.only(["none"]) == Reuse(False, False, False, False, False)
    assert Reuse.only(["start", " together"]) == Reuse(True, False, True, False, False)
    with pytest.raises(ConfigError, match="allowed: together, superposition, start, regions, hierarchy, none"):
        Reuse.only(["memory"])


def test_results_of_solvers_asked_for_are_kept_apart() -> None:
    assert SolverSettings(memory_limit=1e6).changes_results == ""
    assert SolverSettings("direct").changes_results != SolverSettings("petsc").changes_results != ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("-ksp_type cg -pc_type gamg -pc_gamg_treshold 0.02", "did not read: -pc_gamg_treshold"),
        ("-pc_type magic", "PETSc's error"),
    ],
)
def test_options_that_petsc_does_not_know_are_refused(options: str, said: str) -> None:
    model = model_by(SolverSettings("petsc", options))
    with pytest.raises(ConfigError, match="cannot solve with these options") as caught:
        model.solver.set_up()
    assert said in str(caught.value)


def test_a_tolerance_of_petsc_that_is_too_loose_is_no_result() -> None:
    model = model_by(SolverSettings("petsc", f"{TUNED} -ksp_rtol 1e-3"))
    with pytest.raises(SolveError, match="stalled above the tolerance"):
        model.solve(FORCE)


def test_a_method_that_stalls_says_so() -> None:
    model = model_by(SolverSettings("petsc", "-ksp_type cg -pc_type jacobi -ksp_max_it 3"))
    with pytest.raises(SolveError, match=r"DIVERGED_ITS.*(\n.*)*after 3 iterations(.*\n)*.*next: "):
        model.solve(FORCE)


@pytest.mark.parametrize("method", ["multigrid", "direct", "petsc"])
def test_a_model_without_supports_is_singular_and_said_to_be(method: str) -> None:
    model = model_by(SolverSettings(method), supported=False)
    with pytest.raises(SolveError, match="singular") as caught:
        model.solver.set_up()
    for word in ("rigid motion: mostly a", "next:", "support"):
        assert word in str(caught.value)


def test_a_support_that_lets_the_model_slide_is_named() -> None:
    """Springs along the normals of the supports alone leave the motions in their plane free."""
    model = model_by(SolverSettings("multigrid"))
    for stiffness in model.supports.tangential.values():
        stiffness.value = 0.0
    model.assemble(renew=False)
    with pytest.raises(SolveError, match=r"mostly a (shift along (x|y)|turn about z)"):
        model.solver.set_up()


@pytest.mark.parametrize("method", ["multigrid", "direct"])
def test_a_negative_modulus_is_found_out(method: str) -> None:
    model = model_by(SolverSettings(method))
    model.young.x.array[: len(model.young.x.array) // 2] *= -1.0
    model.settings = replace(model.settings, reuse=Reuse.only(["none"]))
    model.assemble(renew=False)
    with pytest.raises(SolveError, match=r"not positive|INDEFINITE|singular|NANORINF") as caught:
        model.solve(FORCE)
    assert "next:" in str(caught.value)


def test_a_preconditioner_that_is_not_positive_is_told_from_such_a_matrix() -> None:
    model = model_by(SolverSettings("multigrid"))
    solver = model.solver.block_solver()

    class Upside:
        def apply(self, b: np.ndarray) -> np.ndarray:
            return -b

    load = np.stack([model.loading.vector(endplate_force(FORCE)).array], axis=1)
    wrong = BlockSolver(solver.matrix, Upside())
    assert wrong.solve(load, 1e-9, 50)[1].reason == PETSc.KSP.ConvergedReason.DIVERGED_INDEFINITE_PC
    solver.cycle = Upside()
    with pytest.raises(SolveError, match="INDEFINITE_PC"):
        model.solver.solve_block(load)


def test_a_kept_preconditioner_that_fails_is_made_anew(caplog: pytest.LogCaptureFixture) -> None:
    model = model_by(SolverSettings("multigrid"))
    solver = model.solver.block_solver()

    class Nothing:
        def apply(self, b: np.ndarray) -> np.ndarray:
            return -b

    solver.cycle = Nothing()
    model.assemble(renew=False)  # another matrix, as far as the solver knows
    with caplog.at_level(logging.WARNING, logger="sacrofem"):
        solution = model.solve(FORCE)
    assert "it is made anew" in caplog.text
    assert solution.residual < 1e-8


def test_a_wrong_displacement_is_not_in_balance() -> None:
    """The two works differ by the share of the load that is not carried."""
    model = model_by(SolverSettings("direct"))
    good = model.solve(FORCE)
    assert good.energy_imbalance < 1e-9
    load = model.loading.vector(endplate_force(FORCE))
    half = fem.Function(model.V)
    half.x.array[:] = 0.5 * good.displacement.x.array
    product = load.duplicate()
    model.assembled.mult(half.x.petsc_vec, product)
    share = compare_works(float(load.dot(half.x.petsc_vec)), float(product.dot(half.x.petsc_vec)))
    assert share == pytest.approx(0.5, rel=1e-6)
    with pytest.raises(SolveError, match=r"not in balance: the work.*(\n.*)*5.0e-01"):
        require_balance(0.0, share)
    with pytest.raises(SolveError, match="not in balance: the force"):
        require_balance(1e-3, 0.0)


def test_memory_beyond_the_limit_is_refused_before_the_matrix_is_made() -> None:
    with pytest.raises(SolveError, match="more memory") as caught:
        model_by(SolverSettings(memory_limit=0.5))
    for word in ("--memory-limit", "MB needed", "order: 1", "dofs of order 1 by the direct solver"):
        assert word in str(caught.value)


def test_memory_counts_what_is_free_and_what_a_factor_fills() -> None:
    assert 0.0 < free_memory()[0] < 1e8
    big = estimate_memory(1_000_000, 1, "direct") / estimate_memory(1_000_000, 1, "multigrid")
    assert big > 4.0
    assert estimate_memory(100_000, 2, "multigrid") > estimate_memory(100_000, 1, "multigrid")


def test_the_limit_of_a_control_group_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, use = tmp_path / "memory.max", tmp_path / "memory.current"
    limit.write_text("300000000\n")
    use.write_text("100000000\n")
    monkeypatch.setattr(memory, "_group_files", lambda: [(limit, use)])
    assert free_memory() == (200.0, "left of the control group's limit")
    with pytest.raises(SolveError, match="control group"):
        require_memory(MPI.COMM_SELF, 201.0, None, "a test")
    require_memory(MPI.COMM_SELF, 199.0, None, "a test")
    limit.write_text("max\n")
    assert free_memory()[1] == "free on this machine"


def test_an_allocation_that_fails_is_explained() -> None:
    assert "next:" in str(explain_memory("factor of a matrix of 9 dofs"))


def test_loads_of_a_block_are_those_solved_one_by_one() -> None:
    """Five loads of which two are sums of others: three columns, the displacements of all as solved alone."""
    forces = np.array([[1.0, 0, 0], [0, 2.0, 0], [3.0, -1.0, 0], [0, 0, -5.0], [2.0, 2.0, 2.0]])
    loads = [(LoadPart(f"{i}", "endplate", force),) for i, force in enumerate(forces)]
    together = model_by(SolverSettings("multigrid"))
    assert together.prepare(loads)
    assert len(together.solver.recollection) == 3
    for load in loads:
        alone = model_by(SolverSettings("multigrid", reuse=Reuse.only(["none"])))
        expected, found = alone.solve(load), together.solve(load)
        assert found.iterations <= 1
        difference = np.abs(found.displacement.x.array - expected.displacement.x.array).max()
        assert difference < 1e-8 * np.abs(expected.displacement.x.array).max()


def test_a_level_starts_from_the_ones_before_and_ends_where_it_would_alone() -> None:
    def solve_levels(reuse: Reuse) -> tuple[list[int], list[np.ndarray]]:
        # More than the coarsest level, which is solved exactly, holds.
        model = model_by(SolverSettings("multigrid", reuse=reuse), cells=(5, 5, 8))
        iterations, found = [], []
        for young in (100.0, 60.0, 61.0):
            given = properties(thickness=1.0)
            model.set_properties(replace(given, young=given.young | {"body": young}))
            model.reassemble()
            solution = model.solve(FORCE)
            iterations.append(solution.iterations)
            found.append(solution.displacement.x.array.copy())
        return iterations, found

    alone, expected = solve_levels(Reuse.only(["none"]))
    for names in (["start"], ["regions"], ["hierarchy"], ["together", "superposition", "start", "regions", "hierarchy"]):
        iterations, found = solve_levels(Reuse.only(names))
        for one, other in zip(found, expected, strict=True):
            assert np.abs(one - other).max() < 1e-8 * np.abs(other).max()
        if names == ["start"]:
            assert iterations[2] < alone[2]
