"""One arm of a study: a treatment, solved at every BMD level under every load."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from sacrofem.catalogue.models import Load
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.mechanics.distribution import DistributedMesh
from sacrofem.mechanics.model import SacrumModel, Solution
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import CaseFields
from sacrofem.results.gathering import gather_fields
from sacrofem.results.metrics import measure_case
from sacrofem.results.writing import write_case_fields
from sacrofem.study.archive import Archive, output_errors
from sacrofem.study.cases import Case, active_regions
from sacrofem.study.parallel import on_root
from sacrofem.study.properties import case_properties

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
    records = {}
    assembled = ""
    for case in cases:
        if case.level.name != assembled:
            model.set_properties(case_properties(study, case.level))
            model.assemble()
            assembled = case.level.name
        force = newtons(case.load, study.study.body_weight)
        solution = model.solve(force)
        displacement_at_endplate = model.mean_displacement("endplate")
        fields = gather_fields(model, solution.displacement)
        del displacement_at_endplate
        records[case.name] = on_root(
            model.comm, lambda c=case, f=fields, s=solution, n=force: _finish(study, c, mesh, f, s, n, archive)
        )
        logger.info(
            "%s: %d iterations, residual %.1e, %.1f s",
            case.name,
            solution.iterations,
            solution.residual,
            solution.seconds,
        )
    return records


def newtons(load: Load, body_weight: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The force of a load case, N, frame G."""
    scale = body_weight if load.unit == "body_weight" else 1.0
    return scale * np.asarray(load.force, dtype=np.float64)
