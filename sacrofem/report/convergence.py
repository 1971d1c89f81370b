"""Convergence of a study's headline metrics as a table in the terminal."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_convergence(table: pd.DataFrame, console: Console) -> None:
    """Print a table for every treatment: metrics down, meshes across, each with its error against the reference.

    Args:
        table: From :func:`sacrofem.study.convergence.tabulate_convergence`.
        console: Where to print.
    """
    for (treatment, level, load), part in table.groupby(["treatment", "bmd_level", "load"], sort=False):
        meshes = list(dict.fromkeys((row["order"], row["factor"]) for row in part.to_dict("records")))
        heads = [f"P{order}, {factor:g} x" for order, factor in meshes]
        title = Text(f"{treatment}, {level}, {load}: value (error against the reference)")
        view = Table("metric", *heads, "order P1", "order P2", "reference", title=title, title_justify="left")
        for (fracture, metric, unit), rows in part.groupby(["fracture", "metric", "unit"], sort=False):
            at = {(row["order"], row["factor"]): row for row in rows.to_dict("records")}
            seen = {order: row["observed_order"] for (order, _), row in at.items()}
            cells = [f"{at[m]['value']:.4g} ({at[m]['error_percent']:+.1f} %)" if m in at else "" for m in meshes]
            reference = f"{rows['reference'].iloc[0]:.4g} ± {rows['uncertainty_percent'].iloc[0]:.1f} %"
            view.add_row(f"{metric} [{unit}] {fracture}", *cells, *(_order(seen.get(o)) for o in (1, 2)), reference)
        console.print(view)


def _order(value: float | None) -> str:
    return "" if value is None else "none" if pd.isna(value) else f"{value:.1f}"
