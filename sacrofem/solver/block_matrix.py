"""Matrices of small dense blocks, distributed by rows, that multiply several vectors at once.

A block of vectors is an array (rows, K) whose rows are dofs. Products first bring the rows that belong to other ranks.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc
from scipy.sparse import csr_matrix

from sacrofem.solver.kernels import address, load_kernels

IntArray = NDArray[np.int64]
SingleArray = NDArray[np.float32]


@dataclass(frozen=True)
class Halo:
    """Which rows of a block vector other ranks need, and whose rows come here.

    Attributes:
        comm: Communicator.
        sent: Owned block rows to send, grouped by receiving rank.
        send_counts: Block rows sent to each rank.
        receive_counts: Block rows received from each rank, in the order of the ghosts.
        owned: Owned block rows.
    """

    comm: MPI.Comm
    sent: IntArray
    send_counts: IntArray
    receive_counts: IntArray
    owned: int

    def extend[Real: (np.float32, np.float64)](self, x: NDArray[Real], size: int) -> NDArray[Real]:
        """Append the ghost rows of ``x``, whose blocks have ``size`` rows."""
        if self.comm.size == 1:
            return x
        width = size * x.shape[1]
        ghosts = int(self.receive_counts.sum())
        whole = np.empty(((self.owned + ghosts) * size, x.shape[1]), dtype=x.dtype)
        whole[: len(x)] = x
        packed = np.ascontiguousarray(x.reshape(self.owned, width)[self.sent])
        kind = MPI.FLOAT if x.dtype == np.float32 else MPI.DOUBLE
        send = [packed, self.send_counts * width, _starts(self.send_counts) * width, kind]
        self.comm.Alltoallv(send, [whole[len(x) :], self.receive_counts * width, _starts(self.receive_counts) * width, kind])
        return whole


class BlockMatrix:
    """The rows of a matrix on this rank.

    Args:
        matrix: A PETSc matrix of type AIJ.
        shape: Rows and columns of a block.
        single: Whether values are kept in single precision.

    Attributes:
        rows: Owned block rows.
    """

    def __init__(self, matrix: PETSc.Mat, shape: tuple[int, int], single: bool) -> None:
        self.comm: MPI.Comm = matrix.comm.tompi4py()
        self.shape, self.dtype = shape, np.dtype(np.float32 if single else np.float64)
        indptr, columns, values = matrix.getValuesCSR()
        first, last = (bound // shape[1] for bound in matrix.getOwnershipRangeColumn())
        blocks = columns.astype(np.int64) // shape[1]
        mine = (blocks >= first) & (blocks < last)
        ghosts = np.unique(blocks[~mine])
        local = np.where(mine, blocks - first, last - first + np.searchsorted(ghosts, blocks))
        columns = local * shape[1] + columns % shape[1]
        self.halo = _halo(self.comm, ghosts, first, last)
        wide = (last - first + len(ghosts)) * shape[1]
        rows = csr_matrix((values, columns, indptr), shape=(len(indptr) - 1, wide)).tobsr(shape)
        self.rows = (len(indptr) - 1) // shape[0]
        self.indptr, self.indices = rows.indptr.astype(np.int32), rows.indices.astype(np.int32)
        self.data = np.ascontiguousarray(rows.data, dtype=self.dtype)
        self._kernels = load_kernels()
        self._product = getattr(self._kernels, "product_float" if single else "product_double")

    def multiply[Real: (np.float32, np.float64)](
        self, x: NDArray[Real], minus_from: NDArray[Real] | None = None, into: NDArray[Real] | None = None
    ) -> NDArray[Real]:
        """A x, or b - A x with ``minus_from`` b, or y + A x in place with ``into`` y; collective.

        Args:
            x: (columns of this rank, K).
            minus_from: (rows of this rank, K).
            into: (rows of this rank, K), changed in place.
        """
        x = self.halo.extend(x, self.shape[1])
        width = x.shape[1]
        y = np.empty((self.rows * self.shape[0], width), dtype=x.dtype) if into is None else into
        failed = self._product(
            *(ctypes.c_int(n) for n in (*self.shape, width)),
            ctypes.c_int32(self.rows),
            address(self.indptr),
            address(self.indices),
            address(self.data),
            address(x),
            None if minus_from is None else address(minus_from),
            address(y),
            ctypes.c_int(into is not None),
        )
        assert not failed, f"no kernel for blocks of {self.shape} and {width} columns"
        return y

    def step(
        self, inverse: SingleArray, x: SingleArray | None, b: SingleArray, d: SingleArray, alpha: float, beta: float
    ) -> None:
        """Put alpha d + beta D^-1 (b - A x) into d, or beta D^-1 b with x None; collective."""
        whole = b if x is None else self.halo.extend(x, self.shape[1])
        failed = self._kernels.step_float(
            *(ctypes.c_int(n) for n in (self.shape[0], b.shape[1])),
            ctypes.c_int32(self.rows),
            *(address(array) for array in (self.indptr, self.indices, self.data, inverse, whole, b, d)),
            ctypes.c_float(alpha),
            ctypes.c_float(beta),
            ctypes.c_int(x is None),
        )
        assert not failed, f"no kernel for blocks of {self.shape} and {b.shape[1]} columns"

    def invert_diagonal(self) -> SingleArray:
        """(rows, R, R) inverses of the diagonal blocks, in single precision."""
        counts = np.diff(self.indptr)
        row = np.repeat(np.arange(self.rows), counts)
        on_diagonal = self.indices == row
        diagonal = np.tile(np.eye(self.shape[0]), (self.rows, 1, 1))
        diagonal[row[on_diagonal]] = self.data[on_diagonal]
        return np.ascontiguousarray(np.linalg.inv(diagonal), dtype=np.float32)


def _halo(comm: MPI.Comm, ghosts: IntArray, first: int, last: int) -> Halo:
    bounds = np.asarray(comm.allgather(last), dtype=np.int64)
    owner = np.searchsorted(bounds, ghosts, side="right")
    receive = np.bincount(owner, minlength=comm.size).astype(np.int64)
    wanted = comm.alltoall(np.split(ghosts, np.cumsum(receive)[:-1]))
    sent = np.concatenate(wanted).astype(np.int64) - first
    return Halo(comm, sent, np.array([len(part) for part in wanted], dtype=np.int64), receive, last - first)


def _starts(counts: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(counts)[:-1]])
