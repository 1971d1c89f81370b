"""One problem written for all peers: ``python -m benchmarks.peers.export SIZE ORDER TREATMENT FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix

from benchmarks.peers.arrays import ARRAYS, INPUT, PROBES, Arrays, FloatArray
from benchmarks.problem import prepare
from benchmarks.solving import case_of, solve_case
from benchmarks.stopwatch import Stopwatch, report

if TYPE_CHECKING:
    from sacrofem.export.problem import Problem
    from sacrofem.export.springs import Combinations
    from sacrofem.loads.parts import LoadPart
    from sacrofem.mechanics.model import SacrumModel
    from sacrofem.mechanics.properties import Properties

#: Of the residual, for the solution that all are held against.
_REFERENCE = 1e-9
_PROBES, _SEED = 400, 5


def main(size: str, order: str, treatment: str, folder: Path) -> None:
    """Solve, take apart, write: the arrays, the ``.inp`` and the reference at the probes."""
    resolved, mesh = prepare(size, int(order))
    case = case_of(resolved, treatment)
    import sacrofem.fem  # noqa: F401

    # isort: split
    from mpi4py import MPI

    from sacrofem.export.calculix import write_inp

    solved = solve_case(resolved, mesh, case, MPI.COMM_SELF, Stopwatch(), _REFERENCE)
    arrays, problem, displacement = take_apart(case.name, solved.model, solved.properties, solved.parts)
    folder.mkdir(parents=True, exist_ok=True)
    write_inp(folder / INPUT, problem)
    np.save(folder / PROBES, displacement[arrays.probes])
    arrays.save(folder / ARRAYS)
    report({"dofs": arrays.points.size, "cells": len(arrays.cells), "nodes": len(arrays.points)})


def take_apart(
    name: str, model: SacrumModel, properties: Properties, parts: tuple[LoadPart, ...]
) -> tuple[Arrays, Problem, FloatArray]:
    """An assembled case as arrays, as sacrofem exports it, and (n, 3) its displacement."""
    from sacrofem.export.membranes import combine_membranes
    from sacrofem.export.problem import describe_problem

    if model.coupled.couplings:
        raise ValueError(f"no sparse matrix, and so not exported: {', '.join(what.name for what in model.coupled.couplings)}")
    model.solver.tolerance = _REFERENCE
    problem, fields = describe_problem(name, model, properties, model.solve(parts), parts)
    combined = [springs.combine() for springs in problem.springs if len(springs.nodes)] + [combine_membranes(problem)]
    size = problem.points.size
    extra = csr_matrix((size, size))
    for what in combined:
        rows = assemble_rows(what, size)
        extra = extra + rows.T @ rows
    random = np.random.default_rng(_SEED)
    # Half of them on the fracture, whose motion is what a study asks for.
    faces = np.unique(np.concatenate([springs.nodes.ravel() for springs in problem.springs if not springs.grounded]))
    chosen = [random.choice(nodes, min(_PROBES // 2, len(nodes)), replace=False) for nodes in (faces, np.arange(size // 3))]
    probes = np.unique(np.concatenate(chosen))
    arrays = Arrays(
        problem.points, problem.cells, problem.young, problem.poisson, csr_matrix(extra), problem.forces.ravel(), probes
    )
    return arrays, problem, fields.displacement


def assemble_rows(what: Combinations, size: int) -> csr_matrix:
    """(3 places, dofs) the combinations, whose squares sum to twice the energy."""
    count = len(what.nodes)
    row = np.broadcast_to(np.arange(3 * count).reshape(count, 3, 1, 1), what.rows.shape)
    column = np.broadcast_to((3 * what.nodes[:, :, None] + np.arange(3))[:, None], what.rows.shape)
    return csr_matrix((what.rows.ravel(), (row.ravel(), column.ravel())), shape=(3 * count, size))


if __name__ == "__main__":
    main(*sys.argv[1:4], Path(sys.argv[4]))
