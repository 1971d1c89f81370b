"""A block of right-hand sides on a cut block; as a script it prints the solutions, to compare ranks."""

from __future__ import annotations

import json
import sys

# isort: split
import numpy as np
from mpi4py import MPI

from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.loading import endplate_force
from sacrofem.mechanics.model import SacrumModel
from tests.blocks import block
from tests.solved_block import properties

FORCES = np.array([[10.0, -30.0, -100.0], [0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [0.0, 0.0, 40.0], [1.0, 2.0, 3.0]])


def stiff_model(order: int, comm: MPI.Comm) -> SacrumModel:
    """A block of bone cut through, bridged by cement a thousand times as stiff, in a stiff cortex; assembled."""
    model = SacrumModel(distribute(block((4, 4, 8), bridge=0.4), comm), frozenset({"cement:bridge"}), order)
    given = properties(thickness=1.0)
    given.young.update({"body": 10.0, "cement:bridge": 10000.0})
    model.set_properties(given)
    model.assemble()
    return model


def loads(model: SacrumModel) -> np.ndarray:
    """(rows of this rank, 5) right-hand sides of the forces."""
    return np.stack([model.loading.vector(endplate_force(force)).getArray().copy() for force in FORCES], axis=1)


def main(order: int) -> None:
    """Print sums and squares of the solutions, and the residuals, from rank 0."""
    model = stiff_model(order, MPI.COMM_WORLD)
    found, log = model.solver.block_solver().solve(loads(model), 1e-10, 200)
    numbers = [model.comm.allreduce(part) for part in (found.sum(axis=0), (found**2).sum(axis=0))]
    if model.comm.rank == 0:
        sys.stdout.write(json.dumps([*numbers[0], *numbers[1], log.iterations, float(log.residuals.max())]) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
