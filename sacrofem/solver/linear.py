"""A matrix, what preconditions it, and many right-hand sides: what all solvers have in common.

Conjugate gradients run on blocks of right-hand sides (:mod:`sacrofem.solver.together`); the true residual is computed after
every solve, and what does not meet the tolerance is an error, never a result.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc
from scipy.sparse import csr_array

from sacrofem.errors import SolveError
from sacrofem.solver.block_matrix import BlockMatrix
from sacrofem.solver.diagnosis import explain_failure
from sacrofem.solver.held import require_held
from sacrofem.solver.low_rank import LowRankCorrection
from sacrofem.solver.recollection import Recollection
from sacrofem.solver.together import BlockLog, BlockSolver, Preconditioner, Springs
from sacrofem.solving import Reuse

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

#: How far the recomputed residual may lie above the tolerance, from rounding.
RESIDUAL_SLACK = 10.0
#: A preconditioner kept from another matrix is made anew when it takes this many times the iterations for a decade of the
#: residual that it took with its own.
_STALE = 1.5
#: A solution is worth keeping where the start left this many decades of the residual to go.
_NEW = 1.0
_MOST_ITERATIONS = 1000
#: Vectors GMRES keeps.
_RESTART = 100


@dataclass(frozen=True)
class SolveLog:
    """What a solve says of itself.

    Attributes:
        iterations: Krylov iterations.
        residual: ||b - A x|| / ||b||, recomputed.
        seconds: Wall time of the solve.
        decades: Orders of ten by which the residual fell.
    """

    iterations: int
    residual: float
    seconds: float
    decades: float = 0.0


class LinearSolver(ABC):
    """One matrix, one preconditioner, many right-hand sides.

    Args:
        matrix: Symmetric positive definite, block size 3.
        space: Its space (coordinates of the dofs give the rigid-body modes).
        tolerance: Relative tolerance of the residual.
        reuse: What is carried on from one matrix to the next.

    Attributes:
        operator: What is solved with, the matrix unless set otherwise: springs of low rank may come on top of it. The
            preconditioner is always made of the matrix alone. Takes effect with the next :meth:`set_up`.
        added: The springs on top of the matrix.
        stiff_springs: Rows and stiffness of those of them that the preconditioner takes account of; see
            :class:`LowRankCorrection`.
        most_iterations: A solve that needs more has failed.
        name: Of the method.
        latest: Log of the last solve that took iterations.
    """

    name: str
    operator: PETSc.Mat
    added: Springs | None = None
    stiff_springs: tuple[csr_array, FloatArray] | None = None
    most_iterations = _MOST_ITERATIONS
    latest: SolveLog | None = None

    def __init__(self, matrix: PETSc.Mat, space: fem.FunctionSpace, tolerance: float, reuse: Reuse) -> None:
        self.matrix = self.operator = matrix
        self.space, self.tolerance, self.reuse = space, tolerance, reuse
        self.comm: MPI.Comm = matrix.comm.tompi4py()
        self.recollection = Recollection(self.comm, 3 * space.dofmap.index_map.size_local)
        matrix.setOption(PETSc.Mat.Option.SPD, True)
        self._block: BlockSolver | None = None
        self._state = self._own_state = self._projected = -1
        self._own_rate, self._rate = 0.0, 0.0
        self._aside: list[FloatArray] = []

    @abstractmethod
    def _prepare(self, matrix: BlockMatrix) -> Preconditioner | None:
        """Make the preconditioner for the matrix as it is now; None where the solver brings its own iteration."""

    def set_up(self) -> None:
        """Make the preconditioner for the matrix as it is now.

        Raises:
            SolveError: the matrix resists some rigid motion nowhere, or cannot be factored.
        """
        began = time.perf_counter()
        self._block = None
        self._own_rate = self._rate = 0.0
        matrix = BlockMatrix.of(self.matrix, (3, 3))
        require_held(BlockSolver(matrix, None, self.added).multiply, self.matrix, self.space)
        cycle, correction = self._prepare(matrix), None
        if cycle is not None and self.stiff_springs is not None:
            correction = LowRankCorrection(matrix.comm, cycle.apply, *self.stiff_springs)
        self._block = BlockSolver(matrix, cycle, self.added, correction)
        self._state = self._own_state = self.matrix.stateGet()
        logger.debug("%s set up in %.1f s", type(self).__name__, time.perf_counter() - began)

    def renew(self) -> None:
        """Make the preconditioner for a new matrix, unless the one there is serves on; collective."""
        if self._block is None or self._block.springs is not self.added or not self.reuse.hierarchy:
            self.set_up()
        elif self._rate > _STALE * self._own_rate:
            logger.info(
                "preconditioner made anew: %.1f iterations for a decade of the residual, %.1f with its own matrix",
                self._rate,
                self._own_rate,
            )
            self.set_up()
        else:
            logger.info("preconditioner kept from an earlier level")

    def block_solver(self) -> BlockSolver:
        """The solver for the matrix as it is now, with the preconditioner of the last :meth:`set_up`; collective."""
        if self._block is None:
            self.set_up()
        assert self._block is not None
        state = self.matrix.stateGet()
        if state != self._state:
            self._block.matrix = BlockMatrix.of(self.matrix, (3, 3))
            self._state = state
        return self._block

    def solve(self, right_hand_side: PETSc.Vec, solution: PETSc.Vec, tolerance: float | None = None) -> SolveLog:
        """Solve in place; see :meth:`solve_together`."""
        return self.solve_together([right_hand_side], [solution], tolerance)

    def solve_together(
        self, right_hand_sides: Sequence[PETSc.Vec], solutions: Sequence[PETSc.Vec], tolerance: float | None = None
    ) -> SolveLog:
        """Solve for several right-hand sides, in place, from zero; collective.

        Args:
            right_hand_sides: b.
            solutions: Where each x goes.
            tolerance: Relative tolerance of this solve (default: the solver's).

        Returns:
            The log of the slowest, with the largest residual.

        Raises:
            SolveError: one did not converge; the message names the likely cause.
        """
        found, log = self.solve_block(_columns(right_hand_sides), tolerance)
        _fill(solutions, found)
        return log

    def solve_block(
        self, loads: FloatArray, tolerance: float | None = None, start: FloatArray | None = None
    ) -> tuple[FloatArray, SolveLog]:
        """The same for arrays (rows of this rank, K), from a start of that shape."""
        began, tolerance = time.perf_counter(), tolerance or self.tolerance
        found, log = self._solve(loads, tolerance, start)
        if self._failure(log, tolerance) and self.matrix.stateGet() != self._own_state:
            logger.warning("the preconditioner kept from an earlier matrix fails this one: it is made anew")
            self.set_up()
            found, log = self._solve(loads, tolerance, None)
        if failure := self._failure(log, tolerance):
            raise failure
        self._note_rate(log)
        worst = float(log.residuals.max(initial=0.0))
        said = SolveLog(log.iterations, worst, time.perf_counter() - began, log.decades)
        self.latest = said if said.iterations else self.latest
        return found, said

    def remember(self, loads: FloatArray, tolerance: float | None = None) -> tuple[FloatArray, SolveLog]:
        """Solve for a block, starting from the solutions kept, and keep the new ones; collective.

        Args:
            loads: (rows of this rank, K).
            tolerance: Relative tolerance.
        """
        self._look_back()
        start = self.recollection.start(loads) if len(self.recollection) else None
        found, log = self.solve_block(loads, tolerance, start)
        if log.decades > _NEW and (self.reuse.superposition or self.reuse.together):
            self.recollection.keep(found, self.multiply)
        elif log.decades > _NEW and self.reuse.start:
            self._aside.append(found)  # for the next matrix, not for other loads of this one
        return found, log

    def guess(self, load: FloatArray) -> FloatArray:
        """(rows of this rank, K) a start for loads of that shape from all solutions kept, near or far; collective."""
        self.recollection.renew(self.multiply)
        return self.recollection.start(load)

    def multiply(self, x: FloatArray) -> FloatArray:
        """The operator times (rows of this rank, K), any K; collective."""
        return self.block_solver().multiply(x)

    def _look_back(self) -> None:
        """Let the recollection know the matrix as it is now."""
        state = self.matrix.stateGet()
        if state == self._projected:
            return
        if self.reuse.start:
            self.recollection.renew(self.multiply, self._aside)
            self._aside = []
        else:
            self.recollection.forget()
        self._projected = state

    def _solve(self, loads: FloatArray, tolerance: float, start: FloatArray | None) -> tuple[FloatArray, BlockLog]:
        return self.block_solver().solve(loads, tolerance, self.most_iterations, start)

    def _note_rate(self, log: BlockLog) -> None:
        """Remember the iterations for a decade of the residual, of a solve long enough to tell."""
        if log.decades < 2.0:
            return
        self._rate = log.iterations / log.decades
        if self.matrix.stateGet() == self._own_state:
            self._own_rate = self._rate

    def _failure(self, log: BlockLog, tolerance: float) -> SolveError | None:
        """Why a solve is no result; CG updates its residual by recurrence, but what counts is the true one."""
        worst = float(log.residuals.max(initial=0.0))
        if worst <= RESIDUAL_SLACK * tolerance:
            return None
        reason = PETSc.KSP.ConvergedReason
        failure = reason.DIVERGED_MAX_IT if log.iterations >= self.most_iterations else reason.CONVERGED_RTOL
        failure = log.reason or failure
        failure = failure if np.isfinite(worst) else reason.DIVERGED_NANORINF
        return explain_failure(int(failure), log.iterations, worst, self.matrix.getSize()[0])

    def solve_unsymmetric(self, right_hand_side: PETSc.Vec, solution: PETSc.Vec, tolerance: float) -> SolveLog:
        """Solve with a matrix that has come to be unsymmetric (friction), by flexible GMRES on the preconditioner there is.

        Flexible GMRES takes nothing for granted of the preconditioner: with a cycle on rounded vectors, which is no linear map to
        the last digits, GMRES stopped at a true residual of 2e-4 for one below the tolerance.

        Raises:
            SolveError: it did not converge.
        """
        began = time.perf_counter()
        ksp = PETSc.KSP().create(self.matrix.comm)
        ksp.setType("fgmres")
        ksp.setGMRESRestart(_RESTART)
        ksp.setOperators(self.operator, self.matrix)
        self._precondition(ksp)
        ksp.setPCSide(PETSc.PC.Side.RIGHT)
        ksp.setTolerances(rtol=tolerance, max_it=_MOST_ITERATIONS)
        ksp.solve(right_hand_side, solution)
        reason, iterations = int(ksp.getConvergedReason()), ksp.getIterationNumber()
        ksp.destroy()
        relative = self.residual(right_hand_side, solution)
        if reason < 0 or not relative <= RESIDUAL_SLACK * tolerance:
            raise explain_failure(reason, iterations, relative, self.matrix.getSize()[0])
        return SolveLog(iterations, relative, time.perf_counter() - began)

    def _precondition(self, ksp: PETSc.KSP) -> None:
        """Let another iteration of PETSc's use the preconditioner there is."""
        pc = ksp.getPC()
        pc.setType("python")
        pc.setPythonContext(_Shell(self.block_solver().precondition))

    def residual(self, right_hand_side: PETSc.Vec, solution: PETSc.Vec) -> float:
        """||b - A x|| / ||b||, computed afresh."""
        difference = right_hand_side.duplicate()
        self.operator.mult(solution, difference)
        difference.aypx(-1.0, right_hand_side)
        norm = right_hand_side.norm()
        relative = float(difference.norm() / norm) if norm else 0.0
        difference.destroy()
        return relative


def _columns(vectors: Sequence[PETSc.Vec]) -> FloatArray:
    return np.stack([vector.getArray(readonly=True) for vector in vectors], axis=1)


def _fill(vectors: Sequence[PETSc.Vec], columns: FloatArray) -> None:
    for vector, column in zip(vectors, columns.T, strict=True):
        with vector as values:
            values[:] = column


class _Shell:
    """The cycle as PETSc calls it."""

    def __init__(self, precondition: Callable[[FloatArray], FloatArray]) -> None:
        self.precondition = precondition

    def apply(self, _: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """Write an approximation of A^-1 x into y."""
        with y as values:
            values[:] = self.precondition(x.getArray(readonly=True)[:, None])[:, 0]
