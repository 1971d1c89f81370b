"""The smoother on half of a matrix does what Gauss and Seidel's method says, for one vector and for many."""

from __future__ import annotations

# isort: split
import numpy as np
import pytest
from mpi4py import MPI
from numpy.typing import NDArray

from sacrofem.solver.block_matrix import BlockMatrix, BlockRows, Halo
from sacrofem.solver.gauss_seidel import _LIFT, GaussSeidel
from sacrofem.solver.kernels import WIDTHS

NODES = 40


def random_matrix(size: int) -> tuple[BlockMatrix, NDArray[np.float64]]:
    """A positive definite matrix of blocks, one in four of them there, and the same dense."""
    random = np.random.default_rng(size)
    joined = np.tril(random.random((NODES, NODES)) < 0.25, -1)
    joined |= joined.T | np.eye(NODES, dtype=bool)
    half = random.standard_normal((NODES * size, NODES * size))
    whole = (half + half.T) * np.kron(joined, np.ones((size, size)))
    whole += (1.0 - np.linalg.eigvalsh(whole)[0]) * np.eye(len(whole))
    rows, columns = np.nonzero(joined)
    blocks = whole.reshape(NODES, size, NODES, size).transpose(0, 2, 1, 3)[rows, columns]
    indptr = np.concatenate([[0], np.cumsum(joined.sum(axis=1))])
    halo = Halo.of(MPI.COMM_SELF, np.zeros(0, dtype=np.int64), 0, NODES)
    return BlockMatrix(MPI.COMM_SELF, BlockRows((size, size), indptr, columns, blocks), halo), whole


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("places", [[1] * NODES, [1, 3, 2] * 6 + [1] * 4], ids=["alone", "copies together"])
@pytest.mark.parametrize("size", [3, 6])
def test_sweeps_are_those_of_the_dense_matrix(size: int, places: list[int], width: int) -> None:
    matrix, whole = random_matrix(size)
    smoother = GaussSeidel(matrix, np.array(places, dtype=np.int32))
    group = np.repeat(np.repeat(np.arange(len(places)), places), size)
    ahead, behind = (
        np.where(compare(group[None, :], group[:, None]), whole, 0.0) for compare in (np.less_equal, np.greater_equal)
    )
    lifted = _LIFT * np.diag(np.diag(whole))
    b = np.random.default_rng(1).standard_normal((len(whole), width))
    start, left = smoother.start(b)
    expected = np.linalg.solve(ahead + lifted, b)
    np.testing.assert_allclose(start, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(left, b - whole @ expected, atol=1e-5 * np.abs(b).max())
    x = np.random.default_rng(2).standard_normal(b.shape)
    expected = x + np.linalg.solve(behind + lifted, b - whole @ x)
    right = b
    found = smoother.finish(x, right)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert (right == b).all()


@pytest.mark.parametrize("size", [3, 6])
def test_both_sweeps_together_are_symmetric(size: int) -> None:
    """The backward sweep is the adjoint of the forward one: with nothing between them they make a symmetric, positive map."""
    matrix, whole = random_matrix(size)
    smoother = GaussSeidel(matrix, np.ones(NODES, dtype=np.int32))
    unit = np.eye(len(whole))
    columns = []
    for first in range(0, len(unit), WIDTHS[-1]):
        b = np.ascontiguousarray(unit[:, first : first + WIDTHS[-1]])
        columns.append(smoother.finish(smoother.start(b)[0], b).copy())
    found = np.concatenate(columns, axis=1).astype(np.float64)
    assert np.abs(found - found.T).max() < 1e-5 * np.abs(found).max()
    eigenvalues = np.linalg.eigvals(found @ whole).real
    assert eigenvalues.min() > 0.0
    assert eigenvalues.max() < 1.0 + 1e-4


def test_an_exact_solution_stays() -> None:
    """Inverses in single precision are not quite those of the blocks; a solution must not drift for that."""
    matrix, whole = random_matrix(3)
    smoother = GaussSeidel(matrix, np.ones(NODES, dtype=np.int32))
    x = np.random.default_rng(4).standard_normal((len(whole), 1))
    found = smoother.finish(x, (whole @ x))
    assert np.abs(found - x).max() < 1e-5 * np.abs(x).max()
