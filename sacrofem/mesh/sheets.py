"""Cutting fracture sheets in, each only within its limits, so that its front is a clean line.

A sheet and every surface that limits it get a bit of their own while the mesh is cut. Afterwards one bit
is left for each sheet: it marks the block of bone behind the sheet and within its limits. Of that block's surface the
facets nearer to the sheet than to any limit are the fracture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from sacrofem.mesh.facets import Facets
from sacrofem.mesh.features import CLEAN_DEVIATION, Feature, has_bit, split
from sacrofem.mesh.model import IntArray
from sacrofem.mesh.tetrahedra import Tetrahedra
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


def cut_sheets(mesh: Tetrahedra, sheets: Sequence[SheetFeature], near: float) -> Tetrahedra:
    """Cut sheets in within their limits.

    Args:
        mesh: The mesh so far; its references use bits below those of the sheets.
        sheets: The sheets.
        near: Edge length at features, mm.

    Returns:
        The mesh; of the sheets' bits each cell holds those of the blocks it lies in.
    """
    if not sheets:
        return mesh
    surfaces = {limit.surface: limit for feature in sheets for limit in feature.sheet.limits}
    own = {feature.sheet.surface: feature.sheet.level for feature in sheets}
    # Surfaces that limit others first, through all bone; the sheets left over are then cut within their limits alone.
    order = sorted({*surfaces, *own}, key=lambda surface: (surface not in surfaces, surface))
    bits = {surface: sheets[0].bit << i for i, surface in enumerate(order)}
    for surface in order:
        level = own.get(surface) or surfaces[surface].level
        within = None
        if surface not in surfaces:
            sheet = next(feature.sheet for feature in sheets if feature.sheet.surface == surface)
            within = partial(_holds, *_needed_bits(sheet, bits))
        mesh = split(mesh, Feature(surface, level, bits[surface]), near, within)
    references = mesh.references - 1
    kept = references & (sheets[0].bit - 1)
    for feature in sheets:
        needed, refused = _needed_bits(feature.sheet, bits)
        block = (references & (needed | bits[feature.sheet.surface] | refused)) == (needed | bits[feature.sheet.surface])
        kept = kept + np.where(block, feature.bit, 0)
    return Tetrahedra(mesh.points, mesh.cells, kept + 1)


def _needed_bits(sheet: Sheet, bits: dict[str, int]) -> tuple[int, int]:
    """Bits that cells within the limits of a sheet hold, and bits that they do not hold."""
    needed = sum(bits[limit.surface] for limit in sheet.limits if limit.behind)
    return needed, sum(bits[limit.surface] for limit in sheet.limits if not limit.behind)


def _holds(needed: int, refused: int, reference: int) -> bool:
    return (reference - 1) & (needed | refused) == needed


def sheet_facets(mesh: Tetrahedra, facets: Facets, feature: SheetFeature) -> IntArray:
    """(k, 3) facets of a fracture, ordered so that their normal points beyond the sheet (laterally)."""
    behind = has_bit(mesh.references, feature.bit)[facets.inner_cells]
    between = np.flatnonzero(behind[:, 0] != behind[:, 1])
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
