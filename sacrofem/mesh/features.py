"""Making features conforming: cuts along level sets.

A feature is a level function with a bit: cells where the level is negative carry the bit in their reference.
A split cuts bodies of treatments too: a fracture also runs through regions that are bone again in some treatment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sacrofem.mesh.cutting import cut_cells
from sacrofem.mesh.model import FloatArray, IntArray
from sacrofem.mesh.surface import SizeField
from sacrofem.mesh.tetrahedra import Tetrahedra
from sacrofem.shapes.field import Shape

#: Levels nearer to zero than this share of the local size count as zero: avoids the flattest splinters.
SNAP = 0.05
#: How fast edges grow away from a feature, mm per mm of distance.
GROWTH = 0.35
#: Largest offset of a level that makes up for flat facets, mm.
LARGEST_OFFSET = 0.5


@dataclass(frozen=True)
class Feature:
    """Something the mesh conforms to.

    Attributes:
        name: ``cement:<name>``, ``screw:<name>`` or ``fracture:<name>``.
        level: Signed distance, mm; cells with negative values carry the bit.
        bit: Power of two.
        volume: Volume the cells with the bit shall hold, mm^3; None: as the level gives it.
    """

    name: str
    level: Shape
    bit: int
    volume: float | None = None


def size_field(features: Sequence[Feature], far: float, near: float) -> SizeField:
    """Edge length ``near`` (mm) at features, growing to ``far`` away from them."""

    def size(points: FloatArray) -> FloatArray:
        wanted = np.full(len(points), far)
        for feature in features:
            wanted = np.minimum(wanted, near + GROWTH * np.abs(feature.level(points)))
        floored: FloatArray = np.maximum(wanted, min(near, far))
        return floored

    return size


def has_bit(references: IntArray, bit: int) -> IntArray:
    """1 where a reference holds ``bit``, else 0."""
    held: IntArray = ((references - 1) & bit) // bit
    return held


def split(mesh: Tetrahedra, feature: Feature, near: float, within: IntArray | None = None) -> Tetrahedra:
    """Cut all cells along the zero level of a feature, moving no node.

    Args:
        mesh: The mesh so far.
        feature: The feature; cells on its negative side get its bit.
        near: Edge length at features, mm.
        within: References of the cells that are cut; the others stay whole (None: all are cut).

    Returns:
        The cut mesh. A feature that touches no cell leaves the mesh as it is.
    """
    level = feature.level(mesh.points)
    if feature.volume is not None:
        level = level - offset_for_volume(mesh, level, feature.volume)
    level = np.where(np.abs(level) < SNAP * near, 0.0, level)
    if within is None:
        return cut_cells(mesh, level, feature.bit)
    # Beyond the chosen cells the level is zero: there only edges that they share are cut, so that cells go on to fit.
    inside = np.zeros(len(mesh.points), dtype=np.bool_)
    inside[mesh.cells[np.isin(mesh.references, within)]] = True
    cut = cut_cells(mesh, np.where(inside, level, 0.0), feature.bit)
    strayed = (has_bit(cut.references, feature.bit) == 1) & ~np.isin(cut.references - feature.bit, within)
    return Tetrahedra(cut.points, cut.cells, np.where(strayed, cut.references - feature.bit, cut.references))


def offset_for_volume(mesh: Tetrahedra, level: FloatArray, volume: float) -> float:
    """How far (mm) a level is to be moved outward so that its flat-faced cut holds ``volume`` mm^3.

    Flat facets cut the round off a convex body, some per cent of its volume at usual sizes. The offset is
    kept within :data:`LARGEST_OFFSET`, less than the margin cement keeps from the cortex.
    """
    near = (level[mesh.cells].min(axis=1) < LARGEST_OFFSET).nonzero()[0]
    a, b, c, d = (mesh.points[mesh.cells[near, i]] for i in range(4))
    sizes = np.abs(np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a)) / 6.0
    corners = level[mesh.cells[near]]
    lower, upper = -LARGEST_OFFSET, LARGEST_OFFSET
    for _ in range(40):
        offset = 0.5 * (lower + upper)
        held = float(sizes @ negative_fraction(corners - offset))
        lower, upper = (offset, upper) if held < volume else (lower, offset)
    return 0.5 * (lower + upper)


def negative_fraction(corners: FloatArray) -> FloatArray:
    """Share of each tetrahedron where the linear function with these (m, 4) corner values is negative.

    The share is the sum over negative corners i of (-v_i)^3 / prod_j (v_j - v_i) (a truncated-power divided
    difference); the complement is summed where more corners are negative than positive.
    """
    apart = corners + 1e-7 * np.arange(4)
    flipped = (apart < 0).sum(axis=1) > 2
    apart = np.where(flipped[:, None], -apart, apart)
    share = np.zeros(len(apart))
    for i in range(4):
        others = [j for j in range(4) if j != i]
        steps = apart[:, others] - apart[:, [i]]
        steps = np.where(np.abs(steps) < 1e-9, 1e-9, steps)
        share += np.where(apart[:, i] < 0, (-apart[:, i]) ** 3 / steps.prod(axis=1), 0.0)
    bounded: FloatArray = np.clip(np.where(flipped, 1.0 - share, share), 0.0, 1.0)
    return bounded
