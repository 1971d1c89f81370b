"""Rays through a shape: where they enter and leave bone."""

from __future__ import annotations

import numpy as np

from sacrofem.shapes.field import FloatArray, Shape


def crossings(shape: Shape, origin: FloatArray, direction: FloatArray, reach: float, step: float = 0.25) -> FloatArray:
    """Distances along one ray at which it crosses the surface, mm; entries and exits in turn.

    Args:
        shape: Signed distance, mm.
        origin: (3,) start.
        direction: (3,) of any length.
        reach: Length of the ray, mm.
        step: Sampling, mm; crossings are interpolated.

    Returns:
        The distances, rising.
    """
    unit = direction / np.linalg.norm(direction)
    along = np.arange(0.0, reach, step)
    values = shape(origin + along[:, None] * unit)
    before = np.flatnonzero((values[:-1] < 0.0) != (values[1:] < 0.0))
    share = values[before] / (values[before] - values[before + 1])
    return along[before] + step * share


def first_hits(shape: Shape, origins: FloatArray, direction: FloatArray, reach: float, step: float = 1.0) -> FloatArray:
    """Distance along each of many rays to the first bone, mm; NaN where there is none.

    Args:
        shape: Signed distance, mm.
        origins: (n, 3) starts outside bone.
        direction: (3,) common direction, or (n, 3).
        reach: Length of the rays, mm.
        step: Sampling, mm; hits are interpolated.
    """
    unit = np.broadcast_to(direction, origins.shape)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    along = np.arange(0.0, reach, step)
    points = origins[:, None, :] + along[None, :, None] * unit[:, None, :]
    values = shape(points.reshape(-1, 3)).reshape(len(origins), len(along))
    inside = values < 0.0
    first = np.argmax(inside, axis=1)
    row = np.arange(len(origins))
    hit = inside[row, first] & (first > 0)
    before, after = values[row, first - 1], values[row, first]
    found: FloatArray = np.where(hit, along[first] - step * after / np.where(hit, after - before, 1.0), np.nan)
    return found


def outward_normals(shape: Shape, points: FloatArray, step: float = 0.2) -> FloatArray:
    """(n, 3) unit gradients of the shape by central differences."""
    gradient = np.stack([shape(points + step * axis) - shape(points - step * axis) for axis in np.eye(3)], axis=1)
    unit: FloatArray = gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
    return unit
