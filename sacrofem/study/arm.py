"""One arm of a study: a treatment, solved at every BMD level under every load."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sacrofem import interruption
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.errors import output_errors
from sacrofem.loads.parts import AppliedLoad
from sacrofem.mechanics.construct import attach, build_construct
from sacrofem.mechanics.distribution import DistributedMesh
from sacrofem.mechanics.dual import solve_dual
from sacrofem.mechanics.lag_screws import find_lag_screws
from sacrofem.mechanics.ligaments import couple_ligaments
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.properties import Properties
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.facets import facet_areas
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.endplate import measure_endplate
from sacrofem.results.error_bars import error_bars
from sacrofem.results.error_estimate import ErrorEstimate, Membrane, Patches, estimate_error, estimate_goal_error
from sacrofem.results.fields import CaseFields
from sacrofem.results.gathering import gather_fields
from sacrofem.results.joints import measure_joints
from sacrofem.results.lag_screws import LagFields, gather_lag_fields, measure_compression, measure_lag_screws
from sacrofem.results.load_sharing import measure_interfragmentary_strain, measure_load_sharing, measure_screw_stress
from sacrofem.results.metrics import cell_volumes, measure_case, name_whole
from sacrofem.results.micromotion import Measure, measure_faces, sample_motion
from sacrofem.results.strain import neighbourhoods
from sacrofem.results.table import Row
from sacrofem.results.writing import write_case_fields
from sacrofem.shapes.attachment import place_ligaments
from sacrofem.study.archive import Archive
from sacrofem.study.cases import Case, active_regions
from sacrofem.study.loads import as_carried
from sacrofem.study.parallel import on_root
from sacrofem.study.properties import case_partings, case_properties

logger = logging.getLogger(__name__)


def solve_arm(
    study: ResolvedStudy,
    cases: list[Case],
    loads: dict[str, AppliedLoad],
    mesh: ModelMesh,
    distributed: DistributedMesh,
    archive: Archive,
) -> dict[str, dict[str, Any]]:
    """Solve the cases of one treatment; collective.

    The stiffness matrix and its preconditioner are made once for all loads of a BMD level.

    Args:
        study: The resolved study.
        cases: Cases of one treatment that are not finished yet, from the densest bone down.
        loads: Load name -> what it puts on the pelvis.
        mesh: The study's mesh.
        distributed: The same mesh on the ranks.
        archive: Where finished cases are kept.

    Returns:
        Case name -> its record, on every rank.
    """
    treatment = cases[0].treatment
    model = SacrumModel(distributed, active_regions(treatment), study.study.order, case_partings(study))
    couplings = []
    if study.ligaments is not None:
        springs = place_ligaments(study.ligaments, study.anatomy)
        couplings.append(couple_ligaments(model.V, mesh, springs, study.ligaments.tension_only))
    implants = [study.implants[name] for name in treatment.implants]
    construct = build_construct(mesh, implants, study.materials, study.lumbosacral)
    attached = attach(model, construct) if construct else None
    model.couple([*couplings, attached.coupling()] if attached else couplings)
    model.tighten(find_lag_screws(mesh, model.regions, implants))
    masks = neighbourhoods(mesh)
    records = {}
    assembled = ""
    errors = ErrorEstimator(mesh)
    for case in cases:
        if case.level.name != assembled:
            properties = case_properties(study, case.level)
            model.set_properties(properties)
            model.assemble()
            assembled = case.level.name
        load = as_carried(loads[case.load.name], study)
        solution = model.solve(load.parts)
        fields = gather_fields(model, solution.displacement)
        lag = gather_lag_fields(model, solution)
        members = attached.measure(solution.displacement.x.petsc_vec, load.parts) if attached else []
        duals = _solve_duals(study, model, solution)
        diagnosis = _diagnose(solution, load, loads[case.load.name])
        keep = partial(
            _keep,
            case,
            fields,
            solution,
            load,
            diagnosis,
            masks,
            mesh,
            archive,
            members,
            errors,
            properties,
            duals,
            study.fracture.gap,
            lag,
        )
        records[case.name] = on_root(model.comm, keep)
        how = f"{solution.iterations} iterations, {solution.seconds:.1f} s" if solution.iterations else "superposed"
        logger.info("%s: %s, residual %.1e", case.name, how, solution.residual)
        interruption.check()
    return records


def _keep(
    case: Case,
    fields: CaseFields | None,
    solution: Solution,
    load: AppliedLoad,
    diagnosis: dict[str, object],
    masks: dict[str, NDArray[np.bool_]],
    mesh: ModelMesh,
    archive: Archive,
    members: list[Measure],
    errors: ErrorEstimator,
    properties: Properties,
    duals: dict[str, CaseFields | None],
    gap: float,
    lag: LagFields | None,
) -> dict[str, Any]:
    """Measure a solved case and write its files, the record last; rank 0 only."""
    assert fields is not None  # gather_fields returns None on the other ranks alone
    with output_errors(archive.cases):
        write_case_fields(archive.cases, case.name, fields, mesh.region_names)
    whole = name_whole(fields.fractures)
    # The work of a force spread evenly over the endplate gives the stiffness along it; other loads have none.
    plain = all(part.surface == "endplate" and part.point is None and not part.moment.any() for part in load.parts)
    force = load.on_endplate if plain else np.zeros(3)
    moved, locked = (lag.moved, lag.locked) if lag else (fields, None)
    measures = measure_case(fields, masks, force, solution.work, moved)
    measures += [(whole, measure) for measure in [*measure_joints(mesh, moved), *measure_endplate(mesh, moved)]]
    measures += [(whole, measure) for measure in measure_screw_stress(fields, mesh.region_names, properties.poisson, locked)]
    measures += [(whole, measure) for measure in measure_lag_screws(solution)] + measure_compression(mesh, solution)
    for name, forces in solution.section_forces.items():
        measures += [(name, measure) for measure in measure_load_sharing(forces)]
        measures += [(name, measure) for measure in measure_interfragmentary_strain(sample_motion(moved, name), gap)]
    measures += [(name, measure) for name, status in solution.faces.items() for measure in measure_faces(status)]
    measures += [(whole, (f"ligament_tension_{name}", tension, "N")) for name, tension in solution.tensions.items()]
    measures += [(whole, measure) for measure in members]
    estimate = errors.estimate(moved, properties)
    if lag is not None:  # the load's work rests on what it adds, strains are those of both
        estimate = replace(estimate, strain=errors.estimate(fields, properties).strain)
    motions = {name: errors.motion(moved, dual, name, properties) for name, dual in duals.items() if dual is not None}
    bars = error_bars(measures, estimate, solution.work, cell_volumes(fields), masks, motions)
    rows = [
        Row(case.name, case.anatomy, fracture, case.treatment.name, case.level.name, case.load.name, *measure, *bar)
        for (fracture, measure), bar in zip(measures, bars, strict=True)
    ]
    diagnosis = diagnosis | {"error_energy_Nmm": estimate.squared, "error_relative_energy_norm": estimate.relative}
    record = {"rows": [asdict(row) for row in rows], "diagnostics": diagnosis}
    archive.keep(case.name, record)
    return record


class ErrorEstimator:
    """Error estimates of an arm's cases; the patches are made once, with the first case. Rank 0 only.

    Args:
        mesh: The study's mesh.
    """

    def __init__(self, mesh: ModelMesh) -> None:
        self._mesh = mesh
        self._patches: Patches | None = None

    def estimate(self, fields: CaseFields, properties: Properties) -> ErrorEstimate:
        """The estimate of a solved case."""
        return estimate_error(fields, *self._prepare(fields, properties))

    def motion(self, fields: CaseFields, dual: CaseFields, fracture: str, properties: Properties) -> float:
        """The estimated error of a fracture's mean micromotion, mm, by its dual solution."""
        area = float(facet_areas(fields.points, fields.fractures[fracture].nodes[:, 0, :3]).sum())
        return estimate_goal_error(fields, dual, *self._prepare(fields, properties)) / area

    def _prepare(self, fields: CaseFields, properties: Properties) -> tuple[Patches, Membrane]:
        membrane = Membrane.of(self._mesh, properties)
        if self._patches is None:
            self._patches = Patches.of(fields, membrane)
        return self._patches, membrane


def _solve_duals(study: ResolvedStudy, model: SacrumModel, solution: Solution) -> dict[str, CaseFields | None]:
    """The dual solution of every fracture's micromotion, where the study asks for it and the model is linear; collective."""
    if not (study.study.motion_errors and model.linear):
        return {}
    return {name: gather_fields(model, solve_dual(model, solution.displacement, name)) for name in model.cuts}


def _diagnose(solution: Solution, load: AppliedLoad, whole: AppliedLoad) -> dict[str, object]:
    balance: dict[str, object] = {}
    if whole.nature == "free_body":
        force, moment = whole.residual
        balance = {
            "free_body_residual_force": force,
            "free_body_residual_moment_m": moment,
            "hip_contacts_N": {name: contact.tolist() for name, contact in whole.hip_contacts.items()},
            "muscle_tensions_N": {name: tension for name, tension in whole.tensions.items() if tension > 0.0},
        }
    tightening: dict[str, object] = {}
    if (before := solution.tightened) is not None:
        tightening = {"tightening_steps": before.effort.steps, "tightening_residual": before.effort.residual}
    return (
        balance
        | tightening
        | {
            "dofs": solution.displacement.function_space.dofmap.index_map.size_global * 3,
            "iterations": solution.iterations,
            "residual": solution.residual,
            "seconds": solution.seconds,
            "contact_steps": solution.contact_steps,
            "force_N": load.on_endplate.tolist(),
            "reaction_N": list(solution.reaction),
            "reactions_N": {name: list(force) for name, force in solution.reactions.items()},
            "flexion_moments_Nmm": solution.flexion_moments,
            "ligament_tensions_N": solution.tensions,
            "force_imbalance": solution.imbalance,
            "moment_imbalance_mm": solution.moment_imbalance,
            "work_Nmm": solution.work,
            "energy_Nmm": solution.energy,
            "dissipated_Nmm": solution.dissipated,
            "faces": {name: asdict(status) for name, status in solution.faces.items()},
        }
    )
