"""The command line: ``sacrofem run | check | converge | list | show | gallery | ...`` and the commands of ``quality``."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from sacrofem import interruption, quality
from sacrofem.errors import Interrupted, SacrofemError
from sacrofem.solving import Method, Reuse, SolverSettings

if TYPE_CHECKING:
    from sacrofem.catalogue import Library
    from sacrofem.catalogue.entry import Entry

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Compare cement and screws in sacral insufficiency fractures, by finite elements.",
)
quality.add_commands(app)
_out = Console()
_err = Console(stderr=True)

AnatomyName = Annotated[str, typer.Option(help="The bone that pictures are drawn on.")]
StudyPath = Annotated[Path, typer.Argument(help="Study file (YAML), or the name of a packaged study.")]


@app.command()
def run(
    study: StudyPath,
    output: Annotated[
        Path | None, typer.Option(help="Results folder [default: results/<study>-<hash of inputs and code>].")
    ] = None,
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Write tables and fields only.")] = False,
    solver: Annotated[Method, typer.Option(help="By size, or as named: docs/solver.md.")] = "auto",
    petsc: Annotated[str, typer.Option(help='Options for PETSc\'s own solver, as "-ksp_type cg -pc_type gamg".')] = "",
    memory_limit: Annotated[
        float | None, typer.Option(help="MB that the solve may take on one machine [default: what is free].")
    ] = None,
    reuse: Annotated[
        str | None,
        typer.Option(
            help="What is reused: together, superposition, start, regions, hierarchy; or none [default: all but the last]."
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more of the solver.")] = False,
) -> None:
    """Mesh, solve and compare a study; run the same command again to go on after an interruption."""
    from sacrofem.report.terminal import print_comparison
    from sacrofem.study.runner import run_study

    settings = SolverSettings(solver, petsc, memory_limit, Reuse() if reuse is None else Reuse.only(reuse.split(",")))

    if verbose:
        logging.getLogger("sacrofem").setLevel(logging.DEBUG)
    result = run_study(study, output=output, pictures=not no_pictures, solver=settings)
    if result.rank == 0:
        print_comparison(result.table, _out)
        _out.print(f"Results: {result.folder}", soft_wrap=True, highlight=False)


@app.command()
def check(study: StudyPath) -> None:
    """Check a study file, everything it names and whether its treatments fit together, without meshing."""
    from sacrofem.catalogue import load_study, resolve_study
    from sacrofem.loads.cases import report_balance
    from sacrofem.study.densities import warn_of_densities
    from sacrofem.study.fit import require_fit
    from sacrofem.study.loads import apply_loads

    resolved = resolve_study(load_study(study))
    require_fit(resolved)
    warn_of_densities(resolved)
    for load in apply_loads(resolved).values():
        _out.print(report_balance(load), soft_wrap=True, highlight=False)
    _out.print(
        f"{study}: "
        + (f"{len(resolved.fractures)} fractures x " if len(resolved.fractures) > 1 else "")
        + f"{len(resolved.study.treatments)} treatments x {len(resolved.levels)} BMD levels x "
        f"{len(resolved.loads)} loads, inputs {resolved.digest()[:12]}",
        soft_wrap=True,
    )


@app.command()
def converge(
    study: StudyPath,
    output: Annotated[Path | None, typer.Option(help="Folder (default: results/<study>-convergence).")] = None,
    factors: Annotated[str, typer.Option(help="Factors on all mesh sizes, coarsest to finest.")] = "1.5,1,0.7",
    orders: Annotated[str, typer.Option(help="Element orders.")] = "1,2",
    level: Annotated[str | None, typer.Option(help="BMD level (default: the study's last).")] = None,
    load: Annotated[str | None, typer.Option(help="Load (default: the study's first).")] = None,
) -> None:
    """Run a study on refined meshes with linear and quadratic elements: observed order, Richardson value, errors."""
    from sacrofem.report.convergence import print_convergence
    from sacrofem.study.convergence import converge_study, read_factors, read_orders

    table, folder = converge_study(
        study,
        output=output,
        factors=read_factors(factors),
        orders=read_orders(orders),
        level=level,
        load=load,
    )
    if _rank_and_size()[0] == 0:
        print_convergence(table, _out)
        _out.print(f"Table: {folder / 'convergence.csv'}", soft_wrap=True, highlight=False)


@app.command("list")
def list_entries(
    beside: Annotated[Path | None, typer.Option(help="A study or folder whose own entries are found first.")] = None,
) -> None:
    """List every catalogue entry, by kind."""
    from sacrofem.catalogue import Library

    table = Table("kind", "name", "title", title="Catalogue")
    for entry in Library.standard(beside).entries():
        table.add_row(entry.kind, entry.name, entry.title)
    _out.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of an entry, as `sacrofem list` gives it.")],
    beside: Annotated[Path | None, typer.Option(help="A study or folder whose own entries are found first.")] = None,
    picture: Annotated[Path | None, typer.Option(help="PNG file: draw the entry on the translucent bone.")] = None,
    anatomy: AnatomyName = "female_elderly",
) -> None:
    """Show an entry with its figures and their source."""
    from sacrofem.catalogue import Library

    library = Library.standard(beside)
    entries = library.named(name)
    if picture is not None:
        _draw(entries, library, anatomy, picture)
    for entry in entries:
        _out.print(f"[bold]{entry.kind} {entry.name}[/]: {entry.title}", highlight=False)
        _out.print_json(entry.model_dump_json(exclude={"kind", "name", "title", "source"}))
        _out.print(f"source: {entry.source}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def gallery(
    folder: Annotated[Path, typer.Argument(help="Where gallery.md and its pictures go.")],
    beside: Annotated[Path | None, typer.Option(help="A study or folder whose own entries are found first.")] = None,
    anatomy: AnatomyName = "female_elderly",
) -> None:
    """Draw every entry of the catalogue that has a shape, on one page."""
    from sacrofem.catalogue import Library
    from sacrofem.catalogue.models import Anatomy
    from sacrofem.report.gallery import write_gallery

    library = Library.standard(beside)
    page = write_gallery(folder, library, library.get(Anatomy, anatomy, "--anatomy"))
    _out.print(str(page), soft_wrap=True, highlight=False)


@app.command()
def morphometry(folder: Annotated[Path, typer.Argument(help="Where morphometry.md and its pictures go.")]) -> None:
    """Measure the packaged anatomies beside what is published, on one page."""
    from sacrofem.catalogue import Library
    from sacrofem.report.morphometry import write_morphometry

    _out.print(str(write_morphometry(folder, Library.standard())), soft_wrap=True, highlight=False)


@app.command()
def schema(folder: Annotated[Path, typer.Argument(help="Where the JSON Schema files go.")]) -> None:
    """Write a JSON Schema for every kind of entry, for editors."""
    from sacrofem.catalogue.schema import export_schemas

    for path in export_schemas(folder):
        _out.print(str(path), soft_wrap=True, highlight=False)


@app.command()
def doctor() -> None:
    """Report versions, MPI, PETSc, compiler and caches, and what is missing."""
    from sacrofem.doctor import examine

    table = Table("what", "found", "to do", title="sacrofem doctor")
    findings = examine()
    for finding in findings:
        style = "red" if finding.fatal else None
        table.add_row(finding.subject, finding.found, finding.remedy, style=style)
    _out.print(table)
    if any(finding.fatal for finding in findings):
        raise typer.Exit(1)


def main() -> NoReturn:
    """Run the command line; errors of the user's to mend are one message and a non-zero exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s  %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("sacrofem").setLevel(logging.INFO)
    interruption.listen()
    try:
        app()
    except Interrupted as error:
        _fail(str(error), 130)
    except SacrofemError as error:
        _fail(f"Error: {error}", 1)
    except Exception:
        _abort_other_ranks()
        raise
    sys.exit(0)


def _draw(entries: list[Entry], library: Library, anatomy: str, picture: Path) -> None:
    """Draw the first entry that has a shape (names are unique but for the kind), or a load's vectors on the bones."""
    from sacrofem.catalogue.models import Anatomy, Load, Musculature
    from sacrofem.errors import output_errors
    from sacrofem.loads.cases import report_balance
    from sacrofem.report.entries import Easel, place_entry
    from sacrofem.report.load_scenes import LoadEasel

    if isinstance(entries[0], Load):
        musculatures = {entry.name: entry for entry in library.entries() if isinstance(entry, Musculature)}
        with output_errors(picture, "another file with --picture"):
            applied = LoadEasel(library.get(Anatomy, anatomy, "--anatomy"), musculatures).draw(entries[0], picture)
        _out.print(report_balance(applied), soft_wrap=True, highlight=False)
        return
    shaped = [entry for entry in entries if entry.kind in ("anatomy", "fracture", "cement", "implant")] or entries
    bone = shaped[0] if isinstance(shaped[0], Anatomy) else library.get(Anatomy, anatomy, "--anatomy")
    with output_errors(picture, "another file with --picture"):
        Easel(bone).draw(place_entry(shaped[0], library, bone), picture)


def _fail(message: str, code: int) -> NoReturn:
    """Say it once (on rank 0) and leave; ranks that hang on a collective are torn down."""
    if _rank_and_size()[0] == 0:
        _err.print(message, markup=False, highlight=False, soft_wrap=True, style="red")
    if code == 130:
        _abort_other_ranks(code)
    sys.exit(code)


def _rank_and_size() -> tuple[int, int]:
    if "mpi4py.MPI" not in sys.modules:
        return 0, 1
    from mpi4py import MPI

    return MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size


def _abort_other_ranks(code: int = 1) -> None:
    """An error on one rank alone would leave the others waiting for ever."""
    if _rank_and_size()[1] > 1:
        from mpi4py import MPI

        logging.getLogger(__name__).exception("rank %d fails", MPI.COMM_WORLD.rank)
        MPI.COMM_WORLD.Abort(code)
