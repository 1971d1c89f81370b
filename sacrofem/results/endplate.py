"""How the S1 endplate moves, whatever the direction of the load."""

from __future__ import annotations

import numpy as np

from sacrofem.mechanics.facets import facets_of
from sacrofem.mesh.facets import facet_areas, find_outer
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import CaseFields
from sacrofem.results.micromotion import Measure


def measure_endplate(mesh: ModelMesh, fields: CaseFields) -> list[Measure]:
    """Mean displacement of the endplate in frame G (x anterior, y superior, z right), by area.

    Args:
        mesh: The mesh.
        fields: The solved case.

    Returns:
        (metric, value, unit) of the three components; nothing without an endplate.
    """
    triangles = mesh.surfaces["endplate"]
    if not len(triangles):
        return []
    facets = facets_of(mesh.cells)
    cells = facets.outer_cells[find_outer(facets, triangles)]
    corners = np.argmax(mesh.cells[cells][:, None, :] == triangles[:, :, None], axis=2)
    moved = fields.displacement[np.take_along_axis(fields.cells[cells], corners, axis=1)].mean(axis=1)
    mean = np.average(moved, axis=0, weights=facet_areas(mesh.points, triangles))
    return [(f"endplate_translation_{axis}", float(mean[i]), "mm") for i, axis in enumerate("xyz")]
