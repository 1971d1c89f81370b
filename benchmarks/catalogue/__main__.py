"""``python -m benchmarks.catalogue REPORT...``: a page of every entry's mesh, from JUnit reports of the slow tests."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.mesh.__main__ import describe_machine
from sacrofem.catalogue import Library
from sacrofem.catalogue.cement import CementPattern
from sacrofem.catalogue.fracture import Fracture
from sacrofem.catalogue.implant import Implant

_HEAD = """# Meshes of the catalogue

Every fracture, cement pattern and implant, meshed by a slow test in `female_elderly` at 6 mm and 3 mm at features: fractures by
themselves, cement and implants with `denis1_right` (patterns around S3 with `bakker_b3_s3_bilateral`). Quality is the
radius ratio, 1 for a regular cell; the tests ask for the smallest that a study asks for, 0.05. Made by

    uv run pytest -m slow tests/test_catalogue.py tests/test_implants.py -k meshed --junitxml meshes.xml
    uv run python -m benchmarks.catalogue meshes.xml --output docs/meshes.md

; do not edit.
"""


@dataclass(frozen=True)
class Meshed:
    """One entry in one extent.

    Attributes:
        extent: ``sacrum`` or ``pelvic_ring``.
        entry: Kind and name.
        passed: Whether its test did.
        figures: What the test recorded by name; volumes in mL.
    """

    extent: str
    entry: str
    passed: bool
    figures: dict[str, float]


def read_report(path: Path) -> list[Meshed]:
    """The entries of one JUnit report, those that were skipped left out.

    Raises:
        ParseError: it is no XML.
    """
    found = []
    for case in ElementTree.parse(path).iter("testcase"):
        said = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
        failed = case.find("failure") is not None or case.find("error") is not None
        if "entry" in said:
            figures = {name: float(value) for name, value in said.items() if name not in ("entry", "extent")}
            found.append(Meshed(said["extent"], said["entry"], not failed, figures))
        elif failed:  # before it had a mesh
            found.append(Meshed("", case.attrib["name"], False, {}))
    return found


def read_page(path: Path) -> list[Meshed]:
    """The entries of a page that was written before, with the figures it shows."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if len(cells) < 5 or "`" not in cells[1]:
            continue
        named = ("cells", "quality_min", "cpu_seconds", "cement_ml_wanted", "cement_ml")
        figures = {name: float(cell.replace(",", "")) for name, cell in zip(named, cells[2:], strict=False) if cell}
        found.append(Meshed(cells[0], cells[1].replace("`", ""), True, figures))
    return found


def write_page(meshes: Sequence[Meshed], kept: Sequence[Meshed] = ()) -> str:
    """The page as Markdown; entries of the catalogue that no report holds are named in it.

    Args:
        meshes: Of the reports.
        kept: Of the page as it was before; each stays where no report measured it anew.
    """
    measured = {(mesh.extent, mesh.entry) for mesh in meshes}
    kept = [mesh for mesh in kept if (mesh.extent, mesh.entry) not in measured]
    meshes = [*meshes, *kept]
    failed = [mesh.entry for mesh in meshes if not mesh.passed]
    seen = {mesh.entry for mesh in meshes if mesh.passed}
    wanted = [f"{e.kind} {e.name}" for e in Library.standard().entries() if isinstance(e, Fracture | CementPattern | Implant)]
    lines = [_HEAD, f"{datetime.date.today().isoformat()}, {describe_machine()}."]
    lines += [f"{len(seen)} of {len(wanted)} entries; failed: {', '.join(failed) or 'none'}."]
    if kept:
        lines += [f"{len(kept)} rows are of an earlier day."]
    if missing := [entry for entry in wanted if entry not in seen]:
        lines += [f"Not run: {', '.join(missing)}."]
    worst = min((mesh for mesh in meshes if mesh.passed), key=lambda mesh: mesh.figures["quality_min"])
    lines += [f"The smallest radius ratio of all is {worst.figures['quality_min']:.3f} (`{worst.entry.split()[1]}`)."]
    lines += [
        "",
        "| extent | entry | tetrahedra | smallest radius ratio | s of CPU | cement wanted, mL | cement in the mesh, mL |",
    ]
    lines += ["|---|---|---|---|---|---|---|"]
    for mesh in sorted(
        (mesh for mesh in meshes if mesh.passed), key=lambda mesh: (mesh.entry.split()[0], mesh.extent, mesh.entry)
    ):
        kind, name = mesh.entry.split()
        held = [f"{mesh.figures[what]:.2f}" if what in mesh.figures else "" for what in ("cement_ml_wanted", "cement_ml")]
        cells, quality, seconds = (mesh.figures[what] for what in ("cells", "quality_min", "cpu_seconds"))
        lines.append(
            f"| {mesh.extent} | {kind} `{name}` | {cells:,.0f} | {quality:.3f} | {seconds:.0f} | {held[0]} | {held[1]} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Turn reports into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue", description=__doc__)
    parser.add_argument("reports", type=Path, nargs="+", help="JUnit reports (pytest --junitxml)")
    parser.add_argument("--output", type=Path, help="page that is written, such as docs/meshes.md; by default it is printed")
    parser.add_argument("--keep", action="store_true", help="entries of the page that no report holds stay in it")
    given = parser.parse_args(arguments)
    kept = read_page(given.output) if given.keep and given.output and given.output.exists() else []
    page = write_page([mesh for report in given.reports for mesh in read_report(report)], kept)
    if given.output:
        given.output.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


if __name__ == "__main__":
    main()
