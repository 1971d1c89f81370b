"""Forces through the section of a bone at a fracture, by what carries them.

The section is the fracture's facets and, where a fracture ends inside the sacrum, its surface carried on through the bone. The
force through it is the sum of the nodal forces of the cells on its lateral side at the nodes that both sides share, which holds
the discrete equilibrium exactly, and the tractions between faces that may part.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from petsc4py import PETSc
from scipy.spatial import cKDTree

from sacrofem.mechanics import forms
from sacrofem.mechanics.facets import keep_for
from sacrofem.mechanics.treatment import FractureCut
from sacrofem.mesh.facets import facet_geometry
from sacrofem.mesh.host import SOFT_REGIONS
from sacrofem.mesh.model import ModelMesh

if TYPE_CHECKING:
    from sacrofem.mechanics.model import SacrumModel
    from sacrofem.mechanics.pretension import Pretension

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: What carries force: bone with its cortex, bodies, and faces that may part.
CARRIERS = ("bone", "cortex", "cement", "screw", "interface")
_MEDIAL, _LATERAL = 1, 2
_HIPS = ("hip", "posterior_ilium", "pubic_rami")


def sides_of_section(mesh: ModelMesh, cut: FractureCut) -> IntArray:
    """(m,) 1 for cells on the medial side of a fracture's section, 2 on the lateral, 0 elsewhere.

    In the sacrum every cell lies on the side of the fracture's facet next to it, so that the section goes on beyond the front.
    In other bones only the cells beside the facets have a side: a ramus' plane would cut the other ramus, too.
    """
    side = np.zeros(len(mesh.cells), dtype=np.int64)
    hosts = {number: name for number, name in mesh.region_names.items() if number in np.unique(mesh.host_regions)}
    outside = [n for n, name in hosts.items() if name in SOFT_REGIONS or name.removeprefix("bruised_").startswith(_HIPS)]
    if len(cut.triangles) and not np.isin(mesh.host_regions[cut.sides], outside).any():
        middles, normals = facet_geometry(mesh.points, cut.triangles)
        inside = np.flatnonzero(~np.isin(mesh.host_regions, outside))
        centroids = mesh.points[mesh.cells[inside]].mean(axis=1)
        nearest = cKDTree(middles).query(centroids)[1]
        beyond = np.einsum("ij,ij->i", centroids - middles[nearest], normals[nearest]) > 0
        side[inside] = np.where(beyond, _LATERAL, _MEDIAL)
    side[cut.sides[:, 0]], side[cut.sides[:, 1]] = _MEDIAL, _LATERAL
    return side


class Sections:
    """The sections of a model's fractures; collective.

    Args:
        model: The model.
    """

    def __init__(self, model: SacrumModel) -> None:
        self._model = model
        self._virtual, self._moved = fem.Function(model.V), fem.Function(model.V)
        self._part = fem.Function(fem.functionspace(model.domain, ("Discontinuous Lagrange", 0)))
        u, w, part = self._moved, self._virtual, self._part
        dx = ufl.Measure("dx", domain=model.domain, metadata={"quadrature_degree": 2 * (model.order - 1)})
        self._bulk = fem.form(forms.bulk_form(u, w, part * model.young, model.poisson, dx))
        self._cortex = fem.form(model.membrane.form(u, w, part * model.thickness, model.cortex))
        self._kinds = self._kinds_of_cells()
        original = model.distributed.original_cells
        source = model.distributed.source
        sides = {
            name: keep_for(source, f"sides of {name}", partial(sides_of_section, source, cut)) for name, cut in model.cuts.items()
        }  # the same in every treatment
        self._sides = {name: side[original] for name, side in sides.items()}
        self._shared = {name: self._shared_dofs(side) for name, side in self._sides.items()}

    def _kinds_of_cells(self) -> NDArray[np.str_]:
        model = self._model
        names = model.distributed.source.region_names
        kind_of = {number: name.split(":")[0] if ":" in name else "bone" for number, name in names.items()}
        local = model.regions[model.distributed.original_cells]
        kinds = np.array([kind_of[int(number)] for number in local], dtype=np.str_)
        return np.where(np.isin(kinds, ("cement", "screw")), kinds, "bone")

    def _shared_dofs(self, side: IntArray) -> NDArray[np.bool_]:
        """Local dofs that cells of both sides hold, over all ranks."""
        space = self._model.V
        held = []
        owned = space.mesh.topology.index_map(3).size_local
        for wanted in (_MEDIAL, _LATERAL):
            mark = fem.Function(space)
            dofs = np.unique(space.dofmap.list[:owned][side[:owned] == wanted])
            mark.x.array.reshape(-1, 3)[dofs] = 1.0
            mark.x.petsc_vec.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
            mark.x.scatter_forward()
            held.append(mark.x.array.reshape(-1, 3)[:, 0] > 0)
        return held[0] & held[1]

    def forces(self, displacement: fem.Function) -> Mapping[str, dict[str, FloatArray]]:
        """Force of the medial side on the lateral side through every fracture's section.

        Args:
            displacement: Of the state that the model's interfaces hold.

        Returns:
            Fracture -> carrier -> (3,) N, frame G.
        """
        model = self._model
        self._moved.x.array[:] = displacement.x.array
        found: dict[str, dict[str, FloatArray]] = {}
        for name, side in self._sides.items():
            lateral, carried = side == _LATERAL, {}
            for kind in ("bone", "cement", "screw"):
                locked = model.pretension if kind == "screw" else None
                carried[kind] = self._through(name, lateral & (self._kinds == kind), self._bulk, locked)
            carried["cortex"] = self._through(name, lateral, self._cortex)
            carried["interface"] = model.interfaces.force(name)
            found[name] = {carrier: carried[carrier] for carrier in CARRIERS}
        return found

    def _through(self, name: str, cells: NDArray[np.bool_], form: fem.Form, locked: Pretension | None = None) -> FloatArray:
        self._part.x.array[:] = cells
        force = np.zeros(3)
        for axis in range(3):
            self._virtual.x.array[:] = 0.0
            self._virtual.x.array.reshape(-1, 3)[self._shared[name], axis] = 1.0
            own = fem.assemble_scalar(form)
            if locked is not None:
                own += locked.work(self._virtual, cells)
            force[axis] = self._model.comm.allreduce(own)
        return force
