"""What implants hold outside the bone's own shape: small surfaces under rods and plates, and tissue around screws in the open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sacrofem.errors import MeshError, explain
from sacrofem.mesh.facets import Facets, facet_geometry
from sacrofem.mesh.features import Feature, has_bit
from sacrofem.mesh.model import FloatArray, IntArray
from sacrofem.mesh.tetrahedra import Tetrahedra
from sacrofem.shapes.field import Shape
from sacrofem.shapes.implant import Cylinder, PlacedImplant, open_stretches

#: Tissue around a screw reaches so far from it, and so far into the bones, mm.
_PLUG_WALL, _PLUG_END = 1.2, 2.5
#: Radius of the bone's surface that the head of a plate's screw presses on, and its thread holds on the far side, mm
#: (head of 3.5 mm screws 6 mm wide, RECALLED; a little more, so that some facets lie in it).
_HOLE_RADIUS = 4.5
#: Metal farther than this many diameters from the middle of its head is none of it.
_HEAD_DIAMETERS = 1.5
#: A mean rotation needs at least so many facets.
_FEWEST_FACETS = 2


@dataclass(frozen=True)
class Hold:
    """A small outer surface that a rod or a plate holds.

    Attributes:
        name: Of the surface: ``hold:<implant>.<screw>``, with ``.far`` on the far side of a plate's screw.
        at: (3,) its middle, mm.
        outward: (3,) unit vector out of the bone.
        radius: mm.
        bodies: Names of the bodies whose outer facets it is made of; none: bone's.
    """

    name: str
    at: FloatArray
    outward: FloatArray
    radius: float
    bodies: tuple[str, ...] = ()

    def distance(self, points: FloatArray) -> FloatArray:
        """Distance from the ball around it, zero inside, mm."""
        return np.maximum(np.linalg.norm(points - self.at, axis=1) - self.radius, 0.0)


def find_plugs(implant: PlacedImplant, solid: Shape) -> list[Cylinder]:
    """Cylinders of tissue around the screws where they cross the open between ilium and sacrum."""
    plugs = []
    for screw in implant.screws:
        for start, end in open_stretches(screw, solid):
            along = -screw.outward * _PLUG_END
            plugs.append(Cylinder(start - along, end + along, screw.screw.diameter / 2 + _PLUG_WALL))
    return plugs


def find_holds(implant: PlacedImplant) -> list[Hold]:
    """The heads that rods hold, and both ends of the screws of plates."""
    name = implant.entry.name
    held = {end for rod in implant.entry.rods for end in rod.through}
    bodies = (f"screw:{name}", f"washer:{name}")
    holds = [
        Hold(f"hold:{name}.{screw.name}", screw.entry, screw.outward, _HEAD_DIAMETERS * screw.screw.diameter, bodies)
        for screw in implant.screws
        if screw.name in held
    ]
    for hole in implant.holes:
        holds.append(Hold(f"hold:{name}.{hole.name}", hole.near, hole.outward, _HOLE_RADIUS))
        if hole.far is not None:
            holds.append(Hold(f"hold:{name}.{hole.name}.far", hole.far, -hole.outward, _HOLE_RADIUS))
    return holds


def hold_surfaces(mesh: Tetrahedra, facets: Facets, holds: Sequence[Hold], bodies: Sequence[Feature]) -> dict[str, IntArray]:
    """The facets of every hold: name -> (k, 3) node numbers.

    Raises:
        MeshError: a hold has too few facets to follow its rotation.
    """
    centroids, normals = facet_geometry(mesh.points, facets.outer)
    references = mesh.references[facets.outer_cells]
    surfaces = {}
    for hold in holds:
        chosen = (np.linalg.norm(centroids - hold.at, axis=1) < hold.radius) & (normals @ hold.outward > 0.0)
        bits = [body.bit for body in bodies if body.name in hold.bodies]
        if hold.bodies:
            chosen &= np.any([has_bit(references, bit) == 1 for bit in bits], axis=0)
        surfaces[hold.name] = facets.outer[chosen]
        if chosen.sum() < _FEWEST_FACETS:
            x, y, z = hold.at
            raise MeshError(
                explain(
                    "What a rod or a plate holds is too small for the mesh.",
                    where=f"{hold.name}, at ({x:.1f}, {y:.1f}, {z:.1f}) mm",
                    got=f"{int(chosen.sum())} facets within {hold.radius:.1f} mm",
                    allowed=f"at least {_FEWEST_FACETS}",
                    next_step="use a smaller mesh.feature_size",
                )
            )
    return surfaces
