"""The wheel carries the catalogue, and runs the quickstart where nothing else is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UV = os.environ.get("UV") or shutil.which("uv")

pytestmark = pytest.mark.skipif(UV is None, reason="builds with uv, which is not installed")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([str(UV), "build", "--wheel", "--quiet", "--out-dir", str(folder), str(ROOT)], check=True, timeout=300)
    (built,) = folder.glob("*.whl")
    return built


def test_every_entry_and_module_is_in_the_wheel(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("geometry", "material_models", "studies"):
        entries = [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.yaml")]
        assert entries
        assert {f"sacrofem/data/{entry.as_posix()}" for entry in entries} <= held
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "sacrofem").rglob("*.py")}
    scripts = {f"sacrofem/data/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "studies").rglob("*.py")}
    assert {name for name in held if name.endswith(".py")} == modules | scripts


@pytest.mark.slow
def test_the_wheel_runs_the_quickstart_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([str(UV), "venv", "--quiet", "--python", "3.12", "v"], cwd=tmp_path, check=True)
    python = tmp_path / "v" / "bin" / "python"
    install = [str(UV), "pip", "install", "--quiet", "--python", str(python), str(wheel), "dolfinx-solver-real>=0.11,<0.12"]
    subprocess.run(install, check=True, timeout=600)
    done = subprocess.run(
        [str(python.with_name("sacrofem")), "run", "quickstart"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    (results,) = (tmp_path / "results").iterdir()
    assert (results / "results.parquet").exists()
    assert f"Results: results/{results.name}" in done.stdout
