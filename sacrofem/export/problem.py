"""A case as any code can hold it: nodes, solids, membranes, springs between combinations of nodes, forces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import basix
import numpy as np
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from numpy.typing import NDArray

from sacrofem.errors import ConfigError, explain
from sacrofem.mechanics.model import SacrumModel, Solution
from sacrofem.mechanics.properties import Properties
from sacrofem.mesh.facets import facet_areas, facet_geometry, facet_keys, list_facets
from sacrofem.mesh.model import FloatArray, IntArray, ModelMesh
from sacrofem.results.fields import CaseFields, pair_faces
from sacrofem.results.gathering import gather_fields

_P2_DEGREE = 4


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


@dataclass(frozen=True)
class Problem:
    """A linear problem.

    Attributes:
        name: Of the case.
        points: (n, 3) mm; a point on a fracture stands once for each of its sides.
        cells: (m, 4 or 10) node numbers, corners, then the middles of 1-2, 2-3, 1-3, 1-4, 2-4, 3-4; positive.
        regions: (m,) names.
        young: (m,) MPa.
        poisson: (m,).
        membranes: (f, 3 or 6) nodes of the cortex.
        thickness: (f,) mm.
        cortical: Its Young's modulus, MPa, and Poisson's ratio.
        springs: Supports and interfaces.
        forces: (n, 3) N.
        frozen: Whether contact was frozen in its solved state.
    """

    name: str
    points: FloatArray
    cells: IntArray
    regions: NDArray[np.str_]
    young: FloatArray
    poisson: FloatArray
    membranes: IntArray
    thickness: FloatArray
    cortical: tuple[float, float]
    springs: tuple[Springs, ...]
    forces: FloatArray
    frozen: bool

    @property
    def order(self) -> int:
        """Polynomial order, 1 or 2."""
        return 1 if self.cells.shape[1] == 4 else 2


def describe_problem(
    name: str, model: SacrumModel, properties: Properties, solution: Solution, force: FloatArray
) -> tuple[Problem, CaseFields]:
    """Take a solved model apart; one process only.

    Args:
        name: Of the case.
        model: The model, assembled.
        properties: What it was given.
        solution: Its solution under the force.
        force: (3,) N.

    Returns:
        The problem, and the solved fields on the same nodes and cells (in the order of DOLFINx).

    Raises:
        ConfigError: on several ranks.
    """
    if model.comm.size > 1:
        raise ConfigError(
            explain(
                "A case is exported by one process.",
                where="mpiexec",
                got=f"{model.comm.size} ranks",
                allowed="1",
                next_step="run `sacrofem export` without mpiexec",
            )
        )
    fields = gather_fields(model, solution.displacement)
    assert fields is not None
    source = model.distributed.source
    node_of_dof = _number_dofs(model, fields)
    outer = _OuterFacets(source)
    names = source.region_names
    cortex = outer.case_nodes(fields, source.surfaces["cortex"])
    hosts = source.host_regions[outer.cells_of(source.surfaces["cortex"])]
    thick = {number: properties.cortical_thickness_of.get(label, properties.cortical_thickness) for number, label in names.items()}
    forces = np.zeros((len(fields.points), 3))
    forces[node_of_dof] = model._load_vector(force).array.reshape(-1, 3)
    springs = [_describe_support(model, fields, outer, support) for support in model.supports.measures]
    springs += [_describe_interface(model, fields, fracture, properties) for fracture in fields.fractures]
    problem = Problem(
        name=name,
        points=fields.points,
        cells=_turn_positive(fields.points, fields.cells),
        regions=np.array([names[int(number)] for number in model.regions]),
        young=fields.young,
        poisson=np.array([properties.poisson[names[int(number)]] for number in model.regions]),
        membranes=cortex,
        thickness=np.array([thick[int(number)] for number in hosts]),
        cortical=(properties.cortical_modulus, properties.cortical_poisson_ratio),
        springs=tuple(springs),
        forces=forces,
        frozen=not model.linear,
    )
    return problem, fields


def _number_dofs(model: SacrumModel, fields: CaseFields) -> IntArray:
    """(n,) number in the fields of every block of dofs."""
    dofmap = model.V.dofmap
    numbers = np.empty(dofmap.index_map.size_local, dtype=np.int64)
    numbers[dofmap.list] = fields.cells[model.distributed.original_cells]
    return numbers


def _turn_positive(points: FloatArray, cells: IntArray) -> IntArray:
    """Cells in the order of Abaqus, FEBio and VTK; the first four nodes span a positive volume."""
    edges = points[cells[:, 1:4]] - points[cells[:, :1]]
    negative = np.linalg.det(edges) < 0
    straight, turned = [0, 1, 2, 3, 9, 6, 8, 7, 5, 4], [0, 2, 1, 3, 8, 6, 9, 7, 4, 5]
    width = cells.shape[1]
    return np.where(negative[:, None], cells[:, turned[:width]], cells[:, straight[:width]])


class _OuterFacets:
    """Finds the cell behind a facet of the boundary, and its nodes in a solved case."""

    def __init__(self, mesh: ModelMesh) -> None:
        self.mesh = mesh
        facets = list_facets(mesh.cells)
        keys = facet_keys(facets.outer, len(mesh.points))
        order = np.argsort(keys)
        self._keys, self._cells = keys[order], facets.outer_cells[order]

    def cells_of(self, triangles: IntArray) -> IntArray:
        """(f,) cells."""
        found: IntArray = self._cells[np.searchsorted(self._keys, facet_keys(triangles, len(self.mesh.points)))]
        return found

    def case_nodes(self, fields: CaseFields, triangles: IntArray) -> IntArray:
        """(f, 3 or 6) node numbers: corners, middles of 1-2, 2-3, 3-1."""
        cells = self.cells_of(triangles)
        nodes: IntArray = pair_faces(self.mesh.cells, fields.cells, triangles, np.stack([cells, cells], axis=1))[:, 0]
        return nodes


def triangle_shapes(barycentric: FloatArray, order: int) -> FloatArray:
    """(..., 3 or 6) Lagrange shape functions of a triangle at (..., 3) barycentric coordinates."""
    if order == 1:
        return barycentric
    a, b, c = np.moveaxis(barycentric, -1, 0)
    return np.stack([a * (2 * a - 1), b * (2 * b - 1), c * (2 * c - 1), 4 * a * b, 4 * b * c, 4 * c * a], axis=-1)


def _describe_support(model: SacrumModel, fields: CaseFields, outer: _OuterFacets, name: str) -> Springs:
    """The springs of a support at the points of its quadrature, from the product's own traction under unit displacements."""
    domain, source, order = model.domain, model.distributed.source, model.order
    local = model.distributed.facets[name]
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


def _describe_interface(model: SacrumModel, fields: CaseFields, name: str, properties: Properties) -> Springs:
    """The springs of a fracture: between pairs of nodes (order 1, as its rule is that of the vertices), or at quadrature points."""
    faces, law = fields.fractures[name], properties.interface
    pairs = faces.nodes[~faces.welded]
    corners = pairs[:, 0, :3]
    areas, normals = facet_areas(fields.points, corners), facet_geometry(fields.points, corners)[1]
    if model.order == 1:
        barycentric, shares = np.eye(3), np.full(3, 1.0 / 3.0)
    else:
        rule, weights = basix.make_quadrature(basix.CellType.triangle, _P2_DEGREE)
        barycentric = np.column_stack([1.0 - rule.sum(axis=1), rule])
        shares = np.asarray(weights) / np.sum(weights)
    shapes = triangle_shapes(barycentric, model.order)
    jump = fields.displacement[pairs[:, 1]] - fields.displacement[pairs[:, 0]]
    opening = np.einsum("qk,fki,fi->fq", shapes, jump, normals)
    across = np.full(opening.shape, float(law.normal_stiffness))
    if not model.linear:
        across[opening > 0] *= law.open_fraction
    along = float(law.tangential_stiffness)
    dyads = np.einsum("fi,fj->fij", normals, normals)
    tensors = across[:, :, None, None] * dyads[:, None] + along * (np.eye(3) - dyads)[:, None]
    tensors *= areas[:, None, None, None] * shares[None, :, None, None]
    places = np.einsum("qk,fki->fqi", barycentric, fields.points[corners])
    springs = Springs(
        name=name,
        grounded=False,
        nodes=np.repeat(pairs.reshape(len(pairs), pairs.shape[1] * pairs.shape[2]), len(shares), axis=0),
        coefficients=np.tile(np.hstack([-shapes, shapes]), (len(pairs), 1)),
        tensors=tensors.reshape(-1, 3, 3),
        places=places.reshape(-1, 3),
    )
    return _join_pairs(springs) if model.order == 1 else springs


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


def combine_membranes(problem: Problem) -> Combinations:
    """The cortex as combinations of displacements, for codes whose membranes are not those of sacrofem.

    At each of the three points of a rule of degree 2 (exact: the strain of quadratic elements is linear) the three strains
    in the plane of the facet, times a root of thickness, weight and plane-stress matrix.
    """
    rule, weights = basix.make_quadrature(basix.CellType.triangle, 2)
    nodes, young, poisson = problem.membranes, *problem.cortical
    corners = problem.points[nodes[:, :3]]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    along = first / np.linalg.norm(first, axis=1, keepdims=True)
    normal = facet_geometry(problem.points, nodes[:, :3])[1]
    frame = np.stack([along, np.cross(normal, along)], axis=1)  # rows: the two directions in the plane
    flat = np.einsum("fai,fbi->fab", frame, np.stack([first, second], axis=1))
    slopes = np.linalg.inv(flat)  # rows: gradients of the second and third barycentric coordinate
    gradients = np.stack([-slopes.sum(axis=1), slopes[:, 0], slopes[:, 1]], axis=1)  # (f, 3, 2)
    a, b, c = 1.0 - rule.sum(axis=1), rule[:, 0], rule[:, 1]
    if problem.order == 1:
        shapes = np.broadcast_to(gradients[:, None], (len(nodes), len(weights), 3, 2))
    else:
        barycentric = np.column_stack([a, b, c])
        middles = [
            4 * (barycentric[None, :, [i], None] * gradients[:, None, [j]] + barycentric[None, :, [j], None] * gradients[:, None, [i]])
            for i, j in ((0, 1), (1, 2), (2, 0))
        ]
        ends = (4 * barycentric[None, :, :, None] - 1) * gradients[:, None]
        shapes = np.concatenate([ends, *middles], axis=2)  # (f, q, 6, 2)
    strains = np.stack(  # (f, q, 3 strains, k, 3 components)
        [
            np.einsum("fqk,fi->fqki", shapes[..., 0], frame[:, 0]),
            np.einsum("fqk,fi->fqki", shapes[..., 1], frame[:, 1]),
            np.einsum("fqk,fi->fqki", shapes[..., 1], frame[:, 0]) + np.einsum("fqk,fi->fqki", shapes[..., 0], frame[:, 1]),
        ],
        axis=2,
    )
    elastic = young / (1 - poisson**2) * np.array([[1, poisson, 0], [poisson, 1, 0], [0, 0, 0.5 * (1 - poisson)]])
    root = np.linalg.cholesky(elastic).T
    shares = np.asarray(weights) / np.sum(weights)
    size = np.sqrt((facet_areas(problem.points, nodes[:, :3]) * problem.thickness)[:, None] * shares)
    rows = size[:, :, None, None, None] * np.einsum("ab,fqbki->fqaki", root, strains)
    places = np.einsum("qc,fci->fqi", np.column_stack([a, b, c]), corners)
    return Combinations(
        "cortex", False, np.repeat(nodes, len(weights), axis=0), rows.reshape(-1, 3, nodes.shape[1], 3), places.reshape(-1, 3)
    )


def group_cells(problem: Problem) -> Mapping[tuple[str, float, float], IntArray]:
    """Cells by region and material: (region, Young's modulus, Poisson's ratio) -> cell numbers."""
    groups: dict[tuple[str, float, float], IntArray] = {}
    for region in np.unique(problem.regions):
        inside = problem.regions == region
        for young in np.unique(problem.young[inside]):
            for poisson in np.unique(problem.poisson[inside & (problem.young == young)]):
                chosen = inside & (problem.young == young) & (problem.poisson == poisson)
                groups[str(region), float(young), float(poisson)] = np.flatnonzero(chosen)
    return groups
