"""Whether anything resists the six rigid motions of the whole: without that the matrix is singular, and no solve means anything.

Fragments that float are found before, by the mesh alone (:mod:`sacrofem.mechanics.posedness`); this looks at the numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.errors import SolveError, explain
from sacrofem.solver.diagnosis import explain_failure

FloatArray = NDArray[np.float64]

#: A motion of size 1 whose energy is below this share of the matrix's largest diagonal entry is resisted by rounding alone
#: (1e-16). The softest real support is far above: the torsion springs of the hips, on a million dofs, give 1e-12.
_SMALLEST = 1e-14
_AXES = ("x (anterior)", "y (superior)", "z (right)")


def require_held(multiply: Callable[[FloatArray], FloatArray], matrix: PETSc.Mat, space: fem.FunctionSpace) -> None:
    """Refuse a matrix that leaves a rigid motion of the whole free; collective.

    Args:
        multiply: The matrix with all that comes on top of it, times (rows of this rank, K).
        matrix: The assembled part; its diagonal is the measure.
        space: Displacement space, block size 3.

    Raises:
        SolveError: names the motion, or says that the diagonal is not positive.
    """
    comm: MPI.Comm = matrix.comm.tompi4py()
    modes = _rigid_motions(space, comm)

    def summed(own: FloatArray) -> FloatArray:
        whole = np.empty_like(own, order="C")
        comm.Allreduce(np.ascontiguousarray(own), whole)
        return whole

    products = multiply(modes)
    energies, squares = summed(modes.T @ products), summed(modes.T @ modes)
    factor = np.linalg.cholesky(squares)
    scaled = np.linalg.solve(factor, np.linalg.solve(factor, energies).T)
    diagonal = matrix.getDiagonal()
    largest = float(diagonal.max()[1])
    if float(diagonal.min()[1]) <= 0.0:
        raise explain_failure(int(PETSc.KSP.ConvergedReason.DIVERGED_INDEFINITE_MAT), 0, 1.0, matrix.getSize()[0])
    if not np.isfinite(scaled).all() or not np.isfinite(largest):
        return  # the solve itself says what is wrong
    values, vectors = np.linalg.eigh(0.5 * (scaled + scaled.T))
    if values[0] > _SMALLEST * largest:
        return
    motion = np.linalg.solve(factor.T, vectors[:, 0]) * np.sqrt(np.diag(squares))
    strongest = int(np.argmax(np.abs(motion)))
    kind = "shift along" if strongest < 3 else "turn about"
    raise SolveError(
        explain(
            "The matrix is singular: the model can move as a whole without resistance.",
            where=f"system of {matrix.getSize()[0]} dofs, rigid motion: mostly a {kind} {_AXES[strongest % 3]}",
            got=f"a stiffness of {values[0]:.1e} N/mm, {abs(values[0]) / largest:.0e} of the largest in the matrix",
            allowed=f"above {_SMALLEST:.0e} of it",
            next_step="name a support with stiffness in that direction (`sacrofem list`), or raise its stiffness",
        )
    )


def _rigid_motions(space: fem.FunctionSpace, comm: MPI.Comm) -> FloatArray:
    """(rows of this rank, 6) shifts along and turns about the axes, the turns about the centroid, of like sizes."""
    owned = space.dofmap.index_map.size_local
    places = space.tabulate_dof_coordinates()[:owned]
    count = comm.allreduce(owned)
    places = places - comm.allreduce(places.sum(axis=0)) / count
    radius = np.sqrt(comm.allreduce(float((places**2).sum())) / count) or 1.0
    modes = np.zeros((owned, 3, 6))
    for axis in range(3):
        modes[:, axis, axis] = 1.0
        modes[:, :, 3 + axis] = np.cross(np.eye(3)[axis], places) / radius
    return modes.reshape(3 * owned, 6)
