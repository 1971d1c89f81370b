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
FloatArray = NDArray[np.float64]


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

    def extend(self, x: FloatArray, size: int) -> FloatArray:
        """Append the ghost rows of ``x``, whose blocks have ``size`` rows."""
        if self.comm.size == 1:
            return x
        width = size * x.shape[1]
        ghosts = int(self.receive_counts.sum())
        whole = np.empty(((self.owned + ghosts) * size, x.shape[1]))
        whole[: len(x)] = x
        packed = np.ascontiguousarray(x.reshape(self.owned, width)[self.sent])
        kind = MPI.DOUBLE
        send = [packed, self.send_counts * width, _starts(self.send_counts) * width, kind]
        self.comm.Alltoallv(send, [whole[len(x) :], self.receive_counts * width, _starts(self.receive_counts) * width, kind])
        return whole

    def collect(self, whole: FloatArray, size: int) -> FloatArray:
        """The owned rows of ``whole``, to which every other rank has added what it holds of them; the reverse of extending."""
        if self.comm.size == 1:
            return whole
        width, own = size * whole.shape[1], self.owned * size
        came = np.empty((len(self.sent), width), dtype=whole.dtype)
        send = [whole[own:], self.receive_counts * width, _starts(self.receive_counts) * width, MPI.DOUBLE]
        self.comm.Alltoallv(send, [came, self.send_counts * width, _starts(self.send_counts) * width, MPI.DOUBLE])
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

    def multiply(self, x: FloatArray, minus_from: FloatArray | None = None, into: FloatArray | None = None) -> FloatArray:
        """A x, or b - A x with ``minus_from`` b, or y + A x in place with ``into`` y.

        Args:
            x: (columns, K).
            minus_from: (rows, K).
            into: (rows, K), changed in place.
        """
        y = np.empty((self.rows * self.shape[0], x.shape[1])) if into is None else into
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

    def multiply_transposed(self, x: FloatArray, columns: int) -> FloatArray:
        """A^T x, the data in single precision.

        Args:
            x: (rows, K).
            columns: Block columns there are.
        """
        y = np.zeros((columns * self.shape[1], x.shape[1]))
        failed = self._kernels.transposed_float(
            *(ctypes.c_int(n) for n in (*self.shape, x.shape[1])),
            ctypes.c_int32(self.rows),
            *(address(array) for array in (self.indptr, self.indices, self.data, x, y)),
        )
        assert not failed, f"no kernel for blocks of {self.shape} and {x.shape[1]} columns"
        return y

    def single(self) -> BlockRows:
        """The same in single precision."""
        return BlockRows(self.shape, self.indptr, self.indices, self.data.astype(np.float32))

    def sort(self) -> None:
        """Bring the blocks of every row into the order of their columns; double precision."""
        load_kernels().sort_rows(
            ctypes.c_int(self.shape[0] * self.shape[1]),
            ctypes.c_int32(self.rows),
            *(address(array) for array in (self.indptr, self.indices, self.data)),
        )


def _without_blocks(y: FloatArray, minus_from: FloatArray | None, into: FloatArray | None) -> FloatArray:
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
        """A PETSc matrix in double precision; collective.

        Args:
            matrix: The matrix.
            shape: Rows and columns of a block.
        """
        comm: MPI.Comm = matrix.comm.tompi4py()
        first, last = (bound // shape[1] for bound in matrix.getOwnershipRangeColumn())
        indptr, columns, values = matrix.getValuesCSR()
        rows = _gather_blocks(shape, indptr, columns, values, matrix.getSize()[1])
        del indptr, columns, values
        ghosts = np.zeros(0, dtype=np.int64)
        if comm.size > 1:
            rows.indices, ghosts = number_locally(rows.indices.astype(np.int64), first, last - first)
            rows.sort()
        return cls(comm, rows, Halo.of(comm, ghosts, first, last - first))

    def multiply(self, x: FloatArray, minus_from: FloatArray | None = None, into: FloatArray | None = None) -> FloatArray:
        """The same as :meth:`BlockRows.multiply`, with the columns of this rank alone given; collective."""
        return self.rows.multiply(self.halo.extend(x, self.rows.shape[1]), minus_from, into)

    def take_diagonal(self) -> BlockRows:
        """Its blocks on the diagonal, one in every row."""
        rows, own = self.rows, np.arange(self.rows.rows + 1)
        row = np.repeat(own[:-1], np.diff(rows.indptr))
        inside = np.flatnonzero(rows.indices == row)
        data = np.zeros((rows.rows, *rows.shape))
        data[row[inside]] = rows.data[inside]
        return BlockRows(rows.shape, own, own[:-1], data)


def number_locally(numbers: IntArray, first: int, owned: int) -> tuple[NDArray[np.int32], IntArray]:
    """Numbers among all ranks as this rank's, ghosts behind its own; and the ghosts, ascending."""
    foreign = np.flatnonzero((numbers < first) | (numbers >= first + owned))
    ghosts, place = np.unique(numbers[foreign], return_inverse=True)
    local = (numbers - first).astype(np.int32)
    local[foreign] = owned + place
    return local, ghosts


def invert_groups(diagonal: BlockRows) -> BlockRows:
    """Inverses, in single precision, of blocks on a diagonal: as many in every row as its group of rows has rows."""
    width, counts = diagonal.shape[0], np.diff(diagonal.indptr)
    inverse = np.empty(diagonal.data.shape, dtype=np.float32)
    for count in np.unique(counts):
        places = np.flatnonzero(np.repeat(counts == count, counts))
        split = (-1, count, count, width, width)
        whole = np.ascontiguousarray(diagonal.data[places].reshape(split).transpose(0, 1, 3, 2, 4))
        load_kernels("hierarchy").invert_blocks(ctypes.c_int64(len(whole)), ctypes.c_int(count * width), address(whole))
        inverse[places] = whole.transpose(0, 1, 3, 2, 4).reshape(-1, width, width)
    return BlockRows(diagonal.shape, diagonal.indptr, diagonal.indices, inverse)


def _gather_blocks(
    shape: tuple[int, int], indptr: AnyInteger, columns: AnyInteger, values: NDArray[np.float64], wide: int
) -> BlockRows:
    """The rows of this rank in blocks, from single numbers; columns keep their numbers among all ranks."""
    height, width = shape
    count = (len(indptr) - 1) // height
    if not len(values) % (height * width):
        starts, indices = np.empty(count + 1, dtype=np.int32), np.empty(len(values) // (height * width), dtype=np.int32)
        data = np.empty((len(indices), height, width))
        begins, numbers = indptr.astype(np.int32, copy=False), columns.astype(np.int32, copy=False)
        scattered = load_kernels().gather_blocks(
            *(ctypes.c_int(n) for n in shape),
            ctypes.c_int32(count),
            *(address(array) for array in (begins, numbers, values, starts, indices, data)),
        )
        if not scattered:
            return BlockRows(shape, starts, indices, data)
    found = csr_matrix((values, columns, indptr), shape=(len(indptr) - 1, wide)).tobsr(shape)  # blocks are not full
    return BlockRows(shape, found.indptr, found.indices, found.data)


def _starts(counts: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(counts)[:-1]])
