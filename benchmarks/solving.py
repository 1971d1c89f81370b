"""One case by sacrofem, stage by stage, as a study solves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.problem import LEVEL, LOAD
from benchmarks.stopwatch import Stopwatch
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.loads.parts import LoadPart
from sacrofem.mesh.model import ModelMesh
from sacrofem.study.cases import Case, active_regions, expand_cases
from sacrofem.study.loads import apply_loads, as_carried

if TYPE_CHECKING:
    from dolfinx import fem
    from mpi4py import MPI

    from sacrofem.mechanics.model import SacrumModel
    from sacrofem.mechanics.properties import Properties
    from sacrofem.solver.multigrid import SolveLog

#: Of ||b - A x|| / ||b||, for every iterative solver here.
TOLERANCE = 1e-8


@dataclass(frozen=True)
class Solved:
    """A solved case.

    Attributes:
        model: With its matrix and preconditioner.
        properties: What it was given.
        parts: Of its load.
        displacement: mm.
        log: Of its solve.
    """

    model: SacrumModel
    properties: Properties
    parts: tuple[LoadPart, ...]
    displacement: fem.Function
    log: SolveLog


def case_of(resolved: ResolvedStudy, treatment: str, level: str = LEVEL) -> Case:
    """The case of a treatment under the benchmark's load."""
    return next(case for case in expand_cases(resolved) if case.name == f"{treatment}-{level}-{LOAD}")


def solve_case(
    resolved: ResolvedStudy, mesh: ModelMesh, case: Case, comm: MPI.Comm, watch: Stopwatch, tolerance: float = TOLERANCE
) -> Solved:
    """Solve one case; collective. The stages: mesh (to the ranks, with its spaces), assemble, set up, solve.

    Args:
        resolved: The study.
        mesh: Its mesh.
        case: The case.
        comm: Communicator.
        watch: Notes the stages.
        tolerance: Of the residual.
    """
    import sacrofem.fem  # noqa: F401

    # isort: split
    from dolfinx import fem

    from sacrofem.mechanics.distribution import distribute
    from sacrofem.mechanics.model import SacrumModel
    from sacrofem.study.properties import case_partings, case_properties

    watch.start()
    distributed = distribute(mesh, comm)
    model = SacrumModel(distributed, active_regions(case.treatment), resolved.study.order, case_partings(resolved))
    watch.note("mesh")
    properties = case_properties(resolved, case.level)
    model.set_properties(properties)
    model.assemble(renew=False)
    parts = tuple(as_carried(apply_loads(resolved)[case.load.name], resolved).parts)
    vector = model.loading.vector(parts)
    watch.note("assemble")
    model.solver.set_up()
    model.solver.block_solver()
    watch.note("set up")
    displacement = fem.Function(model.V)
    log = model.solver.solve(vector, displacement.x.petsc_vec, tolerance)
    displacement.x.scatter_forward()
    watch.note("solve")
    return Solved(model, properties, parts, displacement, log)
