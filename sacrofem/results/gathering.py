"""Bringing the fields of a solved case to rank 0."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from dolfinx import fem
from dolfinx import mesh as dmesh
from mpi4py import MPI
from numpy.typing import NDArray

from sacrofem.mechanics.distribution import DistributedMesh
from sacrofem.mechanics.treatment import FractureCut
from sacrofem.results.fields import CaseFields, FractureFaces, pair_faces


class MeshedModel(Protocol):
    """What gathering needs of a model; see :class:`sacrofem.mechanics.model.SacrumModel`."""

    distributed: DistributedMesh
    domain: dmesh.Mesh
    comm: MPI.Comm
    V: fem.FunctionSpace
    young: fem.Function
    poisson: fem.Function
    regions: NDArray[np.int64]
    cuts: dict[str, FractureCut]


def gather_fields(model: MeshedModel, displacement: fem.Function) -> CaseFields | None:
    """Gather a displacement on rank 0, numbered by the source mesh's cells; collective.

    Args:
        model: The model that was solved.
        displacement: Its displacement, mm.

    Returns:
        The fields on rank 0, None on the other ranks.
    """
    domain, dofmap = model.domain, model.V.dofmap
    owned_cells = domain.topology.index_map(3).size_local
    owned = dofmap.index_map.size_local
    local = dofmap.list[:owned_cells]
    part = (
        model.distributed.original_cells[:owned_cells],
        dofmap.index_map.local_to_global(local.ravel()).reshape(local.shape),
        model.young.x.array[:owned_cells],
        model.poisson.x.array[:owned_cells],
        model.V.tabulate_dof_coordinates()[:owned],
        displacement.x.array.reshape(-1, 3)[:owned],
    )
    parts = model.comm.gather(part, root=0)
    if parts is None:
        return None
    # Ranks own consecutive dofs, so that their owned arrays, one after the other, stand in global order.
    original, dofs, young, poisson, points, values = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    order = np.argsort(original)
    cells, numbering = _renumber(dofs[order])
    source = model.distributed.source
    fractures = {
        name: FractureFaces(pair_faces(source.cells, cells, cut.triangles, cut.sides), cut.welded)
        for name, cut in model.cuts.items()
    }
    return CaseFields(points[numbering], cells, values[numbering], model.regions, young[order], poisson[order], fractures)


def _renumber(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number points as they first appear in the cells, so that the numbers do not depend on the partition."""
    used, first, place = np.unique(cells.ravel(), return_index=True, return_inverse=True)
    appearance = np.argsort(first)
    number = np.empty(len(used), dtype=np.int64)
    number[appearance] = np.arange(len(used))
    return number[place].reshape(cells.shape), used[appearance]
