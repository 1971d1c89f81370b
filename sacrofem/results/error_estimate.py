"""How far a solution is from that of an infinitely fine mesh: the recovered strain against that of the elements.

eta^2 is the energy product of their difference over bone, cement, metal and cortex (Zienkiewicz and Zhu 1987, 1992). Galerkin
orthogonality makes it the error of the load's work, W - W_h = a(e, e), so that compliance and stiffness come with an error bar
of their own. It says nothing of the geometry, the material or the springs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_jacobi

from sacrofem.mechanics.cortex import membrane_energy
from sacrofem.mechanics.facets import facets_of
from sacrofem.mechanics.properties import Properties, TransverseCortex
from sacrofem.mesh.facets import facet_areas, facet_geometry, find_outer
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import CaseFields
from sacrofem.results.metrics import cell_volumes
from sacrofem.results.recovery import EDGE_ENDS, Recovery, vertex_strain
from sacrofem.results.weighting import triangle_rule

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
        whole: (m, 4 or 10, 3, 3) computed, at the nodes of every cell.
        missing: (m, 4 or 10, 3, 3) recovered minus computed.
        cortex: (k, 3 or 6, 3, 3) computed, tangential, at the nodes of every cortical facet.
        cortex_missing: (k, 3 or 6, 3, 3) recovered minus computed.
    """

    whole: FloatArray
    missing: FloatArray
    cortex: FloatArray
    cortex_missing: FloatArray

    @classmethod
    def of(cls, fields: CaseFields, patches: Patches, membrane: Membrane | None = None) -> StrainError:
        """The error of a solved case by its patches."""
        computed = vertex_strain(fields.points, fields.cells, fields.displacement)
        recovered = patches.cells.recover(computed)
        whole = _with_edges(computed, EDGE_ENDS) if fields.order == 2 else computed
        if membrane is None or patches.cortex is None:
            nothing = np.zeros((0, 3, 3, 3))
            return cls(whole, recovered - whole, nothing, nothing)
        normals = facet_geometry(fields.points, membrane.points_of(fields))[1]
        projection = np.eye(3) - np.einsum("ka,kb->kab", normals, normals)
        owned = np.take_along_axis(computed[membrane.cells], membrane.corners[:, :, None, None], axis=1)
        tangential = np.einsum("kab,kibc,kcd->kiad", projection, owned, projection)
        smooth = patches.cortex.recover(tangential)
        cortex = _with_edges(tangential, np.array([(0, 1), (1, 2), (2, 0)])) if fields.order == 2 else tangential
        return cls(whole, recovered - whole, cortex, smooth - cortex)


def _with_edges(strains: FloatArray, ends: IntArray) -> FloatArray:
    """Values at corners and, in the middle between two, at edges."""
    return np.concatenate([strains, 0.5 * (strains[:, ends[:, 0]] + strains[:, ends[:, 1]])], axis=1)


def estimate_error(fields: CaseFields, patches: Patches, membrane: Membrane | None = None) -> ErrorEstimate:
    """Estimate the discretisation error of a solved case.

    Args:
        fields: The solved case.
        patches: Its patches.
        membrane: The cortex (None: none).
    """
    error = StrainError.of(fields, patches, membrane)
    cells = bulk_product(fields, error.missing, error.missing)
    cortex = membrane_product(fields, membrane, error.cortex_missing, error.cortex_missing)
    energy = float(bulk_product(fields, error.whole, error.whole).sum())
    energy += membrane_product(fields, membrane, error.cortex, error.cortex)
    shapes = _shape_functions(np.full((1, 4), 0.25), fields.order)[0]
    return ErrorEstimate(cells, cortex, energy, np.einsum("i,miab->mab", shapes, error.whole + error.missing))


def estimate_goal_error(fields: CaseFields, dual: CaseFields, patches: Patches, membrane: Membrane | None = None) -> float:
    """Estimate Q(u) - Q(u_h) of a functional by its dual solution: a(u - u_h, z - z_h), both by recovery.

    Args:
        fields: The solved case.
        dual: The same with the dual solution as its displacement.
        patches: The patches of both.
        membrane: The cortex (None: none).

    Returns:
        In the unit of the functional.
    """
    first, second = (StrainError.of(each, patches, membrane) for each in (fields, dual))
    bulk = float(bulk_product(fields, first.missing, second.missing).sum())
    return bulk + membrane_product(fields, membrane, first.cortex_missing, second.cortex_missing)


def bulk_product(fields: CaseFields, first: FloatArray, second: FloatArray) -> FloatArray:
    """(m,) a(., .) by cell, N mm, of two strain fields given at the nodes of the cells."""
    volumes = cell_volumes(fields)
    shear = fields.young / (2.0 * (1.0 + fields.poisson))
    lame = fields.young * fields.poisson / ((1.0 + fields.poisson) * (1.0 - 2.0 * fields.poisson))
    weighted = np.einsum("ij,mjab->miab", _MASS[fields.order], second)
    traces = np.einsum("miaa,mibb->m", first, weighted)
    cells: FloatArray = volumes * (2.0 * shear * np.einsum("miab,miab->m", first, weighted) + lame * traces)
    return cells


def membrane_product(fields: CaseFields, membrane: Membrane | None, first: FloatArray, second: FloatArray) -> float:
    """a(., .) of the cortex, N mm, of two strain fields given at the nodes of its facets."""
    if membrane is None or not len(membrane.cells):
        return 0.0
    barycentric, weights = triangle_rule()
    shapes = barycentric
    if fields.order == 2:
        a, b, c = barycentric.T
        shapes = np.column_stack([a * (2 * a - 1), b * (2 * b - 1), c * (2 * c - 1), 4 * a * b, 4 * b * c, 4 * c * a])
    triangles = membrane.points_of(fields)
    normals = facet_geometry(fields.points, triangles)[1]
    areas = membrane.thickness * facet_areas(fields.points, triangles)

    def energy(strains: FloatArray) -> float:
        sampled = np.einsum("qi,kiab->kqab", shapes, strains)
        return float(areas @ (membrane_energy(membrane.cortex, normals, sampled) @ weights))

    return energy(first) if first is second else 0.25 * (energy(first + second) - energy(first - second))


def _shape_functions(barycentric: FloatArray, order: int) -> FloatArray:
    """(q, 4 or 10) Lagrange shape functions of a tetrahedron, vertices, then edges in the numbering of DOLFINx."""
    if order == 1:
        return barycentric
    edges = [4.0 * barycentric[:, i] * barycentric[:, j] for i, j in EDGE_ENDS]
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
