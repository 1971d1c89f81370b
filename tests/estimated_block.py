"""A block with a transversely isotropic cortex, its error and what its motion lacks; as a script, to compare ranks."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

# isort: split
import numpy as np
from mpi4py import MPI

from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.properties import TransverseCortex
from sacrofem.results.correction import find_missing_forces, solve_corrections
from sacrofem.results.error_estimate import Membrane, Patches, StrainError, estimate_error
from sacrofem.results.fields import CaseFields
from sacrofem.results.gathering import gather_fields
from sacrofem.results.micromotion import Measure, measure_motion, sample_motion
from tests.blocks import block
from tests.solved_block import properties


def main(order: int) -> None:
    """Print work, squared error and its part in the cortex, and the errors of the motions, from rank 0."""
    mesh = block(fracture_depth=0.7)
    cortex = TransverseCortex((0.3, 0.5, 0.8), 10000.0, 6000.0, 2000.0, 0.4, 0.5)
    given = replace(properties(thickness=0.3), transverse_cortex=cortex)
    model = SacrumModel(distribute(mesh, MPI.COMM_WORLD), frozenset(), order)
    model.set_properties(given)
    model.assemble()
    solution = model.solve(np.array([20.0, 10.0, 60.0]))
    fields = gather_fields(model, solution.displacement)
    membrane, forces, numbers = Membrane.of(mesh, given), None, [solution.work]
    if fields:
        patches = Patches.of(fields, membrane)
        error = StrainError.of(fields, patches, membrane)
        estimate = estimate_error(error)
        numbers += [estimate.squared, estimate.cortex]
        forces = find_missing_forces(error)
    [correction] = solve_corrections(model, [forces])
    corrected = gather_fields(model, model.add(solution, correction).displacement)
    if fields and corrected:
        numbers += [abs(after[1] - before[1]) for before, after in zip(*map(_measure, (fields, corrected)), strict=True)]
        sys.stdout.write(json.dumps(numbers) + "\n")


def _measure(fields: CaseFields) -> list[Measure]:
    return [measure for measure in measure_motion(sample_motion(fields, "gap")) if measure[0].endswith(("mean", "p95", "tion"))]


if __name__ == "__main__":
    main(int(sys.argv[1]))
