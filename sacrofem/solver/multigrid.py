"""Conjugate gradients with smoothed-aggregation multigrid (PETSc GAMG) on the rigid-body near-nullspace.

Quadratic displacements get one level more: p-multigrid smooths in P2 and leaves the rest to GAMG on the Galerkin P1 matrix.
Measured on the quickstart's sacrum (344,748 dofs, severe bone), against GAMG on the P2 matrix: set-up 2.2 s for 28.8, 42
iterations in 11.9 s for 60 in 27.7; with a titanium screw 3.7 s for 40.6, and 45 in 16.3 s for 73 in 35.7.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray
from petsc4py import PETSc
from scipy.sparse import csr_array

from sacrofem.solver.block_matrix import BlockMatrix
from sacrofem.solver.copies import find_blocks, smooth_by_place
from sacrofem.solver.cycle import VCycle
from sacrofem.solver.diagnosis import explain_failure
from sacrofem.solver.interpolation import interpolate_to_quadratic
from sacrofem.solver.low_rank import LowRankCorrection
from sacrofem.solver.together import BlockSolver, Springs

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

#: Measured on the quickstart's sacrum (50,000 dofs, severe bone / titanium screw in normal bone, residual 1e-9): 35 / 55
#: iterations; 96 / 209 without the threshold, 109 / 120 with point Jacobi, which the stiff cortex on soft bone defeats.
SMOOTHER_OPTIONS = {"mg_levels_ksp_type": "chebyshev", "mg_levels_pc_type": "pbjacobi"}
GAMG_OPTIONS = {"pc_gamg_threshold": 0.02, "pc_gamg_aggressive_coarsening": 1, **SMOOTHER_OPTIONS}

#: How far the recomputed residual may lie above the tolerance, from rounding.
_RESIDUAL_SLACK = 10.0
_MOST_ITERATIONS = 1000
#: Vectors GMRES keeps.
_RESTART = 100

_numbers = count()  # the same on every rank, which id() would not be


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
        blocks = find_blocks(space)
        self._places = blocks
        self._state = -1
        self._has_copies = bool(matrix.comm.tompi4py().allreduce(int(blocks.max(initial=3) > 3)))
        matrix.setVariableBlockSizes(blocks)
        self.ksp = PETSc.KSP().create(matrix.comm)
        self.ksp.setType("cg")
        self.levels = _PLevels(matrix, linear, space) if linear else None
        if self.levels is None:
            _set_near_nullspace(matrix, space)
        self.ksp.setOptionsPrefix(f"sacrofem_{next(_numbers)}_")
        self.ksp.setOperators(matrix)
        self.ksp.setTolerances(rtol=tolerance, max_it=_MOST_ITERATIONS)
        self.ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)

    def set_up(self) -> None:
        """Build the hierarchy for the matrix as it is now."""
        began = time.perf_counter()
        pc = self.ksp.getPC()
        pc.setReusePreconditioner(False)
        self.ksp.setOperators(self.operator, self.matrix)
        if self.levels is None:
            pc.setType("gamg")
            chosen = GAMG_OPTIONS
        else:
            self.levels.attach(pc)
            chosen = {**SMOOTHER_OPTIONS, **{f"mg_coarse_{name}": value for name, value in GAMG_OPTIONS.items()}}
        options = PETSc.Options(self.ksp.getOptionsPrefix())
        for name, value in chosen.items():
            options[name] = value
        self.ksp.setFromOptions()
        self.ksp.setUp()  # here the smoothers read their options
        for name in chosen:
            options.delValue(name)
        if self._has_copies:
            smooth_by_place(pc, options)
        self._block: BlockSolver | None = None
        pc.setReusePreconditioner(True)  # until the next set_up, whatever becomes of the matrix
        logger.debug("multigrid set up in %.1f s", time.perf_counter() - began)

    def hierarchies(self) -> list[PETSc.PC]:
        """The multigrid preconditioners from the finest level down; the second one preconditions the first one's coarsest."""
        pc = self.ksp.getPC()
        return [pc] if self.levels is None else [pc, pc.getMGCoarseSolve().getPC()]

    def block_solver(self) -> BlockSolver:
        """The solver for the matrix as it is now, with the preconditioner of the last :meth:`set_up`; collective."""
        state = self.matrix.stateGet()
        if self._block is None:
            matrix = BlockMatrix.of(self.matrix, (3, 3))
            cycle = VCycle(self.hierarchies(), matrix, self._places)
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
        ksp.setPC(self.ksp.getPC())
        ksp.setOperators(self.operator, self.matrix)
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


class _PLevels:
    """The two levels of p-multigrid: P2, and P1 by Galerkin's projection, which GAMG preconditions."""

    def __init__(self, matrix: PETSc.Mat, linear: fem.FunctionSpace, quadratic: fem.FunctionSpace) -> None:
        self.matrix, self.linear = matrix, linear
        self.interpolation = interpolate_to_quadratic(linear, quadratic)
        self.coarse: PETSc.Mat | None = None

    def attach(self, pc: PETSc.PC) -> None:
        """Project the matrix as it is now, and make ``pc`` a V-cycle on the two levels."""
        if self.coarse is None:
            self.coarse = self.matrix.PtAP(self.interpolation)
            self.coarse.setOption(PETSc.Mat.Option.SPD, True)
            _set_near_nullspace(self.coarse, self.linear)
            pc.setType("mg")
            pc.setMGLevels(2)
            pc.setMGInterpolation(1, self.interpolation)
        else:
            self.matrix.PtAP(self.interpolation, result=self.coarse)
        coarse = pc.getMGCoarseSolve()
        coarse.setType("preonly")
        coarse.getPC().setType("gamg")
        coarse.setOperators(self.coarse)


def _set_near_nullspace(matrix: PETSc.Mat, space: fem.FunctionSpace) -> None:
    """Give a matrix the rigid-body modes of its space."""
    owned = space.dofmap.index_map.size_local
    coordinates = space.tabulate_dof_coordinates()[:owned].ravel().copy()
    vector = PETSc.Vec().createWithArray(coordinates, bsize=3, comm=matrix.comm)
    matrix.setNearNullSpace(PETSc.NullSpace().createRigidBody(vector))
