"""How far a solution is from that of an infinitely fine mesh: the recovered strain against that of the elements.

eta^2 is the energy product of their difference over bone, cement, metal and cortex (Zienkiewicz and Zhu 1987, 1992). Galerkin
orthogonality makes it the error of the load's work, W - W_h = a(e, e), so that compliance and stiffness come with an error bar
of their own. It says nothing of the geometry, the material or the springs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_jacobi

from sacrofem.mechanics.cortex import membrane_energy
from sacrofem.mechanics.properties import Properties, TransverseCortex
from sacrofem.mesh.facets import facet_areas, facet_geometry, facet_keys, list_facets
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import EDGE_BETWEEN, CaseFields
from sacrofem.results.metrics import cell_volumes
from sacrofem.results.micromotion import Measure
from sacrofem.results.recovery import EDGE_ENDS, Recovery, vertex_strain
from sacrofem.results.strain import measure_strain
from sacrofem.results.weighting import triangle_rule

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: What an error bar rests on.
ENERGY, RECOVERED, DUAL = "zz energy", "zz strain", "zz dual"
NO_ESTIMATE = "none: no estimate of its own; sacrofem converge"
#: Strains below this, microstrain, are too small for an error in per cent.
_SMALLEST_STRAIN = 1e-6


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
        facets, count = list_facets(mesh.cells), len(mesh.points)
        keys = facet_keys(facets.outer, count)
        order = np.argsort(keys)
        triangles = mesh.surfaces["cortex"]
        cells = facets.outer_cells[order[np.searchsorted(keys[order], facet_keys(triangles, count))]]
        corners = np.argmax(mesh.cells[cells][:, None, :] == triangles[:, :, None], axis=2)
        of_region = {
            number: properties.cortical_thickness_of.get(name, properties.cortical_thickness)
            for number, name in mesh.region_names.items()
        }
        thickness = np.array([of_region[int(number)] for number in mesh.host_regions[cells]])
        return cls(triangles, cells, corners, thickness, properties.cortex)


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
class StrainError:
    """The strain of a solution, at the nodes of every cell, and what the recovered strain adds to it.

    Attributes:
        whole: (m, 4 or 10, 3, 3) computed.
        missing: (m, 4 or 10, 3, 3) recovered minus computed.
    """

    whole: FloatArray
    missing: FloatArray

    @classmethod
    def of(cls, fields: CaseFields, recovery: Recovery) -> StrainError:
        """The error of a solved case by its patches."""
        computed = vertex_strain(fields.points, fields.cells, fields.displacement)
        recovered = recovery.recover(computed)
        if fields.order == 2:
            middles = 0.5 * (computed[:, EDGE_ENDS[:, 0]] + computed[:, EDGE_ENDS[:, 1]])
            computed = np.concatenate([computed, middles], axis=1)
        return cls(computed, recovered - computed)


def estimate_error(fields: CaseFields, recovery: Recovery, membrane: Membrane | None = None) -> ErrorEstimate:
    """Estimate the discretisation error of a solved case.

    Args:
        fields: The solved case.
        recovery: Its patches, made once for all solutions on the same cut mesh and regions.
        membrane: The cortex (None: none).
    """
    error = StrainError.of(fields, recovery)
    cells, cortex = energy_product(fields, membrane, error.missing, error.missing)
    bone, shell = energy_product(fields, membrane, error.whole, error.whole)
    shapes = _shape_functions(np.full((1, 4), 0.25), fields.order)[0]
    strain = np.einsum("i,miab->mab", shapes, error.whole + error.missing)
    return ErrorEstimate(cells, cortex, float(bone.sum()) + shell, strain)


def estimate_goal_error(fields: CaseFields, dual: CaseFields, recovery: Recovery, membrane: Membrane | None = None) -> float:
    """Estimate Q(u) - Q(u_h) of a functional by its dual solution: a(u - u_h, z - z_h), both by recovery.

    Args:
        fields: The solved case.
        dual: The same with the dual solution as its displacement.
        recovery: The patches of both.
        membrane: The cortex (None: none).

    Returns:
        In the unit of the functional.
    """
    missing = [StrainError.of(each, recovery).missing for each in (fields, dual)]
    cells, cortex = energy_product(fields, membrane, *missing)
    return float(cells.sum()) + cortex


def energy_product(
    fields: CaseFields, membrane: Membrane | None, first: FloatArray, second: FloatArray
) -> tuple[FloatArray, float]:
    """a(., .) of two strain fields given at the nodes of the cells: (m,) by cell, and of the cortex, N mm."""
    volumes = cell_volumes(fields)
    shear = fields.young / (2.0 * (1.0 + fields.poisson))
    lame = fields.young * fields.poisson / ((1.0 + fields.poisson) * (1.0 - 2.0 * fields.poisson))
    weighted = np.einsum("ij,mjab->miab", _MASS[fields.order], second)
    traces = np.einsum("miaa,mibb->m", first, weighted)
    cells: FloatArray = volumes * (2.0 * shear * np.einsum("miab,miab->m", first, weighted) + lame * traces)
    if membrane is None:
        return cells, 0.0
    if first is second:
        return cells, _membrane_energy(fields, membrane, first)
    both = [_membrane_energy(fields, membrane, strains) for strains in (first + second, first - second)]
    return cells, 0.25 * (both[0] - both[1])


def _membrane_energy(fields: CaseFields, membrane: Membrane, strains: FloatArray) -> float:
    """a(., .) of a strain field with itself on the cortex, from its values at the nodes of the cells behind."""
    if not len(membrane.cells):
        return 0.0
    barycentric, weights = triangle_rule()
    triangles = np.take_along_axis(fields.cells[membrane.cells], membrane.corners, axis=1)
    nodes = membrane.corners
    if fields.order == 2:
        between = [4 + EDGE_BETWEEN[nodes[:, a], nodes[:, b]] for a, b in ((0, 1), (1, 2), (2, 0))]
        nodes = np.concatenate([nodes, np.stack(between, axis=1)], axis=1)
    at_nodes = np.take_along_axis(strains[membrane.cells], nodes[:, :, None, None], axis=1)
    a, b, c = barycentric.T
    shapes = barycentric
    if fields.order == 2:
        shapes = np.column_stack([a * (2 * a - 1), b * (2 * b - 1), c * (2 * c - 1), 4 * a * b, 4 * b * c, 4 * c * a])
    sampled = np.einsum("qi,kiab->kqab", shapes, at_nodes)
    density = membrane_energy(membrane.cortex, facet_geometry(fields.points, triangles)[1], sampled)
    areas = membrane.thickness * facet_areas(fields.points, triangles)
    return float(areas @ (density @ weights))


def error_bars(
    measures: list[tuple[str, Measure]],
    estimate: ErrorEstimate,
    work: float,
    volumes: FloatArray,
    masks: dict[str, BoolArray],
    motions: Mapping[str, float] | None = None,
) -> list[tuple[float | None, str]]:
    """The error bar of every measure: per cent of the value on an infinitely fine mesh, and what it rests on.

    Args:
        measures: (fracture, (metric, value, unit)).
        estimate: From :func:`estimate_error`.
        work: Work of the load, N mm.
        volumes: (m,) mm^3.
        masks: Neighbourhoods in which strain is measured.
        motions: Fracture -> estimated error of its mean micromotion, mm, by the dual problem.

    Returns:
        For each measure (per cent or None, basis). Displacement and stiffness of the whole: by the error of the work. Strain
        measures: the same measure of the recovered strain, which sees local errors, not those carried from elsewhere. Mean
        micromotion: by the dual problem where that was solved. Other motions: none of their own.
    """
    smooth = {name: value for name, value, _ in measure_strain(estimate.strain, volumes, masks)}
    bars: list[tuple[float | None, str]] = []
    for fracture, (metric, value, unit) in measures:
        if metric == "endplate_displacement":
            bars.append((100.0 * estimate.squared / (work + estimate.squared), ENERGY))
        elif metric == "stiffness":
            bars.append((100.0 * estimate.squared / work, ENERGY))
        elif metric == "micromotion_mean" and motions and fracture in motions and value > 0.0:
            bars.append((100.0 * abs(motions[fracture]) / abs(value + motions[fracture]), DUAL))
        elif metric in smooth and unit == "microstrain":
            finer = smooth[metric]
            within = abs(finer) > _SMALLEST_STRAIN
            bars.append((100.0 * abs(value - finer) / abs(finer), RECOVERED) if within else (None, "none: no strain"))
        else:
            bars.append((None, NO_ESTIMATE))
    return bars


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
