"""All solves of a study in one process: ``python -m benchmarks.study.case request.json``.

Everything is timed by the process's CPU seconds, of assembly, set-up and solve alone; meshes, function spaces and compiled forms,
which a loop could keep as well, are made before the clock starts.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sacrofem.fem  # noqa: F401

# isort: split
import numpy as np
from dolfinx.fem import petsc
from mpi4py import MPI
from petsc4py import PETSc

from benchmarks.refinement import refine
from benchmarks.stopwatch import Stopwatch, peak_memory, report
from sacrofem.catalogue import load_study, resolve_study
from sacrofem.catalogue.models import Study, Treatment
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.loads.parts import LoadPart
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mesh.cache import load_or_build_mesh
from sacrofem.mesh.model import ModelMesh
from sacrofem.solver.choice import make_solver
from sacrofem.solving import Reuse, SolverSettings
from sacrofem.study.cases import active_regions
from sacrofem.study.loads import apply_loads
from sacrofem.study.placement import place_entries
from sacrofem.study.properties import case_partings, case_properties

_ROOT = Path(__file__).resolve().parents[2]
TREATMENTS = (
    Treatment(name="untreated"),
    Treatment(name="cement", cement=("long_axis_right",)),
    Treatment(name="screw", implants=("trans_sacral_s1",)),
    Treatment(name="cement_and_screw", cement=("long_axis_right",), implants=("trans_sacral_s1",), augmented=True),
)
#: Eight loads of the catalogue on the endplate of S1: forces in four directions, three sizes of one of them, and a moment.
CATALOGUE = (
    "standing",
    "walking_heel_strike",
    "walking_midstance",
    "walking_push_off",
    "bench_s1_350",
    "bench_s1_600",
    "bench_s1_981",
    "bench_s1_flexion_moment",
)
TOLERANCE = 1e-9
#: The best of PETSc's GAMG on this problem among those tried: relaxing blocks of a node, see docs/solver.md.
TUNED = {
    "ksp_type": "cg",
    "ksp_norm_type": "unpreconditioned",
    "ksp_rtol": TOLERANCE,
    "pc_type": "gamg",
    "pc_gamg_threshold": 0.02,
    "pc_gamg_aggressive_coarsening": 1,
    "mg_levels_ksp_type": "chebyshev",
    "mg_levels_pc_type": "pbjacobi",
}


@dataclass(frozen=True)
class Request:
    """What is timed.

    Attributes:
        mesh: Mesh sizes, mm, of the sacrum.
        refinements: How often every tetrahedron is cut into eight.
        first: Number of the first treatment.
        arms: How many of them.
        levels: How many BMD levels, of four.
        independent: Whether the loads are eight of which none is a sum of others.
        ladder: Names of what is reused, one set after the other; each a row of the table.
        fresh: How many cases of each treatment the loop that starts afresh solves in each turn.
        turns: How often all is done, in turn.
    """

    mesh: dict[str, float]
    refinements: int
    first: int
    arms: int
    levels: int
    independent: bool
    ladder: tuple[tuple[str, ...], ...]
    fresh: int
    turns: int


def resolve(request: Request) -> ResolvedStudy:
    """The study of four treatments, four BMD levels and eight loads."""
    given = load_study(_ROOT / "studies" / "quickstart.yaml")
    changed = {"treatments": TREATMENTS, "loads": CATALOGUE, "mesh": {**request.mesh, "minimum_quality": 0.05}}
    study = Study.model_validate(given.study.model_dump() | changed)
    return place_entries(resolve_study(replace(given, study=study)))


def make_mesh(resolved: ResolvedStudy, refinements: int) -> ModelMesh:
    """The study's mesh, refined."""
    bodies = list(resolved.patterns.values()), list(resolved.implants.values())
    mesh = load_or_build_mesh(resolved.anatomy, resolved.fracture, *bodies, resolved.study.mesh)
    for _ in range(refinements):
        mesh = refine(mesh)
    return mesh


def list_loads(resolved: ResolvedStudy, mesh: ModelMesh, independent: bool) -> list[tuple[LoadPart, ...]]:
    """Eight loads: of the catalogue, or six unit wrenches on the endplate and forces on two patches of the skin."""
    if not independent:
        return [load.parts for load in apply_loads(resolved).values()]
    wrenches = [LoadPart("unit", "endplate", row[:3].copy(), moment=row[3:].copy()) for row in np.eye(6)]
    skin = mesh.points[np.unique(mesh.surfaces["cortex"])]
    places = [skin[np.argmin(skin[:, axis])] for axis in (0, 1)]
    patches = [LoadPart(f"patch {i}", "patch", np.array([100.0, 30.0, 0.0]), place, radius=8.0) for i, place in enumerate(places)]
    return [(part,) for part in [*wrenches, *patches]]


def solve_afresh(model: SacrumModel, parts: tuple[LoadPart, ...], watch: Stopwatch) -> tuple[int, float]:
    """One case as a loop would: assembly, GAMG, CG; (iterations, work of the load, N mm)."""
    watch.start()
    matrix = petsc.create_matrix(model.stiffness)
    petsc.assemble_matrix(matrix, model.stiffness)
    matrix.assemble()
    model.interfaces.add_tangent(matrix)
    matrix.assemble()
    matrix.setOption(PETSc.Mat.Option.SPD, True)
    vector = model.loading.vector(parts)
    watch.note("assemble")
    owned = model.V.dofmap.index_map.size_local
    places = model.V.tabulate_dof_coordinates()[:owned].ravel().copy()
    near = PETSc.Vec().createWithArray(places, bsize=3, comm=matrix.comm)
    matrix.setNearNullSpace(PETSc.NullSpace().createRigidBody(near))
    options = PETSc.Options("fresh_")
    for name, value in TUNED.items():
        options[name] = value
    ksp = PETSc.KSP().create(matrix.comm)
    ksp.setOptionsPrefix("fresh_")
    ksp.setOperators(matrix)
    ksp.setFromOptions()
    ksp.setUp()
    watch.note("set up")
    solution = vector.duplicate()
    ksp.solve(vector, solution)
    watch.note("solve")
    if ksp.getConvergedReason() < 0:
        raise SystemExit(f"the fresh solve failed: {ksp.getConvergedReason()}")
    work, iterations = float(vector.dot(solution)), ksp.getIterationNumber()
    for made in (ksp, matrix, vector, solution, near):
        made.destroy()
    return iterations, work


def solve_levels(
    model: SacrumModel, properties: list[Any], loads: list[tuple[LoadPart, ...]], reuse: Reuse, watch: Stopwatch
) -> tuple[int, dict[tuple[int, int], float]]:
    """All levels and loads of a treatment as the product solves them; (most iterations, level and load -> work, N mm)."""
    model.settings = SolverSettings("multigrid", reuse=reuse)
    model.solver = make_solver(model.assembled, model.V, model.linear_space, model.settings)
    model.couple([])
    model._region_sum, model._filled = None, False
    iterations, works = 0, {}
    for number, given in enumerate(properties):
        model.set_properties(given)
        watch.start()
        model.assemble(renew=False)
        watch.note("assemble")
        model.solver.renew()
        watch.note("set up")
        model.prepare(loads)
        for place, parts in enumerate(loads):
            vector = model.loading.vector(parts)
            found, _ = model.solver.remember(vector.getArray(readonly=True)[:, None])
            works[number, place] = float(vector.getArray(readonly=True) @ found[:, 0])
            iterations = max(iterations, model.solver.latest.iterations if model.solver.latest else 0)
        watch.note("solve")
    return iterations, works


def run(request: Request) -> dict[str, Any]:
    """Time everything; sums over the turns."""
    resolved = resolve(request)
    mesh = make_mesh(resolved, request.refinements)
    distributed = distribute(mesh, MPI.COMM_SELF)
    loads = list_loads(resolved, mesh, request.independent)
    levels = sorted(resolved.levels, key=lambda level: level.rank)[: request.levels]
    properties = [case_properties(resolved, level) for level in levels]
    rows: list[dict[str, Any]] = [{"reuse": list(names), "watch": Stopwatch(), "iterations": 0} for names in request.ladder]
    fresh: dict[str, Any] = {"watch": Stopwatch(), "iterations": 0, "cases": 0}
    difference, dofs = 0.0, 0
    began = time.perf_counter()
    for treatment in TREATMENTS[request.first : request.first + request.arms]:
        model = SacrumModel(distributed, active_regions(treatment), 1, case_partings(resolved))
        dofs = max(dofs, model.assembled.getSize()[0])
        model.set_properties(properties[0])
        solve_afresh(model, loads[0], Stopwatch())  # what happens once in a process is nobody's
        solve_levels(model, properties[:1], loads[:1], Reuse(), Stopwatch())
        for turn in range(request.turns):
            references = {}
            for number in range(request.fresh):
                place = (number + turn) % len(properties), (3 * number + turn) % len(loads)
                model.set_properties(properties[place[0]])
                iterations, references[place] = solve_afresh(model, loads[place[1]], fresh["watch"])
                fresh["iterations"] = max(fresh["iterations"], iterations)
                fresh["cases"] += 1
            for row in rows:
                iterations, works = solve_levels(model, properties, loads, Reuse.only(row["reuse"]), row["watch"])
                row["iterations"] = max(row["iterations"], iterations)
                differences = [abs(works[place] / work - 1.0) for place, work in references.items()]
                difference = max([difference, *differences])
    for row in [fresh, *rows]:
        row["seconds"] = row.pop("watch").cpu
    return {
        "nodes": len(mesh.points),
        "dofs": dofs,
        "fresh": fresh,
        "rows": rows,
        "difference": difference,
        "peak": peak_memory(),
        "clock": time.perf_counter() - began,
    }


if __name__ == "__main__":
    report(run(Request(**json.loads(Path(sys.argv[1]).read_text()))))
