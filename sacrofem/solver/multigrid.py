"""Conjugate gradients with smoothed-aggregation multigrid (PETSc GAMG) on the rigid-body near-nullspace.

Quadratic displacements get one level more: p-multigrid smooths in P2 and leaves the rest to GAMG on the Galerkin P1 matrix.
Measured on the quickstart's sacrum (344,748 dofs, severe bone), against GAMG on the P2 matrix: set-up 2.2 s for 28.8, 42
iterations in 11.9 s for 60 in 27.7; with a titanium screw 3.7 s for 40.6, and 45 in 16.3 s for 73 in 35.7.
"""

from __future__ import annotations

from dolfinx import fem
from petsc4py import PETSc

from sacrofem.solver.block_matrix import BlockMatrix
from sacrofem.solver.copies import find_blocks, smooth_by_place
from sacrofem.solver.cycle import VCycle
from sacrofem.solver.interpolation import interpolate_to_quadratic
from sacrofem.solver.linear import LinearSolver
from sacrofem.solving import Reuse

#: Measured on the quickstart's sacrum (50,000 dofs, severe bone / titanium screw in normal bone, residual 1e-9): 35 / 55
#: iterations; 96 / 209 without the threshold, 109 / 120 with point Jacobi, which the stiff cortex on soft bone defeats.
SMOOTHER_OPTIONS = {"mg_levels_ksp_type": "chebyshev", "mg_levels_pc_type": "pbjacobi"}
GAMG_OPTIONS = {"pc_gamg_threshold": 0.02, "pc_gamg_aggressive_coarsening": 1, **SMOOTHER_OPTIONS}


class MultigridSolver(LinearSolver):
    """Conjugate gradients on blocks of right-hand sides, with GAMG's hierarchy; see :class:`LinearSolver`.

    Args:
        matrix: Symmetric positive definite, block size 3.
        space: Its space (coordinates of the dofs give the rigid-body modes).
        linear: The P1 space with the same cut where ``space`` is P2; makes the P1 level of p-multigrid.
        tolerance: Relative tolerance of the residual.
        reuse: What is carried on from one matrix to the next.
    """

    def __init__(
        self,
        matrix: PETSc.Mat,
        space: fem.FunctionSpace,
        linear: fem.FunctionSpace | None = None,
        tolerance: float = 1e-9,
        reuse: Reuse | None = None,
    ) -> None:
        super().__init__(matrix, space, tolerance, reuse or Reuse())
        blocks = find_blocks(space)
        self._places = blocks
        self._has_copies = bool(self.comm.allreduce(int(blocks.max(initial=3) > 3)))
        matrix.setVariableBlockSizes(blocks)
        self.levels = _PLevels(matrix, linear, space) if linear else None
        if self.levels is None:
            set_near_nullspace(matrix, space)

    def _prepare(self) -> None:
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
        pc.setReusePreconditioner(True)  # until the next set_up, whatever becomes of the matrix

    def _preconditioner(self, matrix: BlockMatrix) -> VCycle:
        return VCycle(self.hierarchies(), matrix, self._places)

    def hierarchies(self) -> list[PETSc.PC]:
        """The multigrid preconditioners from the finest level down; the second one preconditions the first one's coarsest."""
        pc = self.ksp.getPC()
        return [pc] if self.levels is None else [pc, pc.getMGCoarseSolve().getPC()]


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
            set_near_nullspace(self.coarse, self.linear)
            pc.setType("mg")
            pc.setMGLevels(2)
            pc.setMGInterpolation(1, self.interpolation)
        else:
            self.matrix.PtAP(self.interpolation, result=self.coarse)
        coarse = pc.getMGCoarseSolve()
        coarse.setType("preonly")
        coarse.getPC().setType("gamg")
        coarse.setOperators(self.coarse)


def set_near_nullspace(matrix: PETSc.Mat, space: fem.FunctionSpace) -> None:
    """Give a matrix the rigid-body modes of its space."""
    owned = space.dofmap.index_map.size_local
    coordinates = space.tabulate_dof_coordinates()[:owned].ravel().copy()
    vector = PETSc.Vec().createWithArray(coordinates, bsize=3, comm=matrix.comm)
    matrix.setNearNullSpace(PETSc.NullSpace().createRigidBody(vector))
