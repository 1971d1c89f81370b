"""Conjugate gradients with smoothed-aggregation multigrid on the rigid motions; see :mod:`sacrofem.solver.hierarchy`.

Quadratic displacements get one level more: p-multigrid smooths in P2 and leaves the rest to the Galerkin P1 matrix.
"""

from __future__ import annotations

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.solver.block_matrix import BlockMatrix
from sacrofem.solver.copies import find_blocks
from sacrofem.solver.cycle import VCycle
from sacrofem.solver.hierarchy import Prolongation, build_cycle
from sacrofem.solver.interpolation import interpolate_to_quadratic
from sacrofem.solver.linear import LinearSolver
from sacrofem.solving import Reuse

FloatArray = NDArray[np.float64]


class MultigridSolver(LinearSolver):
    """Conjugate gradients on blocks of right-hand sides, with a multigrid cycle; see :class:`LinearSolver`.

    Args:
        matrix: Symmetric positive definite, block size 3.
        space: Its space (coordinates of the dofs give the rigid-body modes).
        linear: The P1 space with the same cut where ``space`` is P2; makes the P1 level of p-multigrid.
        tolerance: Relative tolerance of the residual.
        reuse: What is carried on from one matrix to the next.
    """

    name = "multigrid"

    def __init__(
        self,
        matrix: PETSc.Mat,
        space: fem.FunctionSpace,
        linear: fem.FunctionSpace | None = None,
        tolerance: float = 1e-9,
        reuse: Reuse | None = None,
    ) -> None:
        super().__init__(matrix, space, tolerance, reuse or Reuse())
        self._places = find_blocks(space)
        self._interpolation = None if linear is None else _describe_interpolation(linear, space)
        self._motions = rigid_motions(linear or space)

    def _prepare(self, matrix: BlockMatrix) -> VCycle:
        return build_cycle(matrix, self._motions, self._places, self._interpolation)


def _describe_interpolation(linear: fem.FunctionSpace, quadratic: fem.FunctionSpace) -> Prolongation:
    """From P1 to P2."""
    matrix = interpolate_to_quadratic(linear, quadratic)
    found = BlockMatrix.of(matrix, (3, 3))
    matrix.destroy()
    return Prolongation(found.rows.single(), found.halo)


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
