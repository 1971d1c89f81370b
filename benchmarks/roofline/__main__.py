"""``python -m benchmarks.roofline``: set-up and solve of one case in products with the matrix at the limit of the bandwidth."""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.page import describe_machine, replace_section
from benchmarks.problem import MESHES, TREATMENTS, prepare
from benchmarks.roofline.bandwidth import measure_bandwidth
from benchmarks.solving import TOLERANCE, case_of, solve_case
from benchmarks.stopwatch import Stopwatch

#: Loads solved together after the first.
_LOADS = 8
#: Products wanted: set-up and first solve, and every further load.
FIRST, FURTHER = 400.0, 40.0


def measure(size: str, order: int, treatment: str, repeats: int) -> dict[str, Any]:
    """Figures of one case: seconds of CPU, medians, and what they are measured against."""
    resolved, mesh = prepare(size, order)
    import sacrofem.fem  # noqa: F401

    # isort: split
    import numpy as np
    from mpi4py import MPI

    solved = solve_case(resolved, mesh, case_of(resolved, treatment), MPI.COMM_SELF, Stopwatch())
    model, solver = solved.model, solved.model.solver
    bandwidth = measure_bandwidth()
    block = solver.block_solver()
    rows = block.matrix.rows
    # As AIJ in double precision with 4-byte columns, the vector read once and the result written once.
    dofs = rows.rows * 3
    traffic = rows.data.size * 12.0 + dofs * (8.0 + 8.0 + 4.0)
    first = model.loading.vector(solved.parts).getArray().copy()[:, None]
    random = np.random.default_rng(3)
    others = block.matrix.multiply(random.standard_normal((dofs, _LOADS))) * 1e-3
    others += first * random.standard_normal(_LOADS)
    seconds: dict[str, list[float]] = {}

    def note(name: str, began: float) -> None:
        seconds.setdefault(name, []).append(time.process_time() - began)

    iterations = {}
    for _ in range(repeats):
        began = time.process_time()
        solver.set_up()
        note("set up", began)
        block = solver.block_solver()
        began = time.process_time()
        for _ in range(10):
            block.matrix.multiply(first)
        note("ten products", began)
        began = time.process_time()
        iterations["first"] = block.solve(first, TOLERANCE, solver.most_iterations)[1].iterations
        note("first", began)
        began = time.process_time()
        iterations["further"] = block.solve(others, TOLERANCE, solver.most_iterations)[1].iterations
        note("further", began)
    found = {name: median(values) for name, values in seconds.items()}
    levels = [(level.dofs, level.smoother.numbers) for level in block.cycle.levels]
    return {
        "size": size,
        "order": order,
        "treatment": treatment,
        "dofs": dofs,
        "limit": traffic / bandwidth,
        "bandwidth": bandwidth,
        "product": found["ten products"] / 10,
        "seconds": found,
        "iterations": iterations,
        "levels": levels,
        "repeats": repeats,
    }


def write_section(results: list[dict[str, Any]]) -> list[str]:
    """The section as Markdown lines."""
    best = max(result["bandwidth"] for result in results)
    lines = [
        f"Triad: {best / 1e9:.1f} GB/s. One product: the matrix as 8-byte numbers with 4-byte columns and two "
        f"vectors, once through the "
        f"memory. Medians of {results[0]['repeats']}, seconds of CPU on one core, residual {TOLERANCE:g}; further "
        f"loads: {_LOADS} "
        "right-hand sides together, random forces among them (harder than a load).",
        "",
        f"Machine: {describe_machine()}. {datetime.date.today().isoformat()}.",
        "",
        f"| case | set-up and first solve, products (wanted: {FIRST:g}) | each further load (wanted: {FURTHER:g}) | "
        f"set up | first solve "
        "| product at the limit, ms | own product / limit | iterations: first, further | dofs, and numbers in the "
        "matrix, by level |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        limit, seconds = traffic_time(result, best), result["seconds"]
        first, further = seconds["set up"] + seconds["first"], seconds["further"] / _LOADS
        levels = "; ".join(f"{dofs:,} {numbers / 1e6:.2f}M" for dofs, numbers in result["levels"])
        lines.append(
            f"| {result['treatment'].replace('_', ' ')}, P{result['order']}, {result['dofs']:,} dofs | {first / limit:.0f} | "
            f"{further / limit:.0f} | {seconds['set up'] / limit:.0f} | {seconds['first'] / limit:.0f} | {limit * 1e3:.1f} | "
            f"{result['product'] / limit:.2f} | {result['iterations']['first']}, {result['iterations']['further']} | {levels} |"
        )
    return lines


def traffic_time(result: dict[str, Any], bandwidth: float) -> float:
    """Seconds of one product at a bandwidth."""
    return float(result["limit"] * result["bandwidth"] / bandwidth)


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roofline", description=__doc__)
    parser.add_argument("--size", choices=list(MESHES), action="append", help="thousands of nodes (38k); may be repeated")
    parser.add_argument("--order", type=int, choices=(1, 2), default=1)
    parser.add_argument("--treatment", choices=TREATMENTS, action="append", help="default: all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, help="page whose section is replaced, such as docs/benchmarks.md")
    given = parser.parse_args(arguments)
    cases = [(size, treatment) for size in given.size or ["38k"] for treatment in given.treatment or TREATMENTS]
    results = [measure(size, given.order, treatment, given.repeats) for size, treatment in cases]
    lines = write_section(results)
    sys.stdout.write("\n".join(lines) + "\n")
    if given.output:
        replace_section(given.output, "roofline", lines)


if __name__ == "__main__":
    main()
