"""The benchmark of the mesher runs, on a coarse sacrum, and its figures fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.catalogue.__main__ import main as write_meshes
from benchmarks.mesh.__main__ import BEGIN, COARSE, END, replace_section, run_by_turns, write_section


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
    replace_section(page, write_section(COARSE, runs))
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
