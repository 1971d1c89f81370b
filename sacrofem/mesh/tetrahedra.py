"""The working mesh between the stages of meshing: tetrahedra with references."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from sacrofem.errors import MeshError, explain
from sacrofem.mesh.facets import Facets, facet_areas, list_facets
from sacrofem.mesh.model import FloatArray, IntArray
from sacrofem.shapes.field import BoolArray

#: Rounds in which splinters are absorbed: one that lies among splinters only needs another.
_ABSORB_ROUNDS = 5


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

    @cached_property
    def facets(self) -> Facets:
        """Its facets, listed when they are first asked for."""
        return list_facets(self.cells)


def tidy(mesh: Tetrahedra) -> Tetrahedra:
    """Drop unused nodes and turn every cell positive."""
    used = np.zeros(len(mesh.points), dtype=np.bool_)
    used[mesh.cells] = True
    points, cells = mesh.points[used], (np.cumsum(used) - 1)[mesh.cells]
    a, b, c, d = (points[cells[:, i]] for i in range(4))
    inverted = np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) < 0
    cells[inverted] = cells[inverted][:, [0, 2, 1, 3]]
    return Tetrahedra(points, cells, mesh.references)


def absorb_splinters(mesh: Tetrahedra, smallest: float) -> Tetrahedra:
    """Give pieces of a reference smaller than ``smallest`` mm^3 the reference they share the largest area with.

    A cut that grazes a surface leaves a few loose cells there, and pieces that hang together by an edge alone, which no
    remesher can keep.
    """
    facets, references = mesh.facets, mesh.references.copy()
    a, b, c, d = (mesh.points[mesh.cells[:, i]] for i in range(4))
    volumes = np.abs(np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a)) / 6.0
    for _ in range(_ABSORB_ROUNDS):
        sides = references[facets.inner_cells]
        same = sides[:, 0] == sides[:, 1]
        pairs, size = facets.inner_cells[same], len(mesh.cells)
        graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (size, size))
        piece = connected_components(graph, directed=False)[1]
        small = np.flatnonzero(np.bincount(piece, volumes) < smallest)
        if not len(small):
            break
        beside = piece[facets.inner_cells]
        for number in small:
            here = ~same & (beside == number).any(axis=1)
            if here.any():
                others = np.where(beside[here, 0] == number, sides[here, 1], sides[here, 0])
                areas = facet_areas(mesh.points, facets.inner[here])
                references[piece == number] = np.argmax(np.bincount(others, areas))
    return Tetrahedra(mesh.points, mesh.cells, references)


def rings_around(mesh: Tetrahedra, cells: BoolArray, rings: int) -> BoolArray:
    """(m,) these cells and those within so many rings, neighbours being cells that share a node."""
    around = cells
    for _ in range(rings):
        near = np.zeros(len(mesh.points), dtype=np.bool_)
        near[mesh.cells[around]] = True
        around = near[mesh.cells].any(axis=1)
    return around


def require_connected(mesh: Tetrahedra) -> None:
    """Raise :class:`MeshError` where the mesh falls into pieces (across facets) or holds a node twice."""
    pairs = mesh.facets.inner_cells
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
