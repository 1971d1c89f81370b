"""Cutting tetrahedra along the zero of a level given at the nodes, moving no node.

MMG's level-set mode does the same for one material, but mixes references up where many features cross
(sheets came out 4 mm from their place). Here every cell is cut by itself. Neighbours agree on the diagonals
of shared quadrilaterals because every polygon is fanned from its node of the smallest number.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from sacrofem.mesh.facets import FACET_CORNERS
from sacrofem.mesh.model import FloatArray, IntArray
from sacrofem.mesh.tetrahedra import Tetrahedra, tidy

#: Corners of the six edges of a cell.
EDGE_CORNERS = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])


def cut_cells(mesh: Tetrahedra, level: FloatArray, bit: int) -> Tetrahedra:
    """Cut all cells that hold both signs; negative cells get ``bit`` added to their reference.

    Args:
        mesh: The mesh.
        level: (n,) values at the nodes; zero where the cut goes through a node.
        bit: Number added on the negative side.

    Returns:
        The cut mesh, linear along every cut edge. A cell whose nodes are all zero counts as positive.
    """
    values = level[mesh.cells]
    negative, positive = (values < 0).any(axis=1), (values > 0).any(axis=1)
    crossed = negative & positive
    references = mesh.references + np.where(negative & ~crossed, bit, 0)
    edges = np.sort(mesh.cells[crossed][:, EDGE_CORNERS].reshape(-1, 2), axis=1)
    edges = edges[level[edges[:, 0]] * level[edges[:, 1]] < 0]
    keys = np.unique(edges[:, 0] * len(mesh.points) + edges[:, 1])
    edges = np.stack(np.divmod(keys, len(mesh.points)), axis=1)
    first, second = level[edges[:, 0]], level[edges[:, 1]]
    share = (first / (first - second))[:, None]
    added = (1.0 - share) * mesh.points[edges[:, 0]] + share * mesh.points[edges[:, 1]]
    cells, kept = _divide(mesh.cells[crossed], np.sign(values[crossed]).astype(np.int64), keys, len(mesh.points))
    kept_references = mesh.references[crossed][kept // 2] + np.where(kept % 2 == 0, bit, 0)
    return tidy(
        Tetrahedra(
            np.concatenate([mesh.points, added]),
            np.concatenate([mesh.cells[~crossed], cells]),
            np.concatenate([references[~crossed], kept_references]),
        )
    )


def _divide(cells: IntArray, signs: IntArray, keys: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """Parts of crossed cells, and of each the number 2 i of its cell i, or 2 i + 1 where it lies on the positive side.

    How a cell is cut depends on its signs and on the order of its nodes' numbers alone: there are few ways.

    Args:
        cells: (m, 4) node numbers.
        signs: (m, 4) -1, 0 or 1 at the nodes.
        keys: (e,) lower node times ``count`` plus upper node of the edges that are cut, ascending.
        count: Number of nodes; the first of the new ones, in the order of ``keys``.
    """
    rank = np.argsort(np.argsort(cells, axis=1), axis=1)
    _, first, way = np.unique(
        (signs + 1) @ 3 ** np.arange(4) * 256 + rank @ 4 ** np.arange(4), return_index=True, return_inverse=True
    )
    parts = [_parts(tuple(signs[cell].tolist()), tuple(rank[cell].tolist())) for cell in first]
    most = max((len(rows) for rows in parts), default=0)
    table = np.full((len(parts), most, 5), -1, dtype=np.int64)
    for rows, slot in zip(parts, table, strict=True):
        slot[: len(rows)] = rows
    pairs = np.sort(cells[:, EDGE_CORNERS], axis=2)
    added = np.searchsorted(keys, pairs[..., 0] * count + pairs[..., 1])
    nodes = np.concatenate([cells, count + added], axis=1)
    chosen = table[way]
    there = chosen[..., 0] >= 0
    owner = np.nonzero(there)[0]
    found = chosen[there]
    return nodes[owner[:, None], found[:, :4]], 2 * owner + found[:, 4]


@cache
def _parts(signs: tuple[int, ...], rank: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Both sides of a cell with these signs and this order of node numbers: corners 0-3 or edges 4-9, and the side (0, 1)."""
    cut = [(edge, tuple(sorted((rank[a], rank[b])))) for edge, (a, b) in enumerate(EDGE_CORNERS) if signs[a] * signs[b] < 0]
    number = {pair: 4 + place for place, pair in enumerate(sorted(pair for _, pair in cut))}
    home = {rank[corner]: corner for corner in range(4)} | {number[pair]: 4 + edge for edge, pair in cut}
    of_rank = [signs[home[i]] for i in range(4)]
    return [
        (*(home[node] for node in part), side)
        for side, sign in enumerate((-1, 1))
        for part in _part(list(rank), sign, of_rank, number)
    ]


def _part(nodes: list[int], side: int, signs: list[int], number: dict[tuple[int, int], int]) -> list[tuple[int, int, int, int]]:
    """The part of a cell on one side (-1 or 1) of the cut, as tetrahedra of either orientation."""
    polygons = [_clip([nodes[i] for i in corners], side, signs, number) for corners in FACET_CORNERS.tolist()]
    polygons = [polygon for polygon in polygons if len(polygon) > 2]
    below, above = ([n for n in nodes if signs[n] * side == s] for s in (-1, 1))
    if len(below) == len(above) == 2:
        (a, b), (c, d) = below, above
        ring = [_between(*pair, number) for pair in ((a, c), (a, d), (b, d), (b, c))]
    else:
        ring = [n for n in nodes if signs[n] == 0] + [_between(a, c, number) for a in below for c in above]
    polygons.append(ring)
    tip = min(min(polygon) for polygon in polygons)
    parts = []
    for polygon in polygons:
        if tip not in polygon:
            start = polygon.index(min(polygon))
            fan = polygon[start:] + polygon[:start]
            parts += [(tip, fan[0], fan[i], fan[i + 1]) for i in range(1, len(fan) - 1)]
    return parts


def _clip(polygon: list[int], side: int, signs: list[int], number: dict[tuple[int, int], int]) -> list[int]:
    """The part of a facet on one side of the cut."""
    clipped: list[int] = []
    for here, ahead in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if signs[here] * side >= 0:
            clipped.append(here)
        if signs[here] * signs[ahead] < 0:
            clipped.append(_between(here, ahead, number))
    return clipped


def _between(a: int, b: int, number: dict[tuple[int, int], int]) -> int:
    """Number of the new node between two nodes."""
    return number[(a, b) if a < b else (b, a)]
