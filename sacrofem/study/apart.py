"""Runs a study of several fractures, or whose treatments would crowd one mesh, as small studies, and joins what they leave."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.errors import output_errors
from sacrofem.report.figures import draw_fracture_chart, draw_micromotion_chart
from sacrofem.results.writing import write_table
from sacrofem.study.archive import Archive
from sacrofem.study.cases import split_by_fracture, split_study
from sacrofem.study.provenance import code_of_results
from sacrofem.verification.record import describe_verification

logger = logging.getLogger(__name__)


def split_apart(resolved: ResolvedStudy) -> dict[str, ResolvedStudy]:
    """Folder -> small study: by fracture where there are several, else by treated arm; one that needs no split has no folder."""
    if len(parts := split_by_fracture(resolved)) > 1:
        return {part.fracture.name: part for part in parts}
    parts = split_study(resolved)
    return {"": resolved} if len(parts) == 1 else {part.study.treatments[-1].name: part for part in parts}


def join_tables(tables: Sequence[pd.DataFrame], reference: str | None) -> pd.DataFrame:
    """The tables of the small studies as one.

    Changes in per cent are against the reference on the same mesh; of the reference's own figures for a fracture those of the
    first mesh are kept.
    """
    kept, seen = [], set[str]()
    for table in tables:
        kept.append(table[(table["treatment"] != reference) | ~table["fracture"].isin(seen)])
        seen |= set(table["fracture"])
    return pd.concat(kept, ignore_index=True)


def conclude_apart(
    resolved: ResolvedStudy,
    parts: Mapping[str, ResolvedStudy],
    tables: Sequence[pd.DataFrame],
    archive: Archive,
    pictures: bool,
) -> pd.DataFrame:
    """Write the joint table, its chart and ``study.json``; rank 0 only.

    Args:
        resolved: The whole study.
        parts: Its small studies by folder, which holds their fields, meshes' measures and pictures.
        tables: Their tables.
        archive: Where the whole is kept.
        pictures: Whether to draw.

    Returns:
        The joint table.
    """
    table = join_tables(tables, resolved.study.reference)
    with output_errors(archive.folder):
        write_table(archive.folder, table)
        if pictures and (table["metric"] == "micromotion_mean").any():
            if len(resolved.fractures) > 1:
                draw_fracture_chart(table, archive.folder / "micromotion_by_fracture.png")
            else:
                draw_micromotion_chart(table, archive.folder / "micromotion_over_bmd.png")
    archive.write_json(
        archive.folder / "study.json",
        {
            "inputs": resolved.as_dict(),
            "digest": resolved.digest(),
            "parts": {folder: part.digest() for folder, part in parts.items()},
            "verification": describe_verification(code_of_results()),
        },
    )
    return table


def run_apart(
    parts: Mapping[str, ResolvedStudy], archive: Archive, run_part: Callable[[ResolvedStudy, Archive], pd.DataFrame]
) -> list[pd.DataFrame]:
    """Run the small studies one after the other, each in its folder."""
    tables = []
    for folder, part in parts.items():
        logger.info("%s on a mesh of its own", folder)
        tables.append(run_part(part, Archive(archive.folder / folder)))
    return tables
