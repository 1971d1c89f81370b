"""Linear tetrahedra in plain arrays, written apart from the product to hold it against."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix


def assemble_bulk(points: np.ndarray, cells: np.ndarray, young: np.ndarray, poisson: np.ndarray) -> csr_matrix:
    """(3n, 3n) stiffness of isotropic linear tetrahedra, N/mm."""
    corners = points[cells]
    edges = corners[:, 1:] - corners[:, :1]
    volumes = np.abs(np.linalg.det(edges)) / 6.0
    inner = np.linalg.inv(edges).transpose(0, 2, 1)  # rows: gradients of the last three barycentric coordinates
    gradients = np.concatenate([-inner.sum(axis=1, keepdims=True), inner], axis=1)
    shear, lame = young / (2 * (1 + poisson)), young * poisson / ((1 + poisson) * (1 - 2 * poisson))
    products = np.einsum("mai,mbj->maibj", gradients, gradients)
    dots = np.einsum("mai,mbi->mab", gradients, gradients)
    blocks = lame[:, None, None, None, None] * products
    blocks += shear[:, None, None, None, None] * products.transpose(0, 1, 4, 3, 2)
    blocks += shear[:, None, None, None, None] * np.einsum("mab,ij->maibj", dots, np.eye(3))
    blocks *= volumes[:, None, None, None, None]
    dofs = (3 * cells[:, :, None] + np.arange(3)).reshape(len(cells), 12)
    rows, columns = np.repeat(dofs, 12, axis=1), np.tile(dofs, (1, 12))
    size = 3 * len(points)
    return csr_matrix((blocks.reshape(len(cells), 144).ravel(), (rows.ravel(), columns.ravel())), shape=(size, size))
