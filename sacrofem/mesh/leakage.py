"""Where the cement of an unrestricted body would go: into the fracture, canal and foramina, or out of the bone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sacrofem.mesh.cement_volume import CUBIC_MM_PER_ML, LARGEST_SCALE, SMALLEST_SCALE
from sacrofem.mesh.surface import Grid
from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.fracture import Sheet
from sacrofem.shapes.sacrum import Sacrum

#: Spacing of the grids that measure volumes, mm.
_COARSE, _FINE = 2.0, 0.75


def measure_leaks(
    body_at: Callable[[float], Shape], wanted: float, sacrum: Sacrum, sheets: Sequence[Sheet], gap: float
) -> dict[str, float]:
    """Volumes of a body that holds the wanted volume wherever it goes, by where they lie.

    The model's cement stays in cancellous bone; this is how much of a free body's would not.

    Args:
        body_at: scale -> body.
        wanted: mL.
        sacrum: The bone.
        sheets: Sheets of the fracture.
        gap: Between the fracture's faces, mm.

    Returns:
        ``fracture``, ``openings`` (canal and foramina) and ``outside`` -> mL; parts of one place count there alone.
    """
    lower, upper = (np.asarray(corner) for corner in sacrum.bounds)
    coarse = Grid.over((lower - 10.0, upper + 10.0), _COARSE).points()
    near = coarse[body_at(LARGEST_SCALE)(coarse) < 2 * _COARSE]
    points = Grid.over((near.min(axis=0), near.max(axis=0)), _FINE).points()
    points = points[body_at(LARGEST_SCALE)(points) < _FINE]

    def shares(scale: float) -> FloatArray:
        return np.clip(0.5 - body_at(scale)(points) / _FINE, 0.0, 1.0)

    unit = _FINE**3 / CUBIC_MM_PER_ML
    smallest, largest = SMALLEST_SCALE, LARGEST_SCALE
    for _ in range(20):
        scale = 0.5 * (smallest + largest)
        smallest, largest = (scale, largest) if shares(scale).sum() * unit < wanted else (smallest, scale)
    share = shares(0.5 * (smallest + largest))
    held = share > 0.0
    points, share = points[held], share[held]
    openings = sacrum.openings(points) < 0.0
    outside = ~openings & (sacrum.bone(points) > 0.0)
    # A gap is thinner than the grid: each point counts by how much of its cell the gap fills.
    filled = np.zeros(len(points))
    for sheet in sheets:
        thickness = np.clip(gap / _FINE, 0.0, 1.0) if gap < _FINE else 1.0
        reach = max(gap, _FINE) / 2
        filled = np.maximum(filled, np.where(sheet.away(points) < reach, thickness, 0.0))
    inside = ~openings & ~outside
    return {
        "fracture": float((share * filled)[inside].sum()) * unit,
        "openings": float(share[openings].sum()) * unit,
        "outside": float(share[outside].sum()) * unit,
    }
