"""What a treatment makes of the shared mesh: the region of every cell, and the facets across which a fracture may move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sacrofem.mesh.facets import facet_geometry, facet_keys, list_facets
from sacrofem.mesh.model import IntArray, ModelMesh

#: Kinds of bodies that weld a fracture; bone pressed aside by a balloon does not.
_BRIDGING = ("cement", "screw")


@dataclass(frozen=True)
class FractureCut:
    """The facets of one fracture in one treatment.

    Attributes:
        triangles: (f, 3) node numbers; their normal points from the medial side to the lateral.
        sides: (f, 2) cells on the medial and on the lateral side.
        welded: (f,) whether a body of the treatment fills both sides, so that it bridges the fracture there.
    """

    triangles: IntArray
    sides: IntArray
    welded: NDArray[np.bool_]

    @property
    def movable(self) -> IntArray:
        """(k, 3) the facets across which the displacement may jump."""
        return self.triangles[~self.welded]


def regions_as_solved(mesh: ModelMesh, active: frozenset[str]) -> IntArray:
    """Region of every cell in a treatment: bone where the treatment leaves it bone.

    Where bodies of several treatments overlap (a region named ``a+b``), the later of the active ones counts: a screw
    goes through cement.

    Args:
        mesh: The mesh.
        active: Names of the regions that the treatment fills.

    Returns:
        (m,) region numbers of single bodies or bone.
    """
    solved = mesh.host_regions.copy()
    for number, name in mesh.region_names.items():
        present = [part for part in name.split("+") if part in active]
        if present:
            solved[mesh.regions == number] = mesh.region_number(present[-1])
    return solved


def find_cuts(mesh: ModelMesh, regions: IntArray) -> dict[str, FractureCut]:
    """Find the cells beside every fracture, and where a treatment bridges it.

    Args:
        mesh: The mesh.
        regions: (m,) region numbers as solved.

    Returns:
        Fracture name -> its facets.
    """
    facets, count = list_facets(mesh.cells), len(mesh.points)
    keys = facet_keys(facets.inner, count)
    order = np.argsort(keys)
    bridging = [number for number, name in mesh.region_names.items() if name.split(":")[0] in _BRIDGING]
    treated = np.isin(regions, bridging)
    cuts = {}
    for name in mesh.fractures:
        triangles = mesh.surfaces[f"fracture:{name}"]
        place = order[np.searchsorted(keys[order], facet_keys(triangles, count))]
        sides = facets.inner_cells[place]
        centroids, normals = facet_geometry(mesh.points, triangles)
        first = mesh.points[mesh.cells[sides[:, 0]]].mean(axis=1)
        lateral_first = np.einsum("ij,ij->i", first - centroids, normals) > 0
        sides = np.where(lateral_first[:, None], sides[:, ::-1], sides)
        cuts[name] = FractureCut(triangles, sides, treated[sides].all(axis=1))
    return cuts
