"""Mending the flattest cells after the remeshing: edits of their edges and facets, then moves of their nodes.

The remesher leaves some ten cells flat where interfaces meet or graze each other. They are few: each is worked on
by itself, until all reach the goal or nothing helps any more. No step makes the worst of the cells it touches worse.
"""

from __future__ import annotations

import logging

import numpy as np

from sacrofem.mesh.edits import Edit, proposals
from sacrofem.mesh.model import FloatArray
from sacrofem.mesh.patch import Patch
from sacrofem.mesh.quality import corner_radius_ratio, radius_ratio
from sacrofem.mesh.smoothing import lift_node
from sacrofem.mesh.tetrahedra import Tetrahedra

logger = logging.getLogger(__name__)

#: Rounds over all flat cells.
ROUNDS = 12
#: Seed of the trial directions: the same mesh comes out every time.
SEED = 20_240_501


def lift_worst(mesh: Tetrahedra, goal: float) -> Tetrahedra:
    """Mend cells flatter than ``goal``.

    Args:
        mesh: Positive tetrahedra.
        goal: Radius ratio below which a cell is worked on.

    Returns:
        The mesh; the worst cell is no worse than before.
    """
    bad = np.flatnonzero(radius_ratio(mesh.points, mesh.cells) < goal).tolist()
    if not bad:
        return mesh
    patch = Patch(mesh)
    homes: dict[int, FloatArray] = {}
    random = np.random.default_rng(SEED)
    edits = moves = 0
    for _ in range(ROUNDS):
        touched: set[int] = set()
        before = edits + moves
        qualities = dict(zip(bad, _qualities(patch, bad).tolist(), strict=True))
        for cell in sorted(bad, key=lambda c: qualities[c]):
            if patch.cells[cell] is None:
                continue
            edit = _best(patch, cell, goal)
            if edit:
                touched.update(range(len(patch.cells), len(patch.cells) + len(edit.new)))
                patch.replace(edit.old, edit.new)
                edits += 1
        left = [cell for cell in [*bad, *sorted(touched)] if patch.cells[cell] is not None]
        left = [c for c, quality in zip(left, _qualities(patch, left), strict=True) if quality < goal]
        for node in sorted({node for cell in left for node in patch.nodes(cell)}):
            moves += lift_node(patch, node, homes, random)
            touched.update(patch.star(node))
        bad = sorted({*left, *(cell for cell in touched if patch.cells[cell] is not None)})
        bad = [c for c, quality in zip(bad, _qualities(patch, bad), strict=True) if quality < goal]
        if not bad or edits + moves == before:
            break
    logger.info("mesh: %d edits and %d moves of nodes, %d cells below %.2f left", edits, moves, len(bad), goal)
    return patch.finish()


def _qualities(patch: Patch, cells: list[int]) -> FloatArray:
    """Radius ratios of some cells."""
    return corner_radius_ratio(patch.points[np.array([patch.nodes(cell) for cell in cells], dtype=np.int64).reshape(-1, 4)])


def _best(patch: Patch, cell: int, goal: float) -> Edit | None:
    """The first edit of a cell that reaches the goal, else the one that raises the worst quality most, if any."""
    best: Edit | None = None
    for edit in proposals(patch, cell):
        if best is not None and edit.quality <= best.quality:
            continue
        if edit.quality > float(_qualities(patch, list(edit.old)).min()) + 1e-4:
            best = edit
            if edit.quality >= goal:
                break
    return best
