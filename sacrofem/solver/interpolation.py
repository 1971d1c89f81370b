"""From linear to quadratic displacements: the interpolation between the two levels of p-multigrid."""

from __future__ import annotations

import numpy as np
from dolfinx import fem
from petsc4py import PETSc

#: The ends of a cell's nodes, vertices (themselves) and then edges, in the numbering of DOLFINx.
_ENDS = np.array([[0, 0], [1, 1], [2, 2], [3, 3], [2, 3], [1, 3], [1, 2], [0, 3], [0, 2], [0, 1]])


def interpolate_to_quadratic(linear: fem.FunctionSpace, quadratic: fem.FunctionSpace) -> PETSc.Mat:
    """The matrix that writes a P1 displacement in the P2 basis; collective.

    A vertex keeps its value, an edge takes the mean of its ends. Both spaces are cut alike, and every cell knows its own copies
    of vertices and edges: the two sides of a fracture stay apart.

    Args:
        linear: P1 cut space, block size 3.
        quadratic: P2 cut space on the same mesh, with the same cut.

    Returns:
        (dofs of P2, dofs of P1), distributed as the two spaces are.
    """
    rows, columns = quadratic.dofmap.index_map, linear.dofmap.index_map
    owned = rows.size_local
    cell_columns = columns.local_to_global(linear.dofmap.list.ravel()).reshape(-1, 4).astype(np.int64)
    ends = np.empty((owned, 2), dtype=np.int64)
    for place, corners in enumerate(_ENDS):
        nodes = quadratic.dofmap.list[:, place]
        mine = nodes < owned
        ends[nodes[mine]] = cell_columns[mine][:, corners]
    components = np.arange(3)[None, :, None]
    indices = (3 * ends[:, None, :] + components).reshape(3 * owned, 2)
    pair = indices[:, 0] != indices[:, 1]
    kept = np.stack([np.ones_like(pair), pair], axis=1)
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    values = np.repeat(np.where(pair, 0.5, 1.0), kept.sum(axis=1))
    sizes = [(3 * size.size_local, 3 * size.size_global) for size in (rows, columns)]
    csr = indptr.astype(PETSc.IntType), indices[kept].astype(PETSc.IntType), values
    matrix = PETSc.Mat().createAIJ(sizes, bsize=3, csr=csr, comm=linear.mesh.comm)
    matrix.assemble()
    return matrix
