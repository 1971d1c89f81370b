"""The facets of tetrahedra: each once, with the cells beside it, and a key to find it again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sacrofem.errors import MeshError, explain
from sacrofem.mesh.model import FloatArray, IntArray

#: Corners of the facet opposite to each corner, outward for a positive tetrahedron.
FACET_CORNERS = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]])


@dataclass(frozen=True)
class Facets:
    """All facets of a mesh, each once.

    Attributes:
        outer: (k, 3) facets of one cell, ordered so that their normal points outward.
        outer_cells: (k,) cell of each outer facet.
        inner: (j, 3) facets between two cells, ordered outward from the first.
        inner_cells: (j, 2) cells of each inner facet.
    """

    outer: IntArray
    outer_cells: IntArray
    inner: IntArray
    inner_cells: IntArray


def list_facets(cells: IntArray) -> Facets:
    """Find the outer and the inner facets of (m, 4) positive cells.

    Raises:
        MeshError: three cells share a facet.
    """
    facets = cells[:, FACET_CORNERS].reshape(-1, 3)
    owners = np.repeat(np.arange(len(cells)), 4)
    keys = np.sort(facets, axis=1)
    order = np.lexsort(keys.T[::-1])
    keys = keys[order]
    same = np.r_[(keys[1:] == keys[:-1]).all(axis=1), False]
    if (same[1:] & same[:-1]).any():
        raise MeshError(
            explain(
                "Three tetrahedra share one facet.",
                where="the volume mesh",
                got="overlapping cells",
                allowed="at most two cells at a facet",
                next_step="change mesh.size or mesh.feature_size a little",
            )
        )
    first = np.flatnonzero(same)
    single = np.flatnonzero(~same & ~np.r_[False, same[:-1]])
    return Facets(
        outer=facets[order[single]],
        outer_cells=owners[order[single]],
        inner=facets[order[first]],
        inner_cells=np.stack([owners[order[first]], owners[order[first + 1]]], axis=1),
    )


def facet_keys(triangles: IntArray, count: int) -> IntArray:
    """One number for each triangle, the same whatever the order of its nodes.

    Args:
        triangles: (k, 3) node numbers below ``count``.
        count: Number of nodes of the mesh; its cube must fit into 63 bits.

    Returns:
        (k,) keys.
    """
    ordered = np.sort(triangles, axis=1).astype(np.int64)
    keys: IntArray = (ordered[:, 0] * count + ordered[:, 1]) * count + ordered[:, 2]
    return keys


def facet_geometry(points: FloatArray, triangles: IntArray) -> tuple[FloatArray, FloatArray]:
    """(k, 3) centroids, mm, and (k, 3) unit normals of triangles."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    normals = np.cross(b - a, c - a)
    return (a + b + c) / 3.0, normals / np.maximum(np.linalg.norm(normals, axis=1), 1e-300)[:, None]


def facet_areas(points: FloatArray, triangles: IntArray) -> FloatArray:
    """(k,) areas of triangles, mm^2."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    areas: FloatArray = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return areas
