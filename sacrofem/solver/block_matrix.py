"""Matrices of small dense blocks, distributed by rows, that multiply several vectors at once.

A block of vectors is an array (rows, K) whose rows are dofs. Products first bring the rows that belong to other ranks.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc
from scipy.sparse import csr_matrix

from sacrofem.solver.kernels import address, load_kernels

IntArray = NDArray[np.int64]
AnyInteger = NDArray[np.integer[Any]]
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
        first: Number of the first of them among those of all ranks.
        ghosts: (g,) numbers of the others that stand behind them, ascending.
    """

    comm: MPI.Comm
    sent: IntArray
    send_counts: IntArray
    receive_counts: IntArray
    owned: int
    first: int
    ghosts: IntArray

    @classmethod
    def of(cls, comm: MPI.Comm, ghosts: IntArray, first: int, owned: int) -> Halo:
        """Ask the other ranks for these rows; collective."""
        bounds = np.asarray(comm.allgather(first + owned), dtype=np.int64)
        owner = np.searchsorted(bounds, ghosts, side="right")
        receive = np.bincount(owner, minlength=comm.size).astype(np.int64)
        wanted = comm.alltoall(np.split(ghosts, np.cumsum(receive)[:-1]))
        sent = np.concatenate(wanted).astype(np.int64) - first
        return cls(comm, sent, np.array([len(part) for part in wanted], dtype=np.int64), receive, owned, first, ghosts)

    def global_numbers(self) -> IntArray:
        """(owned + g,) numbers of all rows here."""
        return np.concatenate([np.arange(self.first, self.first + self.owned), self.ghosts])

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

    def collect(self, whole: SingleArray, size: int) -> SingleArray:
        """The owned rows of ``whole``, to which every other rank has added what it holds of them; the reverse of extending."""
        if self.comm.size == 1:
            return whole
        width, own = size * whole.shape[1], self.owned * size
        came = np.empty((len(self.sent), width), dtype=whole.dtype)
        send = [whole[own:], self.receive_counts * width, _starts(self.receive_counts) * width, MPI.FLOAT]
        self.comm.Alltoallv(send, [came, self.send_counts * width, _starts(self.send_counts) * width, MPI.FLOAT])
        summed = whole[:own].reshape(self.owned, width).copy()
        np.add.at(summed, self.sent, came)
        return summed.reshape(own, whole.shape[1])


class BlockRows:
    """Rows of blocks on this rank, whatever their columns belong to.

    Attributes:
        shape: Rows and columns of a block.
        indptr: (rows + 1,) where each row begins.
        indices: Block columns.
        data: (blocks, rows of a block, columns of a block).
    """

    def __init__(
        self,
        shape: tuple[int, int],
        indptr: NDArray[np.integer[Any]],
        indices: NDArray[np.integer[Any]],
        data: NDArray[np.floating[Any]],
    ) -> None:
        self.shape, self.rows = shape, len(indptr) - 1
        self.indptr, self.indices = indptr.astype(np.int32), indices.astype(np.int32)
        self.data = np.ascontiguousarray(data)
        self._kernels = load_kernels()
        self._product = getattr(self._kernels, "product_float" if data.dtype == np.float32 else "product_double")

    def multiply[Real: (np.float32, np.float64)](
        self, x: NDArray[Real], minus_from: NDArray[Real] | None = None, into: NDArray[Real] | None = None
    ) -> NDArray[Real]:
        """A x, or b - A x with ``minus_from`` b, or y + A x in place with ``into`` y.

        Args:
            x: (columns, K), of the data's precision.
            minus_from: (rows, K).
            into: (rows, K), changed in place.
        """
        y = np.empty((self.rows * self.shape[0], x.shape[1]), dtype=x.dtype) if into is None else into
        if not len(self.indices):
            return _without_blocks(y, minus_from, into)
        failed = self._product(
            *(ctypes.c_int(n) for n in (*self.shape, x.shape[1])),
            ctypes.c_int32(self.rows),
            ctypes.c_int32(len(x) // self.shape[1] - 1),
            *(address(array) for array in (self.indptr, self.indices, self.data, x)),
            None if minus_from is None else address(minus_from),
            address(y),
            ctypes.c_int(into is not None),
        )
        assert not failed, f"no kernel for blocks of {self.shape} and {x.shape[1]} columns"
        return y

    def relax(self, r: SingleArray, d: SingleArray, alpha: float, beta: float) -> None:
        """Put alpha d + beta A r into d; square, single precision, and every column of this rank."""
        failed = self._kernels.relax_float(
            *(ctypes.c_int(n) for n in (self.shape[0], r.shape[1])),
            ctypes.c_int32(self.rows),
            *(address(array) for array in (self.indptr, self.indices, self.data, r, d)),
            ctypes.c_float(alpha),
            ctypes.c_float(beta),
        )
        assert not failed, f"no kernel for blocks of {self.shape} and {r.shape[1]} columns"


def _without_blocks[Real: (np.float32, np.float64)](
    y: NDArray[Real], minus_from: NDArray[Real] | None, into: NDArray[Real] | None
) -> NDArray[Real]:
    """The product with a matrix that is zero on this rank."""
    if into is None:
        y[:] = 0.0 if minus_from is None else minus_from
    return y


class BlockMatrix:
    """A matrix distributed by rows.

    Attributes:
        comm: Communicator.
        rows: The rows of this rank.
        halo: Where their columns come from.
    """

    def __init__(self, comm: MPI.Comm, rows: BlockRows, halo: Halo) -> None:
        self.comm, self.rows, self.halo = comm, rows, halo

    @classmethod
    def of(cls, matrix: PETSc.Mat, shape: tuple[int, int]) -> BlockMatrix:
        """A PETSc matrix of type AIJ in double precision; collective.

        Args:
            matrix: The matrix.
            shape: Rows and columns of a block.
        """
        comm: MPI.Comm = matrix.comm.tompi4py()
        indptr, columns, values = matrix.getValuesCSR()
        first, last = (bound // shape[1] for bound in matrix.getOwnershipRangeColumn())
        ghosts = np.zeros(0, dtype=np.int64)
        if comm.size > 1:
            blocks = columns.astype(np.int64) // shape[1]
            mine = (blocks >= first) & (blocks < last)
            ghosts = np.unique(blocks[~mine])
            local = np.where(mine, blocks - first, last - first + np.searchsorted(ghosts, blocks))
            columns = local * shape[1] + columns % shape[1]
        wide = (last - first + len(ghosts)) * shape[1]
        found = csr_matrix((values, columns, indptr), shape=(len(indptr) - 1, wide)).tobsr(shape)
        return cls(comm, BlockRows(shape, found.indptr, found.indices, found.data), Halo.of(comm, ghosts, first, last - first))

    def single(self) -> BlockMatrix:
        """The same in single precision."""
        rows = self.rows
        return BlockMatrix(self.comm, BlockRows(rows.shape, rows.indptr, rows.indices, rows.data.astype(np.float32)), self.halo)

    def multiply[Real: (np.float32, np.float64)](
        self, x: NDArray[Real], minus_from: NDArray[Real] | None = None, into: NDArray[Real] | None = None
    ) -> NDArray[Real]:
        """The same as :meth:`BlockRows.multiply`, with the columns of this rank alone given; collective."""
        return self.rows.multiply(self.halo.extend(x, self.rows.shape[1]), minus_from, into)

    def step(self, inverse: BlockRows, x: SingleArray | None, b: SingleArray, d: SingleArray, alpha: float, beta: float) -> None:
        """Put alpha d + beta D^-1 (b - A x) into d, or beta D^-1 b with x None; collective.

        Args:
            inverse: D^-1, one block a row.
            x: (rows of this rank, K).
            b: The same.
            d: The same, changed in place.
            alpha: Share of the last step.
            beta: Length of this one.
        """
        rows, whole = self.rows, b if x is None else self.halo.extend(x, self.rows.shape[1])
        failed = load_kernels().step_float(
            *(ctypes.c_int(n) for n in (rows.shape[0], b.shape[1])),
            ctypes.c_int32(rows.rows),
            ctypes.c_int32(len(whole) // rows.shape[0] - 1),
            *(address(array) for array in (rows.indptr, rows.indices, rows.data, inverse.data, whole, b, d)),
            ctypes.c_float(alpha),
            ctypes.c_float(beta),
            ctypes.c_int(x is None),
        )
        assert not failed, f"no kernel for blocks of {rows.shape} and {b.shape[1]} columns"

    def invert_diagonal(self, sizes: NDArray[np.int32] | None = None) -> BlockRows:
        """Inverses of blocks on the diagonal, in single precision.

        Args:
            sizes: Numbers of consecutive rows that make one block each, multiples of the block's own (default: that).
        """
        rows, width = self.rows, self.rows.shape[0]
        counts = np.ones(rows.rows, dtype=np.int64) if sizes is None else sizes.astype(np.int64) // width
        group = np.repeat(np.arange(len(counts)), counts)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        row = np.repeat(np.arange(rows.rows), np.diff(rows.indptr))
        owned = rows.indices < rows.rows
        inside = np.flatnonzero(owned & (group[np.where(owned, rows.indices, 0)] == group[row]))
        row, column = row[inside], rows.indices[inside]
        indptr = np.concatenate([[0], np.cumsum(counts[group])])
        indices = np.repeat(starts[group], counts[group]) + np.arange(indptr[-1]) - np.repeat(indptr[:-1], counts[group])
        data = np.empty((int(indptr[-1]), width, width), dtype=np.float32)
        for count in np.unique(counts):
            groups = np.flatnonzero(counts == count)
            dense = np.zeros((len(groups), count, count, width, width))
            here = counts[group[row]] == count
            number = np.searchsorted(groups, group[row[here]])
            begin = starts[group[row[here]]]
            dense[number, row[here] - begin, column[here] - begin] = rows.data[inside[here]]
            whole = np.ascontiguousarray(dense.transpose(0, 1, 3, 2, 4).reshape(len(groups), count * width, count * width))
            load_kernels("hierarchy").invert_blocks(ctypes.c_int64(len(whole)), ctypes.c_int(count * width), address(whole))
            inverted = whole.reshape(len(groups), count, width, count, width).transpose(0, 1, 3, 2, 4)
            data[np.isin(group, groups)[np.repeat(np.arange(rows.rows), counts[group])]] = inverted.reshape(-1, width, width)
        return BlockRows((width, width), indptr, indices, data)


def _starts(counts: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(counts)[:-1]])
