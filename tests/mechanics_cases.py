"""Block models with known answers; run as a script under mpiexec it prints its numbers for comparison."""

from __future__ import annotations

import json
import sys

import numpy as np
from mpi4py import MPI

from sacrofem.catalogue.models import Interface, Support
from sacrofem.mechanics import forms
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel, Solution
from sacrofem.mechanics.properties import Properties
from tests.blocks import block

NORMAL, TANGENTIAL = 2.0, 0.5  # MPa/mm
AREA = 100.0  # mm^2


def properties(law: str = "linear", thickness: float = 1e-9, cement: float = 2000.0) -> Properties:
    return Properties(
        young={"body": 100.0, "cement:bridge": cement},
        poisson={"body": 0.3, "cement:bridge": 0.3},
        cortical_thickness=thickness,
        cortical_modulus=10000.0,
        cortical_poisson_ratio=0.0,
        interface=Interface(name="gap", title="", source="", law=law, normal_stiffness=NORMAL, tangential_stiffness=TANGENTIAL),
        support=Support(name="base", title="", source="", normal_stiffness=50.0, tangential_stiffness=50.0),
    )


def solve_block(
    order: int,
    force: tuple[float, float, float],
    depth: float = 1.0,
    bridge: float = 0.0,
    active: frozenset[str] = frozenset(),
    given: Properties | None = None,
) -> tuple[SacrumModel, Solution]:
    model = SacrumModel(distribute(block(fracture_depth=depth, bridge=bridge), MPI.COMM_WORLD), active, order)
    model.set_properties(given or properties())
    model.assemble()
    return model, model.solve(np.array(force))


def mean_opening(model: SacrumModel, solution: Solution) -> float:
    return model.integrate(forms.opening(solution.displacement, model.domain) * model.fracture) / AREA


def mean_jump(model: SacrumModel, solution: Solution, axis: int) -> float:
    """Mean jump of the upper block against the lower one along an axis, whichever side is '+'."""
    sign = forms.upward(model.domain)
    return model.integrate(sign * forms.jump(solution.displacement)[axis] * model.fracture) / AREA


def main(order: int) -> None:
    """Print numbers of a full, a partial and a bridged fracture, from rank 0."""
    numbers = []
    for depth, bridge, active in ((1.0, 0.0, ()), (0.7, 0.0, ()), (1.0, 0.34, ("cement:bridge",))):
        model, solution = solve_block(order, (5.0, 3.0, 100.0), depth, bridge, frozenset(active))
        numbers += [solution.work, mean_opening(model, solution), mean_jump(model, solution, 0)]
    if MPI.COMM_WORLD.rank == 0:
        sys.stdout.write(json.dumps(numbers) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
