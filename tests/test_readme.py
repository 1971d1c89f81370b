"""What the README shows is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sacrofem
from sacrofem.catalogue import load_study

README = Path(__file__).parent.parent / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), flags=re.DOTALL)


def test_the_study_in_the_readme_is_a_study(tmp_path: Path) -> None:
    path = tmp_path / "quickstart.yaml"
    path.write_text(blocks("yaml")[0])
    assert sacrofem.resolve_study(load_study(path)).study.name == "quickstart"


def test_the_python_in_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run on a smaller study of the same name, so that the test stays short."""
    text = (README.parent / "studies" / "quickstart.yaml").read_text()
    text = re.sub(r"bmd_levels: .*", "bmd_levels: [severe]", text)
    text = re.sub(r"loads: .*", "loads: [standing]", text)
    text = re.sub(r"mesh: .*", "mesh: {size: 6.0, feature_size: 3.5, sampling: 1.5}", text)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "quickstart.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[0], "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert re.search(r"cement: 0\.\d+ mm \(-\d+ %\)", said)
