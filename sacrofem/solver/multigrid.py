"""Conjugate gradients with smoothed-aggregation multigrid on the rigid motions; see :mod:`sacrofem.solver.hierarchy`.

Quadratic displacements get one level more: p-multigrid smooths in P2 and leaves the rest to the Galerkin P1 matrix.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray
from petsc4py import PETSc
from scipy.sparse import csr_array

from sacrofem.solver.block_matrix import BlockMatrix
from sacrofem.solver.copies import find_blocks
from sacrofem.solver.diagnosis import explain_failure
from sacrofem.solver.hierarchy import Prolongation, build_cycle
from sacrofem.solver.interpolation import interpolate_to_quadratic
from sacrofem.solver.low_rank import LowRankCorrection
from sacrofem.solver.together import BlockSolver, Springs

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

#: How far the recomputed residual may lie above the tolerance, from rounding.
_RESIDUAL_SLACK = 10.0
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
    """

    iterations: int
    residual: float
    seconds: float


class MultigridSolver:
    """One matrix, one preconditioner, many right-hand sides.

    Args:
        matrix: Symmetric positive definite, block size 3.
        space: Its space (coordinates of the dofs give the rigid-body modes).
        linear: The P1 space with the same cut where ``space`` is P2; makes the P1 level of p-multigrid.
        tolerance: Relative tolerance of the residual.

    Attributes:
        operator: What is solved with, the matrix unless set otherwise: springs of low rank may come on top of it. The
            hierarchy is always made of the matrix alone. Takes effect with the next :meth:`set_up`.
        added: The springs on top of the matrix.
        stiff_springs: Rows and stiffness of those of them that the preconditioner takes account of; see
            :class:`LowRankCorrection`.
        most_iterations: A solve that needs more has failed.
    """

    operator: PETSc.Mat
    added: Springs | None = None
    stiff_springs: tuple[csr_array, FloatArray] | None = None
    most_iterations = _MOST_ITERATIONS

    def __init__(
        self,
        matrix: PETSc.Mat,
        space: fem.FunctionSpace,
        linear: fem.FunctionSpace | None = None,
        tolerance: float = 1e-9,
    ) -> None:
        self.matrix = self.operator = matrix
        self.tolerance = tolerance
        matrix.setOption(PETSc.Mat.Option.SPD, True)
        self._places = find_blocks(space)
        self._state = -1
        self._interpolation = None if linear is None else _describe_interpolation(linear, space)
        self._motions = rigid_motions(linear or space)

    def set_up(self) -> None:
        """Build the hierarchy for the matrix as it is now."""
        began = time.perf_counter()
        self._block: BlockSolver | None = None
        self.block_solver()
        logger.debug("multigrid set up in %.1f s", time.perf_counter() - began)

    def block_solver(self) -> BlockSolver:
        """The solver for the matrix as it is now, with the preconditioner of the last :meth:`set_up`; collective."""
        state = self.matrix.stateGet()
        if self._block is None:
            matrix = BlockMatrix.of(self.matrix, (3, 3))
            cycle = build_cycle(matrix, self._motions, self._places, self._interpolation)
            correction = None
            if self.stiff_springs is not None:
                correction = LowRankCorrection(matrix.comm, cycle.apply, *self.stiff_springs)
            self._block = BlockSolver(matrix, cycle, self.added, correction)
        elif state != self._state:
            self._block.matrix = BlockMatrix.of(self.matrix, (3, 3))
        self._state = state
        return self._block

    def solve(self, right_hand_side: PETSc.Vec, solution: PETSc.Vec, tolerance: float | None = None) -> SolveLog:
        """Solve in place; see :meth:`solve_together`."""
        return self.solve_together([right_hand_side], [solution], tolerance)

    def solve_together(
        self, right_hand_sides: Sequence[PETSc.Vec], solutions: Sequence[PETSc.Vec], tolerance: float | None = None
    ) -> SolveLog:
        """Solve for several right-hand sides, in place; collective.

        Args:
            right_hand_sides: b.
            solutions: Where each x goes.
            tolerance: Relative tolerance of this solve (default: the solver's).

        Returns:
            The log of the slowest, with the largest residual.

        Raises:
            SolveError: one did not converge; the message names the likely cause.
        """
        began, tolerance = time.perf_counter(), tolerance or self.tolerance
        loads = np.stack([vector.getArray(readonly=True) for vector in right_hand_sides], axis=1)
        found, log = self.block_solver().solve(loads, tolerance, self.most_iterations)
        for vector, column in zip(solutions, found.T, strict=True):
            with vector as values:
                values[:] = column
        worst = float(log.residuals.max())
        # CG updates its residual by recurrence; what counts is the true one.
        if not worst <= _RESIDUAL_SLACK * tolerance:
            reason = PETSc.KSP.ConvergedReason
            failure = reason.DIVERGED_MAX_IT if log.iterations >= self.most_iterations else reason.CONVERGED_RTOL
            failure = reason.DIVERGED_INDEFINITE_PC if log.indefinite else failure
            failure = failure if np.isfinite(worst) else reason.DIVERGED_NANORINF
            raise explain_failure(int(failure), log.iterations, worst, self.matrix.getSize()[0])
        return SolveLog(log.iterations, worst, time.perf_counter() - began)

    def solve_unsymmetric(self, right_hand_side: PETSc.Vec, solution: PETSc.Vec, tolerance: float) -> SolveLog:
        """Solve with a matrix that has come to be unsymmetric (friction), by GMRES on the preconditioner there is.

        Raises:
            SolveError: it did not converge.
        """
        began = time.perf_counter()
        ksp = PETSc.KSP().create(self.matrix.comm)
        ksp.setType("gmres")
        ksp.setGMRESRestart(_RESTART)
        ksp.setOperators(self.operator, self.matrix)
        pc = ksp.getPC()
        pc.setType("python")
        pc.setPythonContext(_Shell(self.block_solver().precondition))
        ksp.setPCSide(PETSc.PC.Side.RIGHT)
        ksp.setTolerances(rtol=tolerance, max_it=_MOST_ITERATIONS)
        ksp.solve(right_hand_side, solution)
        reason, iterations = int(ksp.getConvergedReason()), ksp.getIterationNumber()
        ksp.destroy()
        relative = self.residual(right_hand_side, solution)
        if reason < 0 or not relative <= _RESIDUAL_SLACK * tolerance:
            raise explain_failure(reason, iterations, relative, self.matrix.getSize()[0])
        return SolveLog(iterations, relative, time.perf_counter() - began)

    def residual(self, right_hand_side: PETSc.Vec, solution: PETSc.Vec) -> float:
        """||b - A x|| / ||b||, computed afresh."""
        difference = right_hand_side.duplicate()
        self.operator.mult(solution, difference)
        difference.aypx(-1.0, right_hand_side)
        norm = right_hand_side.norm()
        relative = float(difference.norm() / norm) if norm else 0.0
        difference.destroy()
        return relative


class _Shell:
    """The cycle as PETSc calls it."""

    def __init__(self, precondition: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        self.precondition = precondition

    def apply(self, _: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """Write an approximation of A^-1 x into y."""
        size = x.norm() or 1.0  # of size 1, far from the ends of single precision
        column = (x.getArray(readonly=True) / size).astype(np.float32)[:, None]
        with y as values:
            values[:] = size * self.precondition(column)[:, 0].astype(np.float64)


def _describe_interpolation(linear: fem.FunctionSpace, quadratic: fem.FunctionSpace) -> Prolongation:
    """From P1 to P2."""
    matrix = interpolate_to_quadratic(linear, quadratic)
    found = BlockMatrix.of(matrix, (3, 3))
    matrix.destroy()
    return Prolongation(found.rows, found.halo)


def rigid_motions(space: fem.FunctionSpace) -> FloatArray:
    """(owned dofs, 6) three translations and three rotations about the middle, of the nodes of a space; collective."""
    own = space.tabulate_dof_coordinates()[: space.dofmap.index_map.size_local]
    total = space.mesh.comm.allreduce(np.append(own.sum(axis=0), len(own)))
    x, y, z = (own - total[:3] / total[3]).T
    motions = np.zeros((len(own), 3, 6))
    motions[:, [0, 1, 2], [0, 1, 2]] = 1.0
    motions[:, 1, 3], motions[:, 2, 3] = -z, y
    motions[:, 0, 4], motions[:, 2, 4] = z, -x
    motions[:, 0, 5], motions[:, 1, 5] = -y, x
    return motions.reshape(-1, 6)
