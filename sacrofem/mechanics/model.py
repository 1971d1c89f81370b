"""A sacrum with one treatment: assembled once for each bone, solved for many loads."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.loads.parts import LoadPart
from sacrofem.mechanics import forms
from sacrofem.mechanics.balance import compare_works, measure_balance, require_balance
from sacrofem.mechanics.contact import Start
from sacrofem.mechanics.cortex import CortexMembrane
from sacrofem.mechanics.coupling import CoupledMatrix, Coupling
from sacrofem.mechanics.cut_space import build_cut_space, number_copies
from sacrofem.mechanics.distribution import DistributedMesh, find_local_facets
from sacrofem.mechanics.equilibrium import Equilibrium
from sacrofem.mechanics.interface import Interfaces
from sacrofem.mechanics.interface_points import Cut
from sacrofem.mechanics.lag_screws import LagScrew
from sacrofem.mechanics.loading import Loading, endplate_force
from sacrofem.mechanics.patches import Patch, PatchMotions
from sacrofem.mechanics.posedness import require_well_posed
from sacrofem.mechanics.pretension import Pretension, Tightened
from sacrofem.mechanics.properties import Properties
from sacrofem.mechanics.region_sum import RegionSum, group_by_scaling
from sacrofem.mechanics.sections import Sections
from sacrofem.mechanics.solution import Solution
from sacrofem.mechanics.supports import SupportSprings, support_surfaces
from sacrofem.mechanics.treatment import EVERY_FRACTURE, Partings, find_body_cuts, find_cuts, regions_as_solved
from sacrofem.solver.choice import choose_matrix_type, make_solver, require_room
from sacrofem.solving import SolverSettings

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: A model made by itself is solved by multigrid, whatever its size; a study chooses.
BY_MULTIGRID = SolverSettings("multigrid")

_BULK, _CORTEX, _SUPPORT, _FRACTURE = 1, 1, 10, 100
_JIT_OPTIONS = {"timeout": 120}


class SacrumModel:
    """The mechanics of one treatment.

    Args:
        distributed: The mesh on the ranks.
        active: Names of the treatment's regions; elsewhere cement and screws are bone.
        order: Polynomial order, 1 or 2.
        partings: Which faces may part.
        settings: How the linear systems are solved.

    Attributes:
        V: The cut space.
        comm: Communicator.
        domain: The DOLFINx mesh.
        regions: Region number of every cell of the source mesh, as solved.
        cuts: Fracture name -> its facets in this treatment.
        interfaces: All faces that may part, fractures' and bodies', with their state.
        young: Young's modulus of every cell, MPa.
        assembled: Stiffness of everything but the couplings between patches.
        matrix: Stiffness of the whole.
        pretension: Its lag screws; None without.
    """

    def __init__(
        self,
        distributed: DistributedMesh,
        active: frozenset[str],
        order: int,
        partings: Partings = EVERY_FRACTURE,
        settings: SolverSettings = BY_MULTIGRID,
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
        copies = number_copies(source.cells, everything)
        self.V = build_cut_space(self.domain, order, copies)
        self.settings = settings
        require_room(self.V, order, settings)
        self.linear_space = build_cut_space(self.domain, 1, copies) if order == 2 else None
        count = len(source.points)
        local = {
            name: Cut(find_local_facets(self.domain, cut.movable, count), cut.sides[~cut.welded]) for name, cut in parted.items()
        }
        self.interfaces = Interfaces(self.V, local, order)
        self.cut_facets = {name: cut.facets for name, cut in local.items()}
        self._cut_facets = np.unique(np.concatenate([np.zeros(0, dtype=np.int32), *(cut.facets for cut in local.values())]))
        piecewise = fem.functionspace(self.domain, ("Discontinuous Lagrange", 0))
        self.young, self.poisson, self.thickness = (fem.Function(piecewise) for _ in range(3))
        self.state = fem.Function(self.V)
        self.pretension: Pretension | None = None
        self._tightened: Tightened | None = None
        self._compile()
        self.equilibrium = Equilibrium(self)

    @cached_property
    def sections(self) -> Sections:
        """Its fractures' sections; collective."""
        return Sections(self)

    def _measure(self, kind: str, facets: dict[int, NDArray[np.int32]], metadata: dict[str, object]) -> ufl.Measure:
        """One measure for all facet sets of a kind: sets may overlap, owned facets alone are integrated."""
        integral = fem.IntegralType.exterior_facet if kind == "ds" else fem.IntegralType.interior_facet
        entities = [
            (tag, fem.compute_integration_domains(integral, self.domain.topology, numbers)) for tag, numbers in facets.items()
        ]
        self._entities[integral] = entities
        return ufl.Measure(kind, domain=self.domain, subdomain_data=entities, metadata=metadata)

    def _compile(self) -> None:
        self._entities: dict[fem.IntegralType, list[tuple[int, NDArray[np.int32]]]] = {}
        surfaces = self.distributed.facets
        source = self.distributed.source
        held = {
            name: surfaces[name] if name in surfaces else find_local_facets(self.domain, triangles, len(source.points))
            for name, triangles in support_surfaces(source).items()
        }
        outer = self._measure(
            "ds",
            {
                _CORTEX: surfaces["cortex"],
                **{_SUPPORT + i: facets for i, facets in enumerate(held.values())},
            },
            {"quadrature_degree": 2 * self.order},
        )
        self.cortex = outer(_CORTEX)
        measures = {name: outer(_SUPPORT + i) for i, name in enumerate(held)}
        self.supports = SupportSprings(self.domain, self.distributed.source, measures, self.integrate)
        # Its integrand is zero: it keeps room in the matrix for the interfaces, which are added point by point.
        self._room = self._measure("dS", {_FRACTURE: self._cut_facets}, forms.VERTEX_QUADRATURE)
        self._zero = fem.Constant(self.domain, 0.0)
        self.membrane = CortexMembrane(self.domain)
        u, v = ufl.TrialFunction(self.V), ufl.TestFunction(self.V)
        whole = self._bilinear(u, v)
        self._parts = fem.compile_form(self.comm, whole, jit_options=_JIT_OPTIONS)
        self._symbols = {c: c for c in whole.coefficients()}, {c: c for c in whole.constants()}
        owned = np.arange(self.domain.topology.index_map(3).size_local, dtype=np.int32)
        self.stiffness = self._stiffness_of(owned, self._entities)
        self._region_sum: RegionSum | None = None
        self._filled = False
        self._kind = choose_matrix_type(self.V, self.order, self.settings)
        self.assembled = petsc.create_matrix(self.stiffness, self._kind)
        self.solver = make_solver(self.assembled, self.V, self.linear_space, self.settings)
        self._given: tuple[Coupling, ...] = ()
        self._join_couplings()
        self.loading = Loading(self.V, self.distributed, self.order)

    def _bilinear(self, u: forms.Expression, v: forms.Expression) -> ufl.Form:
        dx = ufl.Measure("dx", domain=self.domain, metadata={"quadrature_degree": 2 * (self.order - 1)})
        form = forms.bulk_form(u, v, self.young, self.poisson, dx(_BULK))
        form += self.membrane.form(u, v, self.thickness, self.cortex)
        form += self.supports.form(u, v)
        if len(self._cut_facets):
            zero = self._zero("+")
            form += forms.interface_form(u, v, zero, zero, self._room(_FRACTURE))
        return form

    def _compiled(self, form: ufl.Form) -> fem.Form:
        return fem.form(form, jit_options=_JIT_OPTIONS)

    def _stiffness_of(
        self, cells: NDArray[np.int32], facets: Mapping[fem.IntegralType, list[tuple[int, NDArray[np.int32]]]]
    ) -> fem.Form:
        """The stiffness of some owned cells and of tagged facets alone."""
        domains = {fem.IntegralType.cell: [(_BULK, cells)], **facets}
        return fem.create_form(self._parts, [self.V, self.V], self.domain, domains, *self._symbols)

    def _bulk_of(self, cells: NDArray[np.int32]) -> fem.Form:
        """The stiffness of the bulk of some owned cells alone."""
        return self._stiffness_of(cells, {})

    def integrate(self, form: ufl.Form) -> float:
        """The value of a form without arguments, summed over the ranks; collective."""
        return float(self.comm.allreduce(fem.assemble_scalar(self._compiled(form))))

    def set_properties(self, properties: Properties) -> None:
        """Give every cell, the cortex, the fractures and the supports their stiffness."""
        p = properties
        laws = dict.fromkeys(self.cuts, p.interface) | {name: p.body_interfaces[name.split(":")[0]] for name in self.body_cuts}
        require_well_posed(self.distributed.source, self.regions, p.interface, p.support, p.body_interfaces)
        local = self.regions[self.distributed.original_cells]
        names = self.distributed.source.region_names
        for number in np.unique(local):
            if names[int(number)] not in p.stiffened:
                self.young.x.array[local == number] = p.young[names[int(number)]]
            self.poisson.x.array[local == number] = p.poisson[names[int(number)]]
        hosts = self.distributed.source.host_regions[self.distributed.original_cells]
        for number in np.unique(local):
            if (factor := p.stiffened.get(names[int(number)])) is not None:
                within = np.flatnonzero(local == number)
                self.young.x.array[within] = [factor * p.young[names[int(host)]] for host in hosts[within]]
        for number in np.unique(hosts):
            thickness = p.cortical_thickness_of.get(names[int(number)], p.cortical_thickness)
            self.thickness.x.array[hosts == number] = thickness
        self._scaling = group_by_scaling(self.distributed, self.regions, p.stiffened)
        self.membrane.set(p.cortex)
        self.supports.set(p.support)
        self._join_couplings()
        self.interfaces.set_laws(laws)
        self.linear = self.interfaces.linear
        self._tightened = None

    def patch_motions(self, patches: Sequence[Patch]) -> PatchMotions:
        """Mean motions of patches as functions of the displacement; collective."""
        return PatchMotions(self.V, self.distributed.source, patches)

    def couple(self, couplings: Sequence[Coupling]) -> None:
        """Set the springs between patches, in place of those set before; takes effect with the next :meth:`assemble`."""
        self._given = tuple(couplings)
        self._join_couplings()

    def _join_couplings(self) -> None:
        """The springs given, and that of the support."""
        held = self.supports.coupling(self.V)
        couplings = (*self._given, held) if held is not None else self._given
        self.coupled = CoupledMatrix(self.assembled, couplings)
        self.matrix = self.solver.operator = self.coupled.operator
        self.solver.added = self.coupled if couplings else None
        self.solver.stiff_springs = self.coupled.stiff_springs()

    def assemble(self, renew: bool = True, coupled: bool = False) -> None:
        """Assemble the matrix for the present properties and contact state.

        Args:
            renew: Whether the preconditioner is set up anew, always from the symmetric part: on the diagonal the other may be
                negative. That of a stiffer state may serve on.
            coupled: Whether with the part of friction's tangent that is not symmetric.
        """
        if renew and coupled:
            self.assemble()
            renew = False
        self._assemble_linear()
        self.interfaces.add_tangent(self.assembled, coupled)
        self.assembled.assemble()
        if renew:
            self.solver.set_up()

    def _assemble_linear(self) -> None:
        """Assemble all but the interfaces: at first as a whole, from the second time on as a sum over regions.

        Lag screws lose their stiffness for a while, and then moduli do not scale by region: always as a whole.
        """
        self.assembled.zeroEntries()
        if not self.settings.reuse.regions or not self._filled or self.pretension is not None:
            petsc.assemble_matrix(self.assembled, self.stiffness)
            self._filled = True
            return
        petsc.assemble_matrix(self.assembled, self._stiffness_of(np.zeros(0, dtype=np.int32), self._entities))
        self.assembled.assemble()
        if self._region_sum is None or not self._region_sum.add(self.assembled):
            groups, local = self._scaling
            self._region_sum = RegionSum(self._bulk_of, self.young, self.poisson, local, groups, self._kind)
            self._region_sum.add(self.assembled)

    def reassemble(self) -> None:
        """Assemble for other properties, as from one BMD level to the next; the preconditioner is kept where it serves on."""
        self.assemble(renew=False)
        if self.linear:  # the search for contact makes its own for every state of the faces
            self.solver.renew()

    def tighten(self, screws: Sequence[LagScrew]) -> None:
        """Let screws be tightened before every load, in place of those set before."""
        self.pretension = Pretension(self, screws) if screws else None
        self._tightened = None

    @property
    def tightened(self) -> Tightened | None:
        """The state after tightening, for the present properties; None without lag screws; collective."""
        if self.pretension is not None and self._tightened is None:
            self._tightened = self.pretension.tighten()
        return self._tightened

    def prepare(self, loads: Sequence[Sequence[LoadPart]]) -> bool:
        """Solve for several loads in one block, as far as they act linearly; :meth:`solve` then takes them up; collective.

        Args:
            loads: The parts of each.

        Returns:
            Whether they are solved for; else there is a search left for each.
        """
        if not self.linear or not self.settings.reuse.together:
            return False
        _ = self.tightened  # found now, for it assembles other matrices
        self.equilibrium.prepare([self.loading.vector(parts) for parts in loads])
        return not self.coupled.one_sided

    def add(self, solution: Solution, correction: fem.Function) -> Solution:
        """A solution with a small displacement added, and what springs, screws and, if linear, faces then carry; collective.

        Args:
            solution: Of this model, in its present state.
            correction: mm.

        Returns:
            The same but for displacement, forces through sections (of linear interfaces), tensions and axial forces.
        """
        displacement = fem.Function(self.V)
        displacement.x.array[:] = solution.displacement.x.array + correction.x.array
        forces = solution.section_forces
        if self.linear:
            self.interfaces.update(displacement.x.array)
            forces = self.sections.forces(displacement)
            self.interfaces.update(solution.displacement.x.array)
        tensions = self.coupled.sum_tensions(self.coupled.elongations(displacement.x.petsc_vec))
        axial_forces = self.pretension.axial_forces(displacement) if self.pretension else {}
        return replace(solution, displacement=displacement, section_forces=forces, tensions=tensions, axial_forces=axial_forces)

    def potential(self, displacement: fem.Function, start: Start | None) -> float:
        """Elastic energy of a state that the interfaces hold, less the work of forces locked in before the load, N mm."""
        u = displacement.x.petsc_vec
        energy = 0.5 * self._bulk_work(u) + self.interfaces.energy() + self.coupled.energy(self.coupled.elongations(u))
        return energy if start is None else energy - float(start.load.dot(u))

    def _internal_work(self, displacement: fem.Function, stretch: FloatArray) -> float:
        """Work of the internal forces of a state that the interfaces hold through its displacement, N mm."""
        faces = self.interfaces.work(self.interfaces.response.traction, self.interfaces.jump)
        return self._bulk_work(displacement.x.petsc_vec) + faces + float(self.coupled.resist(stretch) @ stretch)

    def _bulk_work(self, u: PETSc.Vec) -> float:
        """The product u . A u without the interfaces' part, in the state they hold, N mm."""
        product = u.duplicate()
        self.assembled.mult(u, product)
        return float(product.dot(u)) - self.interfaces.tangent_work(self.interfaces.jump)

    def solve(self, load: FloatArray | Sequence[LoadPart], increments: int = 1) -> Solution:
        """Solve for one load.

        Args:
            load: (3,) N, frame G, spread evenly over the S1 endplate; or the parts of a load.
            increments: Steps in which the load grows, for friction, which depends on the path.

        Raises:
            ModelError: a part has no surface to act on, or a force does not press into its socket.
            SolveError: the linear solve or the search for the open and closed parts did not converge.
        """
        parts = endplate_force(load) if isinstance(load, np.ndarray) else tuple(load)
        vector = self.loading.vector(parts)
        displacement = fem.Function(self.V)
        before = self.tightened
        start = before.start if before else None
        effort = self.equilibrium.find(vector, displacement, increments, start)
        moved = displacement.x.petsc_vec if start is None else displacement.x.petsc_vec - start.displacement.x.petsc_vec
        stretch = self.coupled.elongations(displacement.x.petsc_vec)
        balance = measure_balance(self.supports, self.integrate, displacement, *self.loading.resultant(parts))
        held = vector if start is None else vector + start.load
        energy_imbalance = compare_works(float(held.dot(displacement.x.petsc_vec)), self._internal_work(displacement, stretch))
        require_balance(balance.imbalance, energy_imbalance)
        return Solution(
            displacement,
            effort.iterations,
            effort.residual,
            effort.seconds,
            effort.steps,
            float(vector.dot(moved)),
            self.potential(displacement, start) - (before.potential if before else 0.0),
            self.interfaces.dissipated - (start.faces.dissipated if start else 0.0),
            self.interfaces.status(),
            self.sections.forces(displacement),
            balance.reaction,
            balance.imbalance,
            balance.moment_imbalance,
            balance.reactions,
            self.supports.flexion_moments(displacement, self.integrate),
            self.coupled.sum_tensions(stretch),
            self.pretension.axial_forces(displacement) if self.pretension else {},
            before,
            energy_imbalance,
        )
