"""Supports and interfaces as springs on combinations of nodes."""

from __future__ import annotations

from dataclasses import dataclass

import basix
import numpy as np
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh

from sacrofem.mechanics.distribution import find_local_facets
from sacrofem.mechanics.facets import facets_of
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.supports import support_surfaces
from sacrofem.mesh.facets import facet_areas, find_outer
from sacrofem.mesh.model import FloatArray, IntArray, ModelMesh
from sacrofem.results.fields import CaseFields, pair_faces
from sacrofem.results.weighting import triangle_shapes


@dataclass(frozen=True)
class Springs:
    """Springs on combinations of nodes: each has the energy q . K q / 2 with q = sum of c_i u_i.

    Every bilinear form whose integrand is a quadratic form of the displacement (or of its jump) at points is such a set, with
    the quadrature's points, shape functions and weights; it is then not an approximation but the same matrix.

    Attributes:
        name: A support's surface or a fracture.
        grounded: Whether it is a support, whose reaction counts.
        nodes: (p, k) node numbers.
        coefficients: (p, k) c.
        tensors: (p, 3, 3) K, symmetric, N/mm.
        places: (p, 3) mm.
    """

    name: str
    grounded: bool
    nodes: IntArray
    coefficients: FloatArray
    tensors: FloatArray
    places: FloatArray

    def factors(self) -> FloatArray:
        """(p, 3, 3) F with K = F^T F: row i is a direction times the root of its stiffness; rows of no stiffness are zero."""
        values, directions = np.linalg.eigh(self.tensors)
        largest = np.abs(values).max(axis=1, keepdims=True)
        roots = np.sqrt(np.where(values > 1e-12 * largest, values, 0.0))
        rows: FloatArray = roots[:, :, None] * directions.transpose(0, 2, 1)
        return rows

    def combine(self) -> Combinations:
        """F q as combinations of single components."""
        rows = self.coefficients[:, None, :, None] * self.factors()[:, :, None, :]
        return Combinations(self.name, self.grounded, self.nodes, rows, self.places)


@dataclass(frozen=True)
class Combinations:
    """Three numbers at each place, combinations of components of displacement, whose squares sum to twice the energy.

    Attributes:
        name: Of what they stand for.
        grounded: Whether it is a support.
        nodes: (p, k) node numbers.
        rows: (p, 3, k, 3) factors of the components of every node, root of N mm per mm; a row of zeros is none.
        places: (p, 3) mm.
    """

    name: str
    grounded: bool
    nodes: IntArray
    rows: FloatArray
    places: FloatArray

    def at(self, point: int) -> tuple[IntArray, FloatArray]:
        """(j,) nodes and (3, j, 3) factors at a place; a node that stands twice (at a fracture's front) is named once.

        Factors below rounding are zero.
        """
        joined, place = np.unique(self.nodes[point], return_inverse=True)
        rows = np.zeros((len(joined), 3, 3))
        np.add.at(rows, place, self.rows[point].transpose(1, 0, 2))
        rows[np.abs(rows) < 1e-14 * np.abs(self.rows[point]).max()] = 0.0
        return joined, rows.transpose(1, 0, 2)


class OuterFacets:
    """Finds the cell behind a facet of the boundary, and its nodes in a solved case."""

    def __init__(self, mesh: ModelMesh) -> None:
        self.mesh = mesh
        self._facets = facets_of(mesh.cells)

    def cells_of(self, triangles: IntArray) -> IntArray:
        """(f,) cells."""
        found: IntArray = self._facets.outer_cells[find_outer(self._facets, triangles)]
        return found

    def case_nodes(self, fields: CaseFields, triangles: IntArray) -> IntArray:
        """(f, 3 or 6) node numbers: corners, middles of 1-2, 2-3, 3-1."""
        cells = self.cells_of(triangles)
        nodes: IntArray = pair_faces(self.mesh.cells, fields.cells, triangles, np.stack([cells, cells], axis=1))[:, 0]
        return nodes


def describe_support(model: SacrumModel, fields: CaseFields, outer: OuterFacets, name: str) -> Springs:
    """The springs of a support at the points of its quadrature, from the product's own traction under unit displacements."""
    domain, order = model.domain, model.order
    source = model.distributed.source
    local = find_local_facets(domain, support_surfaces(source)[name], len(source.points))
    nodes = domain.geometry.input_global_indices[dmesh.entities_to_geometry(domain, 2, local)]
    case = outer.case_nodes(fields, nodes)
    rule, weights = basix.make_quadrature(basix.CellType.triangle, 2 * order)
    pairs = fem.compute_integration_domains(fem.IntegralType.exterior_facet, domain.topology, local).reshape(-1, 2)

    def evaluate(expression: ufl.core.expr.Expr) -> FloatArray:
        values: FloatArray = fem.Expression(expression, rule).eval(domain, pairs).reshape(len(local), len(weights), 3)
        return values

    # compute_integration_domains keeps the order of the facets it is given.
    places = evaluate(ufl.SpatialCoordinate(domain))
    columns = [evaluate(model.supports.traction(name, ufl.as_vector(unit.tolist()))) for unit in np.eye(3)]
    tensors = np.stack(columns, axis=-1)
    corners = fields.points[case[:, :3]]
    areas = facet_areas(fields.points, case[:, :3])
    edges = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=-1)
    beyond = np.einsum("fij,fqj->fqi", np.linalg.pinv(edges), places - corners[:, None, 0])
    barycentric = np.concatenate([1.0 - beyond.sum(axis=2, keepdims=True), beyond], axis=2)
    shares = np.asarray(weights) / np.sum(weights)
    scaled = areas[:, None, None, None] * shares[None, :, None, None] * tensors
    count = len(weights)
    return Springs(
        name=name,
        grounded=True,
        nodes=np.repeat(case, count, axis=0),
        coefficients=triangle_shapes(barycentric, order).reshape(len(case) * count, case.shape[1]),
        tensors=0.5 * (scaled + scaled.transpose(0, 1, 3, 2)).reshape(-1, 3, 3),
        places=places.reshape(-1, 3),
    )


def describe_interfaces(model: SacrumModel, fields: CaseFields, numbers: IntArray) -> list[Springs]:
    """The springs of all faces that may part, in their present state, at the points where the model compares them.

    Args:
        model: The model, in the state of its solution.
        fields: The solved case.
        numbers: Number in the fields of every block of dofs.
    """
    points = model.interfaces.points
    count = points.weights.shape[1]
    tangents = model.interfaces.response.tangent.reshape(-1, count, 3, 3) * points.weights[:, :, None, None]
    found = []
    for number, name in enumerate(model.interfaces.names):
        mine = points.cuts == number
        nodes = numbers[points.dofs[mine]]
        springs = Springs(
            name=name,
            grounded=False,
            nodes=np.repeat(nodes.reshape(len(nodes), nodes.shape[1] * nodes.shape[2]), count, axis=0),
            coefficients=np.tile(np.hstack([-points.shapes, points.shapes]), (len(nodes), 1)),
            tensors=tangents[mine].reshape(-1, 3, 3),
            places=np.einsum("qn,fni->fqi", points.shapes, fields.points[nodes[:, 0]]).reshape(-1, 3),
        )
        found.append(_join_pairs(springs) if model.order == 1 else springs)
    return found


def _join_pairs(springs: Springs) -> Springs:
    """Springs at the vertices of facets, summed over the facets that meet in a pair of nodes; welded fronts fall out."""
    used = np.abs(springs.coefficients) > 0.5
    first = springs.nodes[springs.coefficients < -0.5]
    second = springs.nodes[springs.coefficients > 0.5]
    assert (used.sum(axis=1) == 2).all()
    apart = first != second
    pairs, place = np.unique(np.stack([first, second], axis=1)[apart], axis=0, return_inverse=True)
    tensors = np.zeros((len(pairs), 3, 3))
    np.add.at(tensors, place.ravel(), springs.tensors[apart])
    places = np.zeros((len(pairs), 3))
    places[place.ravel()] = springs.places[apart]
    return Springs(springs.name, False, pairs, np.tile([-1.0, 1.0], (len(pairs), 1)), tensors, places)
