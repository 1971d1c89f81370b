"""A bar with sockets in its ends under every kind of load part; as a script it prints numbers, to compare ranks."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

# isort: split
import numpy as np
from dolfinx import fem
from mpi4py import MPI

from sacrofem.catalogue.models import Support
from sacrofem.loads.parts import LoadPart
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from tests.solved_block import properties
from tests.test_ring_supports import bar

SOFT = Support(
    name="soft", title="", source="", acts_on="acetabulum", normal_stiffness=0.5, tangential_stiffness=0.5, grounding=True
)


def parts() -> tuple[LoadPart, ...]:
    """Force and moment on the endplate, weight of the bone, a patch, and a ball in each socket; not in balance."""
    return (
        LoadPart("top", "endplate", np.array([3.0, -50.0, 2.0]), np.array([1.0, 5.0, -2.0]), np.array([100.0, 20.0, -30.0])),
        LoadPart("even", "endplate", np.array([0.0, -5.0, 0.0])),
        LoadPart("weight", "bone", np.array([0.0, -10.0, 1.0]), np.array([1.0, 2.0, 3.0])),
        LoadPart("muscle", "patch", np.array([4.0, 5.0, -6.0]), np.array([5.5, 1.0, 12.0]), radius=4.0),
        LoadPart("right", "acetabulum_right", np.array([2.0, 5.0, -60.0]), np.array([0.0, 0.0, 52.0])),
        LoadPart("left", "acetabulum_left", np.array([-2.0, 3.0, 70.0]), np.array([0.0, 0.0, -52.0])),
    )


def model_of(comm: MPI.Comm, order: int, support: Support = SOFT) -> SacrumModel:
    model = SacrumModel(distribute(bar(), comm), frozenset(), order)
    model.set_properties(replace(properties(), support=support))
    model.assemble()
    return model


def wrench_of(model: SacrumModel, given: tuple[LoadPart, ...]) -> np.ndarray:
    """(6,) force and moment about the origin that the nodal forces do work with on the six rigid motions."""
    vector = model.loading.vector(given)
    rigid = fem.Function(model.V)
    found = []
    for i in range(6):
        shift, turn = np.eye(6)[i][:3], np.eye(6)[i][3:]
        rigid.interpolate(lambda x, a=shift, b=turn: a[:, None] + np.cross(b, x.T).T)
        found.append(float(vector.dot(rigid.x.petsc_vec)))
    return np.array(found)


def main(order: int) -> None:
    model = model_of(MPI.COMM_WORLD, order)
    solution = model.solve(parts())
    numbers = [*wrench_of(model, parts()), solution.work, solution.energy, *solution.reaction, solution.moment_imbalance < 1e-6]
    numbers += [model.solve(parts()[:2]).work]
    if MPI.COMM_WORLD.rank == 0:
        sys.stdout.write(json.dumps([float(number) for number in numbers]) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
