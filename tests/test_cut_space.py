"""Where a fracture doubles the dofs of the displacement, and where it must not."""

from __future__ import annotations

# isort: split
import numpy as np
import pytest
from mpi4py import MPI

from sacrofem.mechanics.cut_space import build_cut_space, number_copies
from sacrofem.mechanics.distribution import distribute
from sacrofem.mesh.facets import list_facets
from tests.blocks import block


def split_nodes(depth: float) -> dict[int, int]:
    """Node number -> number of copies, of the nodes that are split."""
    mesh = block(fracture_depth=depth)
    copies = number_copies(mesh.cells, mesh.surfaces["fracture:gap"])
    nodes, numbers = mesh.cells[copies.cells][copies.vertices >= 0], copies.vertices[copies.vertices >= 0]
    return {int(node): int(numbers[nodes == node].max()) + 1 for node in np.unique(nodes)}


def test_a_full_fracture_doubles_every_node_on_it() -> None:
    mesh = block()
    found = split_nodes(1.0)
    assert set(found) == set(np.flatnonzero(np.abs(mesh.points[:, 2]) < 1e-9))
    assert set(found.values()) == {2}


def test_the_front_of_a_partial_fracture_stays_welded() -> None:
    mesh = block(fracture_depth=2 / 3)
    found = split_nodes(2 / 3)
    behind_the_front = (np.abs(mesh.points[:, 2]) < 1e-9) & (mesh.points[:, 0] < 2 / 3 * 10 - 1e-6)
    assert set(found) == set(np.flatnonzero(behind_the_front))


def test_three_fans_meet_at_a_t_junction() -> None:
    mesh = block(shape=(4, 3, 4))
    facets = list_facets(mesh.cells).inner
    corners = mesh.points[facets]
    branch = (np.abs(corners[:, :, 0] - 5.0).max(axis=1) < 1e-9) & (corners[:, :, 2].min(axis=1) > -1e-9)
    copies = number_copies(mesh.cells, np.concatenate([mesh.surfaces["fracture:gap"], facets[branch]]))
    junction = np.flatnonzero((np.abs(mesh.points[:, 2]) < 1e-9) & (np.abs(mesh.points[:, 0] - 5.0) < 1e-9))
    nodes, numbers = mesh.cells[copies.cells], copies.vertices
    assert len(junction) == 4
    for node in junction:
        assert set(numbers[nodes == node]) == {0, 1, 2}


def test_copies_do_not_depend_on_the_order_of_the_facets() -> None:
    mesh = block()
    cut = mesh.surfaces["fracture:gap"]
    first, second = number_copies(mesh.cells, cut), number_copies(mesh.cells, cut[::-1][:, [2, 0, 1]])
    assert np.array_equal(first.vertices, second.vertices)
    assert np.array_equal(first.edges, second.edges)


@pytest.mark.parametrize("order", [1, 2])
def test_the_space_gains_one_dof_for_each_node_of_the_sheet(order: int) -> None:
    mesh = block()
    domain = distribute(mesh, MPI.COMM_SELF).domain
    nothing = np.zeros((0, 3), dtype=np.int64)
    whole = build_cut_space(domain, order, number_copies(mesh.cells, nothing))
    cut = build_cut_space(domain, order, number_copies(mesh.cells, mesh.surfaces["fracture:gap"]))
    on_sheet = np.abs(whole.tabulate_dof_coordinates()[:, 2]) < 1e-9
    gained = cut.dofmap.index_map.size_global - whole.dofmap.index_map.size_global
    assert gained == np.count_nonzero(on_sheet) > 0
    assert cut.dofmap.index_map_bs == 3


@pytest.mark.parametrize("order", [1, 2])
def test_every_dof_keeps_its_place(order: int) -> None:
    mesh = block()
    domain = distribute(mesh, MPI.COMM_SELF).domain
    whole = build_cut_space(domain, order, number_copies(mesh.cells, np.zeros((0, 3), dtype=np.int64)))
    cut = build_cut_space(domain, order, number_copies(mesh.cells, mesh.surfaces["fracture:gap"]))
    before, after = whole.tabulate_dof_coordinates(), cut.tabulate_dof_coordinates()
    assert np.allclose(after[cut.dofmap.list], before[whole.dofmap.list])
