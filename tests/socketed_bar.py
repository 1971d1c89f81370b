"""A bar along z with spherical sockets in its ends; as a script it prints what its hips carry, to compare ranks."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

# isort: split
import numpy as np
import ufl
from mpi4py import MPI

from sacrofem.catalogue.models import Support
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.facets import facet_geometry, list_facets
from sacrofem.mesh.model import ModelMesh
from tests.blocks import block
from tests.solved_block import properties

RADIUS, WIDTH, LENGTH = 12.0, 10.0, 80.0
SAID = {"title": "", "source": ""}
HIPS = Support(name="hips", acts_on="acetabulum", normal_stiffness=500, tangential_stiffness=0, flexion_stiffness=1e4, **SAID)
FIXED = Support(name="potted", acts_on="acetabulum", normal_stiffness=1e4, tangential_stiffness=1e4, **SAID)


def bar(depth: float = 0.0, loaded_at: float = 0.0) -> ModelMesh:
    """A bar along z with spherical sockets in its ends, loaded on its upper side (y); ``depth`` of a fracture amid it.

    Args:
        depth: Of the fracture, a share of the thickness.
        loaded_at: z of the middle of the loaded part, mm.
    """
    mesh = block(shape=(4, 4, 24), size=(WIDTH, WIDTH, LENGTH), fracture_depth=depth)
    points = mesh.points - np.array([WIDTH / 2, WIDTH / 2, 0.0])
    hollow = RADIUS - np.sqrt(RADIUS**2 - points[:, 0] ** 2 - points[:, 1] ** 2)
    points[:, 2] *= 1.0 - 2.0 * hollow / LENGTH
    centres, normals = facet_geometry(points, list_facets(mesh.cells).outer)
    upper = (normals[:, 1] > 0.99) & (np.abs(centres[:, 2] - loaded_at) < 10.0)
    surfaces = {"cortex": mesh.surfaces["cortex"], "endplate": list_facets(mesh.cells).outer[upper]}
    surfaces |= {"acetabulum_right": mesh.surfaces["endplate"], "acetabulum_left": mesh.surfaces["auricular_left"]}
    if depth:
        surfaces["fracture:gap"] = mesh.surfaces["fracture:gap"]
    return replace(mesh, points=points, surfaces=surfaces)


def solve(
    support: Support,
    force: tuple[float, float, float],
    loaded_at: float = 0.0,
    order: int = 1,
    comm: MPI.Comm = MPI.COMM_SELF,
) -> tuple[SacrumModel, Solution]:
    """The bar on a support under a force on its upper side."""
    model = SacrumModel(distribute(bar(loaded_at=loaded_at), comm), frozenset(), order)
    model.set_properties(replace(properties(), support=support))
    model.assemble()
    return model, model.solve(np.array(force))


def levers(model: SacrumModel, solution: Solution) -> list[float]:
    """Moment of each socket's springs on its surface about its centre over its force, mm."""
    found = []
    for name, centre in model.supports._centres.items():
        arm = ufl.SpatialCoordinate(model.domain) - ufl.as_vector(centre.tolist())
        turn = ufl.cross(arm, model.supports.traction(name, solution.displacement))
        moment = [model.integrate(turn[i] * model.supports.measures[name]) for i in range(3)]
        found.append(float(np.linalg.norm(moment) / np.linalg.norm(solution.reactions[name])))
    return found


def main() -> None:
    """Print the numbers from rank 0: reactions, moments and work of a load nearer to one hip, linear and quadratic."""
    found: list[float] = []
    for order in (1, 2):
        _, solution = solve(HIPS, (30.0, -100.0, 20.0), 25.0, order, MPI.COMM_WORLD)
        for name in ("acetabulum_right", "acetabulum_left"):
            found += [*solution.reactions[name], solution.flexion_moments[name]]
        found += [solution.work, solution.energy, solution.imbalance < 1e-7, solution.moment_imbalance < 1e-6]
    if MPI.COMM_WORLD.rank == 0:
        sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
