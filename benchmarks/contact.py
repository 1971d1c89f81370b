"""``python -m benchmarks.contact FRACTURE...``: Newton steps and penetration of fractures of the sacrum, as rows of a table.

Without names: every fracture of the catalogue that the sacrum alone can hold.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mpi4py import MPI

import sacrofem.fem  # noqa: F401
from sacrofem.catalogue import resolve_study
from sacrofem.catalogue.library import Library
from sacrofem.catalogue.models import Fracture, MeshSettings, Study, Treatment
from sacrofem.errors import SolveError
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mesh.cache import load_or_build_mesh
from sacrofem.study.properties import case_partings, case_properties

INTERFACES = ("unilateral", "frictional_granulation")
LEVELS = ("normal", "severe")
LOADS = ("standing", "walking_heel_strike")
SIZES = MeshSettings(size=6.0, feature_size=3.5, sampling=1.5)
_BODY_WEIGHT = 650.0


@dataclass(frozen=True)
class Row:
    """How the faces of one case came to rest.

    Attributes:
        fracture: Entry of the catalogue.
        interface: Law of its faces.
        level: BMD level.
        load: Load case.
        steps: Newton steps; 0 where they did not come to rest.
        penetration: At most, mm.
        opening: At most, mm.
        open: Share of the area that gapes, over all surfaces of the fracture.
        slipping: Share that slides.
        seconds: Wall time of the search.
    """

    fracture: str
    interface: str
    level: str
    load: str
    steps: int
    penetration: float
    opening: float
    open: float
    slipping: float
    seconds: float

    @property
    def allowed(self) -> float:
        """Largest penetration that issue and documents allow, mm: 1 % of the largest opening, or 1 micrometre."""
        return max(1e-3, 0.01 * self.opening)


def list_fractures() -> list[str]:
    """Fractures of the catalogue with faces, in the sacrum alone."""
    entries = Library.standard(Path()).entries()
    return sorted(e.name for e in entries if isinstance(e, Fracture) and e.sheets and not e.needs_ring)


def solve_cases(
    fracture: str,
    interface: str,
    levels: Sequence[str] = LEVELS,
    loads: Sequence[str] = LOADS,
    sizes: MeshSettings = SIZES,
    order: int = 1,
) -> Iterator[Row]:
    """Solve a fracture without treatment at every level under every load, on one mesh."""
    study = resolve_study(
        Study(
            name="rest",
            title="How faces come to rest",
            source="made for a measurement",
            fracture=fracture,
            treatments=(Treatment(name="untreated"),),
            bmd_levels=tuple(levels),
            loads=tuple(loads),
            density_law="dalstra1993",
            interface=interface,
            support="sacroiliac_cartilage",
            mesh=sizes,
        )
    )
    mesh = load_or_build_mesh(study.anatomy, study.fracture, [], [], sizes)
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), order, case_partings(study))
    for level in study.levels:
        model.set_properties(case_properties(study, level))
        for load in study.loads:
            began = time.perf_counter()
            try:
                solution = model.solve(_BODY_WEIGHT * np.array(load.force))
            except SolveError as error:
                print(error, flush=True)
                yield Row(fracture, interface, level.name, load.name, 0, np.inf, 0.0, 0.0, 0.0, time.perf_counter() - began)
                continue
            faces = list(solution.faces.values())
            area = sum(face.area for face in faces)
            yield Row(
                fracture,
                interface,
                level.name,
                load.name,
                solution.contact_steps,
                max(face.penetration for face in faces),
                max(face.opening for face in faces),
                sum(face.open * face.area for face in faces) / area,
                sum(face.slipping * face.area for face in faces) / area,
                time.perf_counter() - began,
            )


def main() -> None:
    """Print a row for every case as it comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fractures", nargs="*")
    parser.add_argument("--interfaces", nargs="+", default=INTERFACES)
    parser.add_argument("--levels", nargs="+", default=LEVELS)
    parser.add_argument("--loads", nargs="+", default=LOADS)
    parser.add_argument("--order", type=int, choices=(1, 2), default=1, help="of the elements (1)")
    chosen = parser.parse_args()
    for fracture in chosen.fractures or list_fractures():
        for interface in chosen.interfaces:
            for row in solve_cases(fracture, interface, chosen.levels, chosen.loads, order=chosen.order):
                sizes = f"{1e3 * row.penetration:.2f} ({1e3 * row.opening:.0f}) | {100 * row.open:.0f} | {100 * row.slipping:.0f}"
                verdict = "" if 0 < row.steps <= 15 and row.penetration <= row.allowed else " **"
                case = f"{row.fracture} | {interface} | {row.level} | {row.load}"
                print(f"| {case} | {row.steps} | {sizes} | {row.seconds:.0f} s |{verdict}", flush=True)


if __name__ == "__main__":
    main()
