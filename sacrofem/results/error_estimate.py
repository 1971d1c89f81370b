"""How far a solution is from that of an infinitely fine mesh: the recovered strain against that of the elements.

eta^2 is the energy product of their difference over bone, cement, metal and cortex (Zienkiewicz and Zhu 1987, 1992). Galerkin
orthogonality makes it the error of the load's work, W - W_h = a(e, e), so that compliance and stiffness come with an error bar
of their own. It says nothing of the geometry, the material or the springs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_jacobi

from sacrofem.mechanics.cortex import membrane_stress
from sacrofem.mechanics.facets import facets_of
from sacrofem.mechanics.properties import Properties, TransverseCortex
from sacrofem.mesh.facets import facet_areas, facet_geometry, find_outer
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import CaseFields
from sacrofem.results.metrics import cell_volumes
from sacrofem.results.recovery import EDGES, Recovery, vertex_strain
from sacrofem.results.weighting import triangle_rule, triangle_shapes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Membrane:
    """The cortex of a case.

    Attributes:
        triangles: (k, 3) node numbers of the mesh.
        cells: (k,) cell behind each.
        corners: (k, 3) local vertex of that cell at each corner.
        thickness: (k,) mm.
        cortex: Its elastic constants.
    """

    triangles: IntArray
    cells: IntArray
    corners: IntArray
    thickness: FloatArray
    cortex: TransverseCortex

    @classmethod
    def of(cls, mesh: ModelMesh, properties: Properties) -> Membrane:
        """The cortex of a mesh with the properties of a case."""
        facets, triangles = facets_of(mesh.cells), mesh.surfaces["cortex"]
        cells = facets.outer_cells[find_outer(facets, triangles)]
        corners = np.argmax(mesh.cells[cells][:, None, :] == triangles[:, :, None], axis=2)
        of_region = {
            number: properties.cortical_thickness_of.get(name, properties.cortical_thickness)
            for number, name in mesh.region_names.items()
        }
        thickness = np.array([of_region[int(number)] for number in mesh.host_regions[cells]])
        return cls(triangles, cells, corners, thickness, properties.cortex)

    def points_of(self, fields: CaseFields) -> IntArray:
        """(k, 3) point numbers of a case, which stand once for each side of a fracture."""
        return np.take_along_axis(fields.cells[self.cells], self.corners, axis=1)

    def projections(self, fields: CaseFields) -> FloatArray:
        """(k, 3, 3) onto the planes of the facets."""
        normals = facet_geometry(fields.points, self.points_of(fields))[1]
        planes: FloatArray = np.eye(3) - np.einsum("ka,kb->kab", normals, normals)
        return planes


@dataclass(frozen=True)
class ErrorEstimate:
    """The estimated error of one solution.

    Attributes:
        cells: (m,) squared error of every cell in energy, N mm (bulk alone).
        cortex: Squared error of the cortex in energy, N mm.
        energy: a(u_h, u_h) of bulk and cortex, N mm: twice their elastic energy.
        strain: (m, 3, 3) recovered strain at the cells' middles.
    """

    cells: FloatArray
    cortex: float
    energy: float
    strain: FloatArray

    @property
    def squared(self) -> float:
        """eta^2 = a(e, e), N mm."""
        return float(self.cells.sum()) + self.cortex

    @property
    def relative(self) -> float:
        """Error over solution, in the energy norm."""
        return float(np.sqrt(self.squared / (self.energy + self.squared)))


@dataclass(frozen=True)
class Patches:
    """The patches of a case: of its cells, and of its cortex, which strains as a surface does.

    Attributes:
        cells: Of the cells.
        cortex: Of the cortical facets, in charts by the direction that their normals are nearest to (tangential strain is
            continuous along a smooth surface, not around an edge) and by thickness; None without a cortex.
    """

    cells: Recovery
    cortex: Recovery | None

    @classmethod
    def of(cls, fields: CaseFields, membrane: Membrane | None = None) -> Patches:
        """Make the patches, once for all solutions on the same cut mesh, regions and cortex."""
        cortex = None
        if membrane is not None and len(membrane.cells):
            triangles = membrane.points_of(fields)
            normals = facet_geometry(fields.points, triangles)[1]
            widest = np.argmax(np.abs(normals), axis=1)
            charts = 2 * widest + (np.take_along_axis(normals, widest[:, None], axis=1)[:, 0] > 0.0)
            charts = charts + 6 * np.unique(membrane.thickness, return_inverse=True)[1]
            cortex = Recovery.of(fields.points, triangles, charts, fields.order)
        return cls(Recovery.of(fields.points, fields.cells, fields.regions), cortex)


@dataclass(frozen=True)
class StrainError:
    """The strain of a solution at nodes, and what the recovered strain adds to it.

    Attributes:
        fields: The solved case.
        patches: Its patches.
        membrane: The cortex (None: none).
        whole: (m, 4 or 10, 3, 3) computed, at the nodes of every cell.
        missing: (m, 4 or 10, 3, 3) recovered minus computed.
        cortex: (k, 3 or 6, 3, 3) computed, tangential, at the nodes of every cortical facet.
        cortex_missing: (k, 3 or 6, 3, 3) recovered minus computed.
    """

    fields: CaseFields
    patches: Patches
    membrane: Membrane | None
    whole: FloatArray
    missing: FloatArray
    cortex: FloatArray
    cortex_missing: FloatArray

    @classmethod
    def of(cls, fields: CaseFields, patches: Patches, membrane: Membrane | None = None) -> StrainError:
        """The error of a solved case by its patches."""
        computed = vertex_strain(fields.points, fields.cells, fields.displacement)
        recovered = patches.cells.recover(computed)
        whole = _with_edges(computed, EDGES[4]) if fields.order == 2 else computed
        if membrane is None or patches.cortex is None:
            nothing = np.zeros((0, 3, 3, 3))
            return cls(fields, patches, membrane, whole, recovered - whole, nothing, nothing)
        projection = membrane.projections(fields)
        owned = np.take_along_axis(computed[membrane.cells], membrane.corners[:, :, None, None], axis=1)
        tangential = np.einsum("kab,kibc,kcd->kiad", projection, owned, projection)
        smooth = patches.cortex.recover(tangential)
        cortex = _with_edges(tangential, EDGES[3]) if fields.order == 2 else tangential
        return cls(fields, patches, membrane, whole, recovered - whole, cortex, smooth - cortex)

    @cached_property
    def bulk_weights(self) -> FloatArray:
        """Of what is missing; see :func:`bulk_weights`."""
        return bulk_weights(self.fields, self.missing)

    @cached_property
    def cortex_weights(self) -> FloatArray:
        """Of what the cortex misses; see :func:`membrane_weights`."""
        return membrane_weights(self.fields, self.membrane, self.cortex_missing)


def _with_edges(strains: FloatArray, ends: IntArray) -> FloatArray:
    """Values at corners and, in the middle between two, at edges."""
    return np.concatenate([strains, 0.5 * (strains[:, ends[:, 0]] + strains[:, ends[:, 1]])], axis=1)


def estimate_error(error: StrainError) -> ErrorEstimate:
    """Estimate the discretisation error of a solved case from what its strain misses."""
    fields = error.fields
    cells = np.einsum("miab,miab->m", error.missing, error.bulk_weights)
    cortex = float((error.cortex_missing * error.cortex_weights).sum())
    energy = float((error.whole * bulk_weights(fields, error.whole)).sum())
    energy += float((error.cortex * membrane_weights(fields, error.membrane, error.cortex)).sum())
    shapes = _shape_functions(np.full((1, 4), 0.25), fields.order)[0]
    return ErrorEstimate(cells, cortex, energy, np.einsum("i,miab->mab", shapes, error.whole + error.missing))


def bulk_weights(fields: CaseFields, strain: FloatArray) -> FloatArray:
    """(m, 4 or 10, 3, 3) N mm: what a strain at the cells' nodes is multiplied by, and summed, for its product a(., strain)."""
    volumes = cell_volumes(fields)
    shear = fields.young / (2.0 * (1.0 + fields.poisson))
    lame = fields.young * fields.poisson / ((1.0 + fields.poisson) * (1.0 - 2.0 * fields.poisson))
    weighted = np.einsum("ij,mjab->miab", _MASS[fields.order], strain)
    found: FloatArray = np.einsum("m,miab->miab", 2.0 * volumes * shear, weighted)
    found += np.einsum("m,micc,ab->miab", volumes * lame, weighted, np.eye(3))
    return found


def membrane_weights(fields: CaseFields, membrane: Membrane | None, strain: FloatArray) -> FloatArray:
    """(k, 3 or 6, 3, 3) N mm: the same of the cortex, for strains at the nodes of its facets."""
    if membrane is None or not len(membrane.cells):
        return np.zeros_like(strain)
    barycentric, weights = triangle_rule()
    shapes = triangle_shapes(barycentric, fields.order)
    triangles = membrane.points_of(fields)
    normals = facet_geometry(fields.points, triangles)[1]
    areas = membrane.thickness * facet_areas(fields.points, triangles)
    stress = membrane_stress(membrane.cortex, normals, np.einsum("qi,kiab->kqab", shapes, strain))
    found: FloatArray = np.einsum("k,q,qi,kqab->kiab", areas, weights, shapes, stress, optimize=True)
    return found


def _shape_functions(barycentric: FloatArray, order: int) -> FloatArray:
    """(q, 4 or 10) Lagrange shape functions of a tetrahedron, vertices, then edges in the numbering of DOLFINx."""
    if order == 1:
        return barycentric
    edges = [4.0 * barycentric[:, i] * barycentric[:, j] for i, j in EDGES[4]]
    return np.column_stack([barycentric * (2.0 * barycentric - 1.0), *edges])


def _mass_matrix(order: int) -> FloatArray:
    """Integrals of products of shape functions over a tetrahedron of volume 1, by the formula for barycentric monomials.

    The mean of a^i b^j c^k d^l over a tetrahedron is 3! i! j! k! l! / (i + j + k + l + 3)!, here by a rule that is exact for it.
    """
    (x, wx), (y, wy), (z, wz) = (roots_jacobi(4, power, 0.0) for power in (2.0, 1.0, 0.0))
    u, v, w = np.meshgrid((x + 1) / 2, (y + 1) / 2, (z + 1) / 2, indexing="ij")
    weights = np.einsum("i,j,k->ijk", wx, wy, wz).ravel()
    second, third = (1 - u) * v, (1 - u) * (1 - v) * w
    places = np.column_stack([u.ravel(), second.ravel(), third.ravel()])
    barycentric = np.column_stack([1.0 - places.sum(axis=1), places])
    shapes = _shape_functions(barycentric, order)
    mass: FloatArray = np.einsum("q,qi,qj->ij", weights / weights.sum(), shapes, shapes)
    return mass


_MASS = {order: _mass_matrix(order) for order in (1, 2)}
