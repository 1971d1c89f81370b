"""A multigrid V-cycle in single precision, on several vectors at once; :mod:`sacrofem.solver.hierarchy` builds its levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from sacrofem.solver.block_matrix import BlockMatrix, BlockRows, Halo, SingleArray

#: Chebyshev's interval as shares of the largest eigenvalue of D^-1 A, and the number of steps before and after: PETSc's own.
_INTERVAL = (0.1, 1.1)
_STEPS = 2
_POWER_ITERATIONS = 12
_SEED = 7


class Transfer:
    """From a coarser level to a finer one and back.

    Args:
        rows: Prolongation, (rows of a fine block, rows of a coarse one); columns first of this rank, then ghosts.
        halo: Where its columns come from.
    """

    def __init__(self, rows: BlockRows, halo: Halo) -> None:
        self.halo = halo
        self.prolongation = BlockRows(rows.shape, rows.indptr, rows.indices, rows.data.astype(np.float32))
        indptr, fine, place = turn_over(rows, halo.owned + len(halo.ghosts))
        turned = np.ascontiguousarray(self.prolongation.data[place].transpose(0, 2, 1))
        self.restriction = BlockRows(rows.shape[::-1], indptr, fine, turned)

    def restrict(self, residual: SingleArray) -> SingleArray:
        """To the coarser level; collective."""
        return self.halo.collect(self.restriction.multiply(residual), self.restriction.shape[0])

    def prolong(self, correction: SingleArray, into: SingleArray) -> None:
        """Add a correction of the coarser level to the finer one's; collective."""
        self.prolongation.multiply(self.halo.extend(correction, self.prolongation.shape[1]), into=into)


@dataclass(frozen=True)
class Level:
    """One level of the hierarchy but the coarsest.

    Attributes:
        matrix: The level's matrix.
        inverse: Inverses of its diagonal blocks.
        by_node: Whether these are of one node each; else the copies of a place share one.
        largest: Estimate of the largest eigenvalue of D^-1 A.
        transfer: From and to the next coarser level.
    """

    matrix: BlockMatrix
    inverse: BlockRows
    by_node: bool
    largest: float
    transfer: Transfer


class VCycle:
    """One V-cycle as a preconditioner: symmetric, the same linear map for every vector up to rounding.

    Args:
        levels: From the finest down.
        coarsest: The matrix below them.
    """

    def __init__(self, levels: list[Level], coarsest: BlockMatrix) -> None:
        self.levels, self.coarsest = levels, _CoarsestLevel(coarsest)

    def apply(self, b: SingleArray) -> SingleArray:
        """The cycle's answer to a block of right-hand sides (rows of this rank, K), single precision; collective."""
        return self._cycle(0, b)

    def _cycle(self, number: int, b: SingleArray) -> SingleArray:
        if number == len(self.levels):
            return self.coarsest.solve(b)
        level = self.levels[number]
        x = _smooth(level, None, b)
        residual = level.matrix.multiply(x, minus_from=b)
        level.transfer.prolong(self._cycle(number + 1, level.transfer.restrict(residual)), into=x)
        return _smooth(level, x, b)


def _smooth(level: Level, x: SingleArray | None, b: SingleArray) -> SingleArray:
    """Chebyshev's iteration with block Jacobi, from x or from zero."""
    low, high = (share * level.largest for share in _INTERVAL)
    middle, half = 0.5 * (high + low), 0.5 * (high - low)
    change = np.zeros_like(b)
    _step(level, x, b, change, 0.0, 1.0 / middle)
    x = change.copy() if x is None else np.add(x, change, out=x)
    rho = half / middle
    for _ in range(_STEPS - 1):
        following = 1.0 / (2.0 * middle / half - rho)
        _step(level, x, b, change, following * rho, 2.0 * following / half)
        x += change
        rho = following
    return x


def _step(level: Level, x: SingleArray | None, b: SingleArray, change: SingleArray, alpha: float, beta: float) -> None:
    """Put alpha change + beta D^-1 (b - A x) into the change; x None is zero."""
    if level.by_node:
        level.matrix.step(level.inverse, x, b, change, alpha, beta)
        return
    residual = b if x is None else level.matrix.multiply(x, minus_from=b)
    level.inverse.relax(residual, change, alpha, beta)


def estimate_largest(matrix: BlockMatrix, inverse: BlockRows) -> float:
    """The largest eigenvalue of D^-1 A by the conjugate gradient's Lanczos numbers."""
    comm = matrix.comm
    random = np.random.default_rng(_SEED + comm.rank)
    r = random.standard_normal((matrix.rows.rows * matrix.rows.shape[0], 1)).astype(np.float32)

    def dot(a: SingleArray, b: SingleArray) -> float:
        return float(comm.allreduce(float(np.vdot(a, b)), op=MPI.SUM))

    z = inverse.multiply(r)
    p, rz = z.copy(), dot(r, z)
    alphas, betas = [], []
    for _ in range(_POWER_ITERATIONS):
        q = matrix.multiply(p)
        alpha = rz / dot(p, q)
        r -= np.float32(alpha) * q
        z = inverse.multiply(r)
        following = dot(r, z)
        alphas.append(alpha)
        betas.append(following / rz)
        if following <= 1e-12 * rz:
            break
        p, rz = z + np.float32(betas[-1]) * p, following
    size = len(alphas)
    lanczos = np.zeros((size, size))
    for i in range(size):
        lanczos[i, i] = 1.0 / alphas[i] + (betas[i - 1] / alphas[i - 1] if i else 0.0)
        if i + 1 < size:
            lanczos[i, i + 1] = lanczos[i + 1, i] = np.sqrt(betas[i]) / alphas[i]
    return float(np.linalg.eigvalsh(lanczos)[-1])


def turn_over(rows: BlockRows, columns: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """The pattern by columns: (columns + 1,) where each begins, and for every block its row and its place in ``rows``."""
    count = len(rows.indices)
    turned = csr_matrix((np.arange(count, dtype=np.int32), rows.indices, rows.indptr), shape=(rows.rows, columns)).tocsc()
    return turned.indptr.astype(np.int32), turned.indices.astype(np.int32), turned.data


class _CoarsestLevel:
    """The coarsest matrix, inverted on every rank."""

    def __init__(self, matrix: BlockMatrix) -> None:
        self.comm, rows = matrix.comm, matrix.rows
        height, width = rows.shape
        self.counts = np.array(self.comm.allgather(rows.rows * height))
        size = int(self.counts.sum())
        numbers = matrix.halo.global_numbers()
        blocks = np.zeros((rows.rows, size // width, height, width))
        blocks[np.repeat(np.arange(rows.rows), np.diff(rows.indptr)), numbers[rows.indices]] = rows.data
        own = blocks.transpose(0, 2, 1, 3).reshape(rows.rows * height, size)
        whole = np.concatenate(self.comm.allgather(own))
        inverse = np.linalg.inv(0.5 * (whole + whole.T))
        first = matrix.halo.first * height
        self.inverse = np.ascontiguousarray(inverse[first : first + len(own)], dtype=np.float32)

    def solve(self, b: SingleArray) -> SingleArray:
        width = b.shape[1]
        whole = b
        if self.comm.size > 1:
            whole = np.empty((int(self.counts.sum()), width), dtype=np.float32)
            self.comm.Allgatherv(np.ascontiguousarray(b), [whole, self.counts * width])
        return np.ascontiguousarray(self.inverse @ whole)
