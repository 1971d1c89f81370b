"""Solutions already computed, as a basis for the next: Galerkin's projection makes the starting vectors.

With V the solutions kept and A the matrix as it is now, x = V y with V^T A V y = V^T b is, in the energy norm, the best start
that their span holds. Where b is a sum of loads already solved with this very matrix, it is the solution: superposition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.linalg
from mpi4py import MPI
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: Solutions kept, columns.
MOST = 24
#: Directions whose energy is below this share of the largest are rounding.
_SMALLEST = 1e-13
#: A load is a sum of others where these leave less than this share of it.
_DEPENDENT = 1e-11


class Recollection:
    """Solutions kept, and what the present matrix makes of them.

    Args:
        comm: Communicator.
        rows: Rows of this rank.
        most: Columns kept; the oldest are dropped first.
    """

    def __init__(self, comm: MPI.Comm, rows: int, most: int = MOST) -> None:
        self.comm, self.most = comm, most
        self.solutions: FloatArray = np.zeros((rows, 0))
        self._products: FloatArray = np.zeros((rows, 0))
        self._inverse: FloatArray = np.zeros((0, 0))

    def __len__(self) -> int:
        return self.solutions.shape[1]

    def forget(self) -> None:
        """Drop all solutions."""
        self.solutions = self._products = self.solutions[:, :0]
        self._inverse = np.zeros((0, 0))

    def renew(self, multiply: Callable[[FloatArray], FloatArray], more: Sequence[FloatArray] = ()) -> None:
        """Take a new matrix: the solutions stay, and more of them come, as a basis; collective."""
        self.solutions = np.concatenate([self.solutions, *more], axis=1)[:, -self.most :]
        if len(self):
            self._products = multiply(self.solutions)
            self._project()

    def keep(self, solutions: FloatArray, multiply: Callable[[FloatArray], FloatArray]) -> None:
        """Add solutions (rows of this rank, K); collective."""
        columns = np.concatenate([self.solutions, solutions], axis=1)[:, -self.most :]
        products = np.concatenate([self._products, multiply(solutions)], axis=1)[:, -self.most :]
        self.solutions, self._products = columns, products
        self._project()

    def start(self, loads: FloatArray) -> FloatArray:
        """(rows of this rank, K) starting vectors for loads of that shape; collective."""
        return self.solutions @ (self._inverse @ self._summed(self.solutions.T @ loads))

    def _project(self) -> None:
        energies = self._summed(self.solutions.T @ self._products)
        size = np.sqrt(np.maximum(np.diag(energies), 0.0))
        size[size == 0.0] = 1.0
        values, vectors = np.linalg.eigh(0.5 * (energies + energies.T) / np.outer(size, size))
        kept = values > _SMALLEST * values[-1]
        scaled = vectors[:, kept] / size[:, None]
        self._inverse = scaled @ (scaled / values[kept]).T

    def _summed(self, own: FloatArray) -> FloatArray:
        whole = np.empty(own.shape)
        self.comm.Allreduce(np.ascontiguousarray(own), whole)
        return whole


def find_independent(loads: FloatArray, comm: MPI.Comm) -> list[int]:
    """Columns of which all others are sums; collective, the same on every rank.

    A QR decomposition with pivoting, of the ranks' own triangles.

    Args:
        loads: (rows of this rank, K).
        comm: Communicator.
    """
    own = np.linalg.qr(loads, mode="r") if len(loads) else np.zeros((0, loads.shape[1]))
    whole = np.concatenate(comm.allgather(own))
    sizes = np.linalg.norm(whole, axis=0)
    if not sizes.any():
        return []
    triangle, order = scipy.linalg.qr(whole / np.where(sizes > 0.0, sizes, 1.0), mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    rank = int(np.count_nonzero(diagonal > _DEPENDENT * diagonal[0]))
    return sorted(int(column) for column in order[:rank])
