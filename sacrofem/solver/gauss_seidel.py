"""Block Gauss and Seidel as a smoother: forward before the coarser level, backward after it, which keeps the cycle symmetric.

Of a symmetric matrix A = L + D + L^T the lower half alone is kept. A sweep reads a block of it once, for the row it stands in and
for that of its column: the forward sweep from zero also leaves the residual, and both sweeps together read as much as one product
with A. Two steps of Chebyshev's iteration on either side, which this replaces, read four times that.

The matrix is in single precision, vectors are not: rounded vectors cost iterations, the more the stiffer a body moves in soft
bone (metal a million times as stiff: 441 in single precision, 96 in double; docs/solver.md).

Ranks sweep at the same time, each through its own rows. So that this converges however many there are, rows with columns of
other ranks get more on the diagonal (Baker, Falgout, Kolev and Yang, SIAM J. Sci. Comput. 33 (2011) 2864: the l1 smoothers, with
half the sum as in hypre).
"""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from sacrofem.solver.block_matrix import BlockMatrix, BlockRows, FloatArray, SingleArray, invert_groups
from sacrofem.solver.kernels import address, load_kernels

#: Share of what a row's columns of other ranks sum to that its diagonal gets more.
_SHARE = 0.5
#: Share by which a diagonal is lifted before its blocks are inverted: what is above the matrix converges all the same, and an
#: inverse in single precision stays positive where an aggregate has a motion that costs next to no energy (without: a block with
#: an eigenvalue of 1e-9 of its diagonal made the whole cycle indefinite).
_LIFT = 1e-5
#: Numbers that a node takes in a single vector, by its dofs: as many as a vector of the processor.
_STRIDE = {3: 4, 6: 8}


class GaussSeidel:
    """Sweeps through the rows of a matrix.

    Args:
        matrix: Symmetric, in double precision.
        places: Sizes, in rows, of the groups of consecutive rows that are relaxed together.

    Attributes:
        lower: Its blocks ahead of the group of each row, in single precision.
        foreign: Its blocks in columns of other ranks; None on one rank.
        diagonal: The groups' blocks.
        inverse: Their inverses.
        numbers: How many numbers the whole matrix has on this rank.
    """

    def __init__(self, matrix: BlockMatrix, places: NDArray[np.int32]) -> None:
        self.size, self.halo, self.numbers = matrix.rows.shape[0], matrix.halo, matrix.rows.data.size
        self.lower, foreign, diagonal = split_rows(matrix, places)
        self.foreign = foreign if len(foreign.indices) else None
        self.diagonal = diagonal.single()
        own = np.flatnonzero(diagonal.indices == np.repeat(np.arange(diagonal.rows), np.diff(diagonal.indptr)))
        dofs = np.arange(self.size)
        diagonal.data[own[:, None], dofs, dofs] *= 1.0 + _LIFT
        if self.foreign is not None:
            diagonal.data[own] += _sum_rows(self.foreign)
        self.inverse = invert_groups(diagonal)

    def start(self, b: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sweep forward from zero; collective.

        Args:
            b: (rows of this rank, K).

        Returns:
            x, and what is left of b.
        """
        shape = b.shape if b.shape[1] > 1 else (len(b) // self.size, _STRIDE[self.size])
        x, left = np.empty(shape), np.empty(shape)
        self._sweep("forward", b.shape[1], b, x, left)
        x, left = self._gather(x, b), self._gather(left, b)
        return x, self._without_foreign(x, left)

    def finish(self, x: FloatArray, b: FloatArray) -> FloatArray:
        """Sweep backward from x, which is used up; collective."""
        left = self._spread(self._without_foreign(x, b))
        spread, left = self._spread(x), left.copy() if left is b else left  # it is used up, and b is the caller's
        self._sweep("backward", b.shape[1], spread, left)
        return self._gather(spread, b)

    def _without_foreign(self, x: FloatArray, b: FloatArray) -> FloatArray:
        """B less what columns of other ranks make of their x; collective."""
        whole = self.halo.extend(x, self.size)
        return b if self.foreign is None else self.foreign.multiply(whole, minus_from=b)

    def _spread(self, x: FloatArray) -> FloatArray:
        """As kernels want it: with one column every node's numbers are followed by zeros up to a processor's vector."""
        if x.shape[1] > 1:
            return x
        wide = np.zeros((len(x) // self.size, _STRIDE[self.size]))
        wide[:, : self.size] = x.reshape(-1, self.size)
        return wide

    def _gather(self, spread: FloatArray, like: FloatArray) -> FloatArray:
        """The reverse."""
        return spread if like.shape[1] > 1 else np.ascontiguousarray(spread[:, : self.size]).reshape(-1, 1)

    def _sweep(self, direction: str, width: int, *vectors: FloatArray) -> None:
        lower, diagonal, inverse = self.lower, self.diagonal, self.inverse
        failed = getattr(load_kernels("gauss_seidel"), direction)(
            *(ctypes.c_int(n) for n in (self.size, width)),
            ctypes.c_int32(lower.rows),
            *(address(array) for array in (lower.indptr, lower.indices, lower.data)),
            *(address(array) for array in (diagonal.indptr, diagonal.data, inverse.data)),
            *(address(vector) for vector in vectors),
        )
        assert not failed, f"no kernel for blocks of {self.size} and {width} columns"


def split_rows(matrix: BlockMatrix, places: NDArray[np.int32]) -> tuple[BlockRows, BlockRows, BlockRows]:
    """The blocks ahead of the group of each row and those of other ranks, in single precision, and those of the groups.

    Args:
        matrix: In double precision.
        places: Sizes, in rows, of the groups of consecutive rows.

    Returns:
        Of the groups as many blocks in every row as its group has rows, in double precision.
    """
    rows, shape = matrix.rows, matrix.rows.shape
    begin, count = (np.repeat(of, places).astype(np.int32) for of in (np.cumsum(places) - places, places))
    starts = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    lower, foreign = (np.zeros(rows.rows + 1, dtype=np.int32) for _ in range(2))
    split = load_kernels("gauss_seidel").split_rows
    given = ctypes.c_int(shape[0]), ctypes.c_int32(rows.rows), address(rows.indptr), address(rows.indices)
    split(*given, None, address(begin), address(starts), address(lower), None, None, address(foreign), None, None, None)
    ahead, abroad = (np.empty(indptr[-1], dtype=np.int32) for indptr in (lower, foreign))
    parts = _with_room((len(ahead), *shape)), _with_room((len(abroad), *shape))
    inside = np.zeros((int(starts[-1]), *shape))
    made = (rows.data, begin, starts, lower, ahead, parts[0], foreign, abroad, parts[1], inside)
    split(*given, *(address(array) for array in made))
    columns = np.repeat(begin - starts[:-1], count) + np.arange(starts[-1])
    return (
        BlockRows(shape, lower, ahead, parts[0]),
        BlockRows(shape, foreign, abroad, parts[1]),
        BlockRows(shape, starts, columns, inside),
    )


def _with_room(shape: tuple[int, ...]) -> SingleArray:
    """An array of that shape, with room for a processor's vector, which is read but not used, behind its end."""
    size = int(np.prod(shape))
    whole = np.empty(size + max(_STRIDE.values()), dtype=np.float32)
    whole[size:] = 0.0
    return whole[:size].reshape(shape)


def _sum_rows(foreign: BlockRows) -> SingleArray:
    """(rows, n, n) what the diagonal gets more on behalf of columns of other ranks."""
    row = np.repeat(np.arange(foreign.rows), np.diff(foreign.indptr))
    added = np.zeros((foreign.rows, foreign.shape[0]), dtype=np.float32)
    np.add.at(added, row, _SHARE * np.abs(foreign.data).sum(axis=2))
    return added[:, :, None] * np.eye(foreign.shape[0], dtype=np.float32)
