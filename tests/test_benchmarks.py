"""Every benchmark runs, on something tiny, and its figures fit together."""

from __future__ import annotations

import math
import shutil
from importlib.util import find_spec
from pathlib import Path

# isort: split
import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI

from benchmarks.catalogue.__main__ import main as write_meshes
from benchmarks.mesh.__main__ import COARSE, run_by_turns, write_section
from benchmarks.page import replace_section
from benchmarks.peers.__main__ import missing, summarise, write_table
from benchmarks.peers.arrays import ARRAYS, INPUT, Arrays
from benchmarks.peers.export import take_apart
from benchmarks.roofline.bandwidth import measure_bandwidth
from benchmarks.scaling.case import change_properties
from benchmarks.scaling.model import Measured, predict_seconds
from benchmarks.solving import Solved
from benchmarks.stopwatch import run_apart
from benchmarks.study.__main__ import SIZES, write_peers
from benchmarks.study.case import Request
from benchmarks.study.peers import run_peers
from sacrofem.export.calculix import write_inp
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.loading import endplate_force
from sacrofem.mechanics.model import SacrumModel
from tests.blocks import block
from tests.plain_elasticity import assemble_bulk
from tests.solved_block import properties

BEGIN, END = "<!-- mesh begins -->", "<!-- mesh ends -->"


def test_meshing_by_stage_on_a_coarse_sacrum(tmp_path: Path) -> None:
    runs = run_by_turns(COARSE, 1)
    ((plain,), (full,)) = runs.values()
    assert 1000 < plain["cells"] < full["cells"]
    assert full["quality"] > 0.05
    names = [stage["name"] for stage in full["stages"]]
    for name in ("surface sampled and remeshed", "volume filled", "fracture cut in", "cleaned up", "flat cells mended"):
        assert name in names
    # Memory by the end of a stage only rises, up to the peak of the whole run.
    peaks = [stage["peak"] for stage in full["stages"]]
    assert peaks == sorted(peaks)
    assert 100 < peaks[-1] <= full["peak"]
    page = tmp_path / "page.md"
    page.write_text(f"kept before\n{BEGIN}\nold\n{END}\nkept after\n")
    replace_section(page, "mesh", write_section(COARSE, runs))
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("kept before\n")
    assert text.endswith("kept after\n")
    total = sum(stage["cpu"] for stage in full["stages"])
    assert f"{total:.1f}" in text.split("**all**")[1].splitlines()[0]
    assert total == pytest.approx(sum(stage["clock"] for stage in full["stages"]), rel=1.0, abs=60.0)


REPORT = """<testsuites><testsuite>
<testcase name="a"><properties><property name="cpu_seconds" value="8.2"/><property name="entry" value="cement long_axis_right"/>
<property name="extent" value="sacrum"/><property name="cells" value="12000.0"/><property name="quality_min" value="0.213"/>
<property name="cement_ml_wanted" value="4.0"/><property name="cement_ml" value="3.96"/></properties></testcase>
<testcase name="b[denis1_right]"><failure message="no mesh"/></testcase>
<testcase name="c"><skipped/></testcase></testsuite></testsuites>"""


def test_the_page_of_meshes_says_what_a_report_holds_and_what_it_lacks(tmp_path: Path) -> None:
    report, page = tmp_path / "meshes.xml", tmp_path / "meshes.md"
    report.write_text(REPORT)
    write_meshes([str(report), "--output", str(page)])
    text = page.read_text()
    assert "| sacrum | cement `long_axis_right` | 12,000 | 0.213 | 8 | 4.00 | 3.96 |" in text
    assert "failed: b[denis1_right]" in text
    (lacking,) = (line for line in text.splitlines() if line.startswith("Not run: "))
    assert "fracture denis1_right" in lacking
    assert "cement long_axis_right" not in lacking
    # Another report adds to the page.
    report.write_text(REPORT.replace("cement long_axis_right", "fracture denis1_right").replace("12000.0", "13000.0"))
    write_meshes([str(report), "--output", str(page), "--keep"])
    text = page.read_text()
    assert "| sacrum | cement `long_axis_right` | 12,000 | 0.213 | 8 | 4.00 | 3.96 |" in text
    assert "| sacrum | fracture `denis1_right` | 13,000 |" in text


@pytest.fixture(scope="module")
def solved() -> Solved:
    """A cut block, bridged by cement, in a cortex."""
    model = SacrumModel(distribute(block((3, 3, 6), bridge=0.4), MPI.COMM_SELF), frozenset({"cement:bridge"}), 1)
    given = properties(thickness=0.5)
    model.set_properties(given)
    model.assemble()
    parts = endplate_force(np.array([10.0, -30.0, -100.0]))
    displacement = fem.Function(model.V)
    log = model.solver.solve(model.loading.vector(parts), displacement.x.petsc_vec, 1e-10)
    return Solved(model, given, tuple(parts), displacement, log)


def test_peers_get_the_problem_that_sacrofem_solves(solved: Solved, tmp_path: Path) -> None:
    """With tetrahedra assembled apart from the product, its displacement is in balance with the exported forces."""
    written, _, displacement = take_apart("block", solved.model, solved.properties, solved.parts)
    written.save(tmp_path / ARRAYS)
    arrays = Arrays.load(tmp_path / ARRAYS)
    whole = assemble_bulk(arrays.points, arrays.cells, arrays.young, arrays.poisson) + arrays.extra
    left = whole @ displacement.ravel() - arrays.forces
    assert np.linalg.norm(left) < 1e-8 * np.linalg.norm(arrays.forces)
    assert len(arrays.probes) > 50


@pytest.mark.parametrize("peer", ["scikit_fem", "netgen", "calculix"])
def test_a_peer_finds_the_same_displacement(peer: str, solved: Solved, tmp_path: Path) -> None:
    needs = {"scikit_fem": ("skfem", "pyamg"), "netgen": ("ngsolve",), "calculix": ()}[peer]
    absent = [need for need in needs if find_spec(need) is None]
    if absent or (peer == "calculix" and shutil.which("ccx") is None):
        pytest.skip(f"{', '.join(absent) or 'ccx'} is not installed: uv sync --group benchmarks; apt-get install calculix-ccx")
    arrays, problem, displacement = take_apart("block", solved.model, solved.properties, solved.parts)
    arrays.save(tmp_path / ARRAYS)
    if peer == "calculix":
        from benchmarks.peers import calculix

        write_inp(tmp_path / INPUT, problem)
        calculix.main(tmp_path, "spooles")
        found = np.load(tmp_path / "calculix_spooles.npy")
    elif peer == "netgen":
        from benchmarks.peers import netgen

        netgen.main(tmp_path)
        found = np.load(tmp_path / "netgen.npy")
    else:
        from benchmarks.peers import scikit_fem

        scikit_fem.main(tmp_path)
        found = np.load(tmp_path / "scikit_fem.npy")
    assert np.abs(found - displacement[arrays.probes]).max() < 1e-5 * np.abs(displacement).max()


def test_the_table_names_the_fastest_peer_that_is_accurate() -> None:
    def run(total: float, error: float) -> dict[str, object]:
        return {"cpu": {"assemble": total}, "clock": {"assemble": total}, "memory": 900.0, "iterations": 7, "error": error}

    runs = {
        "sacrofem": [run(1.0, 1e-9), run(3.0, 1e-9), run(2.0, 1e-9)],
        "scikit_fem": [run(8.0, 1e-6)],
        "calculix_cholesky": [run(4.0, 1e-2)],
        "netgen": [{"failed": "not finished in 1 s"}],
    }
    assert summarise(runs["sacrofem"])["total"] == 2.0
    problem = {"nodes": 100, "dofs": 300, "cells": 400}
    kept = {"problem": problem, "order": 1, "treatment": "untreated", "machine": "one", "date": "today", "runs": runs}
    text = "\n".join(write_table(kept))
    assert "scikit-fem + PyAMG, strength 0.05, block Gauss-Seidel, 4.0 times sacrofem's time" in text
    assert "not finished in 1 s" in text


def test_the_peers_loop_is_the_least_that_keeping_a_factor_or_hierarchy_allows() -> None:
    """Two treatments, four levels, eight loads: 8 matrices, 64 solves."""
    request = Request({}, 0, 0, 2, 4, False, (), 1, 1)
    peers: dict[str, dict[str, object]] = {
        "scikit_fem": {"cpu": {"assemble": 1.0, "set up": 10.0, "solve": 2.0}, "iterations": 40},
        "netgen": {"cpu": {"assemble": 1.0, "set up": 30.0, "solve": 0.5}, "iterations": None},
        "calculix_spooles": {"failed": "not finished in 1 s"},
    }
    text = "\n".join(write_peers(request, peers, 1000.0, 10.0))
    assert "| 8 | 80 | 128 | 216 | 40 | 4.6 |" in text
    assert "| 8 | 20 | 128 | 156 | 40 | 6.4 |" in text
    assert "| 8 | 240 | 32 | 280 | direct | 3.6 |" in text
    assert "takes 15.6 times the study" in text
    assert "not finished in 1 s" in text


def test_peers_find_the_displacement_of_a_study() -> None:
    mesh, refinements = SIZES["coarse"]
    for name, result in run_peers(Request(mesh, refinements, 0, 1, 1, False, (), 1, 1), 300.0).items():
        if why := missing(name):
            pytest.skip(f"{why}: uv sync --group benchmarks")
        assert result["error"] < 1e-6, (name, result)


def test_the_triad_runs_and_counts_three_arrays() -> None:
    assert 1e7 < measure_bandwidth(repeats=2, count=200_000) < 1e13


def test_harder_properties_are_what_they_are_asked_to_be() -> None:
    given = properties()
    harder = change_properties(given, {"contrast": 1e6, "poisson": 0.45, "interface": 7.0})
    assert max(harder.young.values()) / min(harder.young.values()) == pytest.approx(1e6)
    assert min(harder.young.values()) == min(given.young.values())
    assert set(harder.poisson.values()) == {0.45}
    assert harder.interface.normal_stiffness == harder.interface.tangential_stiffness == 7.0


def test_the_extrapolation_starts_from_what_was_measured_and_costs_what_it_says() -> None:
    measured = Measured(dofs=1e6, setup=5.0, solve=10.0, iterations=40.0, growth=0.0, coarsening=8.0)
    setup, solve, iterations = predict_seconds(measured, 1e6, 1)
    assert iterations == 40.0
    assert setup == pytest.approx(5.0, rel=0.01)
    assert solve == pytest.approx(10.0, rel=0.01)
    on_ten = predict_seconds(measured, 1e6, 10)[1]
    assert solve / 10 < on_ten < solve / 5
    weak = predict_seconds(measured, 1e7, 10)
    assert weak[0] + weak[1] >= setup + solve
    assert math.isfinite(predict_seconds(measured, 1e9, 1000)[0])


def test_what_runs_out_of_time_ends_with_all_it_has_started(tmp_path: Path) -> None:
    """A peer's solver that went on in the background slowed every measurement after it."""
    told = tmp_path / "child"
    assert run_apart("tests.patient_parent", str(told), timeout=10.0) == {"failed": "not finished in 10 s"}
    status = Path(f"/proc/{told.read_text(encoding='ascii')}/status")
    assert not status.exists() or "zombie" in status.read_text(encoding="utf-8")
