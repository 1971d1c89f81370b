"""``python -m benchmarks.scaling``: ranks, sizes and hardness; ``--ranks``, ``--sizes`` and ``--hard`` run one part alone.

Results are kept in a folder, so that the parts can be run one after the other; ``--output`` writes all of them.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import sys
from pathlib import Path
from typing import Any

import platformdirs

from benchmarks.page import describe_machine, replace_section
from benchmarks.problem import MESHES, TREATMENTS
from benchmarks.scaling.model import BANDWIDTH, LATENCY, Measured, predict_seconds
from benchmarks.stopwatch import run_apart

CONTRASTS = [10.0**n for n in range(1, 7)]
INTERFACES = [10.0**n for n in range(-2, 7)]
POISSON = [0.2, 0.3, 0.4, 0.45, 0.49]
#: Wanted: growth of the iterations from 0.1 to 1 million nodes, and from one rank to two; speed on two ranks; iterations.
GROWTH, BY_RANKS, SPEED, ITERATIONS = 1.3, 1.1, 1.7, 50


def solve(
    size: str, order: int, treatment: str, changes: list[dict[str, float]], ranks: int = 1, repeats: int = 3
) -> dict[str, Any]:
    """Solve a case with every change, on n ranks.

    Raises:
        RuntimeError: it failed.
    """
    request = {"size": size, "order": order, "treatment": treatment, "changes": changes, "repeats": repeats}
    found = run_apart("benchmarks.scaling.case", json.dumps(request), ranks=ranks, timeout=3600.0)
    if "failed" in found:
        raise RuntimeError(f"{request} on {ranks} ranks: {found['failed']}")
    sys.stderr.write(f"{size} P{order} {treatment}, {ranks} ranks: {found}\n")
    return {"size": size, "order": order, "treatment": treatment, **found}


def run_ranks(sizes: list[str], treatments: list[str], order: int, turns: int) -> list[dict[str, Any]]:
    """One rank, two, one, two, ...: the best of each stage over the turns."""
    rows = []
    for size in sizes:
        for treatment in treatments:
            runs = [[solve(size, order, treatment, [{}], ranks) for ranks in (1, 2)] for _ in range(turns)]
            for number in (0, 1):
                best = runs[0][number]
                for turn in runs[1:]:
                    for stage, seconds in turn[number]["found"][0]["seconds"].items():
                        kept = best["found"][0]["seconds"]
                        kept[stage] = min(kept[stage], seconds)
                rows.append(best)
    return rows


def run_hard(size: str, treatment: str, order: int) -> list[dict[str, Any]]:
    """One thing after the other made harder."""
    changes = [{"contrast": value} for value in CONTRASTS] + [{"interface": value} for value in INTERFACES]
    changes += [{"poisson": value} for value in POISSON]
    return [solve(size, order, treatment, changes, repeats=1)]


def seconds_of(row: dict[str, Any]) -> float:
    """Assembly, set-up and solve."""
    return float(sum(row["found"][0]["seconds"].values()))


def write_ranks(rows: list[dict[str, Any]]) -> list[str]:
    """Strong scaling as Markdown lines."""
    lines = [
        f"**Two ranks against one** (wanted: {SPEED:g} times as fast, iterations below {BY_RANKS:g} times). By the "
        f"clock, best of all turns.",
        "",
        "| case | speed | iterations 2 / 1 | assemble 1, 2 ranks | set up | solve | MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for one, two in zip(rows[::2], rows[1::2], strict=True):
        first, second = one["found"][0], two["found"][0]
        stages = " | ".join(
            f"{first['seconds'][name]:.2f}, {second['seconds'][name]:.2f}" for name in ("assemble", "set up", "solve")
        )
        lines.append(
            f"| {name_of(one)} | {seconds_of(one) / seconds_of(two):.2f} | {second['iterations']} / {first['iterations']} = "
            f"{second['iterations'] / first['iterations']:.2f} | {stages} | {one['memory']:.0f}, {two['memory']:.0f} |"
        )
    return [*lines, ""]


def write_sizes(rows: list[dict[str, Any]]) -> list[str]:
    """Growth with size as Markdown lines."""
    lines = [
        f"**By size**, one rank (wanted: iterations grow by less than {GROWTH:g} times from 0.1 to 1 million nodes; "
        f"below 3 kB per dof).",
        "",
        "| case | iterations | seconds of CPU per million dofs: assemble | set up | solve | kB per dof, all of the process "
        "| dofs by level |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        (found,) = row["found"]
        million = row["dofs"] / 1e6
        cpu = found.get("cpu", {})
        stages = " | ".join(
            f"{cpu[name] / million:.1f}" if name in cpu else "not kept" for name in ("assemble", "set up", "solve")
        )
        levels = ", ".join(f"{dofs:,}" for dofs in found["levels"])
        lines.append(
            f"| {name_of(row)} | {found['iterations']} | {stages} | {row['memory'] * 1e3 / row['dofs']:.2f} | {levels} |"
        )
    return [*lines, ""]


def write_hard(rows: list[dict[str, Any]]) -> list[str]:
    """Iterations where it is hard, as Markdown lines."""
    lines = [f"**By hardness** (wanted: below {ITERATIONS} iterations for contrast 1e6).", ""]
    for row in rows:
        lines.append(f"{name_of(row)}:")
        lines.append("")
        titles = {
            "contrast": "metal over softest bone",
            "interface": "interface, MPa/mm",
            "poisson": "Poisson's ratio of everything",
        }
        for key, title in titles.items():
            chosen = [found for found in row["found"] if key in found]
            lines.append(f"- {title}: " + ", ".join(f"{found[key]:g}: {found['iterations']}" for found in chosen))
        lines.append("")
    return lines


def write_prediction(rows: list[dict[str, Any]]) -> list[str]:
    """The extrapolation as Markdown lines; needs two sizes of one treatment."""
    small, large = rows[0], rows[-1]
    if small["dofs"] >= large["dofs"] or "cpu" not in large["found"][0]:
        return []
    first, last = small["found"][0], large["found"][0]
    growth = math.log(last["iterations"] / first["iterations"]) / math.log(large["dofs"] / small["dofs"])
    levels = last["levels"]
    coarsening = (levels[0] / levels[-1]) ** (1.0 / max(1, len(levels) - 1))
    measured = Measured(large["dofs"], last["cpu"]["set up"], last["cpu"]["solve"], last["iterations"], growth, coarsening)
    lines = [
        "**Extrapolated, not measured**, by the model in `benchmarks/scaling/model.py` from the largest case here: "
        "iterations grow as "
        f"dofs^{growth:.3f} (measured between {small['dofs']:,} and {large['dofs']:,}), each level has "
        f"{coarsening:.1f} times fewer dofs, a "
        f"network of {LATENCY * 1e6:g} microseconds and {BANDWIDTH / 1e9:g} GB/s for each rank, aggregates within a "
        f"rank, the coarsest "
        "system dense and inverted on every rank.",
        "",
        "| dofs | ranks | iterations | set up, s | solve, s |",
        "|---|---|---|---|---|",
    ]
    for dofs, ranks in ((1e6, 1), (1e6, 10), (1e7, 10), (1e8, 100), (1e9, 1000)):
        setup, solved, iterations = predict_seconds(measured, dofs, ranks)
        lines.append(f"| {dofs:.0e} | {ranks:,} | {iterations:.0f} | {setup:.1f} | {solved:.1f} |")
    return [*lines, ""]


def name_of(row: dict[str, Any]) -> str:
    """A case in words."""
    return f"{row['treatment'].replace('_', ' ')}, P{row['order']}, {row['dofs']:,} dofs"


def write_section(folder: Path) -> list[str]:
    """All results kept in the folder."""
    writers = {"ranks": write_ranks, "sizes": write_sizes, "hard": write_hard}
    lines = []
    for part, write in writers.items():
        path = folder / f"scaling-{part}.json"
        if path.exists():
            kept = json.loads(path.read_text())
            lines += write(kept["rows"])
            lines += [f"Machine: {kept['machine']}. {kept['date']}.", ""]
            if part == "sizes":
                for treatment in TREATMENTS:
                    same = [row for row in kept["rows"] if row["treatment"] == treatment and row["order"] == 1]
                    if treatment == TREATMENTS[0] and same:
                        lines += write_prediction(sorted(same, key=lambda row: int(row["dofs"])))
    return lines[:-1]


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--ranks", action="store_true", help="one and two ranks")
    parser.add_argument("--sizes", action="store_true", help="growth with size")
    parser.add_argument("--hard", action="store_true", help="contrast, interface, Poisson's ratio")
    parser.add_argument("--size", choices=list(MESHES), action="append", help="thousands of nodes; default: 38k; 17k, 38k, 150k")
    parser.add_argument("--treatment", choices=TREATMENTS, action="append", help="default: all; for --hard the last")
    parser.add_argument("--order", type=int, choices=(1, 2), default=1)
    parser.add_argument("--turns", type=int, default=2, help="of one and two ranks (2)")
    parser.add_argument("--folder", type=Path, default=platformdirs.user_cache_path("sacrofem") / "benchmarks")
    parser.add_argument("--output", type=Path, help="page whose section is replaced, such as docs/benchmarks.md")
    parser.add_argument("--no-run", action="store_true", help="only write what was measured before")
    given = parser.parse_args(arguments)
    everything = not (given.ranks or given.sizes or given.hard or given.no_run)
    treatments = given.treatment or list(TREATMENTS)
    given.folder.mkdir(parents=True, exist_ok=True)

    def keep(part: str, rows: list[dict[str, Any]], added: bool = False) -> None:
        path = given.folder / f"scaling-{part}.json"
        if added and path.exists():  # sizes that were not run again stay
            new = {(row["size"], row["order"], row["treatment"]) for row in rows}
            old = json.loads(path.read_text())["rows"]
            rows = [*(row for row in old if (row["size"], row["order"], row["treatment"]) not in new), *rows]
            rows.sort(key=lambda row: (row["order"], row["treatment"] != TREATMENTS[0], row["dofs"]))
        kept = {"rows": rows, "machine": describe_machine(), "date": datetime.date.today().isoformat()}
        path.write_text(json.dumps(kept))

    if given.ranks or everything:
        keep("ranks", run_ranks(given.size or ["38k"], treatments, given.order, given.turns))
    if given.sizes or everything:
        for size in given.size or ["17k", "38k", "150k"]:
            for treatment in treatments:
                keep("sizes", [solve(size, given.order, treatment, [{}], repeats=1)], added=True)
    if given.hard or everything:
        keep("hard", run_hard((given.size or ["38k"])[-1], treatments[-1], given.order))
    lines = write_section(given.folder)
    sys.stdout.write("\n".join(lines) + "\n")
    if given.output:
        replace_section(given.output, "scaling", lines)


if __name__ == "__main__":
    main()
