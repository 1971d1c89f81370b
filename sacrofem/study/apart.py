"""Runs a study whose treatments would crowd one mesh as small studies, and joins what they leave."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import pandas as pd

from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.errors import output_errors
from sacrofem.report.figures import draw_micromotion_chart
from sacrofem.results.writing import write_table
from sacrofem.study.archive import Archive
from sacrofem.study.cases import split_study

logger = logging.getLogger(__name__)


def join_tables(tables: Sequence[pd.DataFrame], reference: str | None) -> pd.DataFrame:
    """The tables of the small studies as one.

    Changes in per cent are against the reference on the same mesh; of the reference's own figures those of the first
    mesh are kept.
    """
    rest = [table[table["treatment"] != reference] for table in tables[1:]]
    return pd.concat([tables[0], *rest], ignore_index=True)


def conclude_apart(
    resolved: ResolvedStudy, parts: Sequence[ResolvedStudy], tables: Sequence[pd.DataFrame], archive: Archive, pictures: bool
) -> pd.DataFrame:
    """Write the joint table, its chart and ``study.json``; rank 0 only.

    Args:
        resolved: The whole study.
        parts: Its small studies; each has a folder of its arm's name, with fields, meshes' measures and pictures.
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
            draw_micromotion_chart(table, archive.folder / "micromotion_over_bmd.png")
    archive.write_json(
        archive.folder / "study.json",
        {
            "inputs": resolved.as_dict(),
            "digest": resolved.digest(),
            "parts": {part.study.treatments[-1].name: part.digest() for part in parts},
        },
    )
    return table


def run_apart(
    resolved: ResolvedStudy, archive: Archive, run_part: Callable[[ResolvedStudy, Archive], pd.DataFrame]
) -> tuple[list[ResolvedStudy], list[pd.DataFrame]]:
    """Run the small studies one after the other, each in a folder of its arm's name."""
    parts = split_study(resolved)
    tables = []
    for part in parts:
        arm = part.study.treatments[-1].name
        logger.info("%s on a mesh of its own", arm)
        tables.append(run_part(part, Archive(archive.folder / arm)))
    return parts, tables
