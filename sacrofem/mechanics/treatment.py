"""What a treatment makes of the shared mesh: the region of every cell, and the facets across which a fracture may move."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sacrofem.mechanics.facets import facets_of
from sacrofem.mesh.facets import facet_geometry, find_inner
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


@dataclass(frozen=True)
class Partings:
    """Which faces may part at all.

    Attributes:
        fractures: Whether those of fractures do (False: healed).
        bodies: Kinds of bodies whose faces against bone do: ``cement``, ``screw``.
    """

    fractures: bool = True
    bodies: frozenset[str] = frozenset()


#: Fractures part, bodies are bonded.
EVERY_FRACTURE = Partings()


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


def find_cuts(mesh: ModelMesh, regions: IntArray, bonded: bool = False) -> dict[str, FractureCut]:
    """Find the cells beside every fracture, and where a treatment bridges it.

    Args:
        mesh: The mesh.
        regions: (m,) region numbers as solved.
        bonded: Whether the faces of fractures never part.

    Returns:
        Fracture name -> its facets.
    """
    facets = facets_of(mesh.cells)
    treated = _is_treated(mesh, regions)
    cuts = {}
    for name in mesh.fractures:
        triangles = mesh.surfaces[f"fracture:{name}"]
        sides = facets.inner_cells[find_inner(facets, triangles)]
        centroids, normals = facet_geometry(mesh.points, triangles)
        first = mesh.points[mesh.cells[sides[:, 0]]].mean(axis=1)
        lateral_first = np.einsum("ij,ij->i", first - centroids, normals) > 0
        sides = np.where(lateral_first[:, None], sides[:, ::-1], sides)
        cuts[name] = FractureCut(triangles, sides, treated[sides].all(axis=1) | bonded)
    return cuts


def find_body_cuts(mesh: ModelMesh, regions: IntArray, kinds: Collection[str]) -> dict[str, FractureCut]:
    """Find the faces between bodies and what lies around them, other bodies excepted: cement holds a screw as one.

    Args:
        mesh: The mesh.
        regions: (m,) region numbers as solved.
        kinds: Kinds of bodies whose faces may part: ``cement``, ``screw``.

    Returns:
        Region name of the body -> its facets; the body is the first side, no facet is welded.
    """
    facets, treated = facets_of(mesh.cells), _is_treated(mesh, regions)
    one_sided = treated[facets.inner_cells[:, 0]] != treated[facets.inner_cells[:, 1]]
    triangles, sides = facets.inner[one_sided], facets.inner_cells[one_sided]
    turned = treated[sides[:, 1]]
    triangles = np.where(turned[:, None], triangles[:, [0, 2, 1]], triangles)
    sides = np.where(turned[:, None], sides[:, ::-1], sides)
    cuts = {}
    for number in np.unique(regions[sides[:, 0]]):
        name, mine = mesh.region_names[int(number)], regions[sides[:, 0]] == number
        if name.split(":")[0] in kinds:
            cuts[name] = FractureCut(triangles[mine], sides[mine], np.zeros(int(mine.sum()), dtype=bool))
    return cuts


def _is_treated(mesh: ModelMesh, regions: IntArray) -> NDArray[np.bool_]:
    """(m,) whether a cell is cement or screw as solved."""
    bridging = [number for number, name in mesh.region_names.items() if name.split(":")[0] in _BRIDGING]
    return np.isin(regions, bridging)
