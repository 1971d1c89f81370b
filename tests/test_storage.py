"""OpenSim storage files: good ones become loads, bad ones are errors that name the line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sacrofem.catalogue import Library, load_study, resolve_study
from sacrofem.catalogue.load_case import Load
from sacrofem.catalogue.models import Anatomy, Musculature
from sacrofem.catalogue.reading import load_entry
from sacrofem.catalogue.storage import StorageMap, loads_from_storage, read_storage
from sacrofem.errors import ConfigError
from sacrofem.loads.cases import apply_load

GOOD = """JointReaction
version=1
nRows=3
nColumns=8
inDegrees=no
endheader
time\tl5_fx\tl5_fy\tl5_fz\thip_fx\thip_fy\thip_fz\tglut_med2_r
0.00\t0\t-600\t0\t10\t900\t-100\t100
0.10\t0\t-800\t20\t20\t1500\t-200\t300
0.20\t0\t-700\t0\t15\t1000\t-150\t200
"""

MAP = """kind: storage_map
name: walk
title: Walking from a simulation
source: A test
file: walk.sto
times: [0.1, 0.15]
body_weight: 700
tolerance: 0.9
turn: {turn}
forces:
  - {{surface: endplate, columns: [l5_fx, l5_fy, l5_fz]}}
  - {{surface: acetabulum_right, columns: [hip_fx, hip_fy, hip_fz]}}
muscles: {{glut_med2_r: gluteus_medius_middle_right}}
"""


def written(folder: Path, text: str = GOOD, turn: float = 0.0) -> Path:
    (folder / "walk.sto").write_text(text)
    path = folder / "walk.yaml"
    path.write_text(MAP.format(turn=turn))
    return path


def frames(path: Path) -> list[Load]:
    entry = load_entry(path).entry
    assert isinstance(entry, StorageMap)
    return loads_from_storage(entry, path.parent)


def test_a_table_is_read_as_it_stands(tmp_path: Path) -> None:
    written(tmp_path)
    table = read_storage(tmp_path / "walk.sto")
    assert table.columns[0] == "l5_fx"
    assert table.times.tolist() == [0.0, 0.1, 0.2]
    assert table.values.shape == (3, 7)
    assert table.header["indegrees"] == "no"


def test_frames_become_loads_interpolated_in_time(tmp_path: Path) -> None:
    loads = frames(written(tmp_path))
    assert [load.name for load in loads] == ["walk_1", "walk_2"]
    assert loads[1].parts[0].force == pytest.approx((0.0, -750.0, 10.0))
    assert loads[1].tensions == {"gluteus_medius_middle_right": 250.0}
    library = Library.standard()
    anatomy, musculature = library.get(Anatomy, "female_elderly"), library.get(Musculature, "pelvic_musculature")
    applied = apply_load(loads[0], anatomy, {"pelvic_musculature": musculature}, 700.0)
    assert applied.on_endplate == pytest.approx([0.0, -800.0, 20.0])
    assert applied.hip_contacts["acetabulum_right"] == pytest.approx([20.0, 1500.0, -200.0])
    muscle = next(part for part in applied.parts if part.surface == "patch")
    assert np.linalg.norm(muscle.force) == pytest.approx(300.0)
    assert muscle.force[1] < 0.0  # the abductor pulls the ilium down
    strict = loads[0].model_copy(update={"tolerance": 1e-3})
    with pytest.raises(ConfigError, match="not in balance"):
        apply_load(strict, anatomy, {"pelvic_musculature": musculature}, 700.0)


def test_the_files_pelvis_may_be_turned_against_ours(tmp_path: Path) -> None:
    straight, turned = frames(written(tmp_path))[0], frames(written(tmp_path, turn=90.0))[0]
    x, y, z = straight.parts[1].force
    # A frame turned forwards by a right angle: its x points down, its y forwards.
    assert turned.parts[1].force == pytest.approx((y, -x, z))


def test_a_study_names_a_map_and_gets_its_frames(tmp_path: Path) -> None:
    folder = tmp_path / "material_models"
    folder.mkdir()
    written(folder)
    study = load_study("ring_gait").study.model_copy(update={"loads": ("sit_to_stand", "walk")})
    resolved = resolve_study(study, Library.standard(tmp_path))
    assert [load.name for load in resolved.loads] == ["sit_to_stand", "walk_1", "walk_2"]


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("endheader\n", ""), r"walk\.sto:\d+", "does not end"),
        (("nRows=3", "nRows=4"), "walk.sto:3", "number of rows"),
        (("nColumns=8", "nColumns=9"), "walk.sto:4", "number of columns"),
        (("time\t", "t\t"), "walk.sto:7", "not time"),
        (("l5_fy", "l5_fx"), "walk.sto:7", "same name"),
        (("\t1500", "\tabc"), "walk.sto:9", "no number"),
        (("\t1500", ""), "walk.sto:9", "another number of values"),
        (("\t1500", "\tnan"), "walk.sto:9", "not finite"),
        (("0.20\t", "0.10\t"), "walk.sto:10", "does not rise"),
        ((GOOD[GOOD.index("0.00") :], ""), "walk.sto:7", "no rows"),
        ((GOOD[GOOD.index("time") :], ""), "walk.sto:6", "no column names"),
        (("hip_fx", "knee_fx"), "walk.sto", "no such column"),
        (("\t300\n", "\t-300\n"), "glut_med2_r", "pushes"),
    ],
)
def test_bad_files_are_explained_with_their_line(tmp_path: Path, change: tuple[str, str], line: str, says: str) -> None:
    path = written(tmp_path, GOOD.replace(*change))
    with pytest.raises(ConfigError) as caught:
        frames(path)
    assert re.search(line, str(caught.value))
    assert says in str(caught.value)


def test_a_missing_file_and_a_time_outside_are_explained(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text().replace("0.15", "0.35"))
    with pytest.raises(ConfigError, match="outside the storage file"):
        frames(path)
    (tmp_path / "walk.sto").unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        frames(path)
