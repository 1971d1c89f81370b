"""A multigrid V-cycle in single precision, on several vectors at once, with the hierarchy that GAMG has built."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.solver.block_matrix import BlockMatrix, BlockRows, SingleArray

#: Chebyshev's interval as shares of the largest eigenvalue of D^-1 A, and the number of steps before and after: PETSc's own.
_INTERVAL = (0.1, 1.1)
_STEPS = 2
_POWER_ITERATIONS = 12
_SEED = 7


@dataclass(frozen=True)
class Level:
    """One level of the hierarchy but the coarsest.

    Attributes:
        matrix: The level's matrix.
        inverse: Inverses of its diagonal blocks.
        by_node: Whether these are of one node each; else the copies of a place share one.
        largest: Estimate of the largest eigenvalue of D^-1 A.
        restriction: To the next coarser level.
        prolongation: From there.
    """

    matrix: BlockMatrix
    inverse: BlockRows
    by_node: bool
    largest: float
    restriction: BlockMatrix
    prolongation: BlockMatrix


class VCycle:
    """One V-cycle as a preconditioner: symmetric, the same linear map for every vector up to rounding.

    Args:
        hierarchies: Preconditioners of type mg or gamg that are set up, from the finest level down; where there are two, the
            second one preconditions the coarsest level of the first.
        finest: The matrix of the finest level.
        places: Sizes of the blocks of consecutive rows that the finest level relaxes together; see
            :mod:`sacrofem.solver.copies`.
    """

    def __init__(self, hierarchies: list[PETSc.PC], finest: BlockMatrix, places: NDArray[np.int32]) -> None:
        matrices: list[PETSc.Mat] = []
        interpolations: list[PETSc.Mat] = []
        for hierarchy in hierarchies:
            matrices = matrices[:-1]  # the coarsest level of the first is the finest of the second
            count = hierarchy.getMGLevels()
            for number in range(count - 1, -1, -1):
                matrices.append(hierarchy.getMGSmoother(number).getOperators()[0])
                if number:
                    interpolations.append(hierarchy.getMGInterpolation(number))
        rows = [finest, *(BlockMatrix.of(matrix, (matrix.getBlockSize(),) * 2) for matrix in matrices[1:-1])]
        widths = [matrix.rows.shape[0] for matrix in rows] + [matrices[-1].getBlockSize()]
        self.levels = [
            _build_level(matrix.single(), interpolation, coarse, None if number else places)
            for number, (matrix, interpolation, coarse) in enumerate(zip(rows, interpolations, widths[1:], strict=True))
        ]
        self.coarsest = _CoarsestLevel(matrices[-1])

    def apply(self, b: SingleArray) -> SingleArray:
        """The cycle's answer to a block of right-hand sides (rows of this rank, K), single precision; collective."""
        return self._cycle(0, b)

    def _cycle(self, number: int, b: SingleArray) -> SingleArray:
        if number == len(self.levels):
            return self.coarsest.solve(b)
        level = self.levels[number]
        x = _smooth(level, None, b)
        residual = level.matrix.multiply(x, minus_from=b)
        correction = self._cycle(number + 1, level.restriction.multiply(residual))
        level.prolongation.multiply(correction, into=x)
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
    change *= np.float32(alpha)
    change += np.float32(beta) * level.inverse.multiply(residual)


def _build_level(matrix: BlockMatrix, interpolation: PETSc.Mat, coarse: int, places: NDArray[np.int32] | None) -> Level:
    fine = matrix.rows.shape[0]
    by_node = places is None or bool((places == fine).all())
    inverse = matrix.invert_diagonal(None if by_node else places)
    transposed = interpolation.transpose(PETSc.Mat())
    level = Level(
        matrix,
        inverse,
        by_node,
        _estimate_largest(matrix, inverse),
        BlockMatrix.of(transposed, (coarse, fine)).single(),
        BlockMatrix.of(interpolation, (fine, coarse)).single(),
    )
    transposed.destroy()
    return level


def _estimate_largest(matrix: BlockMatrix, inverse: BlockRows) -> float:
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


class _CoarsestLevel:
    """The coarsest matrix, inverted on every rank."""

    def __init__(self, matrix: PETSc.Mat) -> None:
        self.comm: MPI.Comm = matrix.comm.tompi4py()
        indptr, columns, values = matrix.getValuesCSR()
        size = matrix.getSize()[0]
        rows = np.zeros((len(indptr) - 1, size))
        rows[np.repeat(np.arange(len(rows)), np.diff(indptr)), columns] = values
        whole = np.concatenate(self.comm.allgather(rows))
        first, last = matrix.getOwnershipRange()
        inverse = np.linalg.inv(0.5 * (whole + whole.T))
        self.inverse = np.ascontiguousarray(inverse[first:last], dtype=np.float32)
        self.counts = np.array(self.comm.allgather(len(rows)))

    def solve(self, b: SingleArray) -> SingleArray:
        width = b.shape[1]
        whole = b
        if self.comm.size > 1:
            whole = np.empty((int(self.counts.sum()), width), dtype=np.float32)
            self.comm.Allgatherv(np.ascontiguousarray(b), [whole, self.counts * width])
        return np.ascontiguousarray(self.inverse @ whole)
