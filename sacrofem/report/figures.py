"""Charts of a study."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sacrofem.results.table import whole_fractures


def draw_micromotion_chart(table: pd.DataFrame, path: Path) -> None:
    """Draw mean micromotion over BMD by treatment, one panel for every load.

    Args:
        table: Tidy table of a study; BMD levels stand in it from the densest down.
        path: PNG file.
    """
    chosen = table[(table["metric"] == "micromotion_mean") & whole_fractures(table)]
    loads, levels = list(chosen["load"].unique()), list(chosen["bmd_level"].unique())
    figure = Figure(figsize=(1.0 + 3.6 * len(loads), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(loads), squeeze=False)[0]
    for panel, load in zip(panels, loads, strict=True):
        for marker, treatment in zip("osD^v<>p" * 4, chosen["treatment"].unique(), strict=False):
            arm = chosen[(chosen["load"] == load) & (chosen["treatment"] == treatment)]
            mean = arm.groupby("bmd_level", sort=False)["value"].mean().reindex(levels)
            panel.plot(range(len(levels)), mean, marker=marker, label=treatment)
        panel.set_xticks(range(len(levels)), levels, rotation=20)
        panel.set_title(load.replace("_", " "), fontsize=10)
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("mean micromotion of the fracture [mm]")
    panels[0].legend()
    figure.suptitle("Fracture micromotion over bone mineral density")
    figure.savefig(path, dpi=150)


def draw_fracture_chart(table: pd.DataFrame, path: Path) -> None:
    """Draw mean micromotion by fracture, a bar for every treatment in the weakest bone, one panel for every load.

    Args:
        table: Tidy table of a study of several fractures; BMD levels stand in it from the densest down.
        path: PNG file.
    """
    chosen = table[(table["metric"] == "micromotion_mean") & whole_fractures(table)]
    weakest = list(chosen["bmd_level"].unique())[-1]
    chosen = chosen[chosen["bmd_level"] == weakest]
    loads, fractures, arms = (list(chosen[name].unique()) for name in ("load", "fracture", "treatment"))
    figure = Figure(figsize=(8.0, 0.6 + 3.2 * len(loads)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(loads), 1, squeeze=False)[:, 0]
    width = 0.8 / len(arms)
    for panel, load in zip(panels, loads, strict=True):
        for number, arm in enumerate(arms):
            rows = chosen[(chosen["load"] == load) & (chosen["treatment"] == arm)].set_index("fracture")["value"]
            places = [place - 0.4 + (number + 0.5) * width for place in range(len(fractures))]
            panel.bar(places, rows.reindex(fractures), width=width, label=arm)
        panel.set_xticks(range(len(fractures)), fractures, rotation=30)
        panel.set_title(load.replace("_", " "), fontsize=10)
        panel.set_ylabel("mean micromotion [mm]")
        panel.grid(axis="y", alpha=0.3)
    panels[0].legend()
    figure.suptitle(f"Fracture micromotion by fracture, bone: {weakest}")
    figure.savefig(path, dpi=150)
