"""Cutting fracture sheets in, each only within its limits, so that its front is a clean line.

A sheet and every surface that limits it get a bit of their own while their bone is cut. Afterwards one bit
is left for each sheet: it marks the block of bone behind the sheet and within its limits. Of that block's surface the
facets nearer to the sheet than to any limit are the fracture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from sacrofem.errors import MeshError, explain
from sacrofem.mesh.facets import Facets
from sacrofem.mesh.features import Feature, has_bit, split
from sacrofem.mesh.model import IntArray
from sacrofem.mesh.remeshing import CLEAN_DEVIATION
from sacrofem.mesh.tetrahedra import Tetrahedra
from sacrofem.shapes.field import BoolArray
from sacrofem.shapes.fracture import Sheet

#: A corner of a sheet's facet lies within this many clean-up deviations of the sheet.
_FARTHEST = 3.0


@dataclass(frozen=True)
class SheetFeature:
    """A sheet with what the mesh knows it by.

    Attributes:
        sheet: The sheet.
        bit: Marks the cells behind the sheet and within its limits.
    """

    sheet: Sheet
    bit: int

    @property
    def name(self) -> str:
        """Name of its surface in the mesh."""
        return f"fracture:{self.sheet.name}"

    @property
    def level(self) -> Feature:
        """What the edge length grows away from."""
        return Feature(self.name, self.sheet.away, self.bit)


def number_sheets(sheets: Sequence[Sheet], first_bit: int) -> list[SheetFeature]:
    """Give every sheet a bit, from ``first_bit`` upwards."""
    return [SheetFeature(sheet, first_bit << i) for i, sheet in enumerate(sheets)]


def cut_sheets(
    mesh: Tetrahedra,
    sheets: Sequence[SheetFeature],
    near: float,
    broken: Callable[[IntArray, str], BoolArray] | None = None,
) -> Tetrahedra:
    """Cut sheets in within their limits.

    Args:
        mesh: The mesh so far; its references use bits below those of the sheets.
        sheets: The sheets.
        near: Edge length at features, mm.
        broken: (references, name of a bone) -> which belong to it (None: all, to the only bone).

    Returns:
        The mesh; of the sheets' bits each cell holds those of the blocks it lies in.
    """

    def chosen(mesh: Tetrahedra, bone: str) -> IntArray:
        present = np.unique(mesh.references)
        return present if broken is None else present[broken(present, bone)]

    for bone in sorted({feature.sheet.bone for feature in sheets}):
        here = [feature for feature in sheets if feature.sheet.bone == bone]
        mesh = _cut_whole(mesh, [feature for feature in here if feature.sheet.centre is None], bone, sheets, near, chosen)
        for feature in here:
            if feature.sheet.centre is not None:
                mesh = _cut_local(mesh, feature, sheets[-1].bit << 1, near, chosen(mesh, bone))
    return mesh


def _cut_whole(
    mesh: Tetrahedra,
    sheets: Sequence[SheetFeature],
    bone: str,
    every: Sequence[SheetFeature],
    near: float,
    chosen: Callable[[Tetrahedra, str], IntArray],
) -> Tetrahedra:
    """Cut the sheets of one bone in that go through all of it, but for their limits."""
    if not sheets:
        return mesh
    surfaces = {limit.surface: limit for feature in sheets for limit in feature.sheet.limits}
    own = {feature.sheet.surface: feature.sheet.level for feature in sheets}
    # Surfaces that limit others first, through all bone; the sheets left over are then cut within their limits alone.
    order = sorted({*surfaces, *own}, key=lambda surface: (surface not in surfaces, surface))
    first = every[-1].bit << 1
    bits = {surface: first << i for i, surface in enumerate(order)}
    for surface in order:
        level = own.get(surface) or surfaces[surface].level
        within = chosen(mesh, bone)
        if surface not in surfaces:
            sheet = next(feature.sheet for feature in sheets if feature.sheet.surface == surface)
            needed, refused = _needed_bits(sheet, bits)
            within = within[(within - 1) & (needed | refused) == needed]
        mesh = split(mesh, Feature(surface, level, bits[surface]), near, within)
    references = mesh.references - 1
    kept = references & (first - 1)
    for feature in sheets:
        needed, refused = _needed_bits(feature.sheet, bits)
        block = (references & (needed | bits[feature.sheet.surface] | refused)) == (needed | bits[feature.sheet.surface])
        kept = kept + np.where(block, feature.bit, 0)
    return Tetrahedra(mesh.points, mesh.cells, kept + 1)


def _cut_local(mesh: Tetrahedra, feature: SheetFeature, first: int, near: float, within: IntArray) -> Tetrahedra:
    """Cut one sheet in where it meets the bone about its centre: of all blocks behind it the connected one that lies there.

    Args:
        mesh: The mesh.
        feature: The sheet; the last of its limits is its backing.
        first: The first of three bits that are free.
        near: Edge length at features, mm.
        within: References of the bone.

    Raises:
        MeshError: The place is wider than the sheet's reach.
    """
    here, sheet, behind, backed = first, feature.bit, first << 1, first << 2
    level, backing = feature.sheet.level(mesh.points), feature.sheet.limits[-1].level(mesh.points)
    crossed = (level[mesh.cells].min(axis=1) < 0.0) & (backing[mesh.cells].min(axis=1) < 0.0)
    crossed &= np.isin(mesh.references, within)
    numbers = np.flatnonzero(crossed)
    _, piece = connected_components(_sharing_nodes(mesh.cells[numbers], len(mesh.points)), directed=False)
    piece = piece[: len(numbers)]
    assert feature.sheet.centre is not None
    away = np.linalg.norm(mesh.points[mesh.cells[numbers]].mean(axis=1) - feature.sheet.centre, axis=1)
    if not len(numbers) or away.min() > feature.sheet.reach:
        return mesh  # the surface stays without facets, which is an error by name
    chosen = piece == piece[np.argmin(away)]
    _require_reach(feature.sheet, float(away[chosen].max()), near)
    references = mesh.references.copy()
    references[numbers[chosen]] += here
    mesh = Tetrahedra(mesh.points, mesh.cells, references)
    for surface, bit in ((feature.sheet.level, behind), (feature.sheet.limits[-1].level, backed)):
        present = np.unique(mesh.references)
        mesh = split(mesh, Feature(feature.name, surface, bit), near, present[has_bit(present, here) == 1])
    block = here | behind | backed
    inside = ((mesh.references - 1) & block) == block
    kept = (mesh.references - 1) & (first - 1)
    return Tetrahedra(mesh.points, mesh.cells, kept + np.where(inside, sheet, 0) + 1)


def _require_reach(sheet: Sheet, farthest: float, near: float) -> None:
    """Refuse a sheet that runs on through the bone beyond its reach, where another break was to be."""
    assert sheet.centre is not None
    if farthest > sheet.reach + 2.0 * near:
        x, y, z = sheet.centre
        raise MeshError(
            explain(
                "A sheet runs on beyond its reach.",
                where=f"{sheet.name}, about ({x:.1f}, {y:.1f}, {z:.1f}) mm",
                got=f"a place where the bone meets its plane, {farthest:.0f} mm wide from there",
                allowed=f"within reach: {sheet.reach:g} mm",
                next_step="turn the sheet square to the bone, or leave reach out and give limits",
            )
        )


def _sharing_nodes(cells: IntArray, nodes: int) -> coo_matrix:
    """Graph of cells (first) and nodes (after them)."""
    count = len(cells)
    rows = np.repeat(np.arange(count), 4)
    return coo_matrix((np.ones(4 * count), (rows, count + cells.ravel())), shape=(count + nodes, count + nodes))


def _needed_bits(sheet: Sheet, bits: dict[str, int]) -> tuple[int, int]:
    """Bits that cells within the limits of a sheet hold, and bits that they do not hold."""
    needed = sum(bits[limit.surface] for limit in sheet.limits if limit.behind)
    return needed, sum(bits[limit.surface] for limit in sheet.limits if not limit.behind)


def sheet_facets(mesh: Tetrahedra, facets: Facets, feature: SheetFeature, broken: BoolArray) -> IntArray:
    """The facets of a fracture.

    Args:
        mesh: The mesh.
        facets: Its facets.
        feature: The sheet.
        broken: (m,) cells of the bones that the sheet runs through.

    Returns:
        (k, 3) node numbers, ordered so that the normal points beyond the sheet (laterally).
    """
    behind = has_bit(mesh.references, feature.bit)[facets.inner_cells]
    between = np.flatnonzero((behind[:, 0] != behind[:, 1]) & broken[facets.inner_cells].all(axis=1))
    corners = mesh.points[facets.inner[between]]
    middles = corners.mean(axis=1)
    own = np.abs(feature.sheet.level(middles))
    on_sheet = np.ones(len(between), dtype=np.bool_)
    for limit in feature.sheet.limits:
        on_sheet &= own <= np.abs(limit.level(middles))
    if feature.sheet.limits:
        # Where sheet and limit meet at a small angle, facets of the limit have their middle near both.
        farthest = np.abs(feature.sheet.level(corners.reshape(-1, 3))).reshape(-1, 3).max(axis=1)
        on_sheet &= farthest <= _FARTHEST * CLEAN_DEVIATION
    chosen = between[on_sheet]
    triangles = facets.inner[chosen]
    outward = behind[chosen, 0] == 1  # the facet points from its first cell to its second
    ordered: IntArray = np.where(outward[:, None], triangles, triangles[:, [0, 2, 1]])
    return ordered
