"""Size, centroid and inertia of a set of triangles or tetrahedra."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def measure_simplices(corners: FloatArray, sizes: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Integrals over simplices of linear functions' squares, exact.

    The integral of x x^T over a simplex with n + 1 corners x_i, whose sum is s, is
    (sum x_i x_i^T + s s^T) size / ((n + 1)(n + 2)): the moments of barycentric coordinates.

    Args:
        corners: (k, n + 1, 3) corners, mm.
        sizes: (k,) areas (mm^2) or volumes (mm^3).

    Returns:
        Size of the whole (mm^2 or mm^3), (3,) centroid (mm), and (3, 3) inertia, the integral of
        |r|^2 I - r r^T about the centroid.
    """
    size = float(sizes.sum())
    centre: FloatArray = np.einsum("i,ij->j", sizes, corners.mean(axis=1)) / size
    local, count = corners - centre, corners.shape[1]
    total = local.sum(axis=1)
    second = np.einsum("i,icj,ick->jk", sizes, local, local) + np.einsum("i,ij,ik->jk", sizes, total, total)
    second /= count * (count + 1)
    return size, centre, np.trace(second) * np.eye(3) - second
