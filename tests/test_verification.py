"""Problems with known answers: the list that ``sacrofem verify`` runs, and whether it would notice a mistake."""

from __future__ import annotations

import json
from pathlib import Path

# isort: split
import pytest
import ufl
from typer.testing import CliRunner

from sacrofem import cli
from sacrofem.mechanics import forms
from sacrofem.mechanics.cortex import CortexMembrane
from sacrofem.study.provenance import code_of_results
from sacrofem.verification import bench, record
from sacrofem.verification.outcome import Check, Outcome, Verdict, run_check
from sacrofem.verification.registry import CHECKS, format_page, list_checks, write_page


@pytest.mark.parametrize(
    "check", [pytest.param(check, id=check.name, marks=() if check.quick else pytest.mark.slow) for check in CHECKS]
)
def test_the_known_answer_is_found(check: Check) -> None:
    verdict = run_check(check)
    assert verdict.passed, verdict.outcomes


def named(name: str) -> Check:
    return next(check for check in CHECKS if check.name == name)


def test_names_are_unique_and_every_check_has_a_source() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.source and check.title for check in CHECKS)
    assert set(list_checks(quick=True)) < set(list_checks(quick=False))


def test_a_wrong_modulus_in_the_bulk_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = forms.bulk_form
    monkeypatch.setattr(forms, "bulk_form", lambda u, v, young, *rest: right(u, v, 1.05 * young, *rest))
    assert not run_check(named("thick_cylinder")).passed


def test_a_membrane_that_is_too_thick_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = CortexMembrane.form
    monkeypatch.setattr(CortexMembrane, "form", lambda self, u, v, thickness, ds: right(self, u, v, 1.05 * thickness, ds))
    assert not run_check(named("sandwich")).passed


def test_a_crack_that_is_not_cut_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = forms.interface_form
    glued = ufl.as_ufl(1.0e6)
    monkeypatch.setattr(bench.forms, "interface_form", lambda u, v, normal, tangential, dS: right(u, v, glued, glued, dS))
    assert not run_check(named("edge_crack")).passed


def test_a_figure_that_is_not_a_number_does_not_pass() -> None:
    assert not Outcome("nothing", 1.0, float("nan"), 1e9).passed
    assert not Verdict(named("patch"), (), 0.0).passed


def test_the_command_says_what_failed_and_leaves_with_1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runner = CliRunner()
    page, figures = tmp_path / "page.md", tmp_path / "figures.json"
    monkeypatch.setattr(record, "default_record_folder", lambda: tmp_path / "records")
    done = runner.invoke(cli.app, ["verify", "--only", "springs", "--page", str(page), "--output", str(figures)])
    assert done.exit_code == 0, done.output
    assert "all passed" in done.output
    assert "(`springs`)" in page.read_text()
    (springs,) = json.loads(figures.read_text())
    assert springs["name"] == "springs"
    assert all(figure["got"] == pytest.approx(figure["expected"], rel=figure["tolerance"]) for figure in springs["figures"])
    right = forms.bulk_form
    monkeypatch.setattr(forms, "bulk_form", lambda u, v, young, *rest: right(u, v, 1.05 * young, *rest))
    done = runner.invoke(cli.app, ["verify", "--only", "thick_cylinder"])
    assert done.exit_code == 1
    assert "failed: thick_cylinder" in done.output
    said = record.describe_verification(code_of_results())
    states = {check["name"]: check["status"] for check in said["checks"]}
    assert [states[name] for name in ("springs", "thick_cylinder", "patch")] == ["passed", "failed", "not run"]
    assert "FAILED: thick_cylinder" in said["summary"]


def test_a_record_is_of_one_version_of_the_program(tmp_path: Path) -> None:
    """Another version, or other libraries, starts unverified; checks that are run later are added."""
    passed = Outcome("share", 1.0, 1.0, 0.1)
    for name in ("le10", "le11"):
        record.keep_record([Verdict(named(name), (passed,), 1.0)], "this version", tmp_path)
    said = record.describe_verification("this version", tmp_path)
    assert said["summary"].startswith(f"2 of {len(CHECKS)} checks passed")
    other = record.describe_verification("another version", tmp_path)
    assert {check["status"] for check in other["checks"]} == {"not run"}


def test_the_page_keeps_its_words_and_renews_its_table(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\nWords.\n\n<!-- table of checks: begin -->\nold\n<!-- table of checks: end -->\n\nMore.\n")
    verdict = Verdict(named("le10"), (Outcome("sigma, MPa", -5.38, -5.0, 0.01),), 1.0)
    write_page(page, [verdict])
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("# Title\n\nWords.")
    assert text.endswith("More.\n")
    assert "**no**" in format_page([verdict])
