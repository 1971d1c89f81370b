"""One arm of a study: a treatment, solved at every BMD level under every load."""

from __future__ import annotations

import logging
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sacrofem import interruption
from sacrofem.catalogue.models import Load
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.errors import output_errors
from sacrofem.mechanics.construct import attach, build_construct
from sacrofem.mechanics.distribution import DistributedMesh
from sacrofem.mechanics.ligaments import couple_ligaments
from sacrofem.mechanics.model import SacrumModel, Solution
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import CaseFields
from sacrofem.results.gathering import gather_fields
from sacrofem.results.joints import measure_joints
from sacrofem.results.metrics import measure_case
from sacrofem.results.micromotion import Measure
from sacrofem.results.strain import neighbourhoods
from sacrofem.results.table import Row
from sacrofem.results.writing import write_case_fields
from sacrofem.shapes.attachment import place_ligaments
from sacrofem.study.archive import Archive
from sacrofem.study.cases import Case, active_regions
from sacrofem.study.parallel import on_root
from sacrofem.study.properties import case_properties

FloatArray = NDArray[np.float64]

logger = logging.getLogger(__name__)


def solve_arm(
    study: ResolvedStudy, cases: list[Case], mesh: ModelMesh, distributed: DistributedMesh, archive: Archive
) -> dict[str, dict[str, Any]]:
    """Solve the cases of one treatment; collective.

    The stiffness matrix and its preconditioner are made once for all loads of a BMD level.

    Args:
        study: The resolved study.
        cases: Cases of one treatment that are not finished yet, from the densest bone down.
        mesh: The study's mesh.
        distributed: The same mesh on the ranks.
        archive: Where finished cases are kept.

    Returns:
        Case name -> its record, on every rank.
    """
    treatment = cases[0].treatment
    model = SacrumModel(distributed, active_regions(treatment), study.study.order)
    couplings = []
    if study.ligaments is not None:
        springs = place_ligaments(study.ligaments, study.anatomy)
        couplings.append(couple_ligaments(model.V, mesh, springs, study.ligaments.tension_only))
    implants = [study.implants[name] for name in treatment.implants]
    construct = build_construct(mesh, implants, study.materials, study.lumbosacral)
    attached = attach(model, construct) if construct else None
    model.couple([*couplings, attached.coupling()] if attached else couplings)
    masks = neighbourhoods(mesh)
    records = {}
    assembled = ""
    for case in cases:
        if case.level.name != assembled:
            model.set_properties(case_properties(study, case.level))
            model.assemble()
            assembled = case.level.name
        force = newtons(case.load, study.study.body_weight)
        solution = model.solve(force)
        fields = gather_fields(model, solution.displacement)
        members = attached.measure(solution.displacement.x.petsc_vec, force) if attached else []
        keep = partial(_keep, case, fields, solution, force, masks, mesh, archive, members)
        records[case.name] = on_root(model.comm, keep)
        how = f"{solution.iterations} iterations, {solution.seconds:.1f} s" if solution.iterations else "superposed"
        logger.info("%s: %s, residual %.1e", case.name, how, solution.residual)
        interruption.check()
    return records


def newtons(load: Load, body_weight: float) -> FloatArray:
    """The force of a load case, (3,) N, frame G."""
    scale = body_weight if load.unit == "body_weight" else 1.0
    return scale * np.asarray(load.force, dtype=np.float64)


def _keep(
    case: Case,
    fields: CaseFields | None,
    solution: Solution,
    force: FloatArray,
    masks: dict[str, NDArray[np.bool_]],
    mesh: ModelMesh,
    archive: Archive,
    members: list[Measure],
) -> dict[str, Any]:
    """Measure a solved case and write its files, the record last; rank 0 only."""
    assert fields is not None  # gather_fields returns None on the other ranks alone
    with output_errors(archive.cases):
        write_case_fields(archive.cases, case.name, fields, mesh.region_names)
    whole = "+".join(fields.fractures)
    measures = measure_case(fields, masks, force, solution.work)
    measures += [(whole, measure) for measure in measure_joints(mesh, fields)]
    measures += [(whole, (f"ligament_tension_{name}", tension, "N")) for name, tension in solution.tensions.items()]
    measures += [(whole, measure) for measure in members]
    rows = [
        Row(case.name, case.anatomy, fracture, case.treatment.name, case.level.name, case.load.name, *measure)
        for fracture, measure in measures
    ]
    record = {"rows": [asdict(row) for row in rows], "diagnostics": _diagnose(solution, force)}
    archive.keep(case.name, record)
    return record


def _diagnose(solution: Solution, force: FloatArray) -> dict[str, object]:
    return {
        "dofs": solution.displacement.function_space.dofmap.index_map.size_global * 3,
        "iterations": solution.iterations,
        "residual": solution.residual,
        "seconds": solution.seconds,
        "contact_steps": solution.contact_steps,
        "force_N": [float(component) for component in force],
        "reaction_N": list(solution.reaction),
        "reactions_N": {name: list(force) for name, force in solution.reactions.items()},
        "flexion_moments_Nmm": solution.flexion_moments,
        "ligament_tensions_N": solution.tensions,
        "force_imbalance": solution.imbalance,
        "moment_imbalance_mm": solution.moment_imbalance,
        "work_Nmm": solution.work,
        "energy_Nmm": solution.energy,
    }
