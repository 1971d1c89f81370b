"""The cut space: a continuous mesh whose displacement may jump across fractures.

The mesh stays conforming; only the dof map of the continuous space is replaced. At every vertex (P2: and edge) on a fracture,
each connected component of the surrounding cells, after removing the cut facets, gets a dof of its own. Fronts of partial
fractures and welded facets keep one component, so they stay joined; stock interior-facet integrals then see the jump.

This is the one module that uses private names of ``dolfinx.cpp``; it was tried on DOLFINx 0.11.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from dolfinx import cpp, fem, la
from dolfinx import mesh as dmesh
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from sacrofem.mechanics.facets import facets_of
from sacrofem.mesh.facets import find_inner

IntArray = NDArray[np.int64]

#: Local vertices of the edges of a tetrahedron, in the numbering of DOLFINx.
EDGE_VERTICES = np.array([[2, 3], [1, 3], [1, 2], [0, 3], [0, 2], [0, 1]])


@dataclass(frozen=True)
class Copies:
    """Which copy of its vertices and edges each cell on a fracture uses.

    Attributes:
        cells: (k,) input cell numbers, ascending; cells with no split vertex or edge are not listed.
        vertices: (k, 4) copy number of each vertex, -1 where it is not split.
        edges: (k, 6) copy number of each edge, -1 where it is not split.
    """

    cells: IntArray
    vertices: IntArray
    edges: IntArray


def number_copies(cells: IntArray, cut: IntArray) -> Copies:
    """Number the copies of every vertex and edge on a set of cut facets; serial, plain arrays.

    Args:
        cells: (m, 4) node numbers.
        cut: (f, 3) node numbers of the facets across which the displacement may jump.

    Returns:
        The copies; the same whatever the order of ``cut``.
    """
    found = facets_of(cells)
    count, cut_nodes = found.count, np.sort(cut, axis=1)
    on_cut = np.zeros(count, dtype=bool)
    on_cut[cut] = True
    closed = on_cut[found.inner].any(axis=1)
    closed[find_inner(found, cut)] = False
    near = np.flatnonzero(on_cut[cells].any(axis=1))  # the rest of the mesh has no part in it
    cells, sides = cells[near], np.searchsorted(near, found.inner_cells[closed])
    facets = np.sort(found.inner[closed], axis=1)
    edge_nodes = np.sort(cells[:, EDGE_VERTICES].reshape(-1, 2), axis=1)
    edge_ids, edges = np.unique(edge_nodes[:, 0] * count + edge_nodes[:, 1], return_inverse=True)
    edges = edges.reshape(-1, 6)
    corners = [(0, 1), (0, 2), (1, 2)]
    cut_edges = np.unique(np.concatenate([cut_nodes[:, a] * count + cut_nodes[:, b] for a, b in corners]))
    edge_on_cut = np.isin(edge_ids, cut_edges)
    vertices = _components(cells, on_cut, sides, facets)
    facet_edges = np.stack([np.searchsorted(edge_ids, facets[:, a] * count + facets[:, b]) for a, b in corners], axis=1)
    edge_copies = _components(edges, edge_on_cut, sides, facet_edges)
    listed = np.flatnonzero((vertices >= 0).any(axis=1) | (edge_copies >= 0).any(axis=1))
    return Copies(near[listed], vertices[listed], edge_copies[listed])


def _components(entities: IntArray, on_cut: NDArray[np.bool_], sides: IntArray, shared: IntArray) -> IntArray:
    """Number the fans of cells around every entity on the cut, linked through facets that are not cut.

    Args:
        entities: (m, k) entity number of every local entity of a cell.
        on_cut: Whether an entity lies on the cut.
        sides: (f, 2) cells of the facets that are not cut.
        shared: (f, 3) entities of these facets.

    Returns:
        (m, k) number of the fan, -1 where an entity has one fan only.
    """
    size = entities.shape[1]
    starts, ends = [], []
    for corner in range(shared.shape[1]):
        used = on_cut[shared[:, corner]]
        wanted = shared[used, corner][:, None]
        first, second = sides[used, 0], sides[used, 1]
        starts.append(first * size + np.argmax(entities[first] == wanted, axis=1))
        ends.append(second * size + np.argmax(entities[second] == wanted, axis=1))
    selected = np.flatnonzero(on_cut[entities].ravel())
    place = np.full(entities.size, -1)
    place[selected] = np.arange(len(selected))
    start, end = place[np.concatenate(starts)], place[np.concatenate(ends)]
    graph = coo_matrix((np.ones(len(start)), (start, end)), shape=(len(selected), len(selected)))
    total, label = connected_components(graph, directed=False)
    entity_of_fan = np.empty(total, dtype=np.int64)
    entity_of_fan[label] = entities.ravel()[selected]
    order = np.argsort(entity_of_fan, kind="stable")
    ordered = entity_of_fan[order]
    begins = np.searchsorted(ordered, ordered)  # first fan of the same entity
    fan_number = np.empty(total, dtype=np.int64)
    fan_number[order] = np.arange(total) - begins
    fans_of_entity = np.bincount(entity_of_fan, minlength=len(on_cut))
    copies = np.full(entities.size, -1)
    split = fans_of_entity[entities.ravel()[selected]] > 1
    copies[selected[split]] = fan_number[label[split]]
    return copies.reshape(entities.shape)


_MOST_COPIES = 64  # fans around one vertex; a mesh with more is not a fracture model
_INDEX_MAP_TAG = 77


def build_cut_space(domain: dmesh.Mesh, order: int, copies: Copies) -> fem.FunctionSpace:
    """Build the vector space on ``domain`` with the dofs on the cut doubled; collective.

    Args:
        domain: Mesh with shared-facet ghosts.
        order: 1 or 2.
        copies: From :func:`number_copies`, the same on every rank.

    Returns:
        A space with block size 3; where nothing is cut it equals the continuous space.
    """
    whole = fem.functionspace(domain, ("Lagrange", order, (3,)))
    if not len(copies.cells):
        return whole
    comm, dofmap = domain.comm, whole.dofmap
    index_map, cell_dofs = dofmap.index_map, dofmap.list.astype(np.int64)
    fans = _fans_of_cells(domain, order, copies, cell_dofs.shape)
    split = fans >= 0
    local, (offset, _) = index_map.size_local, index_map.local_range
    keys = index_map.local_to_global(dofmap.list.ravel()).reshape(cell_dofs.shape) * _MOST_COPIES + fans
    owned_cells = domain.topology.index_map(3).size_local

    # A (dof, copy) pair belongs to the lowest rank that owns a cell holding it.
    held = comm.allgather(np.unique(keys[:owned_cells][split[:owned_cells]]))
    pairs, first = np.unique(np.concatenate(held), return_index=True)
    owner = np.repeat(np.arange(comm.size), [len(part) for part in held])[first]
    kept = ~np.isin(np.arange(offset, offset + local), pairs // _MOST_COPIES)
    counts = comm.allgather((int(kept.sum()), int((owner == comm.rank).sum())))
    starts = np.concatenate([[0], np.cumsum([sum(count) for count in counts])])
    start, owned = starts[comm.rank], sum(counts[comm.rank])

    numbers = la.vector(index_map, 1, dtype=np.int64)
    numbers.array[:] = -1
    numbers.array[:local][kept] = start + np.arange(counts[comm.rank][0])
    numbers.scatter_forward()
    pair_numbers = np.empty(len(pairs), dtype=np.int64)
    for rank, (whole_count, pair_count) in enumerate(counts):
        pair_numbers[owner == rank] = starts[rank] + whole_count + np.arange(pair_count)
    new = numbers.array[dofmap.list].astype(np.int64)
    new[split] = pair_numbers[np.searchsorted(pairs, keys[split])]

    mine = (new >= start) & (new < start + owned)
    ghosts = np.unique(new[~mine])
    owners = (np.searchsorted(starts, ghosts, side="right") - 1).astype(np.int32)
    cut_map = cpp.common.IndexMap(comm, int(owned), ghosts, owners, _INDEX_MAP_TAG)
    local_dofs = np.where(mine, new - start, owned + np.searchsorted(ghosts, new)).astype(np.int32)
    cut_dofmap = cpp.fem.DofMap(
        dofmap._cpp_object.dof_layout,
        cut_map,
        dofmap.bs,
        cpp.graph.AdjacencyList_int32(local_dofs),
        dofmap.bs,
    )
    space = cpp.fem.FunctionSpace_float64(domain._cpp_object, whole.element._cpp_object, cut_dofmap)
    return fem.FunctionSpace(domain, whole.ufl_element(), space)


def _fans_of_cells(domain: dmesh.Mesh, order: int, copies: Copies, shape: tuple[int, ...]) -> IntArray:
    """Spread the copies to the local cells (ghosts too), in the order of a cell's dofs: vertices, then edges."""
    table = copies.vertices if order == 1 else np.hstack([copies.vertices, copies.edges])
    original = domain.topology.original_cell_index
    place = np.minimum(np.searchsorted(copies.cells, original), len(copies.cells) - 1)
    found = copies.cells[place] == original
    fans = np.full(shape, -1, dtype=np.int64)
    fans[found] = table[place[found]]
    return fans
