"""For small models: a Cholesky factor of the matrix (MUMPS) as the preconditioner of the block solver.

The factor alone would be an answer; conjugate gradients about it take one to three iterations, see to the tolerance, bring in
springs of low rank, and let the factor of one BMD level serve the next.
"""

from __future__ import annotations

import numpy as np
from dolfinx import fem
from petsc4py import PETSc

from sacrofem.solver.block_matrix import BlockMatrix, FloatArray
from sacrofem.solver.diagnosis import explain_failure, explain_memory
from sacrofem.solver.linear import LinearSolver
from sacrofem.solver.together import Preconditioner
from sacrofem.solving import Reuse

#: Place in MUMPS's INFOG of the number of negative pivots (User's guide, section 8).
_NEGATIVE_PIVOTS = 12


class DirectSolver(LinearSolver):
    """Conjugate gradients on blocks of right-hand sides, with a factor; see :class:`LinearSolver`.

    Args:
        matrix: Symmetric positive definite, block size 3.
        space: Its space.
        tolerance: Relative tolerance of the residual.
        reuse: What is carried on from one matrix to the next.
    """

    name = "direct"

    def __init__(self, matrix: PETSc.Mat, space: fem.FunctionSpace, tolerance: float = 1e-9, reuse: Reuse | None = None) -> None:
        super().__init__(matrix, space, tolerance, reuse or Reuse())

    def _prepare(self, matrix: BlockMatrix) -> Preconditioner:
        pc = PETSc.PC().create(self.matrix.comm)
        pc.setOperators(self.matrix)
        pc.setType("cholesky")
        pc.setFactorSolverType("mumps")
        pc.setUp()
        reason, size = pc.getFailedReason(), self.matrix.getSize()[0]
        if reason == PETSc.PC.FailedReason.FACTOR_OUTMEMORY:
            raise explain_memory(f"factor of a matrix of {size} dofs")
        indefinite = pc.getFactorMatrix().getMumpsInfog(_NEGATIVE_PIVOTS) > 0
        if reason or indefinite:
            named = PETSc.KSP.ConvergedReason
            cause = named.DIVERGED_INDEFINITE_MAT if indefinite else named.DIVERGED_PCSETUP_FAILED
            raise explain_failure(int(cause), 0, 1.0, size)
        return _Factor(pc, self.matrix)


class _Factor:
    """A factored matrix that solves for blocks."""

    def __init__(self, pc: PETSc.PC, matrix: PETSc.Mat) -> None:
        self.pc, self.comm = pc, matrix.comm  # the factor lives as long as what made it
        self.rows: tuple[int, int] = matrix.getSizes()[0]
        self._blocks: dict[int, tuple[PETSc.Mat, PETSc.Mat]] = {}

    def apply(self, b: FloatArray) -> FloatArray:
        """Its answer to (rows of this rank, K); collective."""
        right, found = self._dense(b.shape[1])
        right.getDenseArray()[:] = b
        right.assemble()
        self.pc.getFactorMatrix().matSolve(right, found)
        answer: FloatArray = np.ascontiguousarray(found.getDenseArray(readonly=True))
        return answer

    def _dense(self, width: int) -> tuple[PETSc.Mat, PETSc.Mat]:
        if width not in self._blocks:
            sizes = (self.rows, (PETSc.DECIDE, width))
            made = [PETSc.Mat().createDense(sizes, comm=self.comm) for _ in range(2)]
            for matrix in made:
                matrix.setUp()
            self._blocks[width] = (made[0], made[1])
        return self._blocks[width]
