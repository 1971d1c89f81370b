"""The part of the command line that says how far to trust the rest: ``sacrofem verify | export | validate``."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from sacrofem.verification.outcome import Verdict

_WIDTH_OF_LOGS = 150
_out = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_LOGS)


def verify(
    full: Annotated[bool, typer.Option("--full/--quick", help="All checks, or those of the first minutes.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Names of single checks.")] = None,
    page: Annotated[Path | None, typer.Option(help="A Markdown page whose table of checks is renewed.")] = None,
    output: Annotated[Path | None, typer.Option(help="A file for the figures, as JSON.")] = None,
) -> None:
    """Run problems with known answers on this very installation; the exit code says whether all passed.

    What came out is kept beside the meshes, and every run names it in its study.json.
    """
    from sacrofem.catalogue.reading import suggest
    from sacrofem.errors import ConfigError, explain, output_errors
    from sacrofem.study.provenance import code_of_results
    from sacrofem.verification.record import keep_record, list_verdicts
    from sacrofem.verification.registry import CHECKS, list_checks, run_checks, write_page

    checks = list_checks(quick=not full)
    if only:
        names = [check.name for check in CHECKS]
        for name in only:
            if name not in names:
                raise ConfigError(
                    explain(
                        f"Unknown check {name!r}.",
                        where="--only",
                        got=name,
                        allowed=", ".join(names),
                        next_step=suggest(name, names) or "name one of these",
                    )
                )
        checks = tuple(check for check in CHECKS if check.name in only)
    with _out.status("") as status:
        verdicts = list(run_checks(checks, lambda check: status.update(f"{check.name} ...")))
    _out.print(_tabulate(verdicts))
    failed = [verdict.check.name for verdict in verdicts if not verdict.passed]
    seconds = sum(verdict.seconds for verdict in verdicts)
    said = f"failed: {', '.join(failed)}" if failed else "all passed"
    _out.print(f"{len(verdicts)} checks in {seconds:.0f} s, {said}", highlight=False)
    if page is not None:
        write_page(page, verdicts)
    if output is not None:
        with output_errors(output, "another file with --output"):
            output.write_text(json.dumps(list_verdicts(verdicts), indent=1) + "\n")
    keep_record(verdicts, code_of_results())
    if failed:
        raise typer.Exit(1)


def _tabulate(verdicts: list[Verdict]) -> Table:
    table = Table(title="sacrofem verify")
    for heading in ("check", "figure", "expected", "got", "tolerance", "source", "pass"):
        table.add_column(heading, no_wrap=heading not in ("figure", "source"))
    for verdict in verdicts:
        for i, outcome in enumerate(verdict.outcomes):
            table.add_row(
                verdict.check.name if i == 0 else "",
                outcome.quantity,
                f"{outcome.expected:.5g}",
                f"{outcome.got:.5g}",
                f"{outcome.tolerance:.0e}",
                verdict.check.source if i == 0 else "",
                "yes" if outcome.passed else "NO",
                style=None if outcome.passed else "red",
            )
    return table


class _Format(StrEnum):
    INP = "inp"
    FEB = "feb"


def export(
    study: Annotated[Path, typer.Argument(help="Study file (YAML), or the name of a packaged study.")],
    case: Annotated[str, typer.Option(help="The case, as <treatment>-<BMD level>-<load>.")],
    form: Annotated[_Format, typer.Option("--format", help="inp: Abaqus and CalculiX; feb: FEBio.")] = _Format.INP,
    output: Annotated[Path | None, typer.Option(help="The file [default: <case>.inp or .feb].")] = None,
    compare_: Annotated[bool, typer.Option("--compare", help="Let CalculiX (ccx) solve it, and compare.")] = False,
) -> None:
    """Write a case for another code, on the same mesh; optionally hold CalculiX against sacrofem."""
    from sacrofem.errors import ConfigError, explain
    from sacrofem.export.case import compare, find_case, mesh_of, solve_case, write_case

    if compare_ and form is not _Format.INP:
        raise ConfigError(
            explain(
                "Only CalculiX can be asked.",
                where="--compare",
                got=f"--format {form}",
                allowed="--format inp",
                next_step="leave --compare out",
            )
        )
    resolved, found = find_case(study, case)
    solved = solve_case(resolved, found, mesh_of(resolved))
    path = output or Path(f"{case}.{form}")
    write_case(solved, path, form.value)
    problem = solved.problem
    _out.print(f"{path}: {len(problem.cells)} tetrahedra, {len(problem.points)} nodes", soft_wrap=True, highlight=False)
    if compare_:
        from sacrofem.export.calculix import solve_with_calculix

        agreement = compare(solved, solve_with_calculix(path.resolve(), problem))
        table = Table("difference to CalculiX", "share of the largest", title=case)
        for name in ("displacement", "reaction", "strain"):
            table.add_row(name, f"{getattr(agreement, name):.1e}")
        _out.print(table)


def validate(
    name: Annotated[str | None, typer.Argument(help="A validation entry, as `sacrofem list` gives it.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All entries (hours).")] = False,
    output: Annotated[Path, typer.Option(help="Folder of the studies' results.")] = Path("results/validation"),
    page: Annotated[Path | None, typer.Option(help="A Markdown page whose table of findings is renewed.")] = None,
    bars: Annotated[
        bool, typer.Option("--bars/--no-bars", help="Run every study with the other element order, too: the error bars.")
    ] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Leave with 1 if a finding lies outside.")] = False,
) -> None:
    """Run the set-ups of published experiments and models, and say which findings come out."""
    from sacrofem.errors import ConfigError, explain
    from sacrofem.study.validation import count_verdicts, format_band, format_computed, list_validations, validate, write_page

    if (name is None) == (not every):
        raise ConfigError(
            explain(
                "Say what to validate.",
                where="sacrofem validate",
                got="a name and --all" if every else "neither a name nor --all",
                allowed="one of the two",
                next_step="`sacrofem list` shows the entries of kind validation",
            )
        )
    findings = validate(list_validations(name, Path()), output, bars=bars)
    table = Table("entry", "finding", "counts", "computed", "verdict", "remark", title="sacrofem validate")
    for finding in findings:
        target, outside = finding.target, finding.verdict == "outside"
        table.add_row(
            finding.entry.name,
            target.name if target else "",
            f"{format_band(target)} {target.unit}" if target else "",
            "" if finding.computed is None else format_computed(finding),
            finding.said,
            " ".join(finding.remark.split()),
            style="red" if outside else None,
        )
    _out.print(table)
    counts = count_verdicts(findings)
    represented = counts["reproduced"] + counts["outside"]
    _out.print(f"{counts['reproduced']} of {represented} represented findings are reproduced", highlight=False)
    if page is not None:
        write_page(page, findings)
    if strict and counts["outside"]:
        raise typer.Exit(1)


def add_commands(app: typer.Typer) -> None:
    """Hang the commands of this module into the program."""
    app.command()(verify)
    app.command()(export)
    app.command()(validate)
