"""The comparison of a study as tables in the terminal."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sacrofem.results.table import whole_fractures

#: Metric -> heading, of what a reader compares first; everything else is in results.csv.
HEADLINES = {
    "micromotion_mean": "micromotion, mean [mm]",
    "micromotion_p95": "micromotion, 95th percentile [mm]",
    "strain_max_p95_near_fracture": "largest principal strain near the fracture, 95th percentile [microstrain]",
}


def print_comparison(table: pd.DataFrame, console: Console) -> None:
    """Print one table for every load and headline metric: fractures and BMD levels down, treatments across.

    Args:
        table: From :func:`sacrofem.results.table.tabulate_rows`.
        console: Where to print.
    """
    for load in table["load"].unique():
        for metric, heading in HEADLINES.items():
            chosen = table[(table["load"] == load) & (table["metric"] == metric)]
            if len(chosen):
                console.print(compare_treatments(chosen, f"{load}: {heading}"))


def compare_treatments(chosen: pd.DataFrame, title: str) -> Table:
    """One table of values with their change against untreated.

    Args:
        chosen: Rows of one load and one metric, with ``change_percent``.
        title: Title of the table.
    """
    chosen = chosen[whole_fractures(chosen)]
    treatments, fractures = list(chosen["treatment"].unique()), list(chosen["fracture"].unique())
    head = ["fracture", "BMD level"] if len(fractures) > 1 else ["BMD level"]
    view = Table(*head, *treatments, title=Text(title), title_justify="left")
    for fracture in fractures:
        for level in chosen["bmd_level"].unique():
            cells = []
            for treatment in treatments:
                setting = (chosen["bmd_level"] == level) & (chosen["treatment"] == treatment)
                match = chosen[setting & (chosen["fracture"] == fracture)]
                cells.append(" / ".join(_format(row.value, row.change_percent) for row in match.itertuples()))
            view.add_row(*([str(fracture)] if len(head) > 1 else []), str(level), *cells)
    return view


def _format(value: float, change: float) -> str:
    text = f"{value:.4f}" if abs(value) < 10 else f"{value:.0f}"
    return text if pd.isna(change) or change == 0 else f"{text} ({change:+.0f} %)"
