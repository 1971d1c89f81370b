"""The working mesh between the stages of meshing: tetrahedra with references, and their facets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from sacrofem.errors import MeshError, explain
from sacrofem.mesh.model import FloatArray, IntArray

#: Corners of the facet opposite to each corner, outward for a positive tetrahedron.
FACET_CORNERS = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]])


@dataclass(frozen=True)
class Tetrahedra:
    """Tetrahedra with references.

    Attributes:
        points: (n, 3) coordinates, mm.
        cells: (m, 4) node numbers.
        references: (m,) reference of each cell: ``1 + sum of the bits of the features it lies in``.
    """

    points: FloatArray
    cells: IntArray
    references: IntArray


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
    """Find the outer and the inner facets of (m, 4) positive cells; a facet of three cells is a MeshError."""
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


def tidy(mesh: Tetrahedra) -> Tetrahedra:
    """Drop unused nodes and turn every cell positive."""
    used = np.unique(mesh.cells)
    renumbered = np.full(len(mesh.points), -1, dtype=np.int64)
    renumbered[used] = np.arange(len(used))
    points, cells = mesh.points[used], renumbered[mesh.cells]
    a, b, c, d = (points[cells[:, i]] for i in range(4))
    inverted = np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) < 0
    cells[inverted] = cells[inverted][:, [0, 2, 1, 3]]
    return Tetrahedra(points, cells, mesh.references)


def require_connected(mesh: Tetrahedra) -> None:
    """Raise :class:`MeshError` where the mesh falls into pieces (across facets) or holds a node twice."""
    pairs = list_facets(mesh.cells).inner_cells
    size = len(mesh.cells)
    count, piece = connected_components(
        coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (size, size)), directed=False
    )
    if count > 1:
        loose = np.argmin(np.bincount(piece))
        place = mesh.points[mesh.cells[piece == loose]].mean(axis=(0, 1))
        raise MeshError(
            explain(
                "The bone's mesh falls into pieces.",
                where=f"about ({place[0]:.1f}, {place[1]:.1f}, {place[2]:.1f}) mm",
                got=f"{count} pieces, the smallest of {np.bincount(piece).min()} cells",
                allowed="one connected bone",
                next_step="use a smaller mesh.sampling, or smaller openings in the anatomy",
            )
        )
    if len(np.unique(np.round(mesh.points, 7), axis=0)) < len(mesh.points):
        raise MeshError(
            explain(
                "The mesh holds two nodes at one place.",
                where="the volume mesh",
                got="coincident nodes",
                allowed="each node once",
                next_step="change mesh.size or mesh.feature_size a little",
            )
        )
