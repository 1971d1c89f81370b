"""A linear model condensed to a few of its motions: what calibrations and checks of ligaments solve again and again.

With the rows R of some motions q = R u (patches that are loaded or watched, and the elongations of springs), the symmetric matrix
G = R A^-1 R^T says how each moves under a unit force on each. Springs between them then need G alone: any stiffness, slack or
preload, whichever pull alone, by the solution of a small dense system instead of a new model.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc
from scipy.sparse import csr_array, vstack

from sacrofem.errors import SolveError, explain
from sacrofem.mechanics.coupling import CoupledMatrix

FloatArray = NDArray[np.float64]

_MOST_STEPS = 60
_RESIDUAL = 1e-8


class Flexibility:
    """The flexibility of the motions of a model and of its springs; collective to make.

    The matrix is factored once (MUMPS), for there are tens of right-hand sides: for models of up to some 300,000 dofs.

    Args:
        coupled: The assembled matrix, without the springs, and the springs.
        motions: (m, owned dofs) rows of the motions that are loaded or watched, this rank's columns.

    Attributes:
        matrix: (m + k, m + k) the motions first, then the elongations of the k springs; mm/N.

    Raises:
        SolveError: the factorisation did not give a solution.
    """

    def __init__(self, coupled: CoupledMatrix, motions: csr_array) -> None:
        self.count = motions.shape[0]
        rows = csr_array(vstack([motions, coupled.rows])) if coupled.couplings else motions
        comm: MPI.Comm = coupled.comm
        direct = PETSc.KSP().create(coupled.matrix.comm)
        direct.setOperators(coupled.matrix.convert("aij", PETSc.Mat()))  # a factor wants single numbers
        direct.setType("preonly")
        direct.getPC().setType("cholesky")
        direct.getPC().setFactorSolverType("mumps")
        force, moved = coupled.matrix.createVecs()
        check = force.duplicate()
        own = np.empty((rows.shape[0], rows.shape[0]))
        for number in range(rows.shape[0]):
            with force as values:
                values[:] = rows[[number]].toarray().ravel()
            direct.solve(force, moved)
            coupled.matrix.mult(moved, check)
            check.axpy(-1.0, force)
            if not check.norm() <= _RESIDUAL * force.norm():
                raise SolveError(
                    explain(
                        "The direct solve failed.",
                        where=f"motion {number} of {rows.shape[0]}",
                        got=f"relative residual {check.norm() / force.norm():.1e}",
                        allowed=f"below {_RESIDUAL:.0e}",
                        next_step="check that the model is supported",
                    )
                )
            own[:, number] = rows @ moved.getArray(readonly=True)
        whole = np.empty_like(own)
        comm.Allreduce(own, whole)
        self.matrix: FloatArray = 0.5 * (whole + whole.T)

    def respond(self, forces: FloatArray, springs: CoupledMatrix) -> tuple[FloatArray, FloatArray]:
        """Motions under forces on the motions, with springs of any stiffness on the rows this was made with.

        Args:
            forces: (m,) N (N mm on rotations).
            springs: Their law; its rows are not used.

        Returns:
            (m,) motions and (k,) elongations.

        Raises:
            SolveError: the springs that only pull did not come to rest.
        """
        m, g = self.count, self.matrix
        free = g[m:, :m] @ forces
        count = len(free)
        springs.slacken(np.zeros(count))
        for _ in range(_MOST_STEPS):
            tangent = np.stack([springs.tangent(unit) for unit in np.eye(count)], axis=1) if count else np.zeros((0, 0))
            stretch = np.linalg.solve(np.eye(count) + g[m:, m:] @ tangent, free + g[m:, m:] @ springs.constant())
            if not springs.slacken(stretch):
                return g[:m, :m] @ forces - g[:m, m:] @ springs.resist(stretch), stretch
        raise SolveError(
            explain(
                "The taut and slack springs did not come to rest.",
                where=", ".join(sorted(set(springs.labels))),
                got=f"other taut springs after each of {_MOST_STEPS} steps",
                allowed="the same taut springs in two steps",
                next_step="use springs that push as they pull",
            )
        )
