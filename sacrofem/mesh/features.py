"""Making features conforming: level-set splits, then one clean-up remesh, both by MMG.

A feature is a level function with a bit: cells where the level is negative carry the bit in their reference.
Every split cuts all cells, so that a fracture also runs through regions that are bone again in some treatment.
"""

from __future__ import annotations

from collections.abc import Sequence
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
CLEAN_DEVIATION = 0.12
#: Largest ratio of neighbouring edge lengths in the clean-up.
CLEAN_GRADATION = 1.4


@dataclass(frozen=True)
class Feature:
    """Something the mesh conforms to.

    Attributes:
        name: ``cement:<name>``, ``screw:<name>`` or ``fracture:<name>``.
        level: Signed distance, mm; cells with negative values carry the bit.
        bit: Power of two.
    """

    name: str
    level: Shape
    bit: int


def size_field(features: Sequence[Feature], far: float, near: float) -> SizeField:
    """Edge length ``near`` (mm) at features, growing to ``far`` away from them."""

    def size(points: FloatArray) -> FloatArray:
        wanted = np.full(len(points), far)
        for feature in features:
            wanted = np.minimum(wanted, near + GROWTH * np.abs(feature.level(points)))
        return np.maximum(wanted, min(near, far))

    return size


def has_bit(references: IntArray, bit: int) -> IntArray:
    """1 where a reference holds ``bit``, else 0."""
    held: IntArray = ((references - 1) & bit) // bit
    return held


def split(mesh: Tetrahedra, feature: Feature, near: float) -> Tetrahedra:
    """Cut all cells along the zero level of a feature, moving no node (MMG's level-set mode without remeshing).

    Args:
        mesh: The mesh so far.
        feature: The feature; cells on its negative side get its bit.
        near: Edge length at features, mm.

    Returns:
        The cut mesh. A feature that touches no cell leaves the mesh as it is.
    """
    level = feature.level(mesh.points)
    level = np.where(np.abs(level) < SNAP * near, 0.0, level)
    if not (level < 0).any():
        return mesh
    if not (level > 0).any():
        return Tetrahedra(mesh.points, mesh.cells, mesh.references + feature.bit)
    worker = _load(mesh)
    present = np.unique(mesh.references)
    worker.set_multi_materials(
        [{"ref": int(r), "split": True, "ref_minus": int(r) + feature.bit, "ref_plus": int(r)} for r in present]
    )
    worker.remesh_levelset(level.reshape(-1, 1), noinsert=1, noswap=1, nomove=1, verbose=-1)
    return _unload(worker)


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
