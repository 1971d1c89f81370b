"""The tidy table of a study: one row for every case, fracture and metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

#: What makes two rows comparable but for the treatment.
_SETTING = ["anatomy", "fracture", "bmd_level", "load", "metric"]


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        case: Name of the case.
        anatomy: Anatomy entry.
        fracture: The fracture that the figure belongs to, also for the bone as a whole; ``<fracture>.<surface>`` for one of
            several surfaces.
        treatment: Name of the treatment.
        bmd_level: BMD level entry.
        load: Load entry.
        metric: What was measured.
        value: The figure.
        unit: Its unit.
        error_percent: Estimated discretisation error, per cent of the value on an infinitely fine mesh; None where there is no
            estimate.
        error_basis: What the estimate rests on, or why there is none.
        corrected: The figure without its estimated error; None where there is no estimate.
    """

    case: str
    anatomy: str
    fracture: str
    treatment: str
    bmd_level: str
    load: str
    metric: str
    value: float
    unit: str
    error_percent: float | None = None
    error_basis: str = "none: not estimated"
    corrected: float | None = None


def tabulate_rows(rows: Iterable[Mapping[str, Any]], reference: str | None) -> pd.DataFrame:
    """Make the tidy table of rows, in their order, with the change against the reference treatment.

    Args:
        rows: Mappings with the fields of :class:`Row`.
        reference: Name of the treatment that the others are compared with; None where a study has none.

    Returns:
        The rows with a column ``change_percent``: how much a figure differs from the reference treatment's, all else
        equal; not a number where there is no such figure, or it is zero.
    """
    table = pd.DataFrame(list(rows), columns=[field.name for field in fields(Row)])
    for column in ("error_percent", "corrected"):
        table[column] = table[column].astype(float)
    untreated = table[table["treatment"] == reference].set_index(_SETTING)["value"]
    base = untreated.reindex(pd.MultiIndex.from_frame(table[_SETTING])).to_numpy(dtype=float, copy=True)
    base[base == 0] = np.nan
    table["change_percent"] = 100.0 * (table["value"] / base - 1.0)
    return table


def whole_fractures(table: pd.DataFrame) -> pd.Series[bool]:
    """Which rows of a tidy table belong to a whole fracture, not to one of several surfaces."""
    return ~table["fracture"].str.contains(".", regex=False)
