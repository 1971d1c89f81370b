"""A test bench around the product's parts: its forms on its cut space, solved by its solver, with loads and bonds of textbooks.

What the product's own model cannot be given, and textbooks need, is added here and nowhere else: prescribed displacements,
body forces, pressure, heat. All checks share one bilinear and one linear form, so that each is compiled once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc
from mpi4py import MPI
from numpy.typing import NDArray

from sacrofem.mechanics import forms
from sacrofem.mechanics.cortex import CortexMembrane
from sacrofem.mechanics.cut_space import build_cut_space, number_copies
from sacrofem.mechanics.distribution import distribute, find_local_facets
from sacrofem.mechanics.properties import TransverseCortex
from sacrofem.mechanics.treatment import find_cuts
from sacrofem.mesh.model import FloatArray, ModelMesh
from sacrofem.solver.multigrid import MultigridSolver

#: (n, 3) places -> (n,) whether they are held, or (n, 3) vectors there, or (n,) numbers.
type Chooser = Callable[[FloatArray], NDArray[np.bool_]]
type Field = Callable[[FloatArray], FloatArray]

_MEMBRANE, _LOADED, _PRESSED = 1, 2, 3
_FRACTURE = 100


@dataclass(frozen=True)
class Bond:
    """Prescribed displacement: where, which components, and its value there (default: none)."""

    where: Chooser
    components: tuple[int, ...]
    value: Field | None = None


class Bench:
    """One mesh, its materials and its bonds.

    Surfaces of the mesh that count: ``membrane`` (carries an elastic membrane), ``loaded`` (traction), ``pressed``
    (pressure), ``fracture:...`` (the space is cut there).

    Args:
        mesh: The mesh.
        order: Polynomial order, 1 or 2.
        young: Region name -> Young's modulus, MPa.
        poisson: Region name -> Poisson's ratio.
        membrane: Thickness (mm), modulus (MPa) and Poisson's ratio of the membrane.
        interface: Normal and tangential stiffness of the fractures, MPa/mm.

    Attributes:
        V: The cut space.
        domain: The DOLFINx mesh.
    """

    def __init__(
        self,
        mesh: ModelMesh,
        order: int,
        young: Mapping[str, float],
        poisson: Mapping[str, float],
        membrane: tuple[float, float, float] = (0.0, 1.0, 0.0),
        interface: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.distributed = distribute(mesh, MPI.COMM_SELF)
        self.domain, self.comm, self.order = self.distributed.domain, MPI.COMM_SELF, order
        self.regions = mesh.regions
        self.cuts = find_cuts(mesh, mesh.host_regions)
        triangles = np.concatenate([np.zeros((0, 3), dtype=np.int64), *(cut.movable for cut in self.cuts.values())])
        copies = number_copies(mesh.cells, triangles)
        self.V = build_cut_space(self.domain, order, copies)
        self._linear_space = build_cut_space(self.domain, 1, copies) if order == 2 else None
        piecewise = fem.functionspace(self.domain, ("Discontinuous Lagrange", 0))
        self.young, self.poisson = fem.Function(piecewise), fem.Function(piecewise)
        local = mesh.regions[self.distributed.original_cells]
        for number, name in mesh.region_names.items():
            self.young.x.array[local == number] = young[name]
            self.poisson.x.array[local == number] = poisson[name]
        self._constants = [fem.Constant(self.domain, float(value)) for value in (membrane[0], *interface)]
        self._membrane = CortexMembrane(self.domain)
        self._membrane.set(TransverseCortex.isotropic(*membrane[1:]))
        self._crack = find_local_facets(self.domain, triangles, len(mesh.points))
        self._compile()

    def _compile(self) -> None:
        surfaces = self.distributed.facets
        none = np.zeros(0, dtype=np.int32)

        def entities(integral: fem.IntegralType, facets: NDArray[np.int32]) -> NDArray[np.int32]:
            return fem.compute_integration_domains(integral, self.domain.topology, facets)

        outer = [
            (tag, entities(fem.IntegralType.exterior_facet, surfaces.get(name, none)))
            for tag, name in ((_MEMBRANE, "membrane"), (_LOADED, "loaded"), (_PRESSED, "pressed"))
        ]
        inner = [(_FRACTURE, entities(fem.IntegralType.interior_facet, self._crack))]
        degree = {"quadrature_degree": 2 * self.order}
        ds = ufl.Measure("ds", domain=self.domain, subdomain_data=outer, metadata=degree)
        rule = forms.VERTEX_QUADRATURE if self.order == 1 else {"quadrature_degree": 4}
        self.dS = ufl.Measure("dS", domain=self.domain, subdomain_data=inner, metadata=rule)(_FRACTURE)
        self.dx = ufl.Measure("dx", domain=self.domain, metadata={"quadrature_degree": 2 * self.order + 2})
        bulk = ufl.Measure("dx", domain=self.domain, metadata={"quadrature_degree": 2 * (self.order - 1)})
        u, v = ufl.TrialFunction(self.V), ufl.TestFunction(self.V)
        thickness, normal, tangential = self._constants
        form = forms.bulk_form(u, v, self.young, self.poisson, bulk)
        form += self._membrane.form(u, v, thickness, ds(_MEMBRANE))
        form += forms.interface_form(u, v, normal("+"), tangential("+"), self.dS)
        self.stiffness = fem.form(form)
        self.body, self.traction = fem.Function(self.V), fem.Function(self.V)
        self.heat = fem.Function(fem.functionspace(self.domain, ("Lagrange", 2)))
        self.pressure, self.crack_pressure, self.expansion = (fem.Constant(self.domain, 0.0) for _ in range(3))
        facing = ufl.FacetNormal(self.domain)
        bulk_modulus = self.young / (3 * (1 - 2 * self.poisson))
        self.load = fem.form(
            ufl.dot(self.body, v) * self.dx
            + ufl.dot(self.traction, v) * ds(_LOADED)
            - self.pressure * ufl.dot(facing, v) * ds(_PRESSED)
            - self.crack_pressure("+") * ufl.dot(forms.jump(v), facing("+")) * self.dS
            + 3 * bulk_modulus * self.expansion * self.heat * ufl.div(v) * self.dx
        )

    def fill(self, function: fem.Function, field: Field) -> None:
        """Give a function the values of a field at its nodes."""
        function.interpolate(lambda x: np.asarray(field(x.T)).T)

    def solve(self, bonds: list[Bond], tolerance: float = 1e-10) -> fem.Function:
        """Assemble, hold the bonds, and solve with the product's solver.

        Args:
            bonds: Prescribed displacements; where two name one component, the later counts.
            tolerance: Relative tolerance of the residual.
        """
        matrix = petsc.create_matrix(self.stiffness)
        solver = MultigridSolver(matrix, self.V, self._linear_space, tolerance)
        petsc.assemble_matrix(matrix, self.stiffness)
        matrix.assemble()
        vector = petsc.create_vector(self.V)
        petsc.assemble_vector(vector, self.load)
        solution = fem.Function(self.V)
        held = self._prescribe(bonds, solution)
        diagonal = float(matrix.getDiagonal().max()[1])
        matrix.zeroRowsColumns(held, diagonal, solution.x.petsc_vec, vector)
        solver.set_up()
        solver.solve(vector, solution.x.petsc_vec)
        return solution

    def _prescribe(self, bonds: list[Bond], solution: fem.Function) -> NDArray[np.int32]:
        places = self.V.tabulate_dof_coordinates()
        values = solution.x.array.reshape(-1, 3)
        held = np.zeros(values.shape, dtype=np.bool_)
        for bond in bonds:
            chosen = np.flatnonzero(bond.where(places))
            given = np.zeros((len(chosen), 3)) if bond.value is None else bond.value(places[chosen])
            for component in bond.components:
                values[chosen, component] = given[:, component]
                held[chosen, component] = True
        return np.flatnonzero(held.ravel()).astype(np.int32)

    def error(self, found: fem.Function, exact: Field) -> float:
        """L2 norm of the error against a field, as a share of the field's own norm."""
        fine = fem.Function(fem.functionspace(self.domain, ("Lagrange", self.order + 2, (3,))))
        self.fill(fine, exact)
        size = float(fem.assemble_scalar(fem.form(ufl.dot(fine, fine) * self.dx)))
        difference = found - fine
        return float(np.sqrt(fem.assemble_scalar(fem.form(ufl.dot(difference, difference) * self.dx)) / size))

    def value(self, found: fem.Function, place: tuple[float, float, float]) -> FloatArray:
        """(k, 3) displacement of the node (or of its copies) at a place."""
        near = np.linalg.norm(self.V.tabulate_dof_coordinates() - np.asarray(place), axis=1)
        values: FloatArray = found.x.array.reshape(-1, 3)[near < near.min() + 1e-9]
        return values

    def stress(self, found: fem.Function, place: tuple[float, float, float]) -> FloatArray:
        """(3, 3) stress at a vertex, MPa: the mean of the values of the cells around it (order 2)."""
        space = fem.functionspace(self.domain, ("Discontinuous Lagrange", self.order - 1, (3, 3)))
        stress, kelvin = fem.Function(space), forms.strain(found) - self.expansion * self.heat * ufl.Identity(3)
        shear = self.young / (2 * (1 + self.poisson))
        lame = self.young * self.poisson / ((1 + self.poisson) * (1 - 2 * self.poisson))
        tensor = 2 * shear * kelvin + lame * ufl.tr(kelvin) * ufl.Identity(3)
        stress.interpolate(fem.Expression(tensor, space.element.interpolation_points))
        near = np.linalg.norm(space.tabulate_dof_coordinates() - np.asarray(place), axis=1)
        mean: FloatArray = stress.x.array.reshape(-1, 3, 3)[near < near.min() + 1e-9].mean(axis=0)
        return mean


def everywhere_outside(low: FloatArray, high: FloatArray) -> Chooser:
    """Places on the six faces of a box."""
    return lambda x: ((np.abs(x - low) < 1e-9) | (np.abs(x - high) < 1e-9)).any(axis=1)


def plane(axis: int, value: float) -> Chooser:
    """Places with one coordinate."""
    return lambda x: np.abs(x[:, axis] - value) < 1e-9
