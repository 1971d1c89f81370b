"""The error bar of every figure of a case, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sacrofem.results.error_estimate import ErrorEstimate
from sacrofem.results.micromotion import Measure
from sacrofem.results.strain import measure_strain

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: What an error bar rests on.
ENERGY, RECOVERED, DUAL = "zz energy", "zz strain", "zz dual"
NO_ESTIMATE = "none: no estimate of its own; sacrofem converge"
#: Strains below this, microstrain, are too small for an error in per cent.
_SMALLEST_STRAIN = 1e-6


def error_bars(
    measures: list[tuple[str, Measure]],
    estimate: ErrorEstimate,
    work: float,
    volumes: FloatArray,
    masks: dict[str, BoolArray],
    motions: Mapping[str, float] | None = None,
) -> list[tuple[float | None, str]]:
    """The error bar of every measure: per cent of the value on an infinitely fine mesh, and what it rests on.

    Args:
        measures: (fracture, (metric, value, unit)).
        estimate: From :func:`estimate_error`.
        work: Work of the load, N mm.
        volumes: (m,) mm^3.
        masks: Neighbourhoods in which strain is measured.
        motions: Fracture -> estimated error of its mean micromotion, mm, by the dual problem.

    Returns:
        For each measure (per cent or None, basis). Displacement and stiffness of the whole: by the error of the work. Strain
        measures: the same measure of the recovered strain, which sees local errors, not those carried from elsewhere. Mean
        micromotion: by the dual problem where that was solved. Other motions: none of their own.
    """
    smooth = {name: value for name, value, _ in measure_strain(estimate.strain, volumes, masks)}
    bars: list[tuple[float | None, str]] = []
    for fracture, (metric, value, unit) in measures:
        if metric in ("endplate_displacement", "stiffness") and work <= 0.0:
            bars.append((None, "none: the load does no work"))
        elif metric == "endplate_displacement":
            bars.append((100.0 * estimate.squared / (work + estimate.squared), ENERGY))
        elif metric == "stiffness":
            bars.append((100.0 * estimate.squared / work, ENERGY))
        elif metric == "micromotion_mean" and motions and fracture in motions and value > 0.0:
            bars.append((100.0 * abs(motions[fracture]) / abs(value + motions[fracture]), DUAL))
        elif metric in smooth and unit == "microstrain":
            finer = smooth[metric]
            within = abs(finer) > _SMALLEST_STRAIN
            bars.append((100.0 * abs(value - finer) / abs(finer), RECOVERED) if within else (None, "none: no strain"))
        else:
            bars.append((None, NO_ESTIMATE))
    return bars
