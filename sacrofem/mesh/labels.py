"""Naming cells and facets: references become regions, interfaces become surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sacrofem.errors import MeshError, explain
from sacrofem.mesh.facets import Facets, facet_geometry
from sacrofem.mesh.features import Feature, has_bit
from sacrofem.mesh.model import IntArray
from sacrofem.mesh.tetrahedra import Tetrahedra
from sacrofem.shapes.sacrum import REGION_NAMES, Sacrum

#: First region numbers of bodies by kind, and of volumes that several of them share.
FIRST_NUMBERS = {"compacted": 80, "cement": 10, "screw": 50, "thread": 800, "washer": 820}
FIRST_SHARED = 100
#: A bruised region has the number of its bone and this more.
BRUISED = 4
_MOST_OF_A_KIND = 20
#: Parts of one implant that overlap: where the first is, the second is not.
_OVER = (("screw", "washer"), ("screw", "thread"), ("washer", "thread"))
#: Joins the names of the bodies that share a region.
JOINT = "+"


def name_regions(
    mesh: Tetrahedra, host: IntArray, host_names: Mapping[int, str], bodies: Sequence[Feature]
) -> tuple[IntArray, IntArray, dict[int, str]]:
    """Region numbers of all cells.

    Bodies of different treatments may overlap (two needle paths through one ala): such cells get a region of
    their own, named ``<body>+<body>``, the bodies in the order of ``bodies`` (cement before screws). Core, washer
    and thread zone of one implant do not share: the core goes first, then the washer. A bruise is no body but
    bone: its cells belong to the regions ``bruised_<bone>``.

    Args:
        mesh: The mesh, its references holding the bits of the bodies.
        host: (m,) regions of bone and joints.
        host_names: Their names.
        bodies: Bruises, pressed bone, cement bodies and screws.

    Returns:
        (m,) regions, (m,) host regions, and the names of the region numbers.
    """
    names = dict(host_names)
    own: dict[int, int] = {}
    counts = dict.fromkeys(FIRST_NUMBERS, 0)
    for body in bodies:
        kind = body.name.split(":")[0]
        if kind == "bruise":
            bruised = (has_bit(mesh.references, body.bit) == 1) & np.isin(host, list(REGION_NAMES))
            host = np.where(bruised, host + BRUISED, host)
            names |= {number + BRUISED: f"bruised_{name}" for number, name in REGION_NAMES.items()}
            continue
        own[body.bit] = FIRST_NUMBERS[kind] + counts[kind]
        counts[kind] += 1
        names[own[body.bit]] = body.name
    if max(counts.values()) > _MOST_OF_A_KIND:
        raise MeshError(
            explain(
                "A study holds too many bodies of cement or implants for one mesh.",
                where="treatments",
                got=", ".join(f"{count} of {kind}" for kind, count in counts.items()),
                allowed=f"{_MOST_OF_A_KIND} of a kind",
                next_step="split the study",
            )
        )
    held = (mesh.references - 1) & sum(own)
    bits_of = {body.name: body.bit for body in bodies}
    for above, below in _OVER:
        for name, bit in bits_of.items():
            hidden = bits_of.get(name.replace(f"{above}:", f"{below}:", 1), 0) if name.startswith(f"{above}:") else 0
            held = np.where(held & bit, held & ~hidden, held)
    regions = host.copy()
    shared = FIRST_SHARED
    for bits in np.unique(held[held > 0]):
        holders = [body for body in bodies if body.bit in own and bits & body.bit]
        if len(holders) == 1:
            number = own[holders[0].bit]
        else:
            number, shared = shared, shared + 1
            names[number] = JOINT.join(body.name for body in holders)
        regions[held == bits] = number
    return regions, host, names


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
