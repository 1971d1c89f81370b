"""``python -m benchmarks.peers``: sacrofem and its peers by turns on the same problem, each in a process of its own.

Results are kept beside the exported problems, so that sizes can be run one after the other; ``--output`` writes all of them.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from statistics import median
from typing import Any

import numpy as np
import platformdirs

from benchmarks.page import describe_machine, replace_section
from benchmarks.peers.arrays import ARRAYS, PROBES
from benchmarks.problem import MESHES, TREATMENTS
from benchmarks.stopwatch import run_apart

#: Name of a solver -> what runs it, its arguments after the folder, and what it needs.
PEERS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "sacrofem": ("benchmarks.peers.sacrofem", (), ()),
    "scikit_fem": ("benchmarks.peers.scikit_fem", (), ("skfem", "pyamg")),
    "netgen": ("benchmarks.peers.netgen", (), ("ngsolve",)),
    "calculix_cholesky": ("benchmarks.peers.calculix", ("cholesky",), ("ccx",)),
    "calculix_spooles": ("benchmarks.peers.calculix", ("spooles",), ("ccx",)),
}
TITLES = {
    "sacrofem": "**sacrofem**",
    "scikit_fem": "scikit-fem + PyAMG, strength 0.05, block Gauss-Seidel",
    "netgen": "NGSolve, sparse Cholesky",
    "calculix_cholesky": "CalculiX, iterative Cholesky",
    "calculix_spooles": "CalculiX, SPOOLES",
}
#: Largest difference at a probe over the largest displacement.
ACCURACY = 1e-4
_RESULTS = "results.json"


def missing(peer: str) -> str | None:
    """Why a peer cannot run here; None where it can."""
    absent = [need for need in PEERS[peer][2] if (which(need) if need == "ccx" else find_spec(need)) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def export_problem(size: str, order: int, treatment: str, folder: Path) -> dict[str, Any]:
    """Write the problem unless it is there; its number of dofs and cells.

    Raises:
        RuntimeError: the export failed.
    """
    told = folder / "problem.json"
    if not told.exists() or not (folder / ARRAYS).exists():
        found = run_apart("benchmarks.peers.export", size, str(order), treatment, str(folder), timeout=3600.0)
        if "failed" in found:
            raise RuntimeError(f"export of {size} P{order} {treatment}: {found['failed']}")
        told.write_text(json.dumps(found))
    known: dict[str, Any] = json.loads(told.read_text())
    return known


def run_peer(peer: str, size: str, order: int, treatment: str, folder: Path, timeout: float) -> dict[str, Any]:
    """One run; adds the largest difference from the reference at the probes."""
    if why := missing(peer):
        return {"failed": why}
    module, more, _ = PEERS[peer]
    own = (size, str(order), treatment) if peer == "sacrofem" else ()
    (folder / f"{peer}.npy").unlink(missing_ok=True)
    result = run_apart(module, *own, str(folder), *more, timeout=timeout)
    if "failed" not in result:
        reference, found = np.load(folder / PROBES), np.load(folder / f"{peer}.npy")
        result["error"] = float(np.abs(found - reference).max() / np.abs(reference).max())
    return result


def run_by_turns(
    size: str, order: int, treatment: str, folder: Path, peers: list[str], repeats: int, timeout: float
) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """A, B, C, A, B, C, ...; all runs so far, after every turn. A peer that fails is not run again."""
    runs: dict[str, list[dict[str, Any]]] = {peer: [] for peer in peers}
    for turn in range(repeats):
        for peer in peers:
            if any("failed" in run for run in runs[peer]):
                continue
            runs[peer].append(run_peer(peer, size, order, treatment, folder, timeout))
            sys.stderr.write(f"{size} P{order} {treatment}, turn {turn + 1}, {peer}: {runs[peer][-1]}\n")
        yield runs


def summarise(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of one solver's runs."""
    failed = next((run["failed"] for run in runs if "failed" in run), None)
    if failed:
        return {"failed": failed}
    stages = list(dict.fromkeys(stage for run in runs for stage in run["cpu"]))
    cpu = {stage: median(run["cpu"].get(stage, 0.0) for run in runs) for stage in stages}
    return {
        "cpu": cpu,
        "total": median(sum(run["cpu"].values()) for run in runs),
        "clock": median(sum(run["clock"].values()) for run in runs),
        "memory": median(run["memory"] for run in runs),
        "error": max(run["error"] for run in runs),
        "iterations": runs[-1]["iterations"],
        "count": len(runs),
    }


def write_table(kept: dict[str, Any]) -> list[str]:
    """One problem's results as Markdown lines, the ratios first."""
    problem, runs = kept["problem"], kept["runs"]
    found = {peer: summarise(results) for peer, results in runs.items() if results}
    own = found["sacrofem"]
    kind = f"P{kept['order']}, {problem['nodes']:,} nodes, {problem['dofs']:,} dofs, {problem['cells']:,} tetrahedra"
    turns = max(row.get("count", 0) for row in found.values())
    lines = [f"### {kept['treatment'].replace('_', ' ').capitalize()}, {kind}", ""]
    rivals = {peer: row for peer, row in found.items() if peer != "sacrofem" and "failed" not in row}
    exact = {peer: row for peer, row in rivals.items() if row["error"] <= ACCURACY}
    if "failed" not in own and exact:
        fastest = min(exact, key=lambda peer: float(exact[peer]["total"]))
        leanest = min(exact, key=lambda peer: float(exact[peer]["memory"]))
        lines += [
            f"Fastest peer to the accuracy asked for: {TITLES[fastest]}, {exact[fastest]['total'] / own['total']:.1f} times "
            f"sacrofem's time (wanted: 3 at 300,000 nodes). Leanest: {TITLES[leanest]}, "
            f"{exact[leanest]['memory'] / own['memory']:.2f} times sacrofem's memory; sacrofem "
            f"{own['memory'] * 1e3 / problem['dofs']:.1f} kB per dof, interpreter and libraries included.",
            "",
        ]
    lines += [
        f"{turns} turn{'s' if turns > 1 else ''}, medians, seconds of CPU. {kept['machine']}. {kept['date']}.",
        "",
        "| solver | total / sacrofem | mesh | assemble | set up | solve | total | by the clock | peak MB | iterations | error |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for peer, row in found.items():
        if "failed" in row:
            lines.append(f"| {TITLES[peer]} | {row['failed']} |" + " |" * 9)
            continue
        cpu = row["cpu"]
        ratio = f"{row['total'] / own['total']:.2f}" if "failed" not in own else ""
        setup = cpu.get("set up", 0.0) + cpu.get("structure", 0.0)
        stages = (cpu.get("mesh", 0.0), cpu.get("assemble", 0.0), setup, cpu.get("solve", 0.0), row["total"], row["clock"])
        lines.append(
            f"| {TITLES[peer]} | {ratio} | "
            + " | ".join(f"{seconds:.2f}" for seconds in stages)
            + f" | {row['memory']:.0f} | {row['iterations'] or 'direct'} | {row['error']:.0e} |"
        )
    return [*lines, ""]


def write_section(folder: Path) -> list[str]:
    """All results kept in the folder."""
    kept = [json.loads(path.read_text()) for path in sorted(folder.glob(f"*/{_RESULTS}"))]
    kept.sort(key=lambda one: (one["order"], one["problem"]["dofs"], one["treatment"] != "untreated"))
    lines = [
        "Each solver gets the same nodes, cells, moduli and forces, and runs in a process of its own on one thread; "
        "time counts from "
        "arrays in memory (CalculiX: from its file, whose reading is under *mesh*) to the displacement. Cortex, supports and the "
        "fracture's springs reach scikit-fem and NGSolve as one assembled matrix, made beforehand and not counted, "
        "and CalculiX as "
        "springs on combinations of nodes. Ligaments are left out for all. *error*: largest difference at 400 "
        "nodes, half of them on "
        f"the fracture, from sacrofem's solution at a residual of 1e-9, over the largest displacement (asked for: "
        f"{ACCURACY:g}); "
        "iterative solvers stop at a residual of 1e-8, CalculiX where it will. CalculiX does not tell factorising from solving.",
        "",
    ]
    for one in kept:
        lines += write_table(one)
    return lines[:-1]


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--size", choices=list(MESHES), action="append", help="thousands of nodes (38k); may be repeated")
    parser.add_argument("--order", type=int, choices=(1, 2), default=1)
    parser.add_argument("--treatment", choices=TREATMENTS, action="append", help="default: all")
    parser.add_argument("--peer", choices=list(PEERS), action="append", help="default: all; sacrofem always")
    parser.add_argument("--repeats", type=int, default=3, help="turns (3)")
    parser.add_argument("--timeout", type=float, default=360.0, help="seconds for one run (360)")
    parser.add_argument("--folder", type=Path, default=platformdirs.user_cache_path("sacrofem") / "benchmarks")
    parser.add_argument("--output", type=Path, help="page whose section is replaced, such as docs/benchmarks.md")
    parser.add_argument("--no-run", action="store_true", help="only write what was measured before")
    given = parser.parse_args(arguments)
    peers = ["sacrofem", *(peer for peer in given.peer or PEERS if peer != "sacrofem")]
    for size in [] if given.no_run else given.size or ["38k"]:
        for treatment in given.treatment or TREATMENTS:
            folder = given.folder / f"{size}-P{given.order}-{treatment}"
            folder.mkdir(parents=True, exist_ok=True)
            problem = export_problem(size, given.order, treatment, folder)
            for runs in run_by_turns(size, given.order, treatment, folder, peers, given.repeats, given.timeout):
                kept = {"problem": problem, "order": given.order, "treatment": treatment, "runs": runs}
                kept |= {"machine": describe_machine(), "date": datetime.date.today().isoformat()}
                (folder / _RESULTS).write_text(json.dumps(kept))
    lines = write_section(given.folder)
    sys.stdout.write("\n".join(lines) + "\n")
    if given.output:
        replace_section(given.output, "peers", lines)


if __name__ == "__main__":
    main()
