"""A mesh that can be edited cell by cell, and what binds its nodes.

A node, or an edge, lies in a stratum: 3 inside a region, 2 on one interface (or on the bone's surface), 1 on a
curve where interfaces meet, 0 where such curves meet or end. An edit that keeps every node in its stratum keeps
the regions, the interfaces and the curves between them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from sacrofem.mesh.model import FloatArray, IntArray
from sacrofem.mesh.tetrahedra import Tetrahedra, tidy

#: Sorted node numbers of a facet on an interface -> sorted references beside it (0: outside the bone).
Bounds = dict[tuple[int, int, int], tuple[int, int]]
Cell = tuple[int, int, int, int]


class Patch:
    """Tetrahedra that are edited a few at a time.

    Attributes:
        points: (n, 3) coordinates, mm; may be changed in place.
        cells: Node numbers of every cell; None where it was taken out.
        references: Reference of every cell.
    """

    def __init__(self, mesh: Tetrahedra) -> None:
        self.points: FloatArray = mesh.points.copy()
        self.cells: list[Cell | None] = list(map(tuple, mesh.cells.tolist()))
        self.references: list[int] = mesh.references.tolist()
        self._given = mesh.cells
        flat = mesh.cells.ravel()
        self._order: IntArray = np.argsort(flat, kind="stable") // 4
        self._start: IntArray = np.concatenate([[0], np.cumsum(np.bincount(flat, minlength=len(mesh.points)))])
        self._stars: dict[int, list[int]] = {}
        self._bounds: dict[int, Bounds] = {}

    def star(self, node: int) -> list[int]:
        """Numbers of the cells at a node."""
        known = self._stars.get(node)
        if known is None:
            known = self._order[self._start[node] : self._start[node + 1]].tolist()
            self._stars[node] = known
        return known

    def shell(self, a: int, b: int) -> list[int]:
        """Numbers of the cells at the edge from ``a`` to ``b``."""
        return [cell for cell in self.star(a) if b in self.nodes(cell)]

    def nodes(self, cell: int) -> Cell:
        """Node numbers of a cell that is still there."""
        nodes = self.cells[cell]
        assert nodes is not None
        return nodes

    def neighbours(self, node: int) -> set[int]:
        """Nodes that share a cell with ``node``, itself left out."""
        return {other for cell in self.star(node) for other in self.nodes(cell)} - {node}

    def replace(self, old: Iterable[int], new: Sequence[tuple[Cell, int]]) -> None:
        """Take cells out and put (nodes, reference) in."""
        for cell in old:
            for node in self.nodes(cell):
                self.star(node).remove(cell)
                self._bounds.pop(node, None)
            self.cells[cell] = None
        for nodes, reference in new:
            for node in nodes:
                self.star(node).append(len(self.cells))
                self._bounds.pop(node, None)
            self.cells.append(nodes)
            self.references.append(reference)

    def bounds_at(self, node: int) -> Bounds:
        """The facets at ``node`` that lie on an interface or on the bone's surface; kept until the cells there change."""
        known = self._bounds.get(node)
        if known is not None:
            return known
        beside: dict[tuple[int, int, int], list[int]] = defaultdict(list)
        for cell in self.star(node):
            for pair in combinations(sorted(set(self.nodes(cell)) - {node}), 2):
                a, b, c = sorted((node, *pair))
                beside[a, b, c].append(self.references[cell])
        found: Bounds = {}
        for facet, references in beside.items():
            low, high = sorted(references) if len(references) == 2 else (0, references[0])
            if low != high:
                found[facet] = (low, high)
        self._bounds[node] = found
        return found

    def finish(self) -> Tetrahedra:
        """The edited mesh."""
        added = [cell or (0, 0, 0, 0) for cell in self.cells[len(self._given) :]]
        cells = np.concatenate([self._given, np.array(added, dtype=np.int64).reshape(-1, 4)])
        kept = np.array([cell is not None for cell in self.cells], dtype=np.bool_)
        return tidy(Tetrahedra(self.points, cells[kept], np.array(self.references, dtype=np.int64)[kept]))


def edge_stratum(bounds: Bounds, a: int, b: int) -> int:
    """Stratum of the edge from ``a`` to ``b``, given the bounds at one of its nodes: 3, 2 or 1."""
    sides = [pair for facet, pair in bounds.items() if a in facet and b in facet]
    if not sides:
        return 3
    return 2 if len(sides) == 2 and sides[0] == sides[1] else 1


def curve_neighbours(bounds: Bounds, node: int) -> list[int]:
    """The nodes that ``node`` is joined to along curves where interfaces meet, ascending."""
    others = sorted({other for facet in bounds for other in facet} - {node})
    return [other for other in others if edge_stratum(bounds, node, other) == 1]


def node_stratum(bounds: Bounds, node: int) -> int:
    """Stratum of a node, given the bounds at it."""
    if not bounds:
        return 3
    curves = curve_neighbours(bounds, node)
    if curves:
        return 1 if len(curves) == 2 else 0
    return 2 if len(set(bounds.values())) == 1 else 0
