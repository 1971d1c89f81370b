"""Ligaments on a mesh: springs along the line between two patches, as a coupling of low rank."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray
from scipy.sparse import csr_array, lil_array

from sacrofem.errors import ModelError, explain
from sacrofem.mechanics.coupling import Coupling
from sacrofem.mechanics.patches import COMPONENTS, OuterSurface, Patch, PatchMotions
from sacrofem.mesh.bones import bone_regions
from sacrofem.mesh.model import ModelMesh
from sacrofem.shapes.attachment import PlacedEnd, PlacedSpring

FloatArray = NDArray[np.float64]

#: Patches nearer than this give a spring no direction, mm.
_SHORTEST = 0.2


def couple_ligaments(space: fem.FunctionSpace, mesh: ModelMesh, springs: Sequence[PlacedSpring], tension_only: bool) -> Coupling:
    """Make one coupling of all springs; collective.

    A spring acts between the mean displacements of its patches, along the line through their centroids: its forces balance in
    force and moment. An end on the fifth lumbar vertebra moves with the S1 endplate as a rigid body.

    Args:
        space: Displacement space.
        mesh: The model mesh.
        springs: The springs, placed.
        tension_only: Whether they pull alone.

    Returns:
        The coupling; its labels are the ligaments' names.

    Raises:
        ModelError: a bone is not in the mesh, or two patches coincide.
    """
    surface = OuterSurface(mesh)
    patches: dict[tuple[object, ...], int] = {}
    made: list[Patch] = []

    def number(name: str, end: PlacedEnd) -> int:
        """Number of the end's patch; ends at one place share it."""
        key = (end.bone,) if end.bone == "l5" else (end.bone, *np.round(end.place, 6), end.radius)
        if key not in patches:
            patches[key] = len(made)
            is_spine = end.bone == "l5"
            made.append(
                Patch("S1 endplate", mesh.surfaces["endplate"])
                if is_spine
                else surface.pick(f"{name} on {end.bone}", end.place, end.radius, bone_regions(mesh, end.bone))
            )
        return patches[key]

    ends = [[number(spring.ligament, end) for end in (spring.origin, spring.insertion)] for spring in springs]
    motions = PatchMotions(space, mesh, made)
    mixture = lil_array((len(springs), COMPONENTS * len(made)))
    for row, (spring, numbers) in enumerate(zip(springs, ends, strict=True)):
        places = [
            end.place if end.bone == "l5" else motions.centres[patch]
            for end, patch in zip((spring.origin, spring.insertion), numbers, strict=True)
        ]
        direction = _direction(spring, places)
        for patch, place, sign in zip(numbers, places, (-1.0, 1.0), strict=True):
            # n . (t + w x r) = n . t + (r x n) . w
            turning = np.cross(place - motions.centres[patch], direction)
            start = COMPONENTS * patch
            for component, value in enumerate((*direction, *turning)):
                if value:
                    mixture[row, start + component] += sign * value
    return Coupling(
        name="ligaments",
        rows=csr_array(csr_array(mixture) @ motions.rows),
        stiffness=np.diag([spring.stiffness for spring in springs]),
        labels=tuple(spring.ligament for spring in springs),
        rest=np.array([spring.rest for spring in springs]),
        tension_only=tension_only,
    )


def _direction(spring: PlacedSpring, places: Sequence[FloatArray]) -> FloatArray:
    """Unit vector from origin to insertion."""
    line = places[1] - places[0]
    length = float(np.linalg.norm(line))
    if length < _SHORTEST:
        raise ModelError(
            explain(
                "The ends of a ligament coincide: its springs have no direction.",
                where=f"ligament {spring.ligament}, between {spring.origin.bone} and {spring.insertion.bone}",
                got=f"{length:.2f} mm between its patches about ({', '.join(f'{x:.1f}' for x in places[0])}) mm",
                allowed=f"at least {_SHORTEST} mm",
                next_step="move an attachment of the ligament apart from the other",
            )
        )
    return line / length
