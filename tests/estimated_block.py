"""A block with a transversely isotropic cortex, its error and the dual of its fracture; as a script, to compare ranks."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

# isort: split
import numpy as np
from mpi4py import MPI

from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.dual import solve_duals
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.properties import TransverseCortex
from sacrofem.results.error_estimate import Membrane, Patches, estimate_error, estimate_goal_error
from sacrofem.results.gathering import gather_fields
from tests.blocks import block
from tests.solved_block import properties


def main(order: int) -> None:
    """Print work, squared error and its part in the cortex, and the error of the motion, from rank 0."""
    mesh = block(fracture_depth=0.7)
    cortex = TransverseCortex((0.3, 0.5, 0.8), 10000.0, 6000.0, 2000.0, 0.4, 0.5)
    given = replace(properties(thickness=0.3), transverse_cortex=cortex)
    model = SacrumModel(distribute(mesh, MPI.COMM_WORLD), frozenset(), order)
    model.set_properties(given)
    model.assemble()
    solution = model.solve(np.array([20.0, 10.0, 60.0]))
    fields = gather_fields(model, solution.displacement)
    dual = gather_fields(model, solve_duals(model, [solution.displacement], "gap")[0])
    if fields and dual:
        membrane = Membrane.of(mesh, given)
        patches = Patches.of(fields, membrane)
        estimate = estimate_error(fields, patches, membrane)
        numbers = [solution.work, estimate.squared, estimate.cortex, estimate_goal_error(fields, dual, patches, membrane)]
        sys.stdout.write(json.dumps(numbers) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
