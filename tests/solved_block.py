"""A solved block and what its fracture did; as a script it prints one case, to compare ranks."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

import numpy as np

# isort: split
import ufl
from dolfinx import fem
from mpi4py import MPI

from sacrofem.catalogue.models import Interface, Support
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel, Solution
from sacrofem.mechanics.properties import Properties
from tests.blocks import block

KN, KT = 2.0, 0.5  # MPa/mm


@dataclass(frozen=True)
class Solved:
    """One solved case.

    Attributes:
        solution: The solution.
        opening: Mean opening over the facets that may move, mm.
        slip: (3,) mean |jump in the plane| along each axis, mm; the same whichever side is '+'.
    """

    solution: Solution
    opening: float
    slip: tuple[float, float, float]


def solve(
    comm: MPI.Comm,
    order: int,
    force: tuple[float, float, float],
    law: str,
    shape: tuple[tuple[str, float], ...] = (),
) -> Solved:
    """Solve a block of 10 x 10 x 20 mm; ``shape`` are arguments of :func:`tests.blocks.block`."""
    given = dict(shape)
    active = frozenset({"cement:bridge"}) if given.get("bridge") else frozenset()
    model = SacrumModel(distribute(block(**given), comm), active, order)
    regions = ("body", "cement:bridge")
    model.set_properties(
        Properties(
            young=dict(zip(regions, (100.0, 2000.0), strict=True)),
            poisson=dict.fromkeys(regions, 0.3),
            cortical_thickness=1e-9,
            cortical_modulus=10000.0,
            cortical_poisson_ratio=0.0,
            interface=Interface(name="gap", title="", source="", law=law, normal_stiffness=KN, tangential_stiffness=KT),
            support=Support(name="base", title="", source="", normal_stiffness=50.0, tangential_stiffness=50.0),
        )
    )
    model.assemble()
    solution = model.solve(np.array(force))
    return Solved(solution, *_motion(model, solution.displacement))


def _motion(model: SacrumModel, u: fem.Function) -> tuple[float, tuple[float, float, float]]:
    facets = np.unique(np.concatenate([np.zeros(0, np.int32), *model.cut.values()])).astype(np.int32)
    pairs = fem.compute_integration_domains(fem.IntegralType.interior_facet, model.domain.topology, facets)
    dS = ufl.Measure("dS", domain=model.domain, subdomain_data=[(1, pairs)])(1)

    def total(integrand: ufl.core.expr.Expr) -> float:
        return float(model.comm.allreduce(fem.assemble_scalar(fem.form(integrand * dS))))

    normal, jump = ufl.FacetNormal(model.domain)("+"), u("+") - u("-")
    along = ufl.dot(jump, normal)
    area = total(fem.Constant(model.domain, 1.0)("+"))
    if area == 0.0:
        return 0.0, (0.0, 0.0, 0.0)
    slip = [total(abs((jump - along * normal)[axis])) / area for axis in range(3)]
    return -total(along) / area, (slip[0], slip[1], slip[2])


if __name__ == "__main__":
    found = solve(MPI.COMM_WORLD, int(sys.argv[1]), (20.0, 10.0, 60.0), sys.argv[2], (("bridge", 0.4),))
    if MPI.COMM_WORLD.rank == 0:
        numbers = [found.opening, *found.slip, found.solution.work, found.solution.energy]
        sys.stdout.write(json.dumps(numbers) + "\n")
