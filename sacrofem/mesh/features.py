"""Making features conforming: level-set splits, then one clean-up remesh, both by MMG.

A feature is a level function with a bit: cells where the level is negative carry the bit in their reference.
Every split cuts all cells: a fracture also runs through regions that are bone again in some treatment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mmgpy
import numpy as np

from sacrofem.mesh.model import FloatArray, IntArray
from sacrofem.mesh.surface import RIDGE_ANGLE, SizeField
from sacrofem.mesh.tetrahedra import Tetrahedra, tidy
from sacrofem.shapes.field import Shape

#: Levels nearer to zero than this share of the local size count as zero: avoids the flattest splinters.
SNAP = 0.05
#: How fast edges grow away from a feature, mm per mm of distance.
GROWTH = 0.35
#: Largest distance of interfaces and bone surface from the split ones after the clean-up, mm.
CLEAN_DEVIATION = 0.25
#: Largest offset of a level that makes up for flat facets, mm.
LARGEST_OFFSET = 0.5
#: Largest ratio of neighbouring edge lengths in the clean-up.
CLEAN_GRADATION = 1.6


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


def split(mesh: Tetrahedra, feature: Feature, near: float, only: Callable[[int], bool] | None = None) -> Tetrahedra:
    """Cut all cells along the zero level of a feature, moving no node (MMG's level-set mode, no remeshing).

    Args:
        mesh: The mesh so far.
        feature: The feature; cells on its negative side get its bit.
        near: Edge length at features, mm.
        only: References whose cells are cut and get the bit; None: all.

    Returns:
        The cut mesh. A feature that touches no cell leaves the mesh as it is.
    """
    level = feature.level(mesh.points)
    if feature.volume is not None:
        level = level - offset_for_volume(mesh, level, feature.volume)
    level = np.where(np.abs(level) < SNAP * near, 0.0, level)
    present = [int(reference) for reference in np.unique(mesh.references)]
    chosen = [reference for reference in present if only is None or only(reference)]
    cut = np.isin(mesh.references, chosen)
    corners = level[mesh.cells[cut]]
    if not (corners < 0).any():
        return mesh
    if not (corners > 0).any():
        return Tetrahedra(mesh.points, mesh.cells, mesh.references + feature.bit * cut)
    worker = _load(mesh)
    # References that come out are raised above those that go in: MMG mixes up a reference that means both.
    raised = int(mesh.references.max())
    worker.set_multi_materials(
        [
            {"ref": old, "split": True, "ref_minus": raised + old + feature.bit, "ref_plus": raised + old}
            if old in chosen
            else {"ref": old, "split": False, "ref_minus": old, "ref_plus": old}
            for old in present
        ]
    )
    worker.remesh_levelset(level.reshape(-1, 1), noinsert=1, noswap=1, nomove=1, verbose=-1)
    cut_mesh = _unload(worker)
    lowered = np.where(cut_mesh.references > raised, cut_mesh.references - raised, cut_mesh.references)
    return Tetrahedra(cut_mesh.points, cut_mesh.cells, lowered)


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


def clean_up(mesh: Tetrahedra, size: SizeField, smallest: float) -> Tetrahedra:
    """Remesh to a size field, keeping all interfaces between references."""
    worker = _load(mesh)
    worker.set_field("metric", size(mesh.points).reshape(-1, 1))
    worker.remesh(hmin=smallest, hausd=CLEAN_DEVIATION, hgrad=CLEAN_GRADATION, ar=RIDGE_ANGLE, verbose=-1)
    return _unload(worker)


def _load(mesh: Tetrahedra) -> mmgpy.MmgMesh3D:
    worker = mmgpy.MmgMesh3D()
    worker.set_mesh_size(vertices=len(mesh.points), tetrahedra=len(mesh.cells))
    worker.set_vertices(mesh.points)
    worker.set_tetrahedra(mesh.cells.astype(np.int32), mesh.references)
    return worker


def _unload(worker: mmgpy.MmgMesh3D) -> Tetrahedra:
    cells, references = worker.get_tetrahedra_with_refs()
    return tidy(
        Tetrahedra(
            np.asarray(worker.get_vertices(), dtype=np.float64),
            np.asarray(cells, dtype=np.int64),
            np.asarray(references, dtype=np.int64),
        )
    )
