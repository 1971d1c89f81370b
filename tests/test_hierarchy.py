"""Smoothed aggregation: rigid motions pass every level, coarse matrices are Galerkin's, aggregates can hold six motions."""

from __future__ import annotations

# isort: split
import numpy as np
import pytest
from mpi4py import MPI

from sacrofem.solver import hierarchy
from sacrofem.solver.block_matrix import BlockMatrix, BlockRows, Halo, invert_groups
from sacrofem.solver.cycle import estimate_largest
from tests.blocks import block
from tests.plain_elasticity import assemble_bulk


def dense(rows: BlockRows, columns: int) -> np.ndarray:
    height, width = rows.shape
    whole = np.zeros((rows.rows, columns, height, width))
    whole[np.repeat(np.arange(rows.rows), np.diff(rows.indptr)), rows.indices] = rows.data
    return whole.transpose(0, 2, 1, 3).reshape(rows.rows * height, columns * width)


def rigid_motions(points: np.ndarray) -> np.ndarray:
    motions = np.zeros((len(points), 3, 6))
    motions[:, :, :3] = np.eye(3)
    for axis in range(3):
        motions[:, :, 3 + axis] = np.cross(np.eye(3)[axis], points)
    return motions.reshape(-1, 6)


def assemble_free_block(stiffer: float) -> tuple[BlockMatrix, np.ndarray]:
    """A block that nothing holds, with an inclusion so many times stiffer, and its rigid motions."""
    mesh = block((5, 5, 8))
    middle = mesh.points.mean(axis=0)
    near = np.linalg.norm(mesh.points[mesh.cells].mean(axis=1) - middle, axis=1) < 0.3 * np.ptp(mesh.points, axis=0).max()
    young = np.where(near, 20.0 * stiffer, 20.0)
    blocks = assemble_bulk(mesh.points, mesh.cells, young, np.full(len(young), 0.3)).tobsr((3, 3))
    count = len(mesh.points)
    halo = Halo.of(MPI.COMM_SELF, np.zeros(0, dtype=np.int64), 0, count)
    matrix = BlockMatrix(MPI.COMM_SELF, BlockRows((3, 3), blocks.indptr, blocks.indices, blocks.data), halo)
    return matrix, rigid_motions(mesh.points)


@pytest.fixture(scope="module", params=[1.0, 1e5])
def free_block(request: pytest.FixtureRequest) -> tuple[BlockMatrix, np.ndarray]:
    """Of one material, or with an inclusion far stiffer."""
    return assemble_free_block(request.param)


def coarsen(matrix: BlockMatrix, motions: np.ndarray) -> tuple[hierarchy.Prolongation, np.ndarray, np.ndarray]:
    inverse = invert_groups(matrix.take_diagonal())
    weight, _ = hierarchy.measure_couplings(matrix)
    groups, count = hierarchy.find_aggregates(matrix, weight, 0.08)
    largest = estimate_largest(matrix, inverse)
    prolongation, coarse = hierarchy.smooth_aggregates(matrix, weight, inverse, largest, groups, count, motions)
    return prolongation, coarse, groups


def test_rigid_motions_pass_from_level_to_level(free_block: tuple[BlockMatrix, np.ndarray]) -> None:
    """Also where weak neighbours are left out of a row."""
    matrix, motions = free_block
    for _ in range(2):
        prolongation, coarse, groups = coarsen(matrix, motions)
        assert (groups >= 0).all()
        carried = dense(prolongation.rows, prolongation.halo.owned) @ coarse
        # Single precision enters through the inverses of the diagonal blocks; what they multiply is zero but for rounding.
        np.testing.assert_allclose(carried, motions, atol=1e-6 * np.abs(motions).max())
        matrix, motions = hierarchy.multiply_galerkin(matrix, prolongation), coarse
        inside = np.einsum("ij,jk,ik->i", motions.T, dense(matrix.rows, matrix.rows.rows), motions.T)
        assert np.abs(inside).max() < 1e-8 * np.abs(dense(matrix.rows, matrix.rows.rows)).max() * np.sum(motions**2)


def test_the_coarse_matrix_is_galerkins(free_block: tuple[BlockMatrix, np.ndarray]) -> None:
    matrix, motions = free_block
    prolongation, _, _ = coarsen(matrix, motions)
    p = dense(prolongation.rows, prolongation.halo.owned)
    expected = p.T @ dense(matrix.rows, matrix.rows.rows) @ p
    found = dense(hierarchy.multiply_galerkin(matrix, prolongation).rows, prolongation.halo.owned)
    used = np.diag(expected) > 1e-12 * np.diag(expected).max()
    np.testing.assert_allclose(found[np.ix_(used, used)], expected[np.ix_(used, used)], atol=1e-9 * np.abs(expected).max())


def test_aggregates_do_not_reach_from_stiff_into_soft(free_block: tuple[BlockMatrix, np.ndarray]) -> None:
    """Nodes inside the inclusion and nodes far softer share no aggregate; all aggregates hold three nodes or more."""
    matrix, motions = free_block
    _, _, groups = coarsen(matrix, motions)
    assert np.bincount(groups).min() >= 3
    row = np.repeat(np.arange(matrix.rows.rows), np.diff(matrix.rows.indptr))
    diagonal = matrix.rows.data[matrix.rows.indices == row]
    stiffness = np.trace(diagonal, axis1=1, axis2=2)
    stiff = stiffness > 1e3 * stiffness.min()
    if stiff.any():
        assert not set(groups[stiff]) & set(groups[~stiff])


def test_a_hard_contrast_is_met_by_a_richer_second_level() -> None:
    """Moduli a million times apart keep more of the finest level than moduli ten thousand times apart do."""
    kept = {}
    for stiffer in (1e4, 1e6):
        matrix, motions = assemble_free_block(stiffer)
        contrast = hierarchy.measure_couplings(matrix)[1]
        assert stiffer < contrast < 20.0 * stiffer  # a corner has fewer cells than a node inside
        cycle = hierarchy.build_cycle(matrix, motions, np.full(matrix.rows.rows, 3, dtype=np.int32))
        kept[stiffer] = cycle.levels[1].dofs if len(cycle.levels) > 1 else len(cycle.coarsest.inverse)
    assert kept[1e6] > 1.2 * kept[1e4]
