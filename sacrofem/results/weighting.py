"""Means and percentiles by volume or area."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_jacobi, roots_legendre

FloatArray = NDArray[np.float64]

_POINTS_A_SIDE = 3


def weighted_quantile(values: FloatArray, weights: FloatArray, share: float) -> float:
    """The smallest value below or at which at least ``share`` of the weight lies.

    Args:
        values: (n,) values.
        weights: (n,) positive weights, such as volumes.
        share: 0 to 1.

    Returns:
        The quantile; not a number where there are no values.
    """
    if not len(values):
        return float("nan")
    order = np.argsort(values, kind="stable")
    held = np.cumsum(weights[order])
    place = np.searchsorted(held, share * held[-1] * (1.0 - 1e-12))
    return float(values[order[min(int(place), len(values) - 1)]])


def triangle_shapes(barycentric: FloatArray, order: int) -> FloatArray:
    """(..., 3 or 6) Lagrange shape functions of a triangle at (..., 3) places: corners, then the middles of 1-2, 2-3 and 3-1."""
    if order == 1:
        return barycentric
    a, b, c = np.moveaxis(barycentric, -1, 0)
    return np.stack([a * (2 * a - 1), b * (2 * b - 1), c * (2 * c - 1), 4 * a * b, 4 * b * c, 4 * c * a], axis=-1)


def triangle_rule() -> tuple[FloatArray, FloatArray]:
    """Quadrature on a triangle: Gauss-Jacobi times Gauss-Legendre on the collapsed square, exact to degree 5.

    Returns:
        (9, 3) barycentric coordinates and (9,) weights that sum to 1.
    """
    s, s_weights = roots_jacobi(_POINTS_A_SIDE, 1.0, 0.0)
    t, t_weights = roots_legendre(_POINTS_A_SIDE)
    across, along = np.meshgrid((s + 1) / 2, (t + 1) / 2, indexing="ij")
    first, second = across.ravel(), ((1 - across) * along).ravel()
    weights = np.outer(s_weights, t_weights).ravel()
    return np.column_stack([1 - first - second, first, second]), weights / weights.sum()
