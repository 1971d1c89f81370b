"""scikit-fem and PyAMG: ``python -m benchmarks.peers.scikit_fem FOLDER``.

PyAMG's smoothed aggregation on blocks of 3 with the rigid motions, strength 0.05 and symmetric block Gauss-Seidel was its best
configuration of those tried; its default strength takes seven times the iterations.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyamg
from pyamg.krylov import cg
from scipy.sparse import bsr_matrix, csr_matrix
from skfem import Basis, BilinearForm, ElementTetP0, ElementTetP1, ElementTetP2, ElementVector, MeshTet, asm
from skfem.helpers import ddot, eye, sym_grad, trace

from benchmarks.peers.arrays import ARRAYS, Arrays, IntArray, rigid_motions
from benchmarks.solving import TOLERANCE
from benchmarks.stopwatch import Stopwatch, peak_memory, report

_STRENGTH = ("symmetric", {"theta": 0.05})
_SMOOTHER = ("block_gauss_seidel", {"sweep": "symmetric"})
_MOST = 2000


@BilinearForm
def elasticity(u, v, w):  # type: ignore[no-untyped-def]
    """2 mu eps(u) : eps(v) + lambda tr eps(u) tr eps(v)."""
    strain = sym_grad(u)
    shear = w.young / (2.0 * (1.0 + w.poisson))
    lame = w.young * w.poisson / ((1.0 + w.poisson) * (1.0 - 2.0 * w.poisson))
    return ddot(2.0 * shear * strain + eye(lame * trace(strain), 3), sym_grad(v))


def number_nodes(arrays: Arrays, basis: Basis) -> IntArray:
    """(n,) first dof of every node of the arrays: vertices, then middles of edges."""
    mesh, cells = basis.mesh, arrays.cells
    numbers = np.empty(len(arrays.points), dtype=np.int64)
    corners = np.unique(cells[:, :4])
    numbers[corners] = basis.nodal_dofs[0]  # vertices of the mesh are the corners in ascending order
    if cells.shape[1] == 10:
        ends = np.sort(cells[:, [[0, 1], [1, 2], [0, 2], [0, 3], [1, 3], [2, 3]]], axis=2).reshape(-1, 2)
        place = np.full(len(arrays.points), -1, dtype=np.int64)
        place[corners] = np.arange(len(corners))
        own = np.sort(mesh.edges, axis=0)
        keys = own[0].astype(np.int64) * len(corners) + own[1]
        order = np.argsort(keys)
        wanted = np.sort(place[ends], axis=1)
        found = order[np.searchsorted(keys[order], wanted[:, 0] * len(corners) + wanted[:, 1])]
        numbers[cells[:, 4:].ravel()] = basis.edge_dofs[0][found]
    return numbers


def main(folder: Path) -> None:
    """Assemble, set up, solve."""
    arrays = Arrays.load(folder / ARRAYS)
    watch = Stopwatch()
    corners, cells = np.unique(arrays.cells[:, :4], return_inverse=True)
    mesh = MeshTet(arrays.points[corners].T.copy(), cells.reshape(-1, 4).T.copy())
    order = 1 if arrays.cells.shape[1] == 4 else 2
    basis = Basis(mesh, ElementVector(ElementTetP1() if order == 1 else ElementTetP2()), intorder=2 * (order - 1))
    piecewise = basis.with_element(ElementTetP0())
    watch.note("mesh")
    matrix = asm(elasticity, basis, young=piecewise.interpolate(arrays.young), poisson=piecewise.interpolate(arrays.poisson))
    numbers = number_nodes(arrays, basis)
    dofs = (numbers[:, None] + np.arange(3)).ravel()
    reordered = np.argsort(dofs)
    extra = arrays.extra.tocoo()
    matrix = matrix + csr_matrix((extra.data, (dofs[extra.row], dofs[extra.col])), shape=matrix.shape)
    forces = arrays.forces[reordered]
    blocks = bsr_matrix(matrix, blocksize=(3, 3))
    del matrix, extra
    watch.note("assemble")
    motions = rigid_motions(arrays.points)[reordered]
    hierarchy = pyamg.smoothed_aggregation_solver(
        blocks, B=motions, strength=_STRENGTH, presmoother=_SMOOTHER, postsmoother=_SMOOTHER
    )
    preconditioner = hierarchy.aspreconditioner()
    watch.note("set up")
    residuals: list[float] = []
    x, failed = cg(blocks, forces, tol=TOLERANCE, maxiter=_MOST, M=preconditioner, residuals=residuals)
    watch.note("solve")
    true = float(np.linalg.norm(forces - blocks @ x) / np.linalg.norm(forces))
    np.save(folder / "scikit_fem.npy", x[dofs].reshape(-1, 3)[arrays.probes])
    result = {"cpu": watch.cpu, "clock": watch.clock, "memory": peak_memory(), "iterations": len(residuals) - 1, "residual": true}
    report({"failed": f"residual {true:.1e} after {_MOST} iterations"} if failed else result)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
