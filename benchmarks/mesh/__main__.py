"""``python -m benchmarks.mesh``: plain and with features by turns, each in a process of its own; medians and their ratio."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.mesh.case import Request
from benchmarks.page import describe_machine, replace_section
from benchmarks.stopwatch import run_request

#: Seconds for one mesh.
_TIMEOUT = 3600.0
#: The requirement: features cost less than this many times Gmsh alone and so many seconds.
FACTOR, EXTRA = 3.0, 60.0
FULL = Request({"size": 3.0, "feature_size": 1.0, "joint_size": 2.5, "sampling": 1.0}, "pelvic_ring")
COARSE = Request({"size": 8.0, "feature_size": 4.0, "sampling": 2.0}, "sacrum")


def run_by_turns(request: Request, repeats: int) -> dict[str, list[dict[str, Any]]]:
    """Plain, features, plain, features, ... so that a slow hour of the machine falls on both."""
    runs: dict[str, list[dict[str, Any]]] = {"plain": [], "features": []}
    for turn in range(repeats):
        for kind, results in runs.items():
            results.append(run_request("benchmarks.mesh.case", kind, request=request, timeout=_TIMEOUT))
            sys.stderr.write(f"{kind} {turn + 1}: {sum(stage['cpu'] for stage in results[-1]['stages']):.1f} s of CPU\n")
    return runs


def stage_medians(results: list[dict[str, Any]], what: str) -> dict[str, float]:
    """Stage -> median over the runs; a stage that an attempt repeats is summed (peak memory: its largest)."""
    names = list(dict.fromkeys(stage["name"] for result in results for stage in result["stages"]))
    join = max if what == "peak" else sum
    return {
        name: median(join([stage[what] for stage in result["stages"] if stage["name"] == name] or [0.0]) for result in results)
        for name in names
    }


def write_section(request: Request, runs: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The section as Markdown lines."""
    plain, full = runs["plain"], runs["features"]
    cells = median(result["cells"] for result in full)
    cpu, clock, peak = (stage_medians(full, what) for what in ("cpu", "clock", "peak"))
    alone = median(stage_medians([result], "cpu")["volume filled"] for result in plain)
    with_surface = median(sum(stage["cpu"] for stage in result["stages"]) for result in plain)
    total = median(sum(stage["cpu"] for stage in result["stages"]) for result in full)
    by_clock = median(sum(stage["clock"] for stage in result["stages"]) for result in full)
    allowed = FACTOR * alone + EXTRA
    sizes = ", ".join(f"{name} {value:g}" for name, value in request.settings.items())
    features = ", ".join([request.fracture, *request.patterns, *request.implants])
    lines = [
        f"{request.extent} of {request.anatomy}, {sizes} mm, with {features}: {cells:,.0f} tetrahedra, smallest radius ratio "
        f"{median(result['quality'] for result in full):.3f}. {len(full)} runs of each kind by turns, medians; seconds of CPU of "
        "all threads, by the clock beside them. Shapes are sampled and large meshes cleaned up on two threads; Gmsh has one.",
        "",
        f"Machine: {describe_machine()}. {datetime.date.today().isoformat()}.",
        "",
        "| stage | s CPU | share | s clock | s CPU per million tetrahedra | peak memory by its end, MB | MB per million |",
        "|---|---|---|---|---|---|---|",
    ]
    million = cells / 1e6
    whole = sum(cpu.values())
    lines += [
        f"| {name} | {cpu[name]:.1f} | {100 * cpu[name] / whole:.0f} % | {clock[name]:.1f} | {cpu[name] / million:.0f} | "
        f"{peak[name]:.0f} | {peak[name] / million:.0f} |"
        for name in cpu
    ]
    memory = median(result["peak"] for result in full)
    lines += [
        f"| **all** | {total:.1f} | 100 % | {by_clock:.1f} | {total / million:.0f} | {memory:.0f} | {memory / million:.0f} |",
        "",
        f"Gmsh alone fills the plain volume at {request.settings['size']:g} mm "
        f"({median(result['cells'] for result in plain):,.0f} tetrahedra) in {alone:.1f} s; with the surface it needs, sampled "
        f"and remeshed by us, {with_surface:.1f} s (peak {median(result['peak'] for result in plain):.0f} MB). Wanted: less than "
        f"{FACTOR:g} x {alone:.1f} + {EXTRA:g} = {allowed:.1f} s on 2 cores. With all features: {by_clock:.1f} s by the clock, "
        f"{by_clock / allowed:.2f} of that; {total:.1f} s of CPU.",
    ]
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mesh", description=__doc__)
    parser.add_argument("--coarse", action="store_true", help="a coarse sacrum instead of the pelvic ring")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each kind (3)")
    parser.add_argument("--output", type=Path, help="page whose section is replaced, such as docs/benchmarks.md")
    given = parser.parse_args(arguments)
    request = COARSE if given.coarse else FULL
    lines = write_section(request, run_by_turns(request, given.repeats))
    sys.stdout.write("\n".join(lines) + "\n")
    if given.output:
        replace_section(given.output, "mesh", lines)


if __name__ == "__main__":
    main()
