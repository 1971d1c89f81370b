"""Lifting the few flattest cells by moving their nodes, after the remeshing.

Nodes inside a region move freely; nodes on an interface or on the bone's surface only by a small allowance,
far below the size of the mesh, so that volumes and fracture planes keep their places.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from sacrofem.mesh.facets import list_facets
from sacrofem.mesh.model import IntArray
from sacrofem.mesh.quality import corner_radius_ratio, radius_ratio
from sacrofem.mesh.tetrahedra import Tetrahedra

#: Farthest a node on an interface or on the surface may be moved in all, mm.
SURFACE_ALLOWANCE = 0.15
#: Farthest an inner node may be moved in one trial, as a share of the mean edge length around it.
FREE_REACH = 0.3
#: Trial positions of one node in one round, and rounds.
TRIALS = 60
ROUNDS = 8
#: Seed of the trial directions: the same mesh comes out every time.
SEED = 20_240_501


def lift_worst(mesh: Tetrahedra, goal: float) -> Tetrahedra:
    """Move nodes of cells flatter than ``goal`` to where the smallest quality around them is largest.

    Args:
        mesh: Positive tetrahedra.
        goal: Radius ratio below which a cell is worked on.

    Returns:
        The mesh with the same cells; no node is moved to where its worst cell is worse than before.
    """
    if radius_ratio(mesh.points, mesh.cells).min() >= goal:
        return mesh
    points = mesh.points.copy()
    cells = mesh.cells
    bound = _bound_nodes(mesh)
    around = _cells_at_nodes(cells, len(points))
    random = np.random.default_rng(SEED)
    for _ in range(ROUNDS):
        bad = np.flatnonzero(radius_ratio(points, cells) < goal)
        if len(bad) == 0:
            break
        for node in np.unique(cells[bad]):
            star = cells[around.indices[around.indptr[node] : around.indptr[node + 1]]]
            corners = points[star]
            here = star == node
            reach = FREE_REACH * float(np.linalg.norm(corners - points[node], axis=2).sum() / (3 * len(star)))
            if bound[node]:
                reach = min(reach, SURFACE_ALLOWANCE)
            steps = random.normal(size=(TRIALS, 3))
            steps *= (reach * random.random(TRIALS) / np.linalg.norm(steps, axis=1))[:, None]
            places = points[node] + steps
            if bound[node]:
                places = places[np.linalg.norm(places - mesh.points[node], axis=1) <= SURFACE_ALLOWANCE]
            places = np.concatenate([points[node][None], places])
            trials = np.repeat(corners[None], len(places), axis=0)
            trials[:, here] = places[:, None]
            points[node] = places[np.argmax(corner_radius_ratio(trials).min(axis=1))]
    return Tetrahedra(points, cells, mesh.references)


def _bound_nodes(mesh: Tetrahedra) -> IntArray:
    """1 at nodes on the outer surface or between different references, else 0."""
    facets = list_facets(mesh.cells)
    between = mesh.references[facets.inner_cells]
    bound = np.zeros(len(mesh.points), dtype=np.int64)
    bound[facets.outer] = 1
    bound[facets.inner[between[:, 0] != between[:, 1]]] = 1
    return bound


def _cells_at_nodes(cells: IntArray, count: int) -> csr_matrix:
    """Row i holds the cells at node i."""
    rows = cells.ravel()
    columns = np.repeat(np.arange(len(cells)), 4)
    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, len(cells)))
