"""A multigrid V-cycle on several vectors at once, its matrices in single precision; built by :mod:`sacrofem.solver.hierarchy`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from sacrofem.solver.block_matrix import BlockMatrix, BlockRows, FloatArray, Halo
from sacrofem.solver.gauss_seidel import GaussSeidel

_POWER_ITERATIONS = 12
_SEED = 7


class Transfer:
    """From a coarser level to a finer one and back.

    Args:
        rows: Prolongation, (rows of a fine block, rows of a coarse one); columns first of this rank, then ghosts.
        halo: Where its columns come from.
    """

    def __init__(self, rows: BlockRows, halo: Halo) -> None:
        self.prolongation, self.halo = rows, halo

    def restrict(self, residual: FloatArray) -> FloatArray:
        """To the coarser level; collective."""
        columns = self.halo.owned + len(self.halo.ghosts)
        return self.halo.collect(self.prolongation.multiply_transposed(residual, columns), self.prolongation.shape[1])

    def prolong(self, correction: FloatArray, into: FloatArray) -> None:
        """Add a correction of the coarser level to the finer one's; collective."""
        self.prolongation.multiply(self.halo.extend(correction, self.prolongation.shape[1]), into=into)


@dataclass(frozen=True)
class Level:
    """One level of the hierarchy but the coarsest.

    Attributes:
        smoother: Of the level's matrix.
        transfer: From and to the next coarser level.
    """

    smoother: GaussSeidel
    transfer: Transfer

    @property
    def dofs(self) -> int:
        """Rows of this rank."""
        return self.smoother.lower.rows * self.smoother.size


class VCycle:
    """One V-cycle as a preconditioner: symmetric, the same linear map for every vector up to rounding.

    Args:
        levels: From the finest down.
        coarsest: The matrix below them.
    """

    def __init__(self, levels: list[Level], coarsest: BlockMatrix) -> None:
        self.levels, self.coarsest = levels, _CoarsestLevel(coarsest)

    def apply(self, b: FloatArray) -> FloatArray:
        """The cycle's answer to a block of right-hand sides (rows of this rank, K); collective."""
        return self._cycle(0, b)

    def _cycle(self, number: int, b: FloatArray) -> FloatArray:
        if number == len(self.levels):
            return self.coarsest.solve(b)
        level = self.levels[number]
        x, residual = level.smoother.start(b)
        level.transfer.prolong(self._cycle(number + 1, level.transfer.restrict(residual)), into=x)
        return level.smoother.finish(x, b)


def estimate_largest(matrix: BlockMatrix, inverse: BlockRows) -> float:
    """The largest eigenvalue of D^-1 A by the conjugate gradient's Lanczos numbers.

    Args:
        matrix: A, in double precision.
        inverse: D^-1, in single precision.
    """
    comm = matrix.comm
    random = np.random.default_rng(_SEED + comm.rank)
    r = random.standard_normal((matrix.rows.rows * matrix.rows.shape[0], 1))

    def dot(a: FloatArray, b: FloatArray) -> float:
        return float(comm.allreduce(float(np.vdot(a, b)), op=MPI.SUM))

    z = inverse.multiply(r)
    p, rz = z.copy(), dot(r, z)
    alphas, betas = [], []
    for _ in range(_POWER_ITERATIONS):
        q = matrix.multiply(p)
        alpha = rz / dot(p, q)
        r -= alpha * q
        z = inverse.multiply(r)
        following = dot(r, z)
        alphas.append(alpha)
        betas.append(following / rz)
        if following <= 1e-12 * rz:
            break
        p, rz = z + betas[-1] * p, following
    size = len(alphas)
    lanczos = np.zeros((size, size))
    for i in range(size):
        lanczos[i, i] = 1.0 / alphas[i] + (betas[i - 1] / alphas[i - 1] if i else 0.0)
        if i + 1 < size:
            lanczos[i, i + 1] = lanczos[i + 1, i] = np.sqrt(betas[i]) / alphas[i]
    return float(np.linalg.eigvalsh(lanczos)[-1])


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
        self.inverse = np.ascontiguousarray(inverse[first : first + len(own)])

    def solve(self, b: FloatArray) -> FloatArray:
        width = b.shape[1]
        whole = b
        if self.comm.size > 1:
            whole = np.empty((int(self.counts.sum()), width))
            self.comm.Allgatherv(np.ascontiguousarray(b), [whole, self.counts * width])
        return np.ascontiguousarray(self.inverse @ whole)
