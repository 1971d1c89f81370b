"""Abaqus and CalculiX input: solids, membranes, and springs of unit stiffness on combinations of nodes.

A spring with energy q . K q / 2, q a combination of displacements, becomes a node whose dofs are F q (``*EQUATION``), K = F^T F,
held by springs of stiffness 1. Both codes read it, and the matrix is the same as sacrofem's.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sacrofem.errors import ModelError, SolveError, explain, output_errors
from sacrofem.export.combining import combine_springs
from sacrofem.export.problem import Problem, group_cells
from sacrofem.export.springs import Combinations
from sacrofem.mesh.model import FloatArray, IntArray

_TERMS_PER_LINE = 3  # CalculiX reads 4, and 132 characters
_PER_LINE = 10


@dataclass(frozen=True)
class Printed:
    """What CalculiX printed.

    Attributes:
        displacement: (n, 3) mm, in the order of the problem's points.
        reactions: Support -> (3,) force on its springs, N.
        strain: (m, 3, 3) mean strain of the cells' integration points.
    """

    displacement: FloatArray
    reactions: dict[str, FloatArray]
    strain: FloatArray


def write_inp(path: Path, problem: Problem) -> None:
    """Write a case for Abaqus or CalculiX.

    Args:
        path: The file.
        problem: The case.
    """
    with output_errors(path, "another file with --output"):
        path.write_text("\n".join(_lines(problem)) + "\n")


def _lines(problem: Problem) -> Iterator[str]:
    yield "*HEADING"
    yield f"sacrofem case {problem.name}; N, mm, MPa"
    yield "** Nodes on a fracture stand once for each of its sides. Supports and fractures are nodes whose degrees of freedom"
    yield "** are combinations of displacements (*EQUATION), scaled so that springs of stiffness 1 give the same energy."
    for note in problem.notes:
        yield f"** {note}"
    yield "*NODE, NSET=NODES"
    yield from _coordinates(problem.points, 1)
    yield from _solids(problem)
    yield from _springs(problem)
    yield "*STEP"
    yield "*STATIC"
    yield "*CLOAD"
    loaded, components = np.nonzero(problem.forces)
    for node, component in zip(loaded, components, strict=True):
        yield f"{node + 1}, {component + 1}, {problem.forces[node, component]:.12e}"
    yield "*NODE PRINT, NSET=NODES"
    yield "U"
    if any(springs.grounded for springs in problem.springs):
        yield "*NODE PRINT, NSET=GROUND"
        yield "RF"
    yield "*EL PRINT, ELSET=SOLIDS"
    yield "E"
    yield "*END STEP"


def _coordinates(points: FloatArray, first: int) -> Iterator[str]:
    for number, (x, y, z) in enumerate(points, first):
        yield f"{number}, {x:.12e}, {y:.12e}, {z:.12e}"


def _sets(name: str, numbers: IntArray) -> Iterator[str]:
    yield f"*ELSET, ELSET={name}"
    for start in range(0, len(numbers), _PER_LINE):
        yield ", ".join(str(number) for number in numbers[start : start + _PER_LINE])


def _solids(problem: Problem) -> Iterator[str]:
    yield f"*ELEMENT, TYPE=C3D{problem.cells.shape[1]}, ELSET=SOLIDS"
    for number, nodes in enumerate(problem.cells + 1, 1):
        yield f"{number}, " + ", ".join(map(str, nodes))
    for index, ((region, young, poisson), cells) in enumerate(group_cells(problem).items(), 1):
        yield f"** region {region}"
        yield from _sets(f"REGION{index}", cells + 1)
        yield f"*MATERIAL, NAME=MATERIAL{index}"
        yield "*ELASTIC"
        yield f"{young:.12e}, {poisson:.12e}"
        yield f"*SOLID SECTION, ELSET=REGION{index}, MATERIAL=MATERIAL{index}"


def _springs(problem: Problem) -> Iterator[str]:
    combined = combine_springs(problem)
    node, element = len(problem.points) + 1, len(problem.cells) + 1
    used = {False: np.zeros(3, dtype=np.bool_), True: np.zeros(3, dtype=np.bool_)}
    for what in combined:
        active = np.abs(what.rows).max(axis=(2, 3)) > 0
        used[what.grounded] |= active.any(axis=0)
        count = len(what.nodes)
        yield f"** {what.name}"
        yield "*NODE, NSET=COMBINED"
        yield from _coordinates(what.places, node)
        if not active.all():
            # Springs give their node three degrees of freedom in CalculiX; those that stand for nothing would be loose,
            # and iterative solvers divide by their zero diagonal.
            yield "*BOUNDARY"
            yield from (f"{node + point}, {axis + 1}, {axis + 1}" for point, axis in zip(*np.nonzero(~active), strict=True))
        if what.grounded:
            yield "*NODE, NSET=GROUND"
            yield from _coordinates(what.places, node + count)
            yield "*BOUNDARY"
            yield from (f"{number}, 1, 3" for number in range(node + count, node + 2 * count))
        yield from _equations(what, active, node)
        for axis in range(3):
            points = np.flatnonzero(active[:, axis])
            if not len(points):
                continue
            kind, name = ("SPRING2", "HELD") if what.grounded else ("SPRING1", "JOINED")
            yield f"*ELEMENT, TYPE={kind}, ELSET={name}{axis + 1}"
            for point in points:
                ground = f", {node + count + point}" if what.grounded else ""
                yield f"{element}, {node + point}{ground}"
                element += 1
        node += (2 if what.grounded else 1) * count
    for grounded, name in ((True, "HELD"), (False, "JOINED")):
        for axis in (int(i) + 1 for i in np.flatnonzero(used[grounded])):
            yield f"*SPRING, ELSET={name}{axis}"
            yield f"{axis}, {axis}" if grounded else f"{axis}"
            yield "1.0"


def _equations(what: Combinations, active: NDArray[np.bool_], first: int) -> Iterator[str]:
    """One equation for every dof of a combined node: itself minus the combination is zero."""
    yield "*EQUATION"
    for point in range(len(what.nodes)):
        joined, rows = what.at(point)
        for axis in np.flatnonzero(active[point]):
            terms = [f"{first + point}, {axis + 1}, 1."]
            terms += [f"{joined[i] + 1}, {c + 1}, {-rows[axis, i, c]:.12e}" for i, c in zip(*np.nonzero(rows[axis]), strict=True)]
            yield str(len(terms))
            for start in range(0, len(terms), _TERMS_PER_LINE):
                yield ", ".join(terms[start : start + _TERMS_PER_LINE])


def find_calculix() -> str:
    """The CalculiX solver's command.

    Raises:
        ModelError: it is not installed.
    """
    found = shutil.which("ccx")
    if found is None:
        raise ModelError(
            explain(
                "CalculiX is not installed.",
                where="PATH",
                got="no command ccx",
                allowed="CalculiX CrunchiX",
                next_step="apt-get install calculix-ccx",
            )
        )
    return found


def solve_with_calculix(path: Path, problem: Problem, timeout: float = 600.0) -> Printed:
    """Let CalculiX solve a written case and read what it printed.

    Args:
        path: The ``.inp`` file; CalculiX writes beside it.
        problem: What was written.
        timeout: Seconds.

    Raises:
        ModelError: CalculiX is not installed.
        SolveError: it failed.
    """
    command = [find_calculix(), "-i", path.stem]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, timeout=timeout, check=False)
    printed = path.with_suffix(".dat")
    if done.returncode != 0 or "Job finished" not in done.stdout or not printed.exists():
        raise SolveError(
            explain(
                "CalculiX failed.",
                where=str(path),
                got="\n".join((done.stdout + done.stderr).splitlines()[-12:]),
                allowed="a finished job",
                next_step="look at its output",
            )
        )
    return read_printed(printed, problem)


def read_printed(path: Path, problem: Problem) -> Printed:
    """Read the tables of a CalculiX ``.dat`` file."""
    tables = _read_tables(path)
    displacement = tables["displacements"][:, 1:4]
    reactions, start = {}, 0
    ground = tables.get("forces", np.zeros((0, 4)))[:, 1:4]
    for springs in problem.springs:
        if springs.grounded:
            pulls = ground[start : start + len(springs.nodes)]
            start += len(springs.nodes)
            # The ground holds against F q; the force on the bone's springs is F^T times that, with the sign turned.
            reactions[springs.name] = -np.einsum("pa,pai->i", pulls, springs.factors())
    table = tables["strains"]
    size = len(table) // len(problem.cells)
    xx, yy, zz, xy, xz, yz = table[:, 2:8].reshape(len(problem.cells), size, 6).mean(axis=1).T
    strain = np.stack([np.stack([xx, xy, xz], -1), np.stack([xy, yy, yz], -1), np.stack([xz, yz, zz], -1)], axis=1)
    return Printed(displacement, reactions, strain)


def _read_tables(path: Path) -> dict[str, FloatArray]:
    """First word of a table's heading -> its rows, ascending by node, or by element and integration point."""
    tables: dict[str, list[list[float]]] = {}
    current: list[list[float]] = []
    for line in path.read_text().splitlines():
        words = line.split()
        if not words:
            continue
        if words[0][0].isalpha():
            current = tables.setdefault(words[0], [])
        else:
            current.append([float(word) for word in words])
    arrays = {name: np.array(rows) for name, rows in tables.items()}
    return {
        name: rows[np.lexsort((rows[:, 1], rows[:, 0])) if name == "strains" else np.argsort(rows[:, 0])]
        for name, rows in arrays.items()
    }
