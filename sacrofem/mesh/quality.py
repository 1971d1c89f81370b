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
    p, q, r, s = (corners[..., i, :] for i in range(4))
    u, v, w = q - p, r - p, s - p
    uv, vw, wu = np.cross(u, v), np.cross(v, w), np.cross(w, u)
    six_volumes = np.einsum("...i,...i->...", uv, w)
    length = np.linalg.norm
    doubled_area = length(uv, axis=-1) + length(vw, axis=-1) + length(wu, axis=-1)
    doubled_area += length(np.cross(r - q, s - q), axis=-1)
    a = length(u, axis=-1) * length(s - r, axis=-1)
    b = length(v, axis=-1) * length(s - q, axis=-1)
    c = length(w, axis=-1) * length(r - q, axis=-1)
    crelle = np.sqrt(np.maximum((a + b + c) * (a + b - c) * (a - b + c) * (b + c - a), 0.0))
    # 3 * (six_volumes / doubled_area) / (crelle / (4 * six_volumes)), signed by the volume
    ratio: FloatArray = 12.0 * six_volumes * np.abs(six_volumes) / np.maximum(doubled_area * crelle, 1e-300)
    return ratio


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
