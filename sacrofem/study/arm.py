"""One arm of a study: a treatment, solved at every BMD level under every load."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import batched, groupby
from typing import Any

from sacrofem import interruption
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.loads.parts import AppliedLoad
from sacrofem.mechanics.construct import AttachedConstruct, attach, build_construct
from sacrofem.mechanics.distribution import DistributedMesh
from sacrofem.mechanics.dual import solve_duals
from sacrofem.mechanics.lag_screws import find_lag_screws
from sacrofem.mechanics.ligaments import couple_ligaments
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.properties import Properties
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import CaseFields
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
from sacrofem.study.recorder import ErrorEstimator, Recorder, SolvedCase

logger = logging.getLogger(__name__)


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
    treatment = cases[0].treatment
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
            duals = self._solve_duals(solutions)
            with interruption.postponed():  # what is solved is not lost
                for (case, load), solution, of_case in zip(part, solutions, duals, strict=True):
                    yield case.name, self._keep(case, load, properties, solution, of_case)

    def _keep(
        self, case: Case, load: AppliedLoad, properties: Properties, solution: Solution, duals: dict[str, CaseFields | None]
    ) -> dict[str, Any]:
        model, displacement = self.model, solution.displacement
        fields, lag = gather_fields(model, displacement), gather_lag_fields(model, solution)
        members = self.attached.measure(displacement.x.petsc_vec, load.parts) if self.attached else []
        whole = self.loads[case.load.name]
        solver = f"{model.solver.name}, reused: {model.settings.reuse}"

        def keep() -> dict[str, Any]:
            assert fields is not None  # gather_fields returns None on the other ranks alone
            there = {name: dual for name, dual in duals.items() if dual is not None}
            return self.recorder.keep(SolvedCase(case, load, whole, properties, solution, fields, lag, members, there, solver))

        record = on_root(model.comm, keep)
        how = f"{solution.iterations} iterations, {solution.seconds:.1f} s" if solution.iterations else "from the block"
        logger.info("%s: %s, residual %.1e", case.name, how, solution.residual)
        return record

    def _solve_duals(self, solutions: list[Solution]) -> list[dict[str, CaseFields | None]]:
        """The dual solution of every fracture's micromotion, where the study asks for it and the model is linear; collective."""
        model = self.model
        if not (self.study.study.motion_errors and model.linear):
            return [{} for _ in solutions]
        found: list[dict[str, CaseFields | None]] = [{} for _ in solutions]
        for name in model.cuts:
            duals = solve_duals(model, [solution.displacement for solution in solutions], name)
            for of_case, dual in zip(found, duals, strict=True):
                of_case[name] = gather_fields(model, dual)
        return found
