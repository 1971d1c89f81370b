"""Naming cells and facets: references become regions, interfaces become surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sacrofem.errors import MeshError, explain
from sacrofem.mesh.facets import Facets, facet_geometry
from sacrofem.mesh.features import Feature, has_bit
from sacrofem.mesh.model import IntArray
from sacrofem.mesh.tetrahedra import Tetrahedra
from sacrofem.shapes.field import BoolArray
from sacrofem.shapes.fracture import Sheet
from sacrofem.shapes.sacrum import Sacrum

#: First region numbers of cement bodies, of screws, and of volumes that several of them share.
FIRST_CEMENT, FIRST_SCREW, FIRST_SHARED = 10, 50, 100
#: Joins the names of the bodies that share a region.
JOINT = "+"


def name_regions(
    mesh: Tetrahedra, host: IntArray, host_names: Mapping[int, str], bodies: Sequence[Feature]
) -> tuple[IntArray, dict[int, str]]:
    """Region numbers of all cells.

    Bodies of different treatments may overlap (two needle paths through one ala): such cells get a region of
    their own, named ``<body>+<body>``, the bodies in the order of ``bodies`` (cement before screws).

    Args:
        mesh: The mesh, its references holding the bits of the bodies.
        host: (m,) regions where treatments are absent.
        host_names: Their names.
        bodies: Cement bodies and screws.

    Returns:
        (m,) regions, and the names of the region numbers.
    """
    names = dict(host_names)
    own: dict[int, int] = {}
    cements = screws = 0
    for body in bodies:
        if body.name.startswith("cement:"):
            own[body.bit], cements = FIRST_CEMENT + cements, cements + 1
        else:
            own[body.bit], screws = FIRST_SCREW + screws, screws + 1
        names[own[body.bit]] = body.name
    if cements > FIRST_SCREW - FIRST_CEMENT or screws > FIRST_SHARED - FIRST_SCREW:
        raise MeshError(
            explain(
                "A study holds too many cement patterns or implants for one mesh.",
                where="treatments",
                got=f"{cements} cement patterns, {screws} implants",
                allowed=f"{FIRST_SCREW - FIRST_CEMENT} patterns, {FIRST_SHARED - FIRST_SCREW} implants",
                next_step="split the study",
            )
        )
    held = (mesh.references - 1) & sum(body.bit for body in bodies)
    regions = host.copy()
    shared = FIRST_SHARED
    for bits in np.unique(held[held > 0]):
        holders = [body for body in bodies if bits & body.bit]
        if len(holders) == 1:
            number = own[holders[0].bit]
        else:
            number, shared = shared, shared + 1
            names[number] = JOINT.join(body.name for body in holders)
        regions[held == bits] = number
    return regions, names


def regions_of(region_names: Mapping[int, str], body: str) -> list[int]:
    """Numbers of all regions that ``body`` (``cement:<name>`` or ``screw:<name>``) fills, shared ones too."""
    return [number for number, name in region_names.items() if body in name.split(JOINT)]


def sacrum_surfaces(mesh: Tetrahedra, facets: Facets, sacrum: Sacrum) -> dict[str, IntArray]:
    """Cortex, endplate and joint surfaces of a sacrum alone: name -> (k, 3) node numbers, ordered outward."""
    centroids, normals = facet_geometry(mesh.points, facets.outer)
    return {
        "cortex": facets.outer,
        "endplate": facets.outer[sacrum.endplate(centroids, normals)],
        "auricular_right": facets.outer[sacrum.auricular(centroids, normals, "right")],
        "auricular_left": facets.outer[sacrum.auricular(centroids, normals, "left")],
    }


def fracture_surfaces(
    mesh: Tetrahedra, facets: Facets, sheets: Sequence[tuple[Sheet, Feature, BoolArray]]
) -> dict[str, IntArray]:
    """The facets of fractures.

    Args:
        mesh: The mesh.
        facets: Its facets.
        sheets: Fracture sheets with the features they became and the (m,) cells they run through.

    Returns:
        name -> (k, 3) node numbers, ordered from the medial side to the lateral.
    """
    surfaces = {}
    middles = mesh.points[facets.inner].mean(axis=1)
    for sheet, feature, broken in sheets:
        medial = has_bit(mesh.references, feature.bit)[facets.inner_cells]
        chosen = (medial[:, 0] != medial[:, 1]) & broken[facets.inner_cells].all(axis=1) & sheet.extent(middles)
        triangles = facets.inner[chosen]
        outward = medial[chosen, 0] == 1  # the facet points from its first cell to its second
        surfaces[feature.name] = np.where(outward[:, None], triangles, triangles[:, [0, 2, 1]])
    return surfaces


def require_facets(surfaces: Mapping[str, IntArray]) -> None:
    """Raise :class:`MeshError` where a named surface has no facets."""
    for name, triangles in surfaces.items():
        if len(triangles) == 0:
            raise MeshError(
                explain(
                    f"The surface {name!r} has no facets.",
                    where=name,
                    got="0 facets",
                    allowed="a surface that meets the bone",
                    next_step="check that the fracture or the landmarks of the anatomy lie in the bone",
                )
            )
