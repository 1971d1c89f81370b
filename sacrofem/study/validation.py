"""Holds computed figures against published ones, and says of each: reproduced, outside, or not comparable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from sacrofem.catalogue import Library, load_study
from sacrofem.catalogue.models import Validation
from sacrofem.catalogue.validation import Figure, Target
from sacrofem.errors import ConfigError, explain, output_errors
from sacrofem.study.runner import run_study

Verdict = Literal["reproduced", "outside", "not comparable", "calibrated"]

_BEGIN, _END = "<!-- table of findings: begin -->", "<!-- table of findings: end -->"


@dataclass(frozen=True)
class Finding:
    """A target of an entry, or the entry where it has none, with its verdict.

    Attributes:
        entry: The entry.
        target: The target, or None.
        computed: The computed value, or None.
        verdict: What came out.
        remark: Why, where it was not reproduced.
        bar: Half-width of the computed value's error bar: of its discretisation alone; None where there is none.
    """

    entry: Validation
    target: Target | None
    computed: float | None
    verdict: Verdict
    remark: str
    bar: float | None = None

    @property
    def said(self) -> str:
        """The verdict in words, with what the error bar leaves of it."""
        if self.target is None or self.computed is None:
            return self.verdict
        if self.bar is None:
            return f"{self.verdict} (no error bar)"
        ends = [self.target.holds(self.computed + sign * self.bar) for sign in (-1.0, 1.0)]
        if self.verdict == "reproduced" and not all(ends):
            return "reproduced, not beyond its error bar"
        below = self.target.high is None or self.computed - self.bar <= self.target.high
        above = self.target.low is None or self.computed + self.bar >= self.target.low
        if self.verdict == "outside" and below and above:
            return "outside, not beyond its error bar"
        return self.verdict


def list_validations(name: str | None = None, beside: Path | None = None) -> list[Validation]:
    """The entries of kind validation, or the one of a name."""
    library = Library.standard(beside)
    if name is not None:
        return [library.get(Validation, name, "the command line")]
    return [entry for entry in library.entries() if isinstance(entry, Validation)]


def studies_of(entries: Iterable[Validation]) -> list[str]:
    """Names of the studies that entries draw on, each once."""
    named: dict[str, None] = {}
    for entry in entries:
        for target in entry.targets:
            for figure in (target.computed, target.over):
                if figure is not None:
                    named[figure.study or entry.study or ""] = None
    return list(named)


def take_row(figure: Figure, table: pd.DataFrame, where: str) -> pd.Series:
    """The one row of a figure in a table of results.

    Raises:
        ConfigError: no row fits, or several do.
    """
    rows = table
    for column in ("metric", "treatment", "load", "bmd_level", "fracture"):
        wanted = getattr(figure, column)
        if wanted is not None:
            rows = rows[rows[column] == wanted]
    if len(rows) != 1:
        raise ConfigError(
            explain(
                "A validation entry names a figure that its study does not have." if rows.empty else "A figure is not unique.",
                where=where,
                got=f"{len(rows)} rows for {figure.model_dump(exclude_none=True)}",
                allowed="one row",
                next_step="compare the names with the study's results.csv",
            )
        )
    return rows.iloc[0]


def judge(
    entry: Validation, tables: Mapping[str, pd.DataFrame], others: Mapping[str, pd.DataFrame] | None = None
) -> list[Finding]:
    """The findings of an entry.

    Args:
        entry: The entry.
        tables: Study -> its table of results.
        others: Study -> its table with the other element order, for error bars.
    """
    findings = [_judge_target(entry, target, tables, others or {}) for target in entry.targets]
    if entry.calibrates:
        findings.append(Finding(entry, None, None, "calibrated", "; ".join(entry.calibrates)))
    if entry.not_comparable:
        findings.append(Finding(entry, None, None, "not comparable", entry.not_comparable))
    return findings


def _judge_target(
    entry: Validation, target: Target, tables: Mapping[str, pd.DataFrame], others: Mapping[str, pd.DataFrame]
) -> Finding:
    computed = _compute(entry, target, tables)
    inside = target.holds(computed)
    remark = "" if inside else entry.explained.get(target.name, "not explained yet")
    bar = _find_bar(entry, target, computed, tables, others)
    return Finding(entry, target, computed, "reproduced" if inside else "outside", remark, bar)


def _rows(entry: Validation, target: Target, tables: Mapping[str, pd.DataFrame]) -> list[pd.Series]:
    """The row of a target's figure, and of the one that it is divided by."""
    where = f"validation {entry.name}, target {target.name}"
    figures = [figure for figure in (target.computed, target.over) if figure is not None]
    return [take_row(figure, tables[figure.study or entry.study or ""], where) for figure in figures]


def _compute(entry: Validation, target: Target, tables: Mapping[str, pd.DataFrame], column: str = "value") -> float:
    values = [float(row[column]) for row in _rows(entry, target, tables)]
    computed = values[0] if len(values) == 1 else values[0] / values[1]
    return abs(computed) if target.absolute else computed


def _find_bar(
    entry: Validation,
    target: Target,
    computed: float,
    tables: Mapping[str, pd.DataFrame],
    others: Mapping[str, pd.DataFrame],
) -> float | None:
    """By how much the other element order differs on the same mesh, and without it the figures less their estimated errors."""
    if all((figure.study or entry.study) in others for figure in (target.computed, target.over) if figure is not None):
        return abs(computed - _compute(entry, target, others))
    finer = _compute(entry, target, tables, "corrected")
    return None if np.isnan(finer) else abs(computed - finer)


def validate(
    entries: list[Validation],
    folder: Path,
    mesh_folder: Path | None = None,
    told: Callable[[str], None] = lambda _: None,
    bars: bool = True,
) -> list[Finding]:
    """Run the studies that entries draw on, and judge; a study that is finished is not run again.

    Args:
        entries: The entries.
        folder: Where a folder of results for each study goes.
        mesh_folder: Where meshes are cached.
        told: Called with the name of each study before it runs.
        bars: Whether every study is run with the other element order, too, on the same mesh: what differs is the error bar.
    """
    tables, others = {}, {}
    for name in studies_of(entries):
        told(name)
        tables[name] = run_study(name, output=folder / name, pictures=False, mesh_folder=mesh_folder).table
        if bars:
            given = load_study(name)
            order: Literal[1, 2] = 2 if given.study.order == 1 else 1
            other = replace(given, study=given.study.model_copy(update={"order": order}))
            place = folder / f"{name}-order_{order}"
            others[name] = run_study(other, output=place, pictures=False, mesh_folder=mesh_folder).table
    return [finding for entry in entries for finding in judge(entry, tables, others)]


def count_verdicts(findings: Iterable[Finding]) -> dict[Verdict, int]:
    """How many findings have each verdict."""
    counts: dict[Verdict, int] = {"reproduced": 0, "outside": 0, "not comparable": 0, "calibrated": 0}
    for finding in findings:
        counts[finding.verdict] += 1
    return counts


def format_band(target: Target) -> str:
    """What counts as reproduced, in words."""
    if target.low is None:
        return f"at most {target.high:g}"
    if target.high is None:
        return f"at least {target.low:g}"
    return f"{target.low:g} to {target.high:g}"


def format_computed(finding: Finding) -> str:
    """A computed value with its error bar."""
    bar = "" if finding.bar is None else f" ± {finding.bar:.2g}"
    return "" if finding.computed is None else f"{finding.computed:.3g}{bar}"


def write_page(path: Path, findings: list[Finding]) -> None:
    """Put the findings as a Markdown table into a page, between its two marks."""
    counts = count_verdicts(findings)
    represented = counts["reproduced"] + counts["outside"]
    lines = [
        f"{counts['reproduced']} of {represented} represented findings are reproduced, {counts['outside']} are not; "
        f"{counts['not comparable']} sources or parts of sources are not comparable, {counts['calibrated']} calibrate.",
        "",
        "| entry | finding | published | counts as reproduced | computed | verdict | remark |",
        "|---|---|---|---|---|---|---|",
    ]
    for finding in findings:
        target = finding.target
        if target is None or finding.computed is None:
            lines.append(f"| {finding.entry.name} | | | | | {finding.verdict} | {_line(finding.remark)} |")
            continue
        unit = "" if target.unit == "1" else f" {target.unit}"
        verdict = finding.said.replace("outside", "**outside**")
        lines.append(
            f"| {finding.entry.name} | {target.name} ({target.grade}, {target.mark}) | {_line(target.statement)} "
            f"| {format_band(target)}{unit} | {format_computed(finding)}{unit} | {verdict} "
            f"| {_line(finding.remark)} |"
        )
    with output_errors(path, "another page"):
        text = path.read_text() if path.exists() else "# Validation\n"
        if _BEGIN not in text or _END not in text:
            text = f"{text.rstrip()}\n\n{_BEGIN}\n{_END}\n"
        path.write_text(text.split(_BEGIN)[0] + f"{_BEGIN}\n" + "\n".join(lines) + f"\n{_END}" + text.split(_END)[1])


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")
