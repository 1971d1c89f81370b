"""Charts of a study."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def draw_micromotion_chart(table: pd.DataFrame, path: Path) -> None:
    """Draw mean micromotion over BMD by treatment, one panel for every load.

    Args:
        table: Tidy table of a study; BMD levels stand in it from the densest down.
        path: PNG file.
    """
    chosen = table[table["metric"] == "micromotion_mean"]
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
