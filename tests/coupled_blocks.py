"""Two blocks that a spring joins; as a script it prints what it does, to compare ranks."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace

# isort: split
import numpy as np
from mpi4py import MPI

from sacrofem.mechanics.coupling import Coupling
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.patches import Patch
from sacrofem.mesh.model import ModelMesh
from tests.blocks import block
from tests.solved_block import FOUNDATION, YOUNG, properties

AREA, LENGTH, GAP = 100.0, 20.0, 30.0  # mm^2, mm, mm
#: N/mm of one block on its foundation: uniaxial, nu = 0.
STIFFNESS = 1.0 / (LENGTH / (YOUNG * AREA) + 1.0 / (FOUNDATION * AREA))


def two_blocks() -> ModelMesh:
    """A block on a foundation and one above that hangs on a foundation; the load pulls at the lower end of the upper one."""
    lower, upper = block(fracture_depth=0.0), block(fracture_depth=0.0)
    count = len(lower.points)
    surfaces = {
        "cortex": np.concatenate([lower.surfaces["cortex"], upper.surfaces["cortex"] + count]),
        "auricular_left": lower.surfaces["auricular_left"],
        "auricular_right": upper.surfaces["endplate"] + count,
        "endplate": upper.surfaces["auricular_left"] + count,
        "lower_face": lower.surfaces["endplate"],
        "upper_face": upper.surfaces["auricular_left"] + count,
    }
    return replace(
        lower,
        points=np.concatenate([lower.points, upper.points + np.array([0.0, 0.0, LENGTH + GAP])]),
        cells=np.concatenate([lower.cells, upper.cells + count]),
        regions=np.concatenate([lower.regions, upper.regions]),
        host_regions=np.concatenate([lower.host_regions, upper.host_regions]),
        surfaces=surfaces,
    )


def elongation_of_spring(spring: float, force: float) -> float:
    """By hand: the lower block takes the spring's force s, the upper one the load less s; u1 - u2 = s / spring."""
    return force / STIFFNESS / (1.0 + 2.0 * spring / STIFFNESS)


@dataclass(frozen=True)
class Pulled:
    """What the spring did: its elongation and tension, the model's energy and work, iterations and residual."""

    elongation: float
    tension: float
    energy: float
    work: float
    iterations: int
    residual: float


def pull(
    comm: MPI.Comm, order: int, spring: float, force: float, stiff: bool = False, rest: float = 0.0, tension_only: bool = False
) -> Pulled:
    """Join the facing ends by a spring along z and pull at the upper one."""
    mesh = two_blocks()
    model = SacrumModel(distribute(mesh, comm), frozenset(), order)
    patches = [Patch(name, mesh.surfaces[name]) for name in ("upper_face", "lower_face")]
    motions = model.patch_motions(patches)
    rows = motions.rows[[2]] - motions.rows[[8]]
    model.couple([Coupling("spring", rows, np.array([[spring]]), stiff, ("spring",), np.array([rest]), tension_only)])
    given = properties()
    model.set_properties(replace(given, poisson=dict.fromkeys(given.poisson, 0.0)))
    model.assemble()
    solution = model.solve(np.array([0.0, 0.0, force]))
    (stretch,) = model.coupled.elongations(solution.displacement.x.petsc_vec)
    tension = solution.tensions["spring"]
    return Pulled(float(stretch), tension, solution.energy, solution.work, solution.iterations, solution.residual)


def main() -> None:
    """Print the numbers from rank 0: a spring, a stiff one, one that only pulls (taut, and slack), linear and quadratic."""
    found = [pull(MPI.COMM_WORLD, 1, spring, 60.0, stiff) for spring, stiff in ((500.0, False), (1e6, True))]
    found += [pull(MPI.COMM_WORLD, 1, 500.0, force, tension_only=True, rest=-0.01) for force in (60.0, -60.0)]
    found.append(pull(MPI.COMM_WORLD, 2, 500.0, 60.0))
    found += [pull(MPI.COMM_WORLD, 2, 500.0, force, tension_only=True, rest=-0.01) for force in (60.0, -60.0)]
    if MPI.COMM_WORLD.rank == 0:
        sys.stdout.write(json.dumps([n for one in found for n in (one.elongation, one.energy, one.work)]) + "\n")


if __name__ == "__main__":
    main()
