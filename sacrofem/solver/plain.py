"""PETSc's own solvers with options as the user gives them: one right-hand side after the other."""

from __future__ import annotations

import time
from itertools import count

import numpy as np
from dolfinx import fem
from petsc4py import PETSc

from sacrofem.errors import ConfigError, explain
from sacrofem.solver.block_matrix import BlockMatrix
from sacrofem.solver.linear import FloatArray, LinearSolver
from sacrofem.solver.together import BlockLog
from sacrofem.solving import Reuse, parse_options

_numbers = count()  # the same on every rank, which id() would not be


class PetscSolver(LinearSolver):
    """A KSP with options of the user's; see :class:`LinearSolver`. The residual is checked all the same.

    Args:
        matrix: Symmetric positive definite, block size 3; its near-nullspace is set.
        space: Its space.
        given: Options as on PETSc's command line; none: CG with GAMG, as PETSc has them.
        tolerance: Relative tolerance of the residual; ``-ksp_rtol`` may set another one, but must then meet this one.
        reuse: What is carried on from one matrix to the next.
    """

    name = "petsc"

    def __init__(
        self, matrix: PETSc.Mat, space: fem.FunctionSpace, given: str = "", tolerance: float = 1e-9, reuse: Reuse | None = None
    ) -> None:
        super().__init__(matrix, space, tolerance, reuse or Reuse())
        _set_near_nullspace(matrix, space)
        self.options = parse_options(given)
        self.ksp = PETSc.KSP().create(matrix.comm)
        self.ksp.setOptionsPrefix(f"sacrofem_{next(_numbers)}_")
        self.ksp.setType("cg")
        self.ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
        self.ksp.setTolerances(rtol=tolerance, max_it=self.most_iterations)
        self.ksp.getPC().setType("gamg")

    def _prepare(self, matrix: BlockMatrix) -> None:
        prefix = self.ksp.getOptionsPrefix()
        store = PETSc.Options()
        for name, value in self.options.items():
            store.setValue(prefix + name, "" if value is None else value)
        self.ksp.getPC().setReusePreconditioner(False)
        self.ksp.setOperators(self.operator, self.matrix)
        try:
            self.ksp.setFromOptions()
            self.ksp.setUp()
        except PETSc.Error as error:
            raise self._refuse(f"PETSc's error {error.ierr}: {error}") from error
        unread = [name for name in self.options if not store.used(prefix + name)]
        for name in self.options:
            store.delValue(prefix + name)
        if unread:
            raise self._refuse(f"options that PETSc did not read: {', '.join(f'-{name}' for name in unread)}")
        self.ksp.getPC().setReusePreconditioner(True)

    def _precondition(self, ksp: PETSc.KSP) -> None:
        self.block_solver()
        ksp.setPC(self.ksp.getPC())

    def _solve(self, loads: FloatArray, tolerance: float, start: FloatArray | None) -> tuple[FloatArray, BlockLog]:
        began, block = time.perf_counter(), self.block_solver()
        found = np.zeros_like(loads) if start is None else start.copy()
        right, solution = self.matrix.createVecs()[::-1]
        iterations, reason = 0, 0
        self.ksp.setInitialGuessNonzero(True)
        if "ksp_rtol" not in self.options:
            self.ksp.setTolerances(rtol=tolerance)
        for column in range(loads.shape[1]):
            with right as values:
                values[:] = loads[:, column]
            with solution as values:
                values[:] = found[:, column]
            self.ksp.solve(right, solution)
            found[:, column] = solution.getArray(readonly=True)
            iterations = max(iterations, self.ksp.getIterationNumber())
            reason = reason or min(int(self.ksp.getConvergedReason()), 0)
        residuals = block.residuals(loads, found)
        decades = float(-np.log10(max(residuals.max(initial=0.0), 1e-300)))
        return found, BlockLog(iterations, residuals, reason, decades, time.perf_counter() - began)

    def _refuse(self, got: str) -> ConfigError:
        return ConfigError(
            explain(
                "PETSc cannot solve with these options.",
                where="--petsc",
                got=got,
                allowed="options of KSP and PC for a parallel matrix of type aij; `-help` of PETSc lists them",
                next_step="mend them, or leave --petsc out",
            )
        )


def _set_near_nullspace(matrix: PETSc.Mat, space: fem.FunctionSpace) -> None:
    """Give a matrix the rigid-body modes of its space."""
    owned = space.dofmap.index_map.size_local
    coordinates = space.tabulate_dof_coordinates()[:owned].ravel().copy()
    vector = PETSc.Vec().createWithArray(coordinates, bsize=3, comm=matrix.comm)
    matrix.setNearNullSpace(PETSc.NullSpace().createRigidBody(vector))
