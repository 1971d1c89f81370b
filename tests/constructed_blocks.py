"""A block that a rod holds to the fifth lumbar vertebra; as a script it prints what it does, to compare ranks."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace

# isort: split
import numpy as np
from mpi4py import MPI

from sacrofem.catalogue.implant import Anchor, Implant, Rod, Screw
from sacrofem.catalogue.joint import DiscJoint
from sacrofem.catalogue.models import Material
from sacrofem.mechanics.construct import attach, build_construct
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.loading import endplate_force
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.facets import facet_geometry
from sacrofem.mesh.model import ModelMesh
from tests.blocks import block
from tests.solved_block import properties

FORCE = np.array([20.0, 60.0, -300.0])
METAL = Material(name="metal", title="", source="", young_modulus=110_000.0, poisson_ratio=0.3)
#: A screw in the side of the lower half, and a rod from its head to an anchor beside the upper end.
IMPLANT = Implant(
    name="imp",
    title="",
    source="",
    screws=(Screw(name="low", entry=(10.0, 5.0, -5.0), tip=(2.0, 5.0, -5.0), diameter=5.0, neck=8.0),),
    anchors=(Anchor(name="l5", at=(18.0, 5.0, 14.0), on="l5"),),
    rods=(Rod(name="rod", through=("l5", "low"), diameter=5.5, material="metal"),),
    material="metal",
)


@dataclass(frozen=True)
class Held:
    """What a block with a rod did."""

    solution: Solution
    measures: dict[str, float]


def joint(stiffness: float) -> DiscJoint:
    """A lumbosacral joint, alike in all directions: N/mm, and a thousand times it in N mm/rad."""
    shear = dict.fromkeys(("compression", "anterior_shear", "lateral_shear"), stiffness)
    turning = dict.fromkeys(("flexion", "lateral_bending", "torsion"), 1e3 * stiffness)
    return DiscJoint(name="joint", title="", source="", **shear, **turning)


def held_block() -> ModelMesh:
    """A block with a fracture and, on its side x = 10, the patch that the screw's head is."""
    mesh = block()
    sides = mesh.surfaces["cortex"]
    centroids, normals = facet_geometry(mesh.points, sides)
    head = (normals[:, 0] > 0.9) & (np.abs(centroids[:, 1] - 5.0) < 2.0) & (centroids[:, 2] < 0.0)
    return replace(mesh, surfaces={**mesh.surfaces, "hold:imp.low": sides[head]})


def hold(comm: MPI.Comm, order: int, stiffness: float | None) -> Held:
    """Load a block through a joint of ``stiffness`` N/mm and a rod beside it; None: the block alone."""
    mesh = held_block()
    model = SacrumModel(distribute(mesh, comm), frozenset(), order)
    attached = None
    if stiffness is not None:
        construct = build_construct(mesh, [IMPLANT], {"metal": METAL}, joint(stiffness))
        assert construct
        attached = attach(model, construct)
        model.couple([attached.coupling()])
    model.set_properties(properties())
    model.assemble()
    solution = model.solve(FORCE)
    found = attached.measure(solution.displacement.x.petsc_vec, endplate_force(FORCE)) if attached else []
    return Held(solution, {name: value for name, value, _ in found})


def main(order: int) -> None:
    """Print the numbers from rank 0."""
    found = hold(MPI.COMM_WORLD, order, 1000.0)
    if MPI.COMM_WORLD.rank == 0:
        sys.stdout.write(json.dumps([found.solution.work, *found.measures.values()]) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
