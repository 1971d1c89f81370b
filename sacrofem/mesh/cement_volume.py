"""Scaling a cement body until it holds the wanted volume inside cancellous bone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sacrofem.errors import GeometryError, explain
from sacrofem.mesh.model import FloatArray
from sacrofem.mesh.surface import Grid
from sacrofem.shapes.field import Shape, confine

#: Bone that cement never enters, from the surface inward, mm: about the cortex, so that nothing leaks.
CORTICAL_MARGIN = 1.0
#: Spacing of the grid that measures volumes, mm.
VOLUME_GRID_SPACING = 0.5
#: Radii are never scaled beyond this.
LARGEST_SCALE = 2.5
USUAL_SCALE = 1.25
SMALLEST_SCALE = 0.05
#: Bisection stops at this share of the wanted volume.
VOLUME_TOLERANCE = 1e-3
CUBIC_MM_PER_ML = 1000.0


def inside_cancellous(body: Shape, bone: Shape) -> Shape:
    """The part of ``body`` at least :data:`CORTICAL_MARGIN` below the bone's surface (and its openings')."""
    return confine(body, bone, CORTICAL_MARGIN)


def fit_cement(
    name: str,
    body_at: Callable[[float], Shape],
    bone: Shape,
    box: tuple[FloatArray, FloatArray],
    wanted: float,
) -> tuple[Shape, float]:
    """Scale a cement body until ``wanted`` mL of it lie inside cancellous bone.

    Args:
        name: Name of the cement pattern, for messages.
        body_at: scale -> body.
        bone: Signed distance of the bone, mm.
        box: Corners of a box that holds the bone, mm.
        wanted: mL.

    Returns:
        The level function of the cement inside bone, and its scale.

    Raises:
        GeometryError: The wanted volume does not fit even at :data:`LARGEST_SCALE`.
    """
    coarse = Grid.over(box, 4 * VOLUME_GRID_SPACING).points()
    near = coarse[body_at(LARGEST_SCALE)(coarse) < 8 * VOLUME_GRID_SPACING]
    points = np.zeros((0, 3))
    if len(near):
        points = Grid.over((near.min(axis=0), near.max(axis=0)), VOLUME_GRID_SPACING).points()
    # Bone's shape is slow and a body of the largest scale is large: mostly the first, smaller reach is enough.
    for reach in (USUAL_SCALE, LARGEST_SCALE):
        held_points = points[body_at(reach)(points) < VOLUME_GRID_SPACING]
        volume = _measure_within(held_points, body_at, bone)
        largest = volume(reach)
        if largest >= wanted:
            break
    else:
        raise GeometryError(
            explain(
                f"The cement {name!r} does not fit into the cancellous bone around its needle.",
                where=f"cement pattern {name}, volume",
                got=f"{wanted:g} mL",
                allowed=f"at most {largest:.2f} mL (radii scaled by {LARGEST_SCALE})",
                next_step="lower the volume, or make the pattern longer or move its target",
            )
        )
    lower, upper = SMALLEST_SCALE, LARGEST_SCALE
    while True:
        scale = 0.5 * (lower + upper)
        held = volume(scale) if scale <= reach else largest
        if abs(held - wanted) <= VOLUME_TOLERANCE * wanted or upper - lower < 1e-6:
            return inside_cancellous(body_at(scale), bone), scale
        lower, upper = (scale, upper) if held < wanted else (lower, scale)


def _measure_within(points: FloatArray, body_at: Callable[[float], Shape], bone: Shape) -> Callable[[float], float]:
    """Scale of a body -> mL of it in cancellous bone, by the cells of a grid about ``points``."""
    cancellous = bone(points) + CORTICAL_MARGIN if len(points) else np.zeros(0)

    def volume(scale: float) -> float:
        if not len(points):
            return 0.0
        level = np.maximum(body_at(scale)(points), cancellous)
        # A cell of the grid counts by how far the surface is from its centre: second-order accurate.
        share = np.clip(0.5 - level / VOLUME_GRID_SPACING, 0.0, 1.0)
        return float(share.sum()) * VOLUME_GRID_SPACING**3 / CUBIC_MM_PER_ML

    return volume
