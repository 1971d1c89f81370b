"""The error bar of every figure of a case, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sacrofem.results.micromotion import Measure

#: What an error bar rests on.
ENERGY, RECOVERED, DUAL = "zz energy", "zz strain", "zz dual"
NO_ESTIMATE = "none: no estimate of its own; sacrofem converge"
NO_WORK, NOTHING = "none: the load does no work", "none: too small"
OF_SHAPE = "none: of the mesh alone"
#: Figures of the load's work.
_OF_ENERGY = ("endplate_displacement", "stiffness")
#: Figures of strain, which the recovered strain has itself.
_OF_STRAIN = ("strain_", "yield_volume_share_", "screw_stress_")
#: Figures of the mesh, which no displacement changes.
_OF_MESH = ("fracture_area", "bridged_area_share")
#: Figures of the faces as the search for contact left them.
_OF_FACES = ("open_area_share", "stick_area_share", "slip_area_share", "penetration_max")
#: Unit -> figures below this are too small for an error in per cent.
_SMALLEST = {"microstrain": 1e-6, "mm": 1e-9, "degree": 1e-9, "N": 1e-6, "MPa": 1e-9}


class ErrorBar(NamedTuple):
    """The error bar of a figure.

    Attributes:
        percent: Per cent of the value on an infinitely fine mesh; None where there is no estimate.
        basis: What it rests on, or why there is none.
        corrected: The figure without its estimated error; None where there is no estimate.
    """

    percent: float | None
    basis: str
    corrected: float | None = None


def error_bars(
    measures: Sequence[tuple[str, Measure]],
    smooth: Sequence[tuple[str, Measure]],
    squared: float,
    work: float,
    corrected: bool,
) -> list[ErrorBar]:
    """The error bar of every measure.

    Args:
        measures: (fracture, (metric, value, unit)).
        smooth: The same measures of the recovered strain and, where that was solved for, of the corrected displacement.
        squared: Estimated squared error in energy, N mm.
        work: Work of the load, N mm.
        corrected: Whether the displacement of ``smooth`` is corrected (:mod:`sacrofem.results.correction`).

    Returns:
        For each measure. Displacement and stiffness of the whole: by the error of the work. Strain
        measures: the same measure of the recovered strain, which sees local errors, not those carried from elsewhere. All
        others but those of the mesh and of the faces' contact: by the corrected displacement, where there is one.
    """
    return [
        _error_bar(metric, value, finer, unit, squared, work, corrected)
        for (_, (metric, value, unit)), (_, (_, finer, _)) in zip(measures, smooth, strict=True)
    ]


def _error_bar(metric: str, value: float, finer: float, unit: str, squared: float, work: float, corrected: bool) -> ErrorBar:
    basis = RECOVERED if metric.startswith(_OF_STRAIN) else DUAL
    if metric in _OF_ENERGY:
        if work <= 0.0:
            return ErrorBar(None, NO_WORK)
        share = squared / work
        basis, finer = ENERGY, value / (1.0 + share) if metric == "stiffness" else value * (1.0 + share)
    elif metric in _OF_MESH:
        return ErrorBar(None, OF_SHAPE)
    elif metric in _OF_FACES or (basis == DUAL and (not corrected or value == finer)):
        return ErrorBar(None, NO_ESTIMATE)  # what the correction does not touch has no error by it
    if abs(finer) <= _SMALLEST.get(unit, 0.0):
        return ErrorBar(None, NOTHING)
    return ErrorBar(100.0 * abs(value - finer) / abs(finer), basis, finer)
