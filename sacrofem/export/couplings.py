"""Ligaments, rods and plates as springs on combinations of nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from sacrofem.export.springs import Combinations
from sacrofem.mechanics.coupling import CoupledMatrix, Coupling
from sacrofem.mesh.model import FloatArray, IntArray

#: Eigenvalues below this share of the largest are rigid motions of a frame, which cost nothing.
_RIGID = 1e-12


def describe_couplings(coupled: CoupledMatrix, numbers: IntArray, points: FloatArray) -> list[Combinations]:
    """The springs between patches that act in the solved state, as combinations whose squares sum to twice their energy.

    With K = V L V^T the energy (B u) . K B u / 2 is that of springs of stiffness 1 on the rows of L^1/2 V^T B: of a ligament the
    root of its stiffness times its elongation, of rods and plates the modes of the condensed frame.

    Args:
        coupled: The springs, in their solved state.
        numbers: Node number of every block of dofs.
        points: (n, 3) places of the nodes, mm.
    """
    found = []
    for coupling, place in zip(coupled.couplings, coupled.places, strict=True):
        acting = coupled.taut[place]
        if acting.any():
            found.append(_combine(coupling, acting, numbers, points))
    return found


def _combine(coupling: Coupling, acting: NDArray[np.bool_], numbers: IntArray, points: FloatArray) -> Combinations:
    values, directions = np.linalg.eigh(coupling.stiffness[np.ix_(acting, acting)])
    kept = values > _RIGID * values.max()
    modes = csr_array(np.sqrt(values[kept])[:, None] * directions[:, kept].T)
    rows = csr_array(modes @ csr_array(coupling.rows[np.flatnonzero(acting)]))
    rows.sum_duplicates()
    rows.eliminate_zeros()
    blocks = [np.unique(rows.indices[start:end] // 3) for start, end in zip(rows.indptr[:-1], rows.indptr[1:], strict=True)]
    width = max(len(block) for block in blocks)
    nodes = np.zeros((len(blocks), width), dtype=np.int64)
    factors = np.zeros((len(blocks), 3, width, 3))
    places = np.zeros((len(blocks), 3))
    for row, block in enumerate(blocks):
        part = slice(rows.indptr[row], rows.indptr[row + 1])
        columns = rows.indices[part]
        # Rows are shorter than the widest: they are filled up with their first node, whose factors there are zero.
        nodes[row] = numbers[block[0]]
        nodes[row, : len(block)] = numbers[block]
        factors[row, 0, np.searchsorted(block, columns // 3), columns % 3] = rows.data[part]
        places[row] = points[numbers[block]].mean(axis=0)
    return Combinations(coupling.name, False, nodes, factors, places)


def name_slack(coupled: CoupledMatrix) -> dict[str, tuple[int, int]]:
    """Ligament -> how many of its springs are slack in the solved state, and how many it has; none where all are taut."""
    found: dict[str, tuple[int, int]] = {}
    for label, acting in zip(coupled.labels, coupled.taut, strict=True):
        slack, every = found.get(label, (0, 0))
        found[label] = slack + (not acting), every + 1
    return {label: counts for label, counts in found.items() if counts[0]}
