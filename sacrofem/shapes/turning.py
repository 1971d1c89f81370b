"""Turns about the axis across the body: of points, of shapes, of surfaces, of boxes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sacrofem.shapes.field import BoolArray, FloatArray


def turn_matrix(degrees: float) -> FloatArray:
    """(3, 3) turn about z by which what points up comes forwards, so that a sacral slope grows by ``degrees``."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def turned_points[T](function: Callable[[FloatArray], T], degrees: float) -> Callable[[FloatArray], T]:
    """A function of points, such as a shape, turned about the origin."""
    turn = turn_matrix(degrees)
    return lambda points: function(points @ turn)


def turned_facets(
    mask: Callable[[FloatArray, FloatArray], BoolArray], degrees: float
) -> Callable[[FloatArray, FloatArray], BoolArray]:
    """A choice of facets by their centroids and normals, turned likewise."""
    turn = turn_matrix(degrees)
    return lambda centroids, normals: mask(centroids @ turn, normals @ turn)


def turned_box(bounds: tuple[FloatArray, FloatArray], degrees: float) -> tuple[FloatArray, FloatArray]:
    """The box around a turned box."""
    corners = np.stack(np.meshgrid(*np.stack(bounds, axis=1), indexing="ij"), axis=-1).reshape(-1, 3) @ turn_matrix(degrees).T
    return corners.min(axis=0), corners.max(axis=0)
