"""NGSolve with its sparse Cholesky factorisation: ``python -m benchmarks.peers.netgen FOLDER``. Linear elements only.

Its multigrid for H1 diverged on elasticity, and its BDDC is a factorisation where elements are linear.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from netgen.meshing import FaceDescriptor
from netgen.meshing import Mesh as NetgenMesh
from ngsolve import (
    L2,
    BilinearForm,
    Grad,
    GridFunction,
    Id,
    InnerProduct,
    Mesh,
    SetNumThreads,
    Sym,
    Trace,
    VectorH1,
    dx,
    la,
)
from scipy.sparse import csr_matrix

from benchmarks.peers.arrays import ARRAYS, Arrays
from benchmarks.stopwatch import Stopwatch, peak_memory, report


def build_mesh(arrays: Arrays) -> Mesh:
    """The mesh; nodes keep their numbers, since every node belongs to a cell."""
    mesh = NetgenMesh(dim=3)
    mesh.Add(FaceDescriptor(surfnr=1, domin=1, bc=1))
    mesh.AddPoints(np.ascontiguousarray(arrays.points))
    mesh.AddElements(dim=3, index=1, data=np.ascontiguousarray(arrays.cells, dtype=np.int32), base=0)
    return Mesh(mesh)


def main(folder: Path) -> None:
    """Assemble, factor, solve."""
    SetNumThreads(1)
    arrays = Arrays.load(folder / ARRAYS)
    if arrays.cells.shape[1] != 4:
        report({"failed": "linear elements only: its quadratic basis is hierarchical, the other matrices are nodal"})
        return
    watch = Stopwatch()
    mesh = build_mesh(arrays)
    space = VectorH1(mesh, order=1)
    watch.note("mesh")
    piecewise = L2(mesh, order=0)
    young, poisson = GridFunction(piecewise), GridFunction(piecewise)
    young.vec.FV().NumPy()[:], poisson.vec.FV().NumPy()[:] = arrays.young, arrays.poisson
    shear = young / (2 * (1 + poisson))
    lame = young * poisson / ((1 + poisson) * (1 - 2 * poisson))
    u, v = space.TnT()
    strain = Sym(Grad(u))
    form = BilinearForm(space, symmetric=False)
    form += InnerProduct(2 * shear * strain + lame * Trace(strain) * Id(3), Sym(Grad(v))) * dx
    form.Assemble()
    count = len(arrays.points)
    rows, columns, values = form.mat.COO()
    dofs = np.arange(3 * count).reshape(3, count).T.ravel()  # components one after the other
    extra = arrays.extra.tocoo()
    whole = csr_matrix((np.array(values), (np.array(rows), np.array(columns))), shape=(3 * count, 3 * count))
    whole = (whole + csr_matrix((extra.data, (dofs[extra.row], dofs[extra.col])), shape=whole.shape)).tocoo()
    matrix = la.SparseMatrixd.CreateFromCOO(whole.row, whole.col, whole.data, *whole.shape)
    watch.note("assemble")
    inverse = matrix.Inverse(inverse="sparsecholesky")
    watch.note("set up")
    right, solution = matrix.CreateColVector(), matrix.CreateColVector()
    right.FV().NumPy()[dofs] = arrays.forces
    solution.data = inverse * right
    watch.note("solve")
    x = np.array(solution.FV().NumPy())[dofs]
    np.save(folder / "netgen.npy", x.reshape(-1, 3)[arrays.probes])
    report({"cpu": watch.cpu, "clock": watch.clock, "memory": peak_memory(), "iterations": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
