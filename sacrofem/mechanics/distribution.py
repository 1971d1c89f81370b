"""From the arrays of a model mesh on rank 0 to a DOLFINx mesh on n ranks, with its names."""

from __future__ import annotations

from dataclasses import dataclass

import basix.ufl
import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI
from numpy.typing import NDArray

from sacrofem.mesh.model import ModelMesh

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class DistributedMesh:
    """A model mesh on the ranks.

    Attributes:
        domain: The DOLFINx mesh, ghosted across facets.
        regions: Region number of every local cell, ghosts included.
        host_regions: Bone region number of every local cell.
        region_names: region number -> name.
        facets: surface name -> local facet numbers (owned and ghosts), ascending.
        fractures: Names of the fractures (surfaces ``fracture:<name>``).
        source: The model mesh, on every rank (its topology decides how a treatment cuts the space).
    """

    domain: dmesh.Mesh
    regions: IntArray
    host_regions: IntArray
    region_names: dict[int, str]
    facets: dict[str, NDArray[np.int32]]
    fractures: tuple[str, ...]
    source: ModelMesh


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
    original = topology.original_cell_index
    index_map = topology.index_map(2)
    count = index_map.size_local + index_map.num_ghosts
    local = dmesh.entities_to_geometry(domain, 2, np.arange(count, dtype=np.int32))
    nodes = np.sort(domain.geometry.input_global_indices[local], axis=1)
    keys = _facet_keys(nodes, len(mesh.points))
    facets = {
        name: np.flatnonzero(np.isin(keys, _facet_keys(np.sort(triangles, axis=1), len(mesh.points)))).astype(np.int32)
        for name, triangles in mesh.surfaces.items()
    }
    fractures = tuple(sorted(n.removeprefix("fracture:") for n in mesh.surfaces if n.startswith("fracture:")))
    return DistributedMesh(
        domain,
        mesh.regions[original],
        mesh.host_regions[original],
        mesh.region_names,
        facets,
        fractures,
        mesh,
    )


def _facet_keys(facets: IntArray, count: int) -> IntArray:
    keys: IntArray = (facets[:, 0].astype(np.int64) * count + facets[:, 1]) * count + facets[:, 2]
    return keys
