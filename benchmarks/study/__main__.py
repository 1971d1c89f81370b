"""``python -m benchmarks.study``: a study of 128 cases as the product solves it, against a loop that starts afresh each time."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path
from typing import Any

from benchmarks.page import describe_machine, replace_section
from benchmarks.peers.__main__ import TITLES
from benchmarks.stopwatch import run_request
from benchmarks.study.case import TREATMENTS, Request
from benchmarks.study.peers import count_loops, run_peers

#: The requirements: the loop of fresh solves and that of the fastest peer take at least so many times the study's time.
WANTED, WANTED_OF_PEERS = 20.0, 15.0
_LOADS = 8
LADDER = (
    ("none",),
    ("together",),
    ("together", "superposition"),
    ("together", "superposition", "regions"),
    ("together", "superposition", "regions", "start"),
    ("together", "superposition", "regions", "start", "hierarchy"),
)
#: Mesh sizes and refinements, by dofs; full: about 0.3 million nodes.
SIZES = {
    "coarse": ({"size": 8.0, "feature_size": 4.0, "sampling": 2.0}, 0),
    "50k": ({"size": 5.0, "feature_size": 3.0, "sampling": 1.5}, 0),
    "350k": ({"size": 5.0, "feature_size": 3.0, "sampling": 1.5}, 1),
    "470k": ({"size": 3.5, "feature_size": 2.2, "sampling": 1.5}, 1),
    "630k": ({"size": 2.75, "feature_size": 1.75, "sampling": 1.5}, 1),
    "full": ({"size": 2.4, "feature_size": 1.55, "sampling": 1.5}, 1),
}


def write_section(request: Request, result: dict[str, Any], peers: dict[str, dict[str, Any]]) -> list[str]:
    """The table of one set of loads as Markdown lines, with the peers' loops where they were run."""
    cases = request.arms * request.levels * _LOADS
    fresh = result["fresh"]
    of_case = {stage: seconds / fresh["cases"] for stage, seconds in fresh["seconds"].items()}
    loop = cases * sum(of_case.values())
    loads = "eight of which none is a sum of others" if request.independent else "eight of the catalogue"
    arms = ", ".join(treatment.name for treatment in TREATMENTS[request.first : request.first + request.arms])
    share = f"{fresh['cases'] // request.turns} in each of {request.turns} turns, taking turns with the rows below"
    each = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in of_case.items())
    lines = [
        f"Sacrum of {result['nodes']:,} nodes, {result['dofs']:,} dofs, linear; {request.arms} treatments ({arms}), "
        f"{request.levels} BMD levels, loads: {loads}. {cases} cases, in seconds of CPU. Of the loop {fresh['cases']} cases were "
        f"solved ({share}) and counted for all {cases}: {each} s. Works differ by {result['difference']:.0e} at most. "
        f"Peak memory {result['peak']:.0f} MB. {describe_machine()}. {datetime.date.today().isoformat()}.",
        "",
        "| what is reused | assemble | set up | solve | all | iterations | the loop takes times |",
        "|---|---|---|---|---|---|---|",
        f"| the loop: tuned GAMG and CG of PETSc, afresh for every case | {cases * of_case['assemble']:.0f} | "
        f"{cases * of_case['set up']:.0f} | {cases * of_case['solve']:.0f} | {loop:.0f} | {fresh['iterations']} | 1 |",
    ]
    for row in result["rows"]:
        seconds = {stage: taken / request.turns for stage, taken in row["seconds"].items()}
        total = sum(seconds.values())
        name = ", ".join(row["reuse"]).replace("none", "matrix and hierarchy of a level for its loads, one by one")
        lines.append(
            f"| {name} | {seconds['assemble']:.1f} | {seconds['set up']:.1f} | {seconds['solve']:.1f} | {total:.1f} | "
            f"{row['iterations']} | {loop / total:.1f} |"
        )
    return lines + write_peers(request, peers, loop, total)


def write_peers(request: Request, peers: dict[str, dict[str, Any]], fresh: float, own: float) -> list[str]:
    """Rows of the peers' loops, and what they are of our own time.

    Args:
        request: What was timed.
        peers: Peer -> its report of the first case.
        fresh: The loop of fresh solves, seconds.
        own: All reused, seconds.
    """
    lines, least = [], float("inf")
    for peer, result in peers.items():
        if "failed" in result:
            lines.append(f"| {TITLES[peer]} | {result['failed']} |" + " |" * 5)
            continue
        for kept, loop in count_loops(result, request.arms, request.levels, _LOADS).items():
            least = min(least, loop.total)
            lines.append(
                f"| {TITLES[peer]}, {kept} | {loop.assemble:.0f} | {loop.setup:.0f} | {loop.solve:.0f} | {loop.total:.0f} | "
                f"{result['iterations'] or 'direct'} | {fresh / loop.total:.1f} |"
            )
    if least < float("inf"):
        lines += [
            "",
            f"Peers: stages of one case ({TREATMENTS[request.first].name}, densest bone, first load), counted as often as the "
            f"loop needs them. The fastest of their loops takes {least / own:.1f} times the study (wanted: {WANTED_OF_PEERS:g}).",
        ]
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="full", help="of the mesh, by dofs (full: 0.3 million nodes)")
    parser.add_argument("--loads", choices=("catalogue", "independent", "both"), default="both")
    parser.add_argument("--arms", type=int, default=4, help="how many of the four treatments")
    parser.add_argument("--first", type=int, default=0, help="number of the first of them, from 0")
    parser.add_argument("--fresh", type=int, default=2, help="cases of each treatment that the loop solves in a turn")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--peers", action="store_true", help="also the loop of scikit-fem and NGSolve (--group benchmarks)")
    parser.add_argument("--last", action="store_true", help="only nothing and everything reused, not the steps between")
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds for each set of loads")
    parser.add_argument("--output", type=Path, help="page whose section is replaced, such as docs/benchmarks.md")
    given = parser.parse_args(arguments)
    ladder = (LADDER[0], LADDER[-2]) if given.last else LADDER
    lines: list[str] = []
    for independent in {"catalogue": (False,), "independent": (True,), "both": (False, True)}[given.loads]:
        mesh, refinements = SIZES[given.size]
        request = Request(mesh, refinements, given.first, given.arms, 4, independent, ladder, given.fresh, given.turns)
        result = run_request("benchmarks.study.case", request=request, timeout=given.timeout)
        peers = run_peers(request, given.timeout) if given.peers else {}
        lines += [*([""] if lines else []), *write_section(request, result, peers)]
        sys.stderr.write("\n".join(lines) + "\n")
    lines += ["", f"Wanted: at least {WANTED:g} times."]
    sys.stdout.write("\n".join(lines) + "\n")
    if given.output:
        replace_section(given.output, "study", lines)


if __name__ == "__main__":
    main()
