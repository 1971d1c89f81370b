"""Scaling a cement body until it holds the wanted volume inside cancellous bone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sacrofem.errors import GeometryError, explain
from sacrofem.mesh.model import FloatArray
from sacrofem.mesh.surface import Grid
from sacrofem.shapes.field import Shape

#: Bone that cement never enters, from the surface inward, mm: about the cortex, so that nothing leaks.
CORTICAL_MARGIN = 1.0
#: Spacing of the grid that measures volumes, mm.
VOLUME_GRID_SPACING = 0.5
#: Radii are never scaled beyond this.
LARGEST_SCALE = 2.5
SMALLEST_SCALE = 0.05
#: Bisection stops at this share of the wanted volume.
VOLUME_TOLERANCE = 1e-3
CUBIC_MM_PER_ML = 1000.0


def inside_cancellous(body: Shape, bone: Shape) -> Shape:
    """The part of ``body`` at least :data:`CORTICAL_MARGIN` below the bone's surface (and its openings')."""

    def level(points: FloatArray) -> FloatArray:
        inner: FloatArray = np.maximum(body(points), bone(points) + CORTICAL_MARGIN)
        return inner

    return level


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
        points = points[body_at(LARGEST_SCALE)(points) < VOLUME_GRID_SPACING]
    cancellous = bone(points) + CORTICAL_MARGIN if len(points) else np.zeros(0)

    def volume(scale: float) -> float:
        level = np.maximum(body_at(scale)(points), cancellous) if len(points) else np.ones(1)
        # A cell of the grid counts by how far the surface is from its centre: second-order accurate.
        share = np.clip(0.5 - level / VOLUME_GRID_SPACING, 0.0, 1.0)
        return float(share.sum()) * VOLUME_GRID_SPACING**3 / CUBIC_MM_PER_ML

    lower, upper = SMALLEST_SCALE, LARGEST_SCALE
    largest = volume(upper)
    if largest < wanted:
        raise GeometryError(
            explain(
                f"The cement {name!r} does not fit into the cancellous bone around its needle.",
                where=f"cement pattern {name}, volume",
                got=f"{wanted:g} mL",
                allowed=f"at most {largest:.2f} mL (radii scaled by {LARGEST_SCALE})",
                next_step="lower the volume, or make the pattern longer or move its target",
            )
        )
    while True:
        scale = 0.5 * (lower + upper)
        held = volume(scale)
        if abs(held - wanted) <= VOLUME_TOLERANCE * wanted or upper - lower < 1e-6:
            return inside_cancellous(body_at(scale), bone), scale
        lower, upper = (scale, upper) if held < wanted else (lower, scale)
