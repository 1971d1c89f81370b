"""From the arrays of a model mesh on rank 0 to a DOLFINx mesh on n ranks, with its names."""

from __future__ import annotations

from dataclasses import dataclass

import basix.ufl
import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI
from numpy.typing import NDArray

from sacrofem.mechanics.facets import keep_for
from sacrofem.mesh.facets import facet_keys
from sacrofem.mesh.model import ModelMesh

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class DistributedMesh:
    """A model mesh on the ranks.

    Attributes:
        domain: The DOLFINx mesh, ghosted across facets.
        facets: surface name -> local facet numbers (owned and ghosts), ascending.
        source: The model mesh, on every rank (its topology decides how a treatment cuts the space).
    """

    domain: dmesh.Mesh
    facets: dict[str, NDArray[np.int32]]
    source: ModelMesh

    @property
    def original_cells(self) -> IntArray:
        """Number in ``source`` of every local cell, ghosts included."""
        return self.domain.topology.original_cell_index.astype(np.int64)


def distribute(mesh: ModelMesh, comm: MPI.Comm) -> DistributedMesh:
    """Partition a mesh over the ranks; collective.

    Args:
        mesh: The mesh, the same on every rank.
        comm: Communicator.

    Returns:
        The mesh on the ranks; a rank may own no facet of a surface.
    """
    element = basix.ufl.element("Lagrange", "tetrahedron", 1, shape=(3,))
    root = comm.rank == 0
    domain = dmesh.create_mesh(
        comm,
        mesh.cells if root else np.zeros((0, 4), dtype=np.int64),
        element,
        mesh.points if root else np.zeros((0, 3)),
        dmesh.create_cell_partitioner(dmesh.GhostMode.shared_facet, 2),
    )
    topology = domain.topology
    topology.create_entities(2)
    for start, end in ((2, 3), (3, 2), (2, 0)):
        topology.create_connectivity(start, end)
    # Assembly makes them when a rank has facets to integrate over, and it is collective: a rank without any waited for ever.
    topology.create_entity_permutations()
    facets = {name: find_local_facets(domain, triangles, len(mesh.points)) for name, triangles in mesh.surfaces.items()}
    return DistributedMesh(domain, facets, mesh)


def find_local_facets(domain: dmesh.Mesh, triangles: IntArray, count: int) -> NDArray[np.int32]:
    """Local numbers (owned and ghosts, ascending) of facets given by input node numbers.

    Args:
        domain: Mesh with facets and their connectivities.
        triangles: (k, 3) input node numbers.
        count: Number of input nodes.
    """
    order, keys = keep_for(domain, f"facets of {count} nodes", lambda: _sort_facets(domain, count))
    wanted = facet_keys(triangles, count)
    first, behind = (np.searchsorted(keys, wanted, side=side) for side in ("left", "right"))
    return np.unique(order[first[first < behind]]).astype(np.int32)


def _sort_facets(domain: dmesh.Mesh, count: int) -> tuple[IntArray, IntArray]:
    """Local facets by the keys of their input nodes, and these keys, ascending."""
    index_map = domain.topology.index_map(2)
    numbers = np.arange(index_map.size_local + index_map.num_ghosts, dtype=np.int32)
    nodes = domain.geometry.input_global_indices[dmesh.entities_to_geometry(domain, 2, numbers)]
    keys = facet_keys(nodes, count)
    order = np.argsort(keys, kind="stable")
    return order, keys[order]
