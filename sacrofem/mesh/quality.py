"""Quality of tetrahedra: the radius ratio (Gmsh's ``gamma``), 1 for the regular one, 0 for a flat one."""

from __future__ import annotations

import numpy as np

from sacrofem.errors import MeshError, explain
from sacrofem.mesh.model import FloatArray, IntArray


def radius_ratio(points: FloatArray, cells: IntArray) -> FloatArray:
    """Three times the inradius over the circumradius of every tetrahedron, negative where it is inverted.

    With volume V, total face area A and the products of opposite edge lengths a, b, c, the inradius is
    3V/A and the circumradius is sqrt((a+b+c)(a+b-c)(a-b+c)(-a+b+c)) / (24 V) (Crelle's formula).

    Args:
        points: (n, 3) coordinates, mm.
        cells: (m, 4) node numbers.

    Returns:
        (m,) quality, 1 for the regular tetrahedron.
    """
    return corner_radius_ratio(points[cells])


def corner_radius_ratio(corners: FloatArray) -> FloatArray:
    """Radius ratio of tetrahedra given by their (..., 4, 3) corner coordinates; see :func:`radius_ratio`."""
    p, q, r, s = (np.moveaxis(corners[..., i, :], -1, 0) for i in range(4))
    u, v, w = q - p, r - p, s - p
    uv, vw, wu = _cross(u, v), _cross(v, w), _cross(w, u)
    six_volumes = (uv * w).sum(axis=0)
    doubled_area = _length(uv) + _length(vw) + _length(wu) + _length(_cross(r - q, s - q))
    a = _length(u) * _length(s - r)
    b = _length(v) * _length(s - q)
    c = _length(w) * _length(r - q)
    crelle = np.sqrt(np.maximum((a + b + c) * (a + b - c) * (a - b + c) * (b + c - a), 0.0))
    # 3 * (six_volumes / doubled_area) / (crelle / (4 * six_volumes)), signed by the volume
    ratio: FloatArray = 12.0 * six_volumes * np.abs(six_volumes) / np.maximum(doubled_area * crelle, 1e-300)
    return ratio


def _cross(u: FloatArray, v: FloatArray) -> FloatArray:
    """Vector products, components first: many times faster than numpy's on a few cells."""
    return np.stack([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]])


def _length(u: FloatArray) -> FloatArray:
    """Lengths of vectors, components first."""
    lengths: FloatArray = np.sqrt((u * u).sum(axis=0))
    return lengths


def require_quality(points: FloatArray, cells: IntArray, minimum: float) -> FloatArray:
    """Qualities of all cells; raises :class:`MeshError` naming where a cell is worse than ``minimum``."""
    quality = radius_ratio(points, cells)
    bad = np.flatnonzero(quality < minimum)
    if len(bad):
        worst = bad[np.argsort(quality[bad])[:3]]
        places = "; ".join(
            f"({x:.1f}, {y:.1f}, {z:.1f}) mm: {quality[cell]:.4f}"
            for cell, (x, y, z) in zip(worst, points[cells[worst]].mean(axis=1), strict=True)
        )
        raise MeshError(
            explain(
                f"{len(bad)} of {len(cells)} tetrahedra are too flat to be solved on.",
                where=places,
                got=f"smallest radius ratio {quality[worst[0]]:.4f}",
                allowed=f"at least {minimum} (mesh.minimum_quality)",
                next_step="change mesh.feature_size a little, or move the feature that ends at these places",
            )
        )
    return quality
