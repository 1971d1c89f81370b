"""Edits of a few cells: collapsing an edge, removing an edge, removing a facet; interfaces keep their places.

Every edit is proposed with the cells it takes out and puts in; who applies it compares their qualities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from sacrofem.mesh.model import FloatArray
from sacrofem.mesh.patch import Cell, Patch, curve_neighbours, edge_stratum, node_stratum
from sacrofem.mesh.quality import corner_radius_ratio

#: Farthest an edit may move an interface or the bone's surface, mm.
EDIT_DEVIATION = 0.15
#: Smallest cosine of the angle a facet of an interface may be turned by.
SMALLEST_COSINE = 0.7
#: An edge with more cells around it than this is not removed.
LARGEST_RING = 8


@dataclass(frozen=True)
class Edit:
    """Cells to be taken out, and (nodes, reference) of those to be put in, with their smallest quality."""

    old: tuple[int, ...]
    new: tuple[tuple[Cell, int], ...]
    quality: float


def collapse(patch: Patch, gone: int, kept: int) -> Edit | None:
    """Pull node ``gone`` onto its neighbour ``kept``; None where an interface would change its shape or place."""
    bounds = patch.bounds_at(gone)
    stratum = node_stratum(bounds, gone)
    if stratum == 0 or (stratum < 3 and edge_stratum(bounds, gone, kept) != stratum):
        return None
    if bounds:
        shared = patch.neighbours(gone) & patch.neighbours(kept)
        if len(shared) != len({n for cell in patch.shell(gone, kept) for n in patch.nodes(cell)}) - 2:
            return None
        other_bounds = patch.bounds_at(kept)
        linked = {n for f in bounds for n in f} & {n for f in other_bounds for n in f} - {gone, kept}
        if linked != {n for facet in bounds if kept in facet for n in facet} - {gone, kept}:
            return None
        turned = [facet for facet in bounds if kept not in facet]
        if not all(_stays(patch.points, facet, gone, kept) for facet in turned):
            return None
        if stratum == 1:
            ends = curve_neighbours(bounds, gone)
            if _height(patch.points[gone], *patch.points[ends]) > EDIT_DEVIATION:
                return None
    star = patch.star(gone)
    new = []
    for cell in star:
        nodes = patch.nodes(cell)
        if kept not in nodes:
            a, b, c, d = (kept if node == gone else node for node in nodes)
            new.append(((a, b, c, d), patch.references[cell]))
    if not new:
        return None
    return _edit(patch, star, new)


def remove_edge(patch: Patch, a: int, b: int) -> Edit | None:
    """Take the edge from ``a`` to ``b`` out and fill the room anew; an edge on an interface is flipped within it."""
    shell = patch.shell(a, b)
    if len(shell) > LARGEST_RING:
        return None
    bounds = patch.bounds_at(a)
    stratum = edge_stratum(bounds, a, b)
    if stratum == 1:
        return None
    after: dict[int, int] = {}
    owner: dict[int, int] = {}
    for cell in shell:
        p, q = _turn(patch.nodes(cell), a, b)
        after[p], owner[p] = q, patch.references[cell]
    if stratum == 3:
        first = min(after)
        rings = [_walk(after, first, first)]
        if len(rings[0]) != len(shell):  # flat cells beside the edge: no ring to be filled
            return None
    else:
        p, q = sorted({n for facet in bounds if a in facet and b in facet for n in facet} - {a, b})
        rings = [_walk(after, start, end) for start, end in ((p, q), (q, p)) if start in after]
        flat = any(len(ring) == 2 for ring in rings)  # a cell squeezed between both facets: the flip swallows it
        if q in patch.neighbours(p) and not (flat and edge_stratum(patch.bounds_at(p), p, q) == 3):
            return None
        if sum(len(ring) - 1 for ring in rings) != len(shell) or _flip_bends(patch.points, a, b, p, q):
            return None
    new: list[tuple[Cell, int]] = []
    for ring in rings:
        for i, j, k in _best_triangles(patch.points, ring, a, b) if len(ring) > 2 else ():
            new.append(((ring[i], ring[j], ring[k], b), owner[ring[0]]))
            new.append(((ring[i], ring[k], ring[j], a), owner[ring[0]]))
    if not new:
        return None
    return _edit(patch, shell, new)


def remove_facet(patch: Patch, cell: int, apex: int) -> Edit | None:
    """Replace a cell and its neighbour opposite to ``apex`` by three cells around the edge that joins their tips."""
    nodes = patch.nodes(cell)
    facet = [n for n in nodes if n != apex]
    beside = [c for c in patch.shell(facet[0], facet[1]) if c != cell and facet[2] in patch.nodes(c)]
    if not beside or patch.references[beside[0]] != patch.references[cell]:
        return None
    tip = next(n for n in patch.nodes(beside[0]) if n not in facet)
    if tip in patch.neighbours(apex):
        return None
    new = []
    for node in facet:
        a, b, c, d = (tip if n == node else n for n in nodes)
        new.append(((a, b, c, d), patch.references[cell]))
    return _edit(patch, [cell, beside[0]], new)


def proposals(patch: Patch, cell: int) -> Iterator[Edit]:
    """All edits that take a cell out, those that shorten the mesh first."""
    nodes = patch.nodes(cell)
    edges = sorted(combinations(nodes, 2), key=lambda e: float(np.linalg.norm(patch.points[e[0]] - patch.points[e[1]])))
    for a, b in edges:
        for gone, kept in ((a, b), (b, a)):
            edit = collapse(patch, gone, kept)
            if edit:
                yield edit
    for a, b in edges:
        edit = remove_edge(patch, a, b)
        if edit:
            yield edit
    for apex in nodes:
        edit = remove_facet(patch, cell, apex)
        if edit:
            yield edit


def _edit(patch: Patch, old: list[int], new: list[tuple[Cell, int]]) -> Edit:
    quality = corner_radius_ratio(patch.points[np.array([nodes for nodes, _ in new])])
    return Edit(tuple(old), tuple(new), float(quality.min()))


def _cross(u: FloatArray, v: FloatArray) -> FloatArray:
    """Vector product of two vectors: NumPy's own takes many times as long for one pair."""
    (a, b, c), (x, y, z) = u.tolist(), v.tolist()
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])


def _stays(points: FloatArray, facet: tuple[int, int, int], gone: int, kept: int) -> bool:
    """Whether a facet keeps its plane and its sense when its node ``gone`` is pulled onto ``kept``."""
    p, q = (points[n] for n in facet if n != gone)
    before = _cross(p - points[gone], q - points[gone])
    normal = _cross(p - points[kept], q - points[kept])
    length = float(np.linalg.norm(normal))
    if normal @ before <= SMALLEST_COSINE * length * float(np.linalg.norm(before)):
        return False
    return bool(abs((points[gone] - points[kept]) @ normal) <= EDIT_DEVIATION * length)


def _height(point: FloatArray, start: FloatArray, end: FloatArray) -> float:
    """Distance of a point from the line through two others, mm."""
    along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-12)
    return float(np.linalg.norm(_cross(point - start, along)))


def _flip_bends(points: FloatArray, a: int, b: int, p: int, q: int) -> bool:
    """Whether flipping the edge ab between the facets abp and abq to pq moves the surface or folds it."""
    pq = points[q] - points[p]
    normal = _cross(points[b] - points[a], pq)
    length = float(np.linalg.norm(normal))
    if length < 1e-12 or abs((points[p] - points[a]) @ normal) > EDIT_DEVIATION * length:
        return True
    before = [_cross(points[b] - points[a], points[p] - points[a]), _cross(points[a] - points[b], points[q] - points[b])]
    after = [_cross(points[a] - points[p], pq), _cross(points[b] - points[q], -pq)]
    return any(x @ y <= SMALLEST_COSINE * float(np.linalg.norm(x) * np.linalg.norm(y)) for x in before for y in after)


def _turn(nodes: Cell, a: int, b: int) -> tuple[int, int]:
    """The other two nodes (p, q) of a positive cell, so that (a, b, p, q) is positive."""
    p, q = (n for n in nodes if n not in (a, b))
    order = [nodes.index(n) for n in (a, b, p, q)]
    swaps = sum(order[i] > order[j] for i, j in combinations(range(4), 2))
    return (p, q) if swaps % 2 == 0 else (q, p)


def _walk(after: dict[int, int], start: int, end: int) -> list[int]:
    """The ring of nodes about an edge from ``start`` on, up to ``end`` (left out where it is the start)."""
    ring = [start]
    while len(ring) <= len(after) and ring[-1] in after:
        node = after[ring[-1]]
        if node == start:
            break
        ring.append(node)
        if node == end:
            break
    return ring


def _best_triangles(points: FloatArray, ring: list[int], a: int, b: int) -> tuple[tuple[int, int, int], ...]:
    """The triangulation of a ring whose worst cell with ``a`` and ``b`` is best."""
    count = len(ring)
    choices = list(combinations(range(count), 3))
    corners = points[np.array([[ring[i], ring[j], ring[k]] for i, j, k in choices])]
    upper = np.concatenate([corners, np.broadcast_to(points[b], (len(choices), 1, 3))], axis=1)
    lower = np.concatenate([corners[:, [0, 2, 1]], np.broadcast_to(points[a], (len(choices), 1, 3))], axis=1)
    worst = np.minimum(corner_radius_ratio(upper), corner_radius_ratio(lower))
    quality = dict(zip(choices, worst.tolist(), strict=True))
    return max(_triangulations(0, count - 1), key=lambda triangles: min(quality[t] for t in triangles))


@cache
def _triangulations(first: int, last: int) -> tuple[tuple[tuple[int, int, int], ...], ...]:
    """All triangulations of the polygon with corners ``first`` .. ``last``."""
    if last - first < 2:
        return ((),)
    return tuple(
        (*left, (first, middle, last), *right)
        for middle in range(first + 1, last)
        for left in _triangulations(first, middle)
        for right in _triangulations(middle, last)
    )
