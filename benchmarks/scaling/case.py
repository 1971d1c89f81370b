"""Solves on n ranks: ``python -m benchmarks.scaling.case REQUEST``.

A request is ``{"size": "38k", "order": 1, "treatment": "untreated", "changes": [{}]}``. A change may set ``contrast`` (metal over
the softest bone), ``interface`` (normal and tangential stiffness, MPa/mm) and ``poisson``.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.problem import prepare
from benchmarks.solving import TOLERANCE, case_of
from benchmarks.stopwatch import peak_memory, report
from sacrofem.study.cases import active_regions
from sacrofem.study.loads import apply_loads, as_carried

if TYPE_CHECKING:
    from sacrofem.mechanics.properties import Properties

#: Solves of each case; the median time counts.
_REPEATS = 3


def change_properties(given: Properties, change: dict[str, float]) -> Properties:
    """The properties, harder.

    Moduli follow a power law, so that the stiffest is ``contrast`` times the softest.
    """
    found = given
    if "contrast" in change:
        softest, stiffest = min(given.young.values()), max(given.young.values())
        power = math.log(change["contrast"]) / math.log(stiffest / softest)
        young = {name: softest * (value / softest) ** power for name, value in given.young.items()}
        found = replace(found, young=young)
    if "interface" in change:
        stiffness = {"normal_stiffness": change["interface"], "tangential_stiffness": change["interface"]}
        found = replace(found, interface=given.interface.model_copy(update=stiffness))
    if "poisson" in change:
        found = replace(found, poisson=dict.fromkeys(given.poisson, change["poisson"]))
    return found


def main(request: dict[str, Any]) -> None:
    """Solve every change of one case; collective."""
    resolved, mesh = prepare(request["size"], request["order"])
    case = case_of(resolved, request["treatment"])
    import sacrofem.fem  # noqa: F401

    # isort: split
    from dolfinx import fem
    from mpi4py import MPI

    from sacrofem.mechanics.distribution import distribute
    from sacrofem.mechanics.model import SacrumModel
    from sacrofem.study.properties import case_partings, case_properties

    comm = MPI.COMM_WORLD
    distributed = distribute(mesh, comm)
    model = SacrumModel(distributed, active_regions(case.treatment), request["order"], case_partings(resolved))
    given = case_properties(resolved, case.level)
    parts = tuple(as_carried(apply_loads(resolved)[case.load.name], resolved).parts)
    found = []
    for change in request["changes"]:
        model.set_properties(change_properties(given, change))
        seconds: dict[str, list[float]] = {}
        cpu: dict[str, list[float]] = {}

        def begin() -> tuple[float, float]:
            comm.Barrier()
            return time.perf_counter(), time.process_time()

        def note(
            name: str, began: tuple[float, float], kept: dict[str, list[float]] = seconds, used: dict[str, list[float]] = cpu
        ) -> None:
            used.setdefault(name, []).append(comm.allreduce(time.process_time() - began[1], op=MPI.MAX))
            kept.setdefault(name, []).append(comm.allreduce(time.perf_counter() - began[0], op=MPI.MAX))

        for _ in range(request.get("repeats", _REPEATS)):
            began = begin()
            model.assemble(renew=False)
            note("assemble", began)
            began = begin()
            model.solver.set_up()
            note("set up", began)
            displacement = fem.Function(model.V)
            began = begin()
            log = model.solver.solve(model.loading.vector(parts), displacement.x.petsc_vec, TOLERANCE)
            note("solve", began)
        levels = [comm.allreduce(level.dofs) for level in model.solver.block_solver().cycle.levels]
        best, least = ({name: min(values) for name, values in kept.items()} for kept in (seconds, cpu))
        found.append({**change, "iterations": log.iterations, "seconds": best, "cpu": least, "levels": levels})
    memory = comm.allreduce(peak_memory())
    if comm.rank == 0:
        report({"dofs": model.matrix.getSize()[0], "ranks": comm.size, "memory": memory, "found": found})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
