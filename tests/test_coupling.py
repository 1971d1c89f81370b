"""Springs between patches: the motion a patch has, and what a spring of known stiffness does to two blocks."""

from __future__ import annotations

import json

# isort: split
import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI

from sacrofem.errors import ModelError
from sacrofem.mechanics.coupling import Coupling
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.patches import OuterSurface, Patch
from tests.blocks import block
from tests.coupled_blocks import elongation_of_spring, pull, two_blocks
from tests.solved_block import properties
from tests.test_mpi import run_on_ranks

SHIFT, TURN = np.array([0.1, -0.2, 0.3]), np.array([0.01, -0.02, 0.03])


@pytest.mark.parametrize("order", [1, 2])
def test_a_patch_feels_the_rigid_motion_it_is_given(order: int) -> None:
    mesh = block((3, 3, 4), fracture_depth=0.0)
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), order)
    corner = OuterSurface(mesh).pick("corner", (0.0, 0.0, 10.0), 6.0)
    inside = Patch("inside", cells=np.flatnonzero(np.linalg.norm(mesh.points[mesh.cells].mean(axis=1), axis=1) < 8.0))
    motions = model.patch_motions([corner, inside])
    for number, centre in enumerate(motions.centres):
        moved = fem.Function(model.V)
        moved.interpolate(lambda x, c=centre: SHIFT[:, None] + np.cross(TURN, (x - c[:, None]).T).T)
        felt = motions.rows[6 * number : 6 * number + 6] @ moved.x.petsc_vec.array
        assert felt == pytest.approx([*SHIFT, *TURN], abs=1e-12)


def test_a_patch_stays_on_its_side_of_a_thin_plate() -> None:
    mesh = block((6, 6, 2), size=(30.0, 30.0, 4.0), fracture_depth=0.0)
    patch = OuterSurface(mesh).pick("above", (15.0, 15.0, 3.0), 9.0)
    assert len(patch.triangles) > 2
    assert (mesh.points[patch.triangles][:, :, 2] == 2.0).all()


@pytest.mark.parametrize("spring", [1.0, 500.0, 1e6])
def test_one_spring_between_two_blocks_stretches_as_by_hand(spring: float) -> None:
    found = pull(MPI.COMM_SELF, 1, spring, 60.0)
    assert found.elongation == pytest.approx(elongation_of_spring(spring, 60.0), rel=1e-6)
    assert found.energy == pytest.approx(0.5 * found.work, rel=1e-7)
    assert found.residual < 1e-8


def test_the_preconditioner_takes_account_of_stiff_springs() -> None:
    mesh = two_blocks()
    root = np.random.default_rng(1).normal(size=(12, 6))
    effort = {}
    for stiff in (False, True):
        model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), 1)
        motions = model.patch_motions([Patch(name, mesh.surfaces[name]) for name in ("upper_face", "lower_face")])
        model.couple([Coupling("beam", motions.rows, 1e6 * root @ root.T, stiff)])
        model.set_properties(properties())
        model.assemble()
        load, found = model.assembled.createVecs()
        load.array[:] = np.random.default_rng(2).normal(size=load.getSize())
        effort[stiff] = model.solver.solve(load, found).iterations
    assert effort[True] < 0.6 * effort[False]


def test_the_coupled_matrix_is_the_assembled_one_and_its_springs() -> None:
    """B^T K B with a full K, against the dense matrices."""
    mesh = two_blocks()
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), 1)
    motions = model.patch_motions([Patch(name, mesh.surfaces[name]) for name in ("upper_face", "lower_face")])
    root = np.random.default_rng(1).normal(size=(12, 12))
    model.couple([Coupling("beam", motions.rows, root @ root.T)])
    model.set_properties(properties())
    model.assemble()
    dense = motions.rows.toarray()
    x, y = model.matrix.createVecs()
    x.setRandom()
    model.matrix.mult(x, y)
    plain = model.assembled.createVecLeft()
    model.assembled.mult(x, plain)
    assert y.array == pytest.approx(plain.array + dense.T @ root @ root.T @ dense @ x.array, rel=1e-10, abs=1e-10)


def test_a_patch_off_the_surface_or_without_facets_is_refused() -> None:
    mesh = block(fracture_depth=0.0)
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), 1)
    with pytest.raises(ModelError, match="patch 'nowhere'"):
        model.patch_motions([Patch("nowhere")])
    with pytest.raises(ModelError, match="0 of 1 outer facets"):
        model.patch_motions([Patch("within", mesh.cells[:1, :3] * 0 + [[0, 1, len(mesh.points) - 1]])])
    with pytest.raises(ModelError, match="no outer facet of ilium"):
        OuterSurface(mesh).pick("ligament", (0, 0, 0), 5.0, ["ilium"])


@pytest.mark.parametrize("ranks", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_one_rank_and_several_agree(ranks: int) -> None:
    one, several = (json.loads(run_on_ranks(count, "tests.coupled_blocks")) for count in (1, ranks))
    assert several == pytest.approx(one, rel=1e-7)
