"""sacrofem, one process: ``python -m benchmarks.peers.sacrofem SIZE ORDER TREATMENT FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.peers.arrays import ARRAYS, Arrays
from benchmarks.problem import prepare
from benchmarks.solving import case_of, solve_case
from benchmarks.stopwatch import Stopwatch, peak_memory, report


def main(size: str, order: str, treatment: str, folder: Path) -> None:
    """Solve the case, and only then put its displacement into the order of the arrays."""
    resolved, mesh = prepare(size, int(order))
    case = case_of(resolved, treatment)
    import sacrofem.fem  # noqa: F401

    # isort: split
    from mpi4py import MPI

    from sacrofem.results.gathering import gather_fields

    watch = Stopwatch()
    solved = solve_case(resolved, mesh, case, MPI.COMM_SELF, watch)
    memory = peak_memory()
    fields = gather_fields(solved.model, solved.displacement)
    assert fields is not None
    probes = Arrays.load(folder / ARRAYS).probes
    np.save(folder / "sacrofem.npy", fields.displacement[probes])
    report({"cpu": watch.cpu, "clock": watch.clock, "memory": memory, "iterations": solved.log.iterations})


if __name__ == "__main__":
    main(*sys.argv[1:4], Path(sys.argv[4]))
