"""One arm of a study: a treatment, solved at every BMD level under every load."""

from __future__ import annotations

import logging
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sacrofem import interruption
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.errors import output_errors
from sacrofem.loads.parts import AppliedLoad
from sacrofem.mechanics.distribution import DistributedMesh
from sacrofem.mechanics.ligaments import couple_ligaments
from sacrofem.mechanics.model import SacrumModel, Solution
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import CaseFields
from sacrofem.results.gathering import gather_fields
from sacrofem.results.joints import measure_joints
from sacrofem.results.metrics import measure_case
from sacrofem.results.strain import neighbourhoods
from sacrofem.results.table import Row
from sacrofem.results.writing import write_case_fields
from sacrofem.shapes.attachment import place_ligaments
from sacrofem.study.archive import Archive
from sacrofem.study.cases import Case, active_regions
from sacrofem.study.loads import as_carried
from sacrofem.study.parallel import on_root
from sacrofem.study.properties import case_properties

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
    model = SacrumModel(distributed, active_regions(treatment), study.study.order)
    if study.ligaments is not None:
        springs = place_ligaments(study.ligaments, study.anatomy)
        model.couple([couple_ligaments(model.V, mesh, springs, study.ligaments.tension_only)])
    masks = neighbourhoods(mesh)
    records = {}
    assembled = ""
    for case in cases:
        if case.level.name != assembled:
            model.set_properties(case_properties(study, case.level))
            model.assemble()
            assembled = case.level.name
        load = as_carried(loads[case.load.name], study)
        solution = model.solve(load.parts)
        fields = gather_fields(model, solution.displacement)
        diagnosis = _diagnose(solution, load, loads[case.load.name])
        records[case.name] = on_root(model.comm, partial(_keep, case, fields, solution, load, diagnosis, masks, mesh, archive))
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
) -> dict[str, Any]:
    """Measure a solved case and write its files, the record last; rank 0 only."""
    assert fields is not None  # gather_fields returns None on the other ranks alone
    with output_errors(archive.cases):
        write_case_fields(archive.cases, case.name, fields, mesh.region_names)
    whole = "+".join(fields.fractures)
    # The work of a force spread evenly over the endplate gives the stiffness along it; other loads have none.
    plain = all(part.surface == "endplate" and part.point is None and not part.moment.any() for part in load.parts)
    force = load.on_endplate if plain else np.zeros(3)
    measures = measure_case(fields, masks, force, solution.work)
    measures += [(whole, measure) for measure in measure_joints(mesh, fields)]
    measures += [(whole, (f"ligament_tension_{name}", tension, "N")) for name, tension in solution.tensions.items()]
    rows = [
        Row(case.name, case.anatomy, fracture, case.treatment.name, case.level.name, case.load.name, *measure)
        for fracture, measure in measures
    ]
    record = {"rows": [asdict(row) for row in rows], "diagnostics": diagnosis}
    archive.keep(case.name, record)
    return record


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
    return balance | {
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
    }
