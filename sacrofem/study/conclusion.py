"""The end of a run: tables, provenance and pictures from the records of the cases."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

import pandas as pd

from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.errors import output_errors
from sacrofem.mesh.model import ModelMesh
from sacrofem.report.figures import draw_micromotion_chart
from sacrofem.report.load_scenes import LoadEasel
from sacrofem.report.scenes import draw_deformed, draw_fracture_motion, draw_model, outer_bone
from sacrofem.results.table import tabulate_rows
from sacrofem.results.writing import write_table
from sacrofem.study.archive import Archive
from sacrofem.study.cases import Case
from sacrofem.study.densities import densities_out_of_range
from sacrofem.study.provenance import code_of_results, describe_run
from sacrofem.study.stages import timed
from sacrofem.verification.record import describe_verification

logger = logging.getLogger(__name__)

#: Factor on the displacement in pictures: some tenths of a millimetre become some millimetres.
_ENLARGED = 20.0


def conclude(
    study: ResolvedStudy,
    cases: list[Case],
    records: dict[str, dict[str, Any]],
    mesh: ModelMesh,
    archive: Archive,
    pictures: bool,
    ranks: int,
    seconds: dict[str, float],
) -> pd.DataFrame:
    """Write ``results.parquet``, ``results.csv``, the pictures and ``study.json``; rank 0 only.

    Args:
        study: The resolved study.
        cases: Its cases.
        records: Record of every case.
        mesh: The mesh.
        archive: The results folder.
        pictures: Whether to draw.
        ranks: Number of MPI ranks.
        seconds: Wall time of every stage so far; that of the pictures is added.

    Returns:
        The tidy table.
    """
    table = tabulate_rows((row for case in cases for row in records[case.name]["rows"]), study.study.reference)
    with output_errors(archive.folder):
        write_table(archive.folder, table)
    if pictures:
        with timed("pictures", seconds):
            _draw(study, cases, table, mesh, archive)
    verified = describe_verification(code_of_results())
    logger.info("verification: %s", verified["summary"])
    archive.write_json(
        archive.folder / "study.json",
        {
            "inputs": study.as_dict(),
            "digest": study.digest(),
            "mesh": {
                "digest": mesh.digest,
                "measures": {k: float(v) for k, v in sorted(mesh.measures.items())},
            },
            "cases": {case.name: records[case.name]["diagnostics"] for case in cases},
            "densities_out_of_range": [asdict(finding) for finding in densities_out_of_range(study)],
            "verification": verified,
            "discretisation": _discretisation_note(study.study.order),
            "run": describe_run(ranks, seconds),
        },
    )
    return table


def _discretisation_note(order: int) -> str:
    if order == 1:
        return (
            "Linear (P1) tetrahedra: a quick run. A penny-shaped crack's volume comes out 0.84 of theory with P1 at "
            "h = a/6, so micromotion near a fracture's front is underestimated; set `order: 2` for figures to publish."
        )
    return "Quadratic (P2) tetrahedra: a penny-shaped crack's volume comes out 0.99-1.01 of theory at h = a/6."


def _draw(study: ResolvedStudy, cases: list[Case], table: pd.DataFrame, mesh: ModelMesh, archive: Archive) -> None:
    with output_errors(archive.folder):
        draw_model(mesh, archive.folder / "model.png")
        if mesh.fractures:
            draw_micromotion_chart(table, archive.folder / "micromotion_over_bmd.png")
        easel = LoadEasel(study.anatomy, study.musculatures, outer_bone(mesh), study.study.body_weight)
        for load in study.loads:
            easel.draw(load, archive.folder / f"load-{load.name}.png")
        weakest = max(study.levels, key=lambda level: level.rank)
        for case in cases:
            if case.level.name == weakest.name and case.load.name == study.loads[0].name:
                source = archive.cases / f"{case.name}_fracture.vtp"
                if mesh.fractures:
                    draw_fracture_motion(source, archive.folder / f"fracture_motion-{case.name}.png")
                draw_deformed(archive.cases / f"{case.name}.vtu", archive.folder / f"deformed-{case.name}.png", _ENLARGED)
