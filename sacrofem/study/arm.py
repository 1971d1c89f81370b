"""One arm of a study: a treatment, solved at every BMD level under every load."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import batched, groupby
from typing import Any

from dolfinx import fem

from sacrofem import interruption
from sacrofem.catalogue.models import Treatment
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.loads.parts import AppliedLoad
from sacrofem.mechanics.construct import AttachedConstruct, attach, build_construct
from sacrofem.mechanics.distribution import DistributedMesh
from sacrofem.mechanics.lag_screws import find_lag_screws
from sacrofem.mechanics.ligaments import couple_ligaments
from sacrofem.mechanics.model import BY_MULTIGRID, SacrumModel
from sacrofem.mechanics.properties import Properties
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.correction import solve_corrections
from sacrofem.results.gathering import gather_fields
from sacrofem.results.lag_screws import gather_lag_fields
from sacrofem.results.strain import neighbourhoods
from sacrofem.shapes.attachment import place_ligaments
from sacrofem.solver.kernels import WIDTHS
from sacrofem.solving import SolverSettings
from sacrofem.study.archive import Archive
from sacrofem.study.cases import Case, active_regions
from sacrofem.study.loads import as_carried
from sacrofem.study.parallel import on_root
from sacrofem.study.properties import case_partings, case_properties
from sacrofem.study.recorder import ErrorEstimator, FoundError, Recorder, SolvedCase, State

logger = logging.getLogger(__name__)


def build_model(
    study: ResolvedStudy,
    treatment: Treatment,
    mesh: ModelMesh,
    distributed: DistributedMesh,
    settings: SolverSettings = BY_MULTIGRID,
) -> tuple[SacrumModel, AttachedConstruct | None]:
    """The model of a treatment with its ligaments, rods and plates, without stiffness yet; collective.

    Args:
        study: The resolved study.
        treatment: One of its arms.
        mesh: The study's mesh.
        distributed: The same mesh on the ranks.
        settings: How the linear systems are solved.

    Returns:
        The model, and what of the treatment lies outside the bone.
    """
    model = SacrumModel(distributed, active_regions(treatment), study.study.order, case_partings(study), settings)
    couplings = []
    if study.ligaments is not None:
        springs = place_ligaments(study.ligaments, study.anatomy)
        couplings.append(couple_ligaments(model.V, mesh, springs, study.ligaments.tension_only))
    implants = [study.implants[name] for name in treatment.implants]
    construct = build_construct(mesh, implants, study.materials, study.lumbosacral)
    attached = attach(model, construct) if construct else None
    model.couple([*couplings, attached.coupling()] if attached else couplings)
    model.tighten(find_lag_screws(mesh, model.regions, implants))
    return model, attached


def solve_arm(
    study: ResolvedStudy,
    cases: list[Case],
    loads: dict[str, AppliedLoad],
    mesh: ModelMesh,
    distributed: DistributedMesh,
    archive: Archive,
    settings: SolverSettings,
) -> dict[str, dict[str, Any]]:
    """Solve the cases of one treatment; collective.

    The loads of a BMD level are solved in blocks, and a block's cases are kept together, even if the run is asked to stop in
    between; what must be searched for, load by load, is kept case by case.

    Args:
        study: The resolved study.
        cases: Cases of one treatment that are not finished yet, from the densest bone down.
        loads: Load name -> what it puts on the pelvis.
        mesh: The study's mesh.
        distributed: The same mesh on the ranks.
        archive: Where finished cases are kept.
        settings: How the linear systems are solved.

    Returns:
        Case name -> its record, on every rank.
    """
    model, attached = build_model(study, cases[0].treatment, mesh, distributed, settings)
    recorder = Recorder(mesh, study.fracture.gap, neighbourhoods(mesh), archive, ErrorEstimator(mesh))
    arm = _Arm(study, loads, model, attached, recorder)
    records: dict[str, dict[str, Any]] = {}
    for _, group in groupby(cases, key=lambda case: case.level.name):
        of_level = list(group)
        properties = case_properties(study, of_level[0].level)
        model.set_properties(properties)
        model.reassemble()
        for block in batched(of_level, WIDTHS[-1]):
            records |= dict(arm.run(block, properties))
    return records


class _Arm:
    """What the cases of one treatment have in common."""

    def __init__(
        self,
        study: ResolvedStudy,
        loads: dict[str, AppliedLoad],
        model: SacrumModel,
        attached: AttachedConstruct | None,
        recorder: Recorder,
    ) -> None:
        self.study, self.loads, self.model, self.attached, self.recorder = study, loads, model, attached, recorder

    def run(self, cases: tuple[Case, ...], properties: Properties) -> Iterator[tuple[str, dict[str, Any]]]:
        """Solve cases of one BMD level and keep them: all together where one block solves them, else each by itself."""
        pairs = [(case, as_carried(self.loads[case.load.name], self.study)) for case in cases]
        solved = self.model.prepare([load.parts for _, load in pairs])
        for part in [pairs] if solved else [[pair] for pair in pairs]:
            solutions = [self.model.solve(load.parts) for _, load in part]
            states = [self._gather(solution, load) for solution, (_, load) in zip(solutions, part, strict=True)]
            errors = self._find_errors(states, properties)
            corrections = self._correct(errors)
            with interruption.postponed():  # what is solved is not lost
                for (case, load), state, error, solution, correction in zip(
                    part, states, errors, solutions, corrections, strict=True
                ):
                    # One at a time: fields of a block of loads are large.
                    finer = None if correction is None else self._gather(self.model.add(solution, correction), load)
                    yield case.name, self._keep(case, load, properties, state, error, finer)

    @property
    def _corrects(self) -> bool:
        return self.study.study.motion_errors

    def _keep(
        self,
        case: Case,
        load: AppliedLoad,
        properties: Properties,
        state: State | None,
        error: FoundError | None,
        corrected: State | None,
    ) -> dict[str, Any]:
        whole = self.loads[case.load.name]
        solver = f"{self.model.solver.name}, reused: {self.model.settings.reuse}"

        def keep() -> dict[str, Any]:
            assert state is not None  # None on the other ranks alone
            assert error is not None
            solution = state.solution
            how = f"{solution.iterations} iterations, {solution.seconds:.1f} s" if solution.iterations else "from the block"
            logger.info("%s: %s, residual %.1e", case.name, how, solution.residual)
            return self.recorder.keep(SolvedCase(case, load, whole, properties, state, error, corrected, solver))

        return on_root(self.model.comm, keep)

    def _gather(self, solution: Solution, load: AppliedLoad) -> State | None:
        """A solution with its fields, on rank 0; collective."""
        fields, lag = gather_fields(self.model, solution.displacement), gather_lag_fields(self.model, solution)
        members = self.attached.measure(solution.displacement.x.petsc_vec, load.parts) if self.attached else []
        return None if fields is None else State(solution, fields, lag, members)

    def _find_errors(self, states: list[State | None], properties: Properties) -> list[FoundError | None]:
        """The error of every state, on rank 0; collective, so that a failure there ends all ranks."""
        found: list[FoundError | None] = [None for _ in states]

        def find() -> None:
            for number, state in enumerate(states):
                assert state is not None  # None on the other ranks alone
                found[number] = self.recorder.errors.find(state.moved, properties, self._corrects)

        on_root(self.model.comm, find)
        return found

    def _correct(self, errors: list[FoundError | None]) -> list[fem.Function] | list[None]:
        """What every solution lacks of that on an infinitely fine mesh, where the study asks for it; collective."""
        if not self._corrects:
            return [None for _ in errors]
        return solve_corrections(self.model, [error.forces if error else None for error in errors])
