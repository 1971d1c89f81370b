"""The command line: one clear message, a non-zero exit code, and nothing finished is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

STUDY = """
kind: study
name: {name}
title: A small study
source: made for a test
anatomy: f50
fracture: denis1_right
treatments:
  - name: untreated
  - {{name: cement, cement: [{cement}]}}
bmd_levels: [osteoporosis]
loads: [standing]
density_law: dalstra1993
interface: {interface}
support: sacroiliac_cartilage
{extra}
"""


def sacrofem(*arguments: str, folder: Path, code: int = 0) -> str:
    """Run the command line and return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "sacrofem", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        timeout=600,
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    return said


def write_study(
    folder: Path,
    name: str = "small",
    cement: str = "long_axis_right",
    interface: str = "linear",
    extra: str = "",
) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(STUDY.format(name=name, cement=cement, interface=interface, extra=extra))
    return path


def test_list_and_show_name_every_entry_with_its_source(tmp_path: Path) -> None:
    said = sacrofem("list", folder=tmp_path)
    for name in (
        "f50",
        "denis1_right",
        "long_axis_right",
        "trans_sacral_s1",
        "dalstra1993",
        "severe",
        "quickstart",
    ):
        assert name in said
    assert "source" in sacrofem("show", "pmma", folder=tmp_path)


def test_show_suggests_the_nearest_name(tmp_path: Path) -> None:
    assert "pmma" in sacrofem("show", "pma", folder=tmp_path, code=1)


def test_check_accepts_a_good_study(tmp_path: Path) -> None:
    write_study(tmp_path)
    assert "2 treatments x 1 BMD levels x 1 loads" in sacrofem("check", "small.yaml", folder=tmp_path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"extra": "colour: red"}, ["colour", "small.yaml"]),
        ({"extra": "body_weight: heavy"}, ["body_weight", "heavy", "small.yaml"]),
        ({"extra": "body_weight: -3"}, ["body_weight", "-3"]),
        ({"cement": "long_axis_rigt"}, ["long_axis_rigt", "long_axis_right"]),
    ],
)
def test_a_wrong_study_says_what_and_where(tmp_path: Path, change: dict[str, str], expected: list[str]) -> None:
    write_study(tmp_path, **change)
    said = sacrofem("run", "small.yaml", folder=tmp_path, code=1)
    for word in expected:
        assert word in said


def test_an_unreadable_study_is_named(tmp_path: Path) -> None:
    assert "absent.yaml" in sacrofem("run", "absent.yaml", folder=tmp_path, code=1)


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    write_study(tmp_path)
    (tmp_path / "occupied").write_text("a file, not a folder")
    said = sacrofem("run", "small.yaml", "--output", "occupied", folder=tmp_path, code=1)
    assert "occupied" in said
    assert "--output" in said


def test_schema_is_written_for_editors(tmp_path: Path) -> None:
    sacrofem("schema", "schemas", folder=tmp_path)
    assert (tmp_path / "schemas" / "study.schema.json").exists()


def test_doctor_finds_this_machine_able(tmp_path: Path) -> None:
    said = sacrofem("doctor", folder=tmp_path)
    for word in ("PETSc", "mumps", "MPI", "C compiler", "cache"):
        assert word in said
