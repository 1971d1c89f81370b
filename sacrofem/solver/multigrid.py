"""Conjugate gradients with smoothed-aggregation multigrid (PETSc GAMG) on the rigid-body near-nullspace."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from itertools import count

from dolfinx import fem
from petsc4py import PETSc

from sacrofem.solver.copies import find_blocks, smooth_by_place
from sacrofem.solver.diagnosis import explain_failure

logger = logging.getLogger(__name__)

#: Measured on the quickstart's sacrum (50,000 dofs, severe bone / titanium screw in normal bone, residual 1e-9): 35 / 55
#: iterations; 96 / 209 without the threshold, 109 / 120 with point Jacobi, which the stiff cortex on soft bone defeats.
GAMG_OPTIONS = {
    "pc_gamg_threshold": 0.02,
    "pc_gamg_aggressive_coarsening": 1,
    "mg_levels_ksp_type": "chebyshev",
    "mg_levels_pc_type": "pbjacobi",
}

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
        tolerance: Relative tolerance of the residual.
    """

    def __init__(self, matrix: PETSc.Mat, space: fem.FunctionSpace, tolerance: float = 1e-9) -> None:
        self.matrix = matrix
        self.tolerance = tolerance
        self._set_near_nullspace(space)
        blocks = find_blocks(space)
        self._has_copies = bool(matrix.comm.tompi4py().allreduce(int(blocks.max(initial=3) > 3)))
        matrix.setVariableBlockSizes(blocks)
        self.ksp = PETSc.KSP().create(matrix.comm)
        self.ksp.setType("cg")
        self.ksp.getPC().setType("gamg")
        self.ksp.setOptionsPrefix(f"sacrofem_{next(_numbers)}_")
        self.ksp.setOperators(matrix)
        self.ksp.setTolerances(rtol=tolerance, max_it=_MOST_ITERATIONS)
        self.ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)

    def _set_near_nullspace(self, space: fem.FunctionSpace) -> None:
        owned = space.dofmap.index_map.size_local
        coordinates = space.tabulate_dof_coordinates()[:owned].ravel().copy()
        vector = PETSc.Vec().createWithArray(coordinates, bsize=3, comm=self.matrix.comm)
        self.matrix.setNearNullSpace(PETSc.NullSpace().createRigidBody(vector))
        self.matrix.setOption(PETSc.Mat.Option.SPD, True)

    def set_up(self) -> None:
        """Build the hierarchy for the matrix as it is now."""
        began = time.perf_counter()
        options = PETSc.Options(self.ksp.getOptionsPrefix())
        for name, value in GAMG_OPTIONS.items():
            options[name] = value
        self.ksp.getPC().setReusePreconditioner(False)
        self.ksp.setOperators(self.matrix)
        self.ksp.setFromOptions()
        self.ksp.setUp()  # here the smoothers read their options
        for name in GAMG_OPTIONS:
            options.delValue(name)
        if self._has_copies:
            smooth_by_place(self.ksp.getPC(), options)
        self.ksp.getPC().setReusePreconditioner(True)  # until the next set_up, whatever becomes of the matrix
        logger.debug("multigrid set up in %.1f s", time.perf_counter() - began)

    def solve(self, right_hand_side: PETSc.Vec, solution: PETSc.Vec, tolerance: float | None = None) -> SolveLog:
        """Solve in place.

        Args:
            right_hand_side: b.
            solution: Where x goes.
            tolerance: Relative tolerance of this solve (default: the solver's).

        Raises:
            SolveError: it did not converge; the message names the likely cause.
        """
        began, tolerance = time.perf_counter(), tolerance or self.tolerance
        self.ksp.setTolerances(rtol=tolerance)
        self.ksp.solve(right_hand_side, solution)
        reason = int(self.ksp.getConvergedReason())
        iterations = self.ksp.getIterationNumber()
        relative = self.residual(right_hand_side, solution)
        # CG updates its residual by recurrence; what counts is the true one.
        if reason < 0 or not relative <= _RESIDUAL_SLACK * tolerance:
            raise explain_failure(reason, iterations, relative, self.matrix.getSize()[0])
        return SolveLog(iterations, relative, time.perf_counter() - began)

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
        ksp.setOperators(self.matrix)
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
        self.matrix.mult(solution, difference)
        difference.aypx(-1.0, right_hand_side)
        norm = right_hand_side.norm()
        relative = float(difference.norm() / norm) if norm else 0.0
        difference.destroy()
        return relative
