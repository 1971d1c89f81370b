"""The same study by peers that keep their factor or hierarchy for all loads of a level: ``python -m benchmarks.study.peers``.

One case is exported and solved by each peer. Its stages, counted as often as the study needs them, are the peer's loop: a factor
takes as long for every load, and the iterative peer has no way to solve loads together. Meshes and spaces are not counted, as for
sacrofem.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sacrofem.fem  # noqa: F401

# isort: split
import numpy as np
from mpi4py import MPI

from benchmarks.peers.__main__ import ACCURACY, run_peer
from benchmarks.peers.arrays import ARRAYS, PROBES
from benchmarks.peers.export import take_apart
from benchmarks.stopwatch import report, run_apart
from benchmarks.study.case import TREATMENTS, Request, list_loads, make_mesh, resolve
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.study.cases import active_regions
from sacrofem.study.properties import case_partings, case_properties

#: Peers whose factor or hierarchy can be kept from load to load.
KEEPERS = ("scikit_fem", "netgen")


@dataclass(frozen=True)
class Loop:
    """What all cases of a study take a peer, seconds of CPU.

    Attributes:
        assemble: Once for every treatment and level.
        setup: Of the hierarchy or the factor.
        solve: Once for every case.
    """

    assemble: float
    setup: float
    solve: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.assemble + self.setup + self.solve


def count_loops(result: dict[str, Any], arms: int, levels: int, loads: int) -> dict[str, Loop]:
    """What is kept -> the loop of a peer, from its report of one case.

    A hierarchy might serve the other levels of bone as well, at the price of iterations; that loop is counted at no price.
    """
    cpu, matrices = result["cpu"], arms * levels
    assemble, solve = matrices * cpu["assemble"], matrices * loads * cpu["solve"]
    if result["iterations"] is None:
        return {"a level's factor kept for its loads": Loop(assemble, matrices * cpu["set up"], solve)}
    return {
        "a level's hierarchy kept for its loads": Loop(assemble, matrices * cpu["set up"], solve),
        "a treatment's hierarchy kept, at no price in iterations": Loop(assemble, arms * cpu["set up"], solve),
    }


def run_peers(request: Request, timeout: float) -> dict[str, dict[str, Any]]:
    """Export the first case of a study and have every peer solve it once.

    Returns:
        Peer -> its report, ``{"failed": why}`` where it did not come to a displacement of the accuracy asked for.

    Raises:
        SystemExit: the export failed.
    """
    with TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "request.json").write_text(json.dumps(asdict(request)))
        exported = run_apart("benchmarks.study.peers", str(folder), timeout=timeout)
        if "failed" in exported:
            raise SystemExit(f"the export failed: {exported['failed']}")
        found = {}
        for peer in KEEPERS:
            result = run_peer(peer, "", 1, "", folder, timeout)
            if result.get("error", 0.0) > ACCURACY:
                result = {"failed": f"differs by {result['error']:.0e}"}
            found[peer] = result
            sys.stderr.write(f"{peer}: {result}\n")
    return found


def export_first(request: Request, folder: Path) -> None:
    """Write the first treatment in its densest bone under its first load as arrays, with the displacement at the probes."""
    resolved = resolve(request)
    mesh = make_mesh(resolved, request.refinements)
    treatment, level = TREATMENTS[request.first], min(resolved.levels, key=lambda level: level.rank)
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), active_regions(treatment), 1, case_partings(resolved))
    properties = case_properties(resolved, level)
    model.set_properties(properties)
    model.assemble()
    parts = list_loads(resolved, mesh, request.independent)[0]
    arrays, _, displacement = take_apart("study", model, properties, parts)
    np.save(folder / PROBES, displacement[arrays.probes])
    arrays.save(folder / ARRAYS)
    report({"dofs": arrays.points.size})


if __name__ == "__main__":
    export_first(Request(**json.loads((Path(sys.argv[1]) / "request.json").read_text())), Path(sys.argv[1]))
