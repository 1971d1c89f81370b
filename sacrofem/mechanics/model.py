"""A sacrum with one treatment: assembled once for each bone, solved for many loads."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.mechanics import forms
from sacrofem.mechanics.contact import solve_contact
from sacrofem.mechanics.cut_space import build_cut_space, number_copies
from sacrofem.mechanics.distribution import DistributedMesh, find_local_facets
from sacrofem.mechanics.interface import Cut, Interfaces, Status
from sacrofem.mechanics.posedness import require_well_posed
from sacrofem.mechanics.properties import Properties
from sacrofem.mechanics.sections import Sections
from sacrofem.mechanics.supports import SupportSprings, held_surfaces
from sacrofem.mechanics.treatment import EVERY_FRACTURE, Partings, find_body_cuts, find_cuts, regions_as_solved
from sacrofem.solver.multigrid import MultigridSolver

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_CORTEX, _ENDPLATE, _SUPPORT, _FRACTURE = 1, 2, 10, 100
_JIT_OPTIONS = {"timeout": 120}


@dataclass(frozen=True)
class Solution:
    """One solved load case.

    Attributes:
        displacement: Displacement on the cut space, mm.
        iterations: Krylov iterations, over all contact steps.
        residual: Relative residual of the last linear solve.
        seconds: Wall time.
        contact_steps: Newton steps until the fracture's open and closed parts came to rest (1 where linear).
        work: Work of the load, N mm.
        energy: Elastic energy, N mm; half the work for a linear model.
        dissipated: Work of friction, N mm.
        section_forces: Fracture -> what carries force through its section -> (3,) N.
        faces: Fracture, or body whose faces may part -> how they stand.
        reaction: (3,) force on the supports, N.
        imbalance: |applied force - reaction| / |applied force|.
        moment_imbalance: |applied moment - reaction moment| about the origin / (|force| * 1 mm), mm.
        reactions: Supported surface -> (3,) force on its springs, N.
        flexion_moments: Socket -> moment on its torsion spring about the axis through both hips, N mm; empty without hips.
    """

    displacement: fem.Function
    iterations: int
    residual: float
    seconds: float
    contact_steps: int
    work: float
    energy: float
    dissipated: float
    faces: dict[str, Status]
    section_forces: Mapping[str, dict[str, FloatArray]]
    reaction: tuple[float, float, float]
    imbalance: float
    moment_imbalance: float
    reactions: dict[str, tuple[float, float, float]]
    flexion_moments: dict[str, float]


class SacrumModel:
    """The mechanics of one treatment.

    Args:
        distributed: The mesh on the ranks.
        active: Names of the treatment's regions; elsewhere cement and screws are bone.
        order: Polynomial order, 1 or 2.
        partings: Which faces may part.

    Attributes:
        V: The cut space.
        comm: Communicator.
        domain: The DOLFINx mesh.
        regions: Region number of every cell of the source mesh, as solved.
        cuts: Fracture name -> its facets in this treatment.
        interfaces: All faces that may part, fractures' and bodies', with their state.
        young: Young's modulus of every cell, MPa.
    """

    def __init__(
        self, distributed: DistributedMesh, active: frozenset[str], order: int, partings: Partings = EVERY_FRACTURE
    ) -> None:
        self.distributed = distributed
        self.domain = distributed.domain
        self.comm = self.domain.comm
        self.order = order
        source = distributed.source
        self.regions = regions_as_solved(source, active)
        self.cuts = find_cuts(source, self.regions, bonded=not partings.fractures)
        self.body_cuts = find_body_cuts(source, self.regions, partings.bodies)
        parted = {**self.cuts, **self.body_cuts}
        everything = np.concatenate([np.zeros((0, 3), dtype=np.int64), *(cut.movable for cut in parted.values())])
        self.V = build_cut_space(self.domain, order, number_copies(source.cells, everything))
        count = len(source.points)
        local = {
            name: Cut(find_local_facets(self.domain, cut.movable, count), cut.sides[~cut.welded]) for name, cut in parted.items()
        }
        self.interfaces = Interfaces(self.V, local, order)
        self._cut_facets = np.unique(np.concatenate([np.zeros(0, dtype=np.int32), *(cut.facets for cut in local.values())]))
        piecewise = fem.functionspace(self.domain, ("Discontinuous Lagrange", 0))
        self.young, self.poisson, self.thickness = (fem.Function(piecewise) for _ in range(3))
        self.state = fem.Function(self.V)
        self._compile()
        self.sections = Sections(self)

    def _measure(self, kind: str, facets: dict[int, NDArray[np.int32]], metadata: dict[str, object]) -> ufl.Measure:
        """One measure for all facet sets of a kind: sets may overlap, owned facets alone are integrated."""
        integral = fem.IntegralType.exterior_facet if kind == "ds" else fem.IntegralType.interior_facet
        entities = [
            (tag, fem.compute_integration_domains(integral, self.domain.topology, numbers)) for tag, numbers in facets.items()
        ]
        return ufl.Measure(kind, domain=self.domain, subdomain_data=entities, metadata=metadata)

    def _compile(self) -> None:
        surfaces = self.distributed.facets
        held = held_surfaces(self.distributed.source)
        outer = self._measure(
            "ds",
            {
                _CORTEX: surfaces["cortex"],
                _ENDPLATE: surfaces["endplate"],
                **{_SUPPORT + i: surfaces[name] for i, name in enumerate(held)},
            },
            {"quadrature_degree": 2 * self.order},
        )
        self.cortex, self.endplate = outer(_CORTEX), outer(_ENDPLATE)
        measures = {name: outer(_SUPPORT + i) for i, name in enumerate(held)}
        self.supports = SupportSprings(self.domain, self.distributed.source, measures, self.integrate)
        # Its integrand is zero: it keeps room in the matrix for the interfaces, which are added point by point.
        self._room = self._measure("dS", {_FRACTURE: self._cut_facets}, forms.VERTEX_QUADRATURE)
        self.constants = {name: fem.Constant(self.domain, 1.0) for name in ("cortical_modulus", "cortical_poisson")}
        self._zero = fem.Constant(self.domain, 0.0)
        u, v = ufl.TrialFunction(self.V), ufl.TestFunction(self.V)
        self.stiffness = self._compiled(self._bilinear(u, v))
        self.matrix = petsc.create_matrix(self.stiffness)
        self.solver = MultigridSolver(self.matrix, self.V)
        self.traction = fem.Constant(self.domain, np.zeros(3))
        self.load = self._compiled(ufl.dot(self.traction, v) * self.endplate)
        self.endplate_area = self.integrate(fem.Constant(self.domain, 1.0) * self.endplate)

    def _bilinear(self, u: forms.Expression, v: forms.Expression) -> ufl.Form:
        c = self.constants
        dx = ufl.Measure("dx", domain=self.domain, metadata={"quadrature_degree": 2 * (self.order - 1)})
        form = forms.bulk_form(u, v, self.young, self.poisson, dx)
        form += forms.cortex_form(u, v, self.thickness, c["cortical_modulus"], c["cortical_poisson"], self.cortex)
        form += self.supports.form(u, v)
        if len(self._cut_facets):
            zero = self._zero("+")
            form += forms.interface_form(u, v, zero, zero, self._room(_FRACTURE))
        return form

    def _compiled(self, form: ufl.Form) -> fem.Form:
        return fem.form(form, jit_options=_JIT_OPTIONS)

    def integrate(self, form: ufl.Form) -> float:
        """The value of a form without arguments, summed over the ranks; collective."""
        return float(self.comm.allreduce(fem.assemble_scalar(self._compiled(form))))

    def set_properties(self, properties: Properties) -> None:
        """Give every cell, the cortex, the fractures and the supports their stiffness."""
        p, c = properties, self.constants
        laws = dict.fromkeys(self.cuts, p.interface) | {name: p.body_interfaces[name.split(":")[0]] for name in self.body_cuts}
        require_well_posed(self.distributed.source, self.regions, p.interface, p.support, p.body_interfaces)
        local = self.regions[self.distributed.original_cells]
        names = self.distributed.source.region_names
        for number in np.unique(local):
            self.young.x.array[local == number] = p.young[names[int(number)]]
            self.poisson.x.array[local == number] = p.poisson[names[int(number)]]
        hosts = self.distributed.source.host_regions[self.distributed.original_cells]
        for number in np.unique(hosts):
            thickness = p.cortical_thickness_of.get(names[int(number)], p.cortical_thickness)
            self.thickness.x.array[hosts == number] = thickness
        c["cortical_modulus"].value = p.cortical_modulus
        c["cortical_poisson"].value = p.cortical_poisson_ratio
        self.supports.set(p.support)
        self.interfaces.set_laws(laws)
        self.linear = self.interfaces.linear

    def assemble(self, renew: bool = True, coupled: bool = False) -> None:
        """Assemble the matrix for the present properties and contact state.

        Args:
            renew: Whether the preconditioner is set up anew; that of a stiffer state may serve on.
            coupled: Whether with the part of friction's tangent that is not symmetric.
        """
        self.matrix.zeroEntries()
        petsc.assemble_matrix(self.matrix, self.stiffness)
        self.interfaces.add_tangent(self.matrix, coupled)
        self.matrix.assemble()
        if renew:
            self.solver.set_up()
        self._unit_solutions: dict[int, fem.Function] = {}

    def solve(self, force: FloatArray, increments: int = 1) -> Solution:
        """Solve for a force spread evenly over the S1 endplate.

        Args:
            force: (3,) N, frame G.
            increments: Steps in which the force grows, for friction, which depends on the path.

        Raises:
            SolveError: the linear solve or the search for the open and closed parts did not converge.
        """
        vector = self._load_vector(force)
        displacement = fem.Function(self.V)
        if self.linear:
            iterations, residual, seconds, steps = self._superpose(np.asarray(force), vector, displacement)
            self.interfaces.update(displacement.x.array)
            dissipated = 0.0
        else:
            log = solve_contact(self, vector, increments)
            iterations, residual, seconds, steps = log.iterations, log.residual, log.seconds, log.steps
            dissipated = log.dissipated
            displacement.x.array[:] = self.state.x.array
        work = float(vector.dot(displacement.x.petsc_vec))
        product = vector.duplicate()
        self.matrix.mult(displacement.x.petsc_vec, product)
        bulk = float(product.dot(displacement.x.petsc_vec)) - self.interfaces.tangent_work(self.interfaces.jump)
        energy = 0.5 * bulk + self.interfaces.energy()
        reactions, imbalance, moment = self._balance(displacement, np.asarray(force))
        x, y, z = np.sum(list(reactions.values()), axis=0)
        return Solution(
            displacement,
            iterations,
            residual,
            seconds,
            steps,
            work,
            energy,
            dissipated,
            self.interfaces.status(),
            self.sections.forces(displacement),
            (float(x), float(y), float(z)),
            imbalance,
            moment,
            reactions,
            self.supports.flexion_moments(displacement, self.integrate),
        )

    def _load_vector(self, force: FloatArray) -> PETSc.Vec:
        self.traction.value = np.asarray(force) / self.endplate_area
        vector = petsc.create_vector(self.V)
        petsc.assemble_vector(vector, self.load)
        vector.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
        return vector

    def _superpose(self, force: FloatArray, vector: PETSc.Vec, displacement: fem.Function) -> tuple[int, float, float, int]:
        """A linear model needs one solve for each direction of force, whatever the number of loads."""
        iterations, seconds = 0, 0.0
        for axis in np.flatnonzero(force):
            if axis not in self._unit_solutions:
                unit = fem.Function(self.V)
                log = self.solver.solve(self._load_vector(np.eye(3)[axis]), unit.x.petsc_vec)
                self._unit_solutions[int(axis)] = unit
                iterations, seconds = iterations + log.iterations, seconds + log.seconds
            displacement.x.petsc_vec.axpy(float(force[axis]), self._unit_solutions[int(axis)].x.petsc_vec)
        displacement.x.scatter_forward()
        return iterations, self.solver.residual(vector, displacement.x.petsc_vec), seconds, 1

    def _balance(self, u: fem.Function, force: FloatArray) -> tuple[dict[str, tuple[float, float, float]], float, float]:
        """Reactions by surface, and how far they are from the load in force and moment."""
        x = ufl.SpatialCoordinate(self.domain)
        reactions, turning = {}, np.zeros(3)
        for name, ds in self.supports.measures.items():
            traction = self.supports.traction(name, u)
            pull = [self.integrate(traction[i] * ds) for i in range(3)]
            reactions[name] = (pull[0], pull[1], pull[2])
            turning += [self.integrate(ufl.cross(x, traction)[i] * ds) for i in range(3)]
        reaction = np.sum(list(reactions.values()), axis=0)
        arm = np.array([self.integrate(x[i] * self.endplate) for i in range(3)]) / self.endplate_area
        size = float(np.linalg.norm(force))
        imbalance = float(np.linalg.norm(reaction - force)) / size
        return reactions, imbalance, float(np.linalg.norm(turning - np.cross(arm, force))) / size
