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
        count: More than the largest node number, for :func:`facet_keys`.
        outer_keys: (k,) keys of the outer facets, ascending.
        inner_keys: (j,) keys of the inner facets, ascending.
    """

    outer: IntArray
    outer_cells: IntArray
    inner: IntArray
    inner_cells: IntArray
    count: int
    outer_keys: IntArray
    inner_keys: IntArray


def list_facets(cells: IntArray) -> Facets:
    """Find the outer and the inner facets of (m, 4) positive cells.

    Raises:
        MeshError: three cells share a facet.
    """
    facets, count = cells[:, FACET_CORNERS].reshape(-1, 3), int(cells.max(initial=0)) + 1
    keys = facet_keys(facets, count)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    same = np.append(keys[1:] == keys[:-1], np.zeros(min(len(keys), 1), dtype=bool))
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
    single = np.flatnonzero(~same & ~np.append(np.zeros(min(len(keys), 1), dtype=bool), same[:-1]))
    return Facets(
        outer=facets[order[single]],
        outer_cells=order[single] // 4,
        inner=facets[order[first]],
        inner_cells=np.stack([order[first], order[first + 1]], axis=1) // 4,
        count=count,
        outer_keys=keys[single],
        inner_keys=keys[first],
    )


def facet_keys(triangles: IntArray, count: int) -> IntArray:
    """One number for each triangle, the same whatever the order of its nodes.

    Args:
        triangles: (k, 3) node numbers below ``count``.
        count: Number of nodes of the mesh; its cube must fit into 63 bits.

    Returns:
        (k,) keys.
    """
    a, b, c = triangles.T.astype(np.int64)
    least, most = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    keys: IntArray = (least * count + (a + b + c - least - most)) * count + most
    return keys


def find_outer(facets: Facets, triangles: IntArray) -> IntArray:
    """(k,) places among the outer facets of (k, 3) triangles that are such."""
    places: IntArray = np.searchsorted(facets.outer_keys, facet_keys(triangles, facets.count))
    return places


def find_inner(facets: Facets, triangles: IntArray) -> IntArray:
    """(k,) places among the inner facets of (k, 3) triangles that are such."""
    places: IntArray = np.searchsorted(facets.inner_keys, facet_keys(triangles, facets.count))
    return places


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
