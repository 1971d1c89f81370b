"""Quality of tetrahedra: the radius ratio (Gmsh's ``gamma``), 1 for the regular one, 0 for a flat one."""

from __future__ import annotations

import numpy as np

from sacrofem.errors import MeshError, explain
from sacrofem.mesh.model import FloatArray, IntArray

#: Edges of a tetrahedron, from the second corner to the first: three at corner 0, then those opposite to them.
_HEADS, _TAILS = [1, 2, 3, 3, 3, 2], [0, 0, 0, 2, 1, 1]
#: Pairs of edges whose vector products are normal to the facets; the first normal times edge 2 is six volumes.
_FIRST, _SECOND = [0, 1, 2, 5], [1, 2, 0, 4]
#: Cells measured at once: few enough for the cache of the processor.
_CHUNK = 10_000


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
    if len(cells) <= _CHUNK:
        return corner_radius_ratio(points[cells])
    return np.concatenate([corner_radius_ratio(points[cells[i : i + _CHUNK]]) for i in range(0, len(cells), _CHUNK)])


def corner_radius_ratio(corners: FloatArray) -> FloatArray:
    """Radius ratio of tetrahedra given by their (..., 4, 3) corner coordinates; see :func:`radius_ratio`."""
    # Components first and all edges at once: many times faster than one by one on a few cells.
    at = corners.T
    edges = at[:, _HEADS] - at[:, _TAILS]
    x, y, z = edges[:, _FIRST]
    u, v, w = edges[:, _SECOND]
    normals = np.stack([y * w - z * v, z * u - x * w, x * v - y * u])
    areas = _lengths(normals)
    six_volumes = np.add.reduce(normals[:, 0] * edges[:, 2], axis=0)
    doubled_area = areas[0] + areas[1] + areas[2] + areas[3]
    lengths = _lengths(edges)
    a, b, c = lengths[:3] * lengths[3:]
    crelle = np.sqrt(np.maximum((a + b + c) * (a + b - c) * (a - b + c) * (b + c - a), 0.0))
    # 3 * (six_volumes / doubled_area) / (crelle / (4 * six_volumes)), signed by the volume
    ratio: FloatArray = 12.0 * six_volumes * np.abs(six_volumes) / np.maximum(doubled_area * crelle, 1e-300)
    return ratio.T


def _lengths(vectors: FloatArray) -> FloatArray:
    """Lengths of vectors, components first."""
    lengths: FloatArray = np.sqrt(np.add.reduce(vectors * vectors, axis=0))
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
