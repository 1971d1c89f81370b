"""Where two faces are compared: the points of every cut's facets, with dofs, shape functions, weights and normals.

A point is a node of a facet: its corners (P1) or the middles of its edges (P2), so that every node opens or sticks for itself.
Points within facets, one normal for each facet, hold quadratic faces more often than they can move: a wavy fracture then locks,
gapes over nine tenths of its area and needs three times the Newton steps (docs/interfaces.md). Owned facets alone are held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from dolfinx import fem
from dolfinx.la import InsertMode
from numpy.typing import NDArray

from sacrofem.mechanics.cut_space import EDGE_VERTICES

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Points of quadratic faces: the middles of a facet's edges, exact to degree 2.
_MIDDLES = np.array([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5]])
#: A node has folds where its facets' mean keeps less than this share of their area: sharper than a right angle, 0.71 (DESIGN).
_FOLDED = 0.65
#: Cosine of the angle up to which a facet takes the mean normal of a node without folds: 60 degrees (DESIGN).
_NEAR = 0.5
_TINY = 1e-300
#: What of a facet's own normal joins that between two nodes: it decides where theirs are opposite.
_SMALL = 1e-9


@dataclass(frozen=True)
class Cut:
    """The facets of one cut.

    Attributes:
        facets: Local facet numbers, owned and ghosts.
        sides: (k, 2) cells of the source mesh on the first and on the second side of every facet.
    """

    facets: NDArray[np.int32]
    sides: IntArray


@dataclass(frozen=True)
class InterfacePoints:
    """Places on owned facets where two faces are compared; f facets of q points, n dofs a face.

    Attributes:
        dofs: (f, 2, n) local block numbers of the first and of the second face's dofs.
        shapes: (q, n) shape functions.
        weights: (f, q) mm^2.
        normals: (f, 3) unit normals from the first face to the second.
        nodal_normals: (f, q, 3) the same at the points: the mean over a node's facets of its cut, and between two nodes theirs.
        cuts: (f,) number of the cut.
        facets: (f,) local facet numbers.
        first_cells: (f,) local cell behind the first face.
        places: (f q, 3) mm.
    """

    dofs: IntArray
    shapes: FloatArray
    weights: FloatArray
    normals: FloatArray
    nodal_normals: FloatArray
    cuts: IntArray
    facets: IntArray
    first_cells: IntArray
    places: FloatArray


def find_points(space: fem.FunctionSpace, cuts: Mapping[str, Cut], order: int) -> InterfacePoints:
    """Find the points of all cuts.

    Args:
        space: The cut space.
        cuts: Name -> its facets.
        order: Polynomial order, 1 or 2.
    """
    domain = space.mesh
    topology, owned = domain.topology, domain.topology.index_map(2).size_local
    own = [cut.facets[cut.facets < owned] for cut in cuts.values()]
    facets = np.concatenate([np.zeros(0, dtype=np.int32), *own]).astype(np.int32)
    numbers = np.repeat(np.arange(len(cuts)), [len(found) for found in own])
    beside = topology.connectivity(2, 3)
    cells = np.array([beside.links(int(f)) for f in facets], dtype=np.int64).reshape(-1, 2)
    pairs = topology.original_cell_index.astype(np.int64)[cells]
    sides = np.concatenate([np.zeros((0, 2), dtype=np.int64), *(cut.sides for cut in cuts.values())])
    base = int(max(sides.max(initial=0), pairs.max(initial=0))) + 1
    forward = np.isin(pairs[:, 0] * base + pairs[:, 1], sides[:, 0] * base + sides[:, 1])
    cells = np.where(forward[:, None], cells, cells[:, ::-1])
    corners_of = np.array([topology.connectivity(2, 0).links(int(f)) for f in facets], dtype=np.int64).reshape(-1, 3)
    of_cell = topology.connectivity(3, 0).array.reshape(-1, 4)
    corners = np.stack([np.argmax(of_cell[cells] == corners_of[:, None, [i]], axis=2) for i in range(3)], axis=2)
    local = corners
    if order == 2:
        edge_of = np.full((4, 4), -1)
        for edge, (a, b) in enumerate(EDGE_VERTICES):
            edge_of[a, b] = edge_of[b, a] = 4 + edge
        local = np.concatenate(
            [corners, *(edge_of[corners[..., a], corners[..., b]][..., None] for a, b in ((0, 1), (1, 2), (2, 0)))], axis=2
        )
    dofs = np.take_along_axis(space.dofmap.list[cells].astype(np.int64), local, axis=2)
    geometry, x = domain.geometry.dofmaps[0], domain.geometry.x
    places = x[np.take_along_axis(geometry[cells[:, 0]].astype(np.int64), corners[:, 0], axis=1)]
    cross = np.cross(places[:, 1] - places[:, 0], places[:, 2] - places[:, 0])
    double = np.linalg.norm(cross, axis=1)
    normals = cross / double[:, None]
    first = x[geometry[cells[:, 0]]].mean(axis=1)
    normals *= np.where(np.einsum("fi,fi->f", places.mean(axis=1) - first, normals) > 0, 1.0, -1.0)[:, None]
    barycentric, shapes, rule = _rule(order)
    weights = np.outer(0.5 * double, rule)
    at_corners = np.empty((len(facets), 3, 3))
    for number in range(len(cuts)):
        mine = numbers == number
        at_corners[mine] = _average_normals(space, dofs[mine, 0, :3], double[mine], normals[mine])
    nodal = np.einsum("qi,fij->fqj", barycentric, at_corners) + _SMALL * normals[:, None]
    nodal /= np.linalg.norm(nodal, axis=2)[..., None]
    return InterfacePoints(
        dofs,
        shapes,
        weights,
        normals,
        nodal,
        numbers,
        facets.astype(np.int64),
        cells[:, 0],
        np.einsum("qi,fij->fqj", barycentric, places).reshape(-1, 3),
    )


def _average_normals(space: fem.FunctionSpace, dofs: IntArray, areas: FloatArray, normals: FloatArray) -> FloatArray:
    """(f, 3, 3) mean normal of one cut at the corners of its facets, weighted by (f,) areas; collective.

    A facet keeps its own where the mean is far from it, as at an edge of the surface. Not so at folds: a node with two normals is
    a wedge that jams and comes free from step to step, and where a joint's surface has hundreds of folds of a fraction of a
    millimetre a search with friction never came to rest (docs/interfaces.md).
    """
    mean = _sum_at_nodes(space, dofs, areas[:, None] * normals)
    whole = _sum_at_nodes(space, dofs, np.repeat(areas[:, None], 3, axis=1))[..., 0]
    length = np.linalg.norm(mean, axis=2)
    mean /= np.maximum(length, _TINY)[..., None]
    shared = (np.einsum("fqi,fi->fq", mean, normals) > _NEAR) | (length < _FOLDED * whole)
    return np.where((shared & (length > 0.0))[..., None], mean, normals[:, None])


def _sum_at_nodes(space: fem.FunctionSpace, dofs: IntArray, vectors: FloatArray) -> FloatArray:
    """(f, n, 3) sums, over all facets of a node, of (f, 3) vectors; collective."""
    total = fem.Function(space)
    np.add.at(total.x.array.reshape(-1, 3), dofs, vectors[:, None])
    total.x.scatter_reverse(InsertMode.add)
    total.x.scatter_forward()
    return np.asarray(total.x.array.reshape(-1, 3)[dofs])


def _rule(order: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(q, 3) barycentric coordinates of the points of a triangle's rule, (q, n) shape functions, (q,) weights that sum to 1."""
    weights = np.full(3, 1.0 / 3.0)
    if order == 1:
        return np.eye(3), np.eye(3), weights
    return _MIDDLES, np.hstack([np.zeros((3, 3)), np.eye(3)]), weights  # there the edges' own functions are 1, all others 0
