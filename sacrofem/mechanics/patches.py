"""Patches: small parts of a bone's surface or volume whose mean motion a ligament or a beam follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import ufl
from dolfinx import fem, la
from dolfinx import mesh as dmesh
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from sacrofem.errors import ModelError, explain
from sacrofem.mechanics.facets import facets_of
from sacrofem.mechanics.moments import measure_simplices
from sacrofem.mesh.facets import facet_areas, facet_geometry, facet_keys
from sacrofem.mesh.model import IntArray, ModelMesh

FloatArray = NDArray[np.float64]

#: Components of a patch's motion: mean displacement (x, y, z), then mean rotation (x, y, z).
COMPONENTS = 6
_JIT_OPTIONS = {"timeout": 120}
#: e_ijk, so that (a x b)_i = e_ijk a_j b_k.
_LEVI_CIVITA = np.zeros((3, 3, 3))
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    _LEVI_CIVITA[_i, _j, _k], _LEVI_CIVITA[_i, _k, _j] = 1.0, -1.0


@dataclass(frozen=True)
class Patch:
    """Outer facets, or cells, that move together in the mean.

    Attributes:
        name: What messages call it.
        triangles: (f, 3) node numbers of outer facets of the model mesh; none for a patch of cells.
        cells: (c,) cell numbers of the model mesh; none for a patch of facets.
    """

    name: str
    triangles: IntArray = field(default_factory=lambda: np.zeros((0, 3), dtype=np.int64))
    cells: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def measure(self, mesh: ModelMesh) -> tuple[float, FloatArray, FloatArray]:
        """Size (mm^2 or mm^3), (3,) centroid (mm) and (3, 3) inertia, the integral of |r|^2 I - r r^T about the centroid."""
        simplices = self.triangles if len(self.triangles) else mesh.cells[self.cells]
        sizes = facet_areas(mesh.points, self.triangles) if len(self.triangles) else np.abs(mesh.volumes()[self.cells])
        return measure_simplices(mesh.points[simplices], sizes)


class OuterSurface:
    """The outer facets of a model mesh, to pick patches from.

    Args:
        mesh: The model mesh.
    """

    def __init__(self, mesh: ModelMesh) -> None:
        self.mesh = mesh
        facets = facets_of(mesh.cells)
        self.triangles = facets.outer
        self.centroids, self.normals = facet_geometry(mesh.points, facets.outer)
        names = np.array([mesh.region_names[int(number)] for number in mesh.host_regions[facets.outer_cells]])
        self.regions = names

    def pick(self, name: str, place: Sequence[float] | FloatArray, radius: float, regions: Sequence[str] = ()) -> Patch:
        """The facets about the point of the surface that lies nearest to a place.

        Only facets that face the same way and hang together with the nearest one count: the other side of a thin plate, or
        another bone across a joint, is no part of the patch.

        Args:
            name: Of the patch.
            place: (3,) mm, on or near the surface.
            radius: Of the patch, mm; the nearest facet belongs to it however small the radius.
            regions: Names of the host regions (bones) it may lie on; all where none is named.

        Raises:
            ModelError: no outer facet belongs to these regions.
        """
        allowed = np.flatnonzero(np.isin(self.regions, list(regions)) if regions else np.ones(len(self.regions), dtype=bool))
        if len(allowed) == 0:
            raise ModelError(
                explain(
                    "A patch has no bone to lie on.",
                    where=f"patch {name!r}",
                    got=f"no outer facet of {', '.join(regions)}",
                    allowed=", ".join(sorted(set(self.regions.tolist()))),
                    next_step="model the bone that the patch lies on, say with `extent: pelvic_ring`",
                )
            )
        nearest = allowed[np.argmin(np.linalg.norm(self.centroids[allowed] - np.asarray(place), axis=1))]
        close = np.linalg.norm(self.centroids[allowed] - self.centroids[nearest], axis=1) <= radius
        alike = self.normals[allowed] @ self.normals[nearest] > 0.0
        chosen = allowed[close & alike | (allowed == nearest)]
        start = int(np.flatnonzero(chosen == nearest)[0])
        return Patch(name, self.triangles[chosen[_connected(self.triangles[chosen], start)]])


def _connected(triangles: IntArray, start: int) -> NDArray[np.bool_]:
    """Which triangles hang together with the one at ``start`` through shared nodes."""
    found = np.zeros(len(triangles), dtype=bool)
    found[start] = True
    while True:
        grown = np.isin(triangles, triangles[found]).any(axis=1)
        if np.array_equal(grown, found):
            return found
        found = grown


class PatchMotions:
    """The mean motion of patches as linear functions of the displacement; collective to make.

    The rows of patch p stand at 6 p: mean displacement, the integral of u over the patch by its size; then mean rotation,
    J^-1 times the integral of r x u, with r from the centroid and J the inertia. Both are the rigid motion that fits u best
    in the mean square over the patch, translation taken at the centroid.

    Args:
        space: Displacement space, block size 3.
        mesh: The model mesh that the space's mesh was made of.
        patches: The patches.

    Attributes:
        rows: (6 patches, owned dofs) sparse, this rank's columns.
        centres: (patches, 3) centroids, mm.
        sizes: (patches,) mm^2 or mm^3.

    Raises:
        ModelError: a patch is empty, or its facets are no outer facets.
    """

    def __init__(self, space: fem.FunctionSpace, mesh: ModelMesh, patches: Sequence[Patch]) -> None:
        self.patches = tuple(patches)
        _require_some(self.patches)
        measured = [patch.measure(mesh) for patch in self.patches]
        self.sizes: FloatArray = np.array([size for size, _, _ in measured])
        self.centres: FloatArray = np.array([centre for _, centre, _ in measured]).reshape(-1, 3)
        integrator = _Integrator(space, mesh)
        owned = space.dofmap.index_map.size_local
        blocks: list[tuple[IntArray, IntArray, FloatArray]] = []
        for number, (patch, (size, centre, inertia)) in enumerate(zip(self.patches, measured, strict=True)):
            nodes, weights, moments = integrator.integrate(patch, centre)
            # (J^-1)_im e_mjk r_j: how the displacement component k of a node turns the patch about i.
            turning = np.einsum("im,mjk,aj->aik", np.linalg.inv(inertia), _LEVI_CIVITA, moments)
            shifting = np.einsum("a,ik->aik", weights / size, np.eye(3))
            values = np.concatenate([shifting, turning], axis=1)
            row = COMPONENTS * number + np.arange(COMPONENTS)[None, :, None]
            column = 3 * nodes[:, None, None] + np.arange(3)[None, None, :]
            blocks.append(
                (np.broadcast_to(row, values.shape).ravel(), np.broadcast_to(column, values.shape).ravel(), values.ravel())
            )
        shape = COMPONENTS * len(self.patches), 3 * owned
        self.rows = csr_array(shape)
        if blocks:
            places = np.concatenate([block[0] for block in blocks]), np.concatenate([block[1] for block in blocks])
            self.rows = csr_array(coo_array((np.concatenate([block[2] for block in blocks]), places), shape=shape))


def _require_some(patches: Sequence[Patch]) -> None:
    for patch in patches:
        if len(patch.triangles) == 0 and len(patch.cells) == 0:
            raise ModelError(
                explain(
                    "A patch is empty.",
                    where=f"patch {patch.name!r}",
                    got="neither facets nor cells",
                    allowed="at least one facet or cell",
                    next_step="pick the patch with OuterSurface.pick, or widen its radius",
                )
            )


class _Integrator:
    """Integrals of basis functions over patches, by one compiled form for each kind of patch."""

    def __init__(self, space: fem.FunctionSpace, mesh: ModelMesh) -> None:
        self.space, self.domain, self.mesh = space, space.mesh, mesh
        self.domain.topology.create_connectivity(2, 3)
        outer = dmesh.exterior_facet_indices(self.domain.topology)
        corners = self.domain.geometry.input_global_indices[dmesh.entities_to_geometry(self.domain, 2, outer)]
        keys = facet_keys(corners.reshape(-1, 3), len(mesh.points))
        self.order = np.argsort(keys)
        self.keys, self.outer = keys[self.order], outer[self.order]
        owned = self.domain.topology.index_map(3).size_local
        original = self.domain.topology.original_cell_index[:owned].astype(np.int64)
        self.local_cell = np.full(len(mesh.cells), -1, dtype=np.int32)
        self.local_cell[original] = np.arange(owned, dtype=np.int32)
        self.even, self.centre = fem.Constant(self.domain, np.zeros(3)), fem.Constant(self.domain, np.zeros(3))
        self.growing = fem.Constant(self.domain, 0.0)
        self.compiled: dict[str, tuple[fem.CompiledForm, dict[ufl.Constant, fem.Constant]]] = {}

    def integrate(self, patch: Patch, centre: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
        """Owned nodes of a patch, (n,) integrals of their basis functions f, and (n, 3) of f (x - centre); collective."""
        form = self._form(patch)
        self.centre.value = centre
        self.even.value, self.growing.value = np.array([1.0, 0.0, 0.0]), 0.0
        even = self._assemble(form)
        self.even.value, self.growing.value = np.zeros(3), 1.0
        growing = self._assemble(form)
        nodes = np.flatnonzero((even != 0.0).any(axis=1) | (growing != 0.0).any(axis=1))
        return nodes, even[nodes, 0], growing[nodes]

    def _assemble(self, form: fem.Form) -> FloatArray:
        vector = fem.assemble_vector(form)
        vector.scatter_reverse(la.InsertMode.add)
        owned = self.space.dofmap.index_map.size_local
        values: FloatArray = vector.array[: 3 * owned].reshape(-1, 3)
        return values

    def _form(self, patch: Patch) -> fem.Form:
        kind = "ds" if len(patch.triangles) else "dx"
        entities = self._facets(patch) if kind == "ds" else self._cells(patch)
        integral = fem.IntegralType.exterior_facet if kind == "ds" else fem.IntegralType.cell
        domains = [(1, fem.compute_integration_domains(integral, self.domain.topology, entities))]
        if kind not in self.compiled:
            abstract = ufl.FunctionSpace(self.domain.ufl_domain(), self.space.ufl_element())
            even, centre = (ufl.Constant(self.domain.ufl_domain(), shape=(3,)) for _ in range(2))
            growing = ufl.Constant(self.domain.ufl_domain())
            place = ufl.SpatialCoordinate(self.domain.ufl_domain())
            measure = ufl.Measure(kind, domain=self.domain.ufl_domain())
            form = ufl.dot(even + growing * (place - centre), ufl.TestFunction(abstract)) * measure(1)
            compiled = fem.compile_form(self.domain.comm, form, jit_options=_JIT_OPTIONS)
            self.compiled[kind] = compiled, {even: self.even, centre: self.centre, growing: self.growing}
        compiled, constants = self.compiled[kind]
        return fem.create_form(compiled, [self.space], self.domain, {integral: domains}, {}, constants)

    def _facets(self, patch: Patch) -> NDArray[np.int32]:
        wanted = facet_keys(patch.triangles, len(self.mesh.points))
        place = np.minimum(np.searchsorted(self.keys, wanted), max(len(self.keys) - 1, 0))
        found = self.outer[place[self.keys[place] == wanted]] if len(self.keys) else np.zeros(0, dtype=np.int32)
        self._require_all(patch, len(found), len(wanted), "outer facets")
        return np.sort(found).astype(np.int32)

    def _cells(self, patch: Patch) -> NDArray[np.int32]:
        found = self.local_cell[patch.cells]
        found = np.sort(found[found >= 0])
        self._require_all(patch, len(found), len(patch.cells), "cells")
        return found

    def _require_all(self, patch: Patch, found: int, wanted: int, what: str) -> None:
        total = int(self.domain.comm.allreduce(found))
        if total == 0 or total != wanted:
            raise ModelError(
                explain(
                    "A patch does not lie on the mesh.",
                    where=f"patch {patch.name!r}",
                    got=f"{total} of {wanted} {what} found",
                    allowed=f"at least one, all of them {what} of the mesh",
                    next_step="pick the patch with OuterSurface.pick, or widen its radius",
                )
            )
