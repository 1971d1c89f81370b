"""The command line: one clear message, a non-zero exit code, and nothing finished is lost."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STUDY = """
kind: study
name: {name}
title: A small study
source: made for a test
anatomy: female_elderly
fracture: denis1_right
treatments:
  - name: untreated
  - {{name: cement, cement: [{cement}]}}
bmd_levels: [osteoporosis]
loads: [standing]
density_law: dalstra1993
interface: {interface}
support: sacroiliac_cartilage
order: 1
{extra}
"""


ENVIRONMENT = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
COARSE = "mesh: {size: 6.0, feature_size: 3.5, sampling: 1.5}"
PACKAGED = Path(__file__).parents[1] / "geometry" / "cement" / "long_axis_right.yaml"


def sacrofem(*arguments: str, folder: Path, code: int = 0) -> str:
    """Run the command line and return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "sacrofem", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
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
        "female_elderly",
        "denis1_right",
        "long_axis_right",
        "trans_sacral_s1",
        "dalstra1993",
        "severe",
        "quickstart",
    ):
        assert name in said
    assert "source" in sacrofem("show", "pmma", folder=tmp_path)


def test_show_draws_an_entry_with_a_shape_and_says_so_of_one_without(tmp_path: Path) -> None:
    sacrofem("show", "h_type", "--picture", "h.png", folder=tmp_path)
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")
    assert 5_000 < (tmp_path / "h.png").stat().st_size < 60_000
    assert "no shape" in sacrofem("show", "pmma", "--picture", "pmma.png", folder=tmp_path, code=1)


def test_show_draws_the_vectors_of_a_load_and_says_what_is_left_of_balance(tmp_path: Path) -> None:
    said = sacrofem("show", "gait_right_2", "--picture", "gait.png", folder=tmp_path)
    assert (tmp_path / "gait.png").read_bytes().startswith(b"\x89PNG")
    assert 5_000 < (tmp_path / "gait.png").stat().st_size < 60_000
    assert re.search(r"residual force \d\.\de-\d\d of body weight", said)


def test_gallery_page_shows_every_entry_that_has_a_shape() -> None:
    docs = Path(__file__).parents[1] / "docs"
    page = (docs / "gallery.md").read_text()
    for kind in ("fractures", "cement", "implants"):
        for path in (PACKAGED.parents[1] / kind).glob("*.yaml"):
            assert f"### `{path.stem}`" in page
    for path in (PACKAGED.parents[2] / "material_models" / "loads").glob("*.yaml"):
        assert f"### `{path.stem}`" in page
    for picture in re.findall(r"\]\((gallery/.*?\.png)\)", page):
        assert (docs / picture).stat().st_size < 60_000


def test_show_suggests_the_nearest_name(tmp_path: Path) -> None:
    assert "pmma" in sacrofem("show", "pma", folder=tmp_path, code=1)


def test_check_accepts_a_good_study(tmp_path: Path) -> None:
    write_study(tmp_path)
    said = sacrofem("check", "small.yaml", folder=tmp_path)
    assert "2 treatments x 1 BMD levels x 1 loads" in said
    assert "load standing: 60 % of body weight on S1; carried by the supports" in said


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


def test_a_missing_compiler_names_its_package(tmp_path: Path) -> None:
    write_study(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "sacrofem", "run", "small.yaml"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "apt-get install gcc" in done.stderr
    assert "Traceback" not in done.stderr


def test_schema_is_written_for_editors(tmp_path: Path) -> None:
    sacrofem("schema", "schemas", folder=tmp_path)
    assert (tmp_path / "schemas" / "study.schema.json").exists()


def own_pattern(folder: Path, **changes: str) -> None:
    """A cement pattern of the user's own, beside the study: the packaged one with some lines changed."""
    text = PACKAGED.read_text().replace("name: long_axis_right", "name: own")
    for key, value in changes.items():
        text = re.sub(rf"^{key}: .*$", f"{key}: {value}", text, flags=re.MULTILINE)
    (folder / "geometry" / "cement").mkdir(parents=True)
    (folder / "geometry" / "cement" / "own.yaml").write_text(text)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"volume": "-4.0"}, ["own.yaml:16", "volume", "-4.0", "greater than 0"]),
        ({"volume": "29.0"}, ["own", "29 mL", "at most"]),
        ({"    entry": "[-56, -61, 80]"}, ["own", "leaves the bone", "mm outside bone"]),
        ({"material": "pma"}, ["pma", "pmma", "own"]),
    ],
)
def test_a_wrong_cement_pattern_says_what_and_where(tmp_path: Path, change: dict[str, str], expected: list[str]) -> None:
    own_pattern(tmp_path, **change)
    write_study(tmp_path, cement="own", extra=COARSE)
    said = sacrofem("run", "small.yaml", folder=tmp_path, code=1)
    for word in expected:
        assert word in said


def test_a_study_is_found_by_its_name(tmp_path: Path) -> None:
    assert "3 treatments x 4 BMD levels" in sacrofem("check", "quickstart", folder=tmp_path)
    assert "did you mean 'quickstart'" in sacrofem("check", "quickstrat", folder=tmp_path, code=1)


def test_a_full_disk_is_one_message_and_finished_cases_are_kept(tmp_path: Path) -> None:
    """The fields of the second case go to /dev/full, which answers as a full disk does."""
    write_study(tmp_path, extra=COARSE)
    cases = tmp_path / "out" / "cases"
    cases.mkdir(parents=True)
    (cases / "cement-osteoporosis-standing.vtu").symlink_to("/dev/full")
    said = sacrofem("run", "small.yaml", "--output", "out", folder=tmp_path, code=1)
    assert "The disk is full." in said
    assert os.strerror(errno.ENOSPC) in said
    assert "--output" in said
    assert [path.stem for path in cases.glob("*.json")] == ["untreated-osteoporosis-standing"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_is_finished_and_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    path = write_study(tmp_path, extra=COARSE)
    path.write_text(path.read_text().replace("[osteoporosis]", "[normal, osteopenia, osteoporosis]"))
    command = [sys.executable, "-m", "sacrofem", "run", "small.yaml", "--output", "out", "--no-pictures"]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    cases = tmp_path / "out" / "cases"
    while not list(cases.glob("*.json")):
        assert run.poll() is None
        time.sleep(0.02)
    run.send_signal(number)
    assert run.stderr
    said = run.stderr.read()
    assert run.wait(60) == 130, said
    assert "Traceback" not in said
    kept = {path.name: path.stat().st_mtime_ns for path in cases.glob("*.json")}
    assert 1 <= len(kept) < 6
    assert f"{len(kept)} finished cases are kept in out" in said
    said = sacrofem("run", "small.yaml", "--output", "out", "--no-pictures", folder=tmp_path)
    assert "finished already" in said
    assert {name: (cases / name).stat().st_mtime_ns for name in kept} == kept
    assert len(list(cases.glob("*.json"))) == 6


def test_doctor_finds_this_machine_able(tmp_path: Path) -> None:
    said = sacrofem("doctor", folder=tmp_path)
    for word in ("PETSc", "mumps", "MPI", "C compiler", "cache"):
        assert word in said
