"""A sacrum with one treatment: assembled once for each bone, solved for many loads."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.loads.parts import LoadPart
from sacrofem.mechanics import forms
from sacrofem.mechanics.balance import compare_works, measure_balance, require_balance
from sacrofem.mechanics.contact import solve_contact
from sacrofem.mechanics.cortex import CortexMembrane
from sacrofem.mechanics.coupling import CoupledMatrix, Coupling
from sacrofem.mechanics.cut_space import build_cut_space, number_copies
from sacrofem.mechanics.distribution import DistributedMesh, find_local_facets
from sacrofem.mechanics.interface import Cut, Interfaces, Status
from sacrofem.mechanics.loading import Loading, endplate_force
from sacrofem.mechanics.patches import Patch, PatchMotions
from sacrofem.mechanics.posedness import require_well_posed
from sacrofem.mechanics.properties import Properties
from sacrofem.mechanics.region_sum import RegionSum
from sacrofem.mechanics.sections import Sections
from sacrofem.mechanics.supports import SupportSprings, support_surfaces
from sacrofem.mechanics.tension import repeat_until_at_rest, solve_tension
from sacrofem.mechanics.treatment import EVERY_FRACTURE, Partings, find_body_cuts, find_cuts, regions_as_solved
from sacrofem.solver.choice import make_solver, require_room
from sacrofem.solver.recollection import find_independent
from sacrofem.solving import SolverSettings

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: A model made by itself is solved by multigrid, whatever its size; a study chooses.
BY_MULTIGRID = SolverSettings("multigrid")

_BULK, _CORTEX, _SUPPORT, _FRACTURE = 1, 1, 10, 100
_JIT_OPTIONS = {"timeout": 120}
#: Relative residual to which loads are solved together where springs only pull: a start for the search of the taut ones.
_ROUGH = 1e-3


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
        imbalance: |applied force - reaction| / sum of |applied forces|.
        moment_imbalance: |applied moment - reaction moment| about the origin / (sum of |forces| * 1 mm), mm.
        reactions: Supported surface -> (3,) force on its springs, N.
        flexion_moments: Socket -> moment on its torsion spring about the axis through both hips, N mm; empty without hips.
        tensions: Ligament -> sum of the tensions of its springs, preload included, N; other couplings are left out.
        energy_imbalance: |work of the load - work of the internal forces through the displacement| / work.
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
    tensions: dict[str, float]
    energy_imbalance: float


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
        self._compile()
        self.sections = Sections(self)

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
        self._given = {c: c for c in whole.coefficients()}, {c: c for c in whole.constants()}
        owned = np.arange(self.domain.topology.index_map(3).size_local, dtype=np.int32)
        self.stiffness = self._stiffness_of(owned, self._entities)
        self._region_sum: RegionSum | None = None
        self._filled = False
        self.assembled = petsc.create_matrix(self.stiffness)
        self.solver = make_solver(self.assembled, self.V, self.linear_space, self.settings)
        self.couple([])
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
        return fem.create_form(self._parts, [self.V, self.V], self.domain, domains, *self._given)

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
        self._scaling = self._group_by_scaling(p.stiffened)
        self.membrane.set(p.cortex)
        self.supports.set(p.support)
        self.interfaces.set_laws(laws)
        self.linear = self.interfaces.linear

    def patch_motions(self, patches: Sequence[Patch]) -> PatchMotions:
        """Mean motions of patches as functions of the displacement; collective."""
        return PatchMotions(self.V, self.distributed.source, patches)

    def couple(self, couplings: Sequence[Coupling]) -> None:
        """Set the springs between patches, in place of those set before; takes effect with the next :meth:`assemble`."""
        self.coupled = CoupledMatrix(self.assembled, couplings)
        self.matrix = self.solver.operator = self.coupled.operator
        self.solver.added = self.coupled if couplings else None
        self.solver.stiff_springs = self.coupled.stiff_springs()

    def assemble(self, renew: bool = True, coupled: bool = False) -> None:
        """Assemble the matrix for the present properties and contact state.

        Args:
            renew: Whether the preconditioner is set up anew; that of a stiffer state may serve on.
            coupled: Whether with the part of friction's tangent that is not symmetric.
        """
        self._assemble_linear()
        self.interfaces.add_tangent(self.assembled, coupled)
        self.assembled.assemble()
        if renew:
            self.solver.set_up()

    def _assemble_linear(self) -> None:
        """Assemble all but the interfaces: at first as a whole, from the second time on as a sum over regions."""
        self.assembled.zeroEntries()
        if not self.settings.reuse.regions or not self._filled:
            petsc.assemble_matrix(self.assembled, self.stiffness)
            self._filled = True
            return
        petsc.assemble_matrix(self.assembled, self._stiffness_of(np.zeros(0, dtype=np.int32), self._entities))
        self.assembled.assemble()
        if self._region_sum is None or not self._region_sum.add(self.assembled):
            groups, local = self._scaling
            self._region_sum = RegionSum(lambda cells: self._stiffness_of(cells, {}), self.young, self.poisson, local, groups)
            self._region_sum.add(self.assembled)

    def _group_by_scaling(self, stiffened: Collection[str]) -> tuple[int, IntArray]:
        """Number of groups of cells whose moduli scale together, by the bone they are or are stiffened from; each cell's."""
        source = self.distributed.source
        with_host = [number for number, name in source.region_names.items() if name in stiffened]
        of_bone = (self.regions == source.host_regions) | np.isin(self.regions, with_host)
        names, groups = np.unique(np.where(of_bone, source.host_regions, -1), return_inverse=True)
        return len(names), groups[self.distributed.original_cells]

    def reassemble(self) -> None:
        """Assemble for other properties, as from one BMD level to the next; the preconditioner is kept where it serves on."""
        self.assemble(renew=False)
        if self.linear:  # the search for contact makes its own for every state of the faces
            self.solver.renew()

    def prepare(self, loads: Sequence[Sequence[LoadPart]]) -> bool:
        """Solve for several loads in one block, as far as they act linearly; :meth:`solve` then takes them up.

        Loads that are sums of others are left out. Where springs only pull, all are taken as taut, for a start. Collective.

        Args:
            loads: The parts of each.

        Returns:
            Whether they are solved for; else there is a search left for each.
        """
        if not self.linear or not self.settings.reuse.together:
            return False
        vectors = [self.loading.vector(parts) for parts in loads]
        columns = np.stack([vector.getArray(readonly=True) for vector in vectors], axis=1)
        if self.settings.reuse.superposition:
            columns = np.ascontiguousarray(columns[:, find_independent(columns, self.comm)])
        if self.coupled.one_sided:
            self.coupled.slacken(np.zeros(len(self.coupled.taut)))
        _, log = self.solver.remember(columns, _ROUGH if self.coupled.one_sided else None)
        logger.info(
            "%d loads in one block of %d: %d iterations, %.1f s, residual %.1e",
            len(loads),
            columns.shape[1],
            log.iterations,
            log.seconds,
            log.residual,
        )
        return not self.coupled.one_sided

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
        dissipated = 0.0
        if self.coupled.one_sided:
            iterations, residual, seconds, steps = self._find_taut(vector, displacement)
            if self.linear:  # after a search for contact that would wipe the slip
                self.interfaces.update(displacement.x.array)
            dissipated = self.interfaces.dissipated
        elif self.linear:
            iterations, residual, seconds, steps = self._solve_linear(vector, displacement)
            self.interfaces.update(displacement.x.array)
        else:
            log = solve_contact(self, vector, increments)
            iterations, residual, seconds, steps = log.iterations, log.residual, log.seconds, log.steps
            dissipated = log.dissipated
            displacement.x.array[:] = self.state.x.array
        work = float(vector.dot(displacement.x.petsc_vec))
        product = vector.duplicate()
        self.assembled.mult(displacement.x.petsc_vec, product)
        stretch = self.coupled.elongations(displacement.x.petsc_vec)
        bulk = float(product.dot(displacement.x.petsc_vec)) - self.interfaces.tangent_work(self.interfaces.jump)
        energy = 0.5 * bulk + self.interfaces.energy() + self.coupled.energy(stretch)
        internal = bulk + self.interfaces.work(self.interfaces.response.traction, self.interfaces.jump)
        internal += float(self.coupled.resist(stretch) @ stretch)
        balance = measure_balance(self.supports, self.integrate, displacement, *self.loading.resultant(parts))
        energy_imbalance = compare_works(work, internal)
        require_balance(balance.imbalance, energy_imbalance)
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
            balance.reaction,
            balance.imbalance,
            balance.moment_imbalance,
            balance.reactions,
            self.supports.flexion_moments(displacement, self.integrate),
            self.coupled.sum_tensions(stretch),
            energy_imbalance,
        )

    def _find_taut(self, vector: PETSc.Vec, displacement: fem.Function) -> tuple[int, float, float, int]:
        """Solve with springs that only pull."""
        if self.linear:
            if self.settings.reuse.start or self.settings.reuse.together:
                with displacement.x.petsc_vec as values:
                    values[:] = self.solver.guess(vector.getArray(readonly=True)[:, None])[:, 0]
            found = solve_tension(self.coupled, self.solver, vector, displacement)
            self.solver.recollection.keep(displacement.x.petsc_vec.getArray(readonly=True)[:, None].copy(), self.solver.multiply)
            return found.iterations, found.residual, found.seconds, found.steps
        logs = []

        def solve(load: PETSc.Vec) -> FloatArray:
            logs.append(solve_contact(self, load))
            return self.coupled.elongations(self.state.x.petsc_vec)

        repeat_until_at_rest(self.coupled, vector, solve)
        displacement.x.array[:] = self.state.x.array
        iterations, seconds, steps = (sum(getattr(log, name) for log in logs) for name in ("iterations", "seconds", "steps"))
        return iterations, logs[-1].residual, seconds, steps

    def _solve_linear(self, vector: PETSc.Vec, displacement: fem.Function) -> tuple[int, float, float, int]:
        """Solve, or superpose where solutions for this matrix are kept whose loads sum up to this one."""
        found, log = self.solver.remember(vector.getArray(readonly=True)[:, None])
        with displacement.x.petsc_vec as values:
            values[:] = found[:, 0]
        displacement.x.scatter_forward()
        return log.iterations, log.residual, log.seconds, 1
