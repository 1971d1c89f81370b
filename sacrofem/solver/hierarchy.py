"""Smoothed aggregation on the rigid motions: the levels of a V-cycle (Vanek, Mandel and Brezina, Computing 56 (1996) 179).

Nodes that are strongly coupled make aggregates; the rigid motions of each become six dofs of the next level, and a step of
damped block Jacobi smooths them. Aggregates stay within a rank; their smoothed motions do not.
"""

from __future__ import annotations

import ctypes
import logging
import time
from dataclasses import dataclass

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from sacrofem.solver.block_matrix import BlockMatrix, BlockRows, Halo, IntArray, SingleArray, invert_groups, number_locally
from sacrofem.solver.cycle import Level, Transfer, VCycle, estimate_largest
from sacrofem.solver.gauss_seidel import GaussSeidel
from sacrofem.solver.kernels import address, load_kernels

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]
#: Where each row begins, and the columns of all rows.
Pattern = tuple[NDArray[np.int32], NDArray[np.int32]]

#: Rigid motions.
_MOTIONS = 6
#: Two nodes are strongly coupled where |A_ij| is at least this share of sqrt(|A_ii| |A_jj|), Frobenius norms; by the size of the
#: blocks, 3 on the finest level and 6 below.
_STRONG = {3: 0.08, 6: 0.05}
#: The same on the finest level where stiffnesses of nodes differ by more than _HARD: a third fewer iterations there for twice
#: the numbers on the second level, at no more time (docs/benchmarks.md).
_STRONG_WHERE_HARD, _HARD = 0.16, 5e5
#: A prolongation reaches into a neighbour's aggregate from this strength of the coupling on.
_CARRIED = 0.05
#: Singular values of an aggregate's factor below this share are motions it does not have.
_RANK = 1e-9
#: Nodes whose strongest coupling is below this share are left to the smoother.
_LEAST = 1e-3
#: Aggregates of fewer nodes than can hold six motions join others.
_SMALLEST = 3
#: Dofs of the coarsest level, and levels, at most.
_COARSEST, _MOST_LEVELS = 400, 12
#: Below this share of rows gone, a level is not worth it.
_LEAST_COARSENING = 0.1
#: Damping of the Jacobi step that smooths the prolongation, over the largest eigenvalue (Vanek, Mandel and Brezina).
_DAMPING = 4.0 / 3.0


@dataclass(frozen=True)
class Prolongation:
    """From a coarser level to a finer one, in single precision.

    Attributes:
        rows: Blocks (rows of a fine block, rows of a coarse one).
        halo: Where its columns come from.
    """

    rows: BlockRows
    halo: Halo


def build_cycle(
    finest: BlockMatrix, motions: FloatArray, places: NDArray[np.int32], interpolation: Prolongation | None = None
) -> VCycle:
    """Build the levels for a matrix; collective.

    Args:
        finest: Blocks of 3.
        motions: (rows of this rank, 6) rigid motions of the nodes on the finest level, or on the one below an interpolation.
        places: Sizes, in numbers, of the groups of consecutive rows that the finest level relaxes together; see
            :mod:`sacrofem.solver.copies`.
        interpolation: From P1 to the finest level where that is P2.
    """
    began = time.perf_counter()
    matrix, levels = finest, []
    together: NDArray[np.int32] | None = places // matrix.rows.shape[0]
    if interpolation is not None:
        levels.append(_make_level(matrix, together, interpolation))
        matrix, together = multiply_galerkin(matrix, interpolation), None
    while len(levels) < _MOST_LEVELS and _count(matrix) * matrix.rows.shape[0] > _COARSEST:
        weight, contrast = measure_couplings(matrix)
        size = matrix.rows.shape[0]
        strong = _STRONG_WHERE_HARD if size == 3 and contrast > _HARD else _STRONG[size]
        groups, count = find_aggregates(matrix, weight, strong)
        if matrix.comm.allreduce(count) > (1.0 - _LEAST_COARSENING) * _count(matrix):
            break
        inverse = invert_groups(matrix.take_diagonal())
        largest = estimate_largest(matrix, inverse)
        prolongation, motions = smooth_aggregates(matrix, weight, inverse, largest, groups, count, motions)
        levels.append(_make_level(matrix, together, prolongation))
        matrix, together = multiply_galerkin(matrix, prolongation), None
    logger.debug("hierarchy of %s dofs on this rank in %.1f s", [level.dofs for level in levels], time.perf_counter() - began)
    return VCycle(levels, matrix)


def _make_level(matrix: BlockMatrix, places: NDArray[np.int32] | None, prolongation: Prolongation) -> Level:
    """A level, on the finest of which the copies of a place are relaxed together."""
    alone = np.ones(matrix.rows.rows, dtype=np.int32)
    return Level(GaussSeidel(matrix, alone if places is None else places), Transfer(prolongation.rows, prolongation.halo))


def _count(matrix: BlockMatrix) -> int:
    """Block rows on all ranks."""
    return int(matrix.comm.allreduce(matrix.rows.rows))


def measure_couplings(matrix: BlockMatrix) -> tuple[NDArray[np.float32], float]:
    """(blocks,) |A_ij| / sqrt(|A_ii| |A_jj|), Frobenius norms, and the largest |A_ii| over the smallest; collective."""
    rows, halo = matrix.rows, matrix.halo
    squares = np.empty(len(rows.indices))
    load_kernels("hierarchy").measure_blocks(
        ctypes.c_int64(len(squares)), ctypes.c_int(rows.shape[0] ** 2), address(rows.data), address(squares)
    )
    row = np.repeat(np.arange(rows.rows), np.diff(rows.indptr))
    diagonal = rows.indices == row
    own = np.zeros((rows.rows, 1))
    own[row[diagonal], 0] = np.sqrt(squares[diagonal])
    everywhere = halo.extend(own, 1)[:, 0]
    weight: NDArray[np.float32] = np.sqrt(squares / (everywhere[row] * everywhere[rows.indices])).astype(np.float32)
    largest = matrix.comm.allreduce(float(own.max(initial=0.0)), op=MPI.MAX)
    return weight, largest / matrix.comm.allreduce(float(own.min(initial=np.inf, where=own > 0.0)), op=MPI.MIN)


def find_aggregates(matrix: BlockMatrix, weight: NDArray[np.float32], strong: float) -> tuple[NDArray[np.int32], int]:
    """(rows,) aggregate of every block row of this rank, -1 for none, and how many there are here.

    Args:
        matrix: The matrix.
        weight: (blocks,) strength of its couplings.
        strong: From which strength on nodes belong together.
    """
    rows, kernels = matrix.rows, load_kernels("hierarchy")
    groups = np.empty(rows.rows, dtype=np.int32)
    kernels.aggregate.restype = ctypes.c_int32
    count = kernels.aggregate(
        ctypes.c_int32(rows.rows),
        *(address(array) for array in (rows.indptr, rows.indices, weight)),
        ctypes.c_float(strong),
        ctypes.c_float(_LEAST),
        ctypes.c_int32(_SMALLEST if rows.shape[0] == 3 else 1),
        address(groups),
    )
    return groups, int(count)


def smooth_aggregates(
    matrix: BlockMatrix,
    weight: NDArray[np.float32],
    inverse: BlockRows,
    largest: float,
    groups: NDArray[np.int32],
    count: int,
    motions: FloatArray,
) -> tuple[Prolongation, FloatArray]:
    """The prolongation from aggregates, P = (I - w D^-1 A) T, and the rigid motions on the coarser level; collective."""
    rows, halo, comm = matrix.rows, matrix.halo, matrix.comm
    kernels, size = load_kernels("hierarchy"), rows.shape[0]
    tentative = np.empty((rows.rows * size, _MOTIONS))
    coarse = np.empty((count * _MOTIONS, _MOTIONS))
    near = np.ascontiguousarray(motions)
    kernels.orthonormalise(
        ctypes.c_int32(rows.rows),
        ctypes.c_int(size),
        ctypes.c_int32(count),
        *(address(array) for array in (groups, near, tentative, coarse)),
    )
    first = int(np.sum(comm.allgather(count)[: comm.rank], dtype=np.int64))
    numbers = np.where(groups < 0, -1, groups + first).astype(np.float64)[:, None]
    everywhere = halo.extend(numbers, 1)[:, 0].astype(np.int64)
    foreign = (everywhere >= 0) & ((everywhere < first) | (everywhere >= first + count))
    ghosts = np.unique(everywhere[foreign])
    local = np.where(foreign, count + np.searchsorted(ghosts, everywhere), everywhere - first)
    local = np.where(everywhere < 0, -1, local).astype(np.int32)
    whole, near = halo.extend(tentative, size), halo.extend(near, size)
    factors = np.linalg.pinv(coarse.reshape(count, _MOTIONS, _MOTIONS), rcond=_RANK)
    inverted = inverse.data.astype(np.float64)
    indptr = np.zeros(rows.rows + 1, dtype=np.int32)

    def smooth(indices: NDArray[np.int32] | None, data: FloatArray | None) -> None:
        given = None if data is None else address(rows.data)
        failed = kernels.smooth(
            ctypes.c_int(size),
            ctypes.c_int32(rows.rows),
            address(rows.indptr),
            address(rows.indices),
            given,
            address(weight),
            ctypes.c_float(_CARRIED),
            address(inverted),
            ctypes.c_double(_DAMPING / largest),
            ctypes.c_int32(count + len(ghosts)),
            address(local),
            address(whole),
            address(near),
            address(factors),
            address(indptr),
            None if indices is None else address(indices),
            None if data is None else address(data),
        )
        assert not failed, f"no kernel for blocks of {size}"

    smooth(None, None)
    indices, data = np.empty(indptr[-1], dtype=np.int32), np.empty((indptr[-1], size, _MOTIONS))
    smooth(indices, data)
    made = BlockRows((size, _MOTIONS), indptr, indices, data)
    return Prolongation(made.single(), Halo.of(comm, ghosts, first, count)), coarse


def multiply_galerkin(matrix: BlockMatrix, prolongation: Prolongation) -> BlockMatrix:
    """P^T A P; collective.

    Dofs that no motion of their aggregate uses get a unit diagonal.
    """
    rows, p = matrix.rows, prolongation.rows
    size, width = p.shape
    owned, first = prolongation.halo.owned, prolongation.halo.first
    indptr, columns, data = _fetch_rows(matrix.halo, p, prolongation.halo.global_numbers())
    local, ghosts = number_locally(columns, first, owned)
    wide = owned + len(ghosts)
    whole = indptr.astype(np.int32), local
    product = _multiply_patterns((rows.indptr, rows.indices), whole, wide)
    turned = _turn_over((p.indptr, local[: len(p.indices)]), wide)
    pattern = _multiply_patterns(turned, product, wide)
    blocks = np.zeros((len(pattern[1]), width, width))
    failed = load_kernels("hierarchy").galerkin(
        *(ctypes.c_int(n) for n in (size, width)),
        *(ctypes.c_int32(n) for n in (rows.rows, wide)),
        *(address(array) for array in (rows.indptr, rows.indices, rows.data, *whole, data, *product, *pattern, blocks)),
    )
    assert not failed, f"no kernel for blocks of {p.shape}"
    coarse = BlockRows((width, width), *pattern, blocks)
    found = _send_home(prolongation.halo, coarse, np.concatenate([np.arange(first, first + owned), ghosts]))
    _fill_unused(found)
    return found


def _turn_over(pattern: Pattern, columns: int) -> Pattern:
    """The pattern of the transpose, columns ascending."""
    given = np.ones(len(pattern[1]), dtype=np.int8), pattern[1], pattern[0]
    turned = csr_matrix(given, shape=(len(pattern[0]) - 1, columns)).tocsc()
    return turned.indptr.astype(np.int32), turned.indices.astype(np.int32)


def _multiply_patterns(first: Pattern, second: Pattern, columns: int) -> Pattern:
    """The pattern of a product, columns ascending."""
    kernel, rows = load_kernels("hierarchy").multiply_patterns, len(first[0]) - 1
    indptr = np.zeros(rows + 1, dtype=np.int32)
    given = (
        *(ctypes.c_int32(n) for n in (rows, columns)),
        *(address(array) for array in (*first, *second, indptr)),
    )
    kernel(*given, None)
    indices = np.empty(indptr[-1], dtype=np.int32)
    kernel(*given, address(indices))
    return indptr, indices


def _fetch_rows(halo: Halo, rows: BlockRows, numbers: IntArray) -> tuple[IntArray, IntArray, SingleArray]:
    """Rows of this rank and, after them, those of its ghosts: where each begins, columns' numbers among all ranks, blocks."""
    own = numbers[rows.indices]
    if halo.comm.size == 1:
        return rows.indptr.astype(np.int64), own, rows.data
    lengths = np.diff(rows.indptr)
    parcels = []
    for wanted in np.split(halo.sent, np.cumsum(halo.send_counts)[:-1]):
        chosen = _list_entries(rows.indptr[wanted], lengths[wanted])
        parcels.append((lengths[wanted], own[chosen], rows.data[chosen]))
    came = halo.comm.alltoall(parcels)
    counts = np.concatenate([lengths, *(parcel[0] for parcel in came)])
    columns = np.concatenate([own, *(parcel[1] for parcel in came)])
    return np.concatenate([[0], np.cumsum(counts)]), columns, np.concatenate([rows.data, *(parcel[2] for parcel in came)])


def _list_entries(starts: NDArray[np.int32], lengths: NDArray[np.int32]) -> IntArray:
    """Places of the entries of some rows, row after row."""
    ends = np.cumsum(lengths)
    listed: IntArray = np.arange(int(lengths.sum())) + np.repeat(starts - (ends - lengths), lengths)
    return listed


def _send_home(halo: Halo, coarse: BlockRows, numbers: IntArray) -> BlockMatrix:
    """Add the rows that other ranks own to theirs.

    Args:
        halo: Of the coarse level; its ranks own the rows.
        coarse: This rank's rows and, behind them, those of others.
        numbers: Number among all ranks of every row, and of every column.
    """
    owned, first, shape, comm = halo.owned, halo.first, coarse.shape, halo.comm
    if comm.size == 1:
        return BlockMatrix(comm, coarse, halo)
    own = int(coarse.indptr[owned])
    row = np.repeat(np.arange(coarse.rows), np.diff(coarse.indptr))
    bounds = np.asarray(comm.allgather(first + owned), dtype=np.int64)
    owner = np.searchsorted(bounds, numbers[row[own:]], side="right")
    places = [own + np.flatnonzero(owner == rank) for rank in range(comm.size)]
    came = comm.alltoall([(numbers[row[at]], numbers[coarse.indices[at]], coarse.data[at]) for at in places])
    rows = np.concatenate([row[:own], *(part[0] - first for part in came)])
    columns = np.concatenate([numbers[coarse.indices[:own]], *(part[1] for part in came)])
    local, ghosts = number_locally(columns, first, owned)
    order = np.lexsort((local, rows))
    rows, local = rows[order], local[order]
    new = np.append(np.ones(min(len(rows), 1), dtype=bool), (np.diff(rows) != 0) | (np.diff(local) != 0))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows[new], minlength=owned))])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    summed = np.zeros((int(indptr[-1]), *shape))
    summed[place[:own]] = coarse.data[:own]
    begin = own
    for part in came:
        summed[place[begin : begin + len(part[0])]] += part[2]  # a rank sends no block twice
        begin += len(part[0])
    return BlockMatrix(comm, BlockRows(shape, indptr, local[new], summed), Halo.of(comm, ghosts, first, owned))


def _fill_unused(matrix: BlockMatrix) -> None:
    """Put 1 on the diagonal where it is zero: a motion that an aggregate does not have."""
    rows = matrix.rows
    row = np.repeat(np.arange(rows.rows), np.diff(rows.indptr))
    diagonal = np.flatnonzero(rows.indices == row)
    inside = np.arange(rows.shape[0])
    entries = rows.data[diagonal[:, None], inside, inside]
    largest = entries.max(axis=1, keepdims=True, initial=0.0)
    rows.data[diagonal[:, None], inside, inside] = np.where(entries <= 1e-14 * largest, 1.0, entries)
