"""Bringing the fields of a solved case to rank 0, and values at their points back to the ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from dolfinx import fem
from dolfinx import mesh as dmesh
from dolfinx.fem.petsc import create_vector
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.mechanics.distribution import DistributedMesh
from sacrofem.mechanics.treatment import FractureCut
from sacrofem.results.fields import CaseFields, FractureFaces, pair_faces

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


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
    owned_cells = model.domain.topology.index_map(3).size_local
    owned = model.V.dofmap.index_map.size_local
    part = (
        model.distributed.original_cells[:owned_cells],
        _own_cells(model),
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


def spread_nodes(model: MeshedModel, values: Sequence[FloatArray | None]) -> list[PETSc.Vec]:
    """The way back: vectors of the model's space from values at the points of its gathered fields; collective.

    Args:
        model: The model.
        values: Of each vector (n, 3) on rank 0, by the point numbers of :func:`gather_fields`; None on the other ranks.
    """
    owned_cells = model.domain.topology.index_map(3).size_local
    parts = model.comm.gather((model.distributed.original_cells[:owned_cells], _own_cells(model)), root=0)
    counts = model.comm.gather(3 * model.V.dofmap.index_map.size_local, root=0)
    numbering = None
    if parts is not None:
        original, dofs = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
        numbering = _renumber(dofs[np.argsort(original)])[1]
    vectors = []
    for nodal in values:
        vector, whole = create_vector(model.V), None
        if nodal is not None:
            whole = np.empty(nodal.shape)
            whole[numbering] = nodal
        with vector as own:
            model.comm.Scatterv(None if whole is None else [whole, counts], own, root=0)
        vectors.append(vector)
    return vectors


def _own_cells(model: MeshedModel) -> IntArray:
    """Global dofs of the cells that this rank owns."""
    dofmap = model.V.dofmap
    local = dofmap.list[: model.domain.topology.index_map(3).size_local]
    found: IntArray = dofmap.index_map.local_to_global(local.ravel()).reshape(local.shape)
    return found


def _renumber(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number points as they first appear in the cells, so that the numbers do not depend on the partition."""
    used, first, place = np.unique(cells.ravel(), return_index=True, return_inverse=True)
    appearance = np.argsort(first)
    number = np.empty(len(used), dtype=np.int64)
    number[appearance] = np.arange(len(used))
    return number[place].reshape(cells.shape), used[appearance]
