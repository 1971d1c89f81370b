"""``python -m benchmarks.contact FRACTURE...``: Newton steps and penetration of fractures, as rows of a table.

Without names: every fracture of the catalogue that the sacrum alone can hold; with ``--ring`` every one that needs the ring,
where faces and slack ligaments are searched for together.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mpi4py import MPI

import sacrofem.fem  # noqa: F401
from sacrofem.catalogue import resolve_study
from sacrofem.catalogue.library import Library
from sacrofem.catalogue.models import Fracture, MeshSettings, Study, Treatment
from sacrofem.errors import SolveError
from sacrofem.mechanics.distribution import distribute
from sacrofem.mesh.cache import load_or_build_mesh
from sacrofem.study.arm import build_model
from sacrofem.study.loads import apply_loads, as_carried
from sacrofem.study.properties import case_properties

INTERFACES = ("unilateral", "frictional_granulation")
LEVELS = ("normal", "severe")
LOADS = ("standing", "walking_heel_strike")
#: In the ring: weight alone, and a phase of gait on the right leg, with muscles.
RING_LOADS = ("standing", "gait_right_2")
SIZES = MeshSettings(size=6.0, feature_size=3.5, sampling=1.5)
RING_SIZES = MeshSettings(size=6.0, feature_size=3.5, joint_size=3.0, sampling=1.5, minimum_quality=0.03)


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


def list_fractures(ring: bool = False) -> list[str]:
    """Fractures of the catalogue with faces: in the sacrum alone, or those that need the ring."""
    entries = Library.standard(Path()).entries()
    return sorted(e.name for e in entries if isinstance(e, Fracture) and e.sheets and e.needs_ring is ring)


def solve_cases(
    fracture: str,
    interface: str,
    levels: Sequence[str] = LEVELS,
    loads: Sequence[str] = (),
    sizes: MeshSettings | None = None,
    order: int = 1,
) -> Iterator[Row]:
    """Solve a fracture without treatment at every level under every load (none: of sacrum or ring), on one mesh.

    One that needs the ring stands on frictionless hips, held by ligaments that only pull.
    """
    ring = Library.standard(Path()).get(Fracture, fracture).needs_ring
    untreated = Treatment(name="untreated")
    study = resolve_study(
        Study(
            name="rest",
            title="How faces come to rest",
            source="made for a measurement",
            extent="pelvic_ring" if ring else "sacrum",
            fracture=fracture,
            treatments=(untreated,),
            bmd_levels=tuple(levels),
            loads=tuple(loads) or (RING_LOADS if ring else LOADS),
            density_law="dalstra1993",
            interface=interface,
            support="ball_and_socket" if ring else "sacroiliac_cartilage",
            order=order,
            mesh=sizes or (RING_SIZES if ring else SIZES),
        )
    )
    mesh = load_or_build_mesh(study.anatomy, study.fracture, [], [], study.study.mesh, extent=study.study.extent)
    model, _ = build_model(study, untreated, mesh, distribute(mesh, MPI.COMM_SELF))
    carried = {name: as_carried(load, study).parts for name, load in apply_loads(study).items()}
    for level in study.levels:
        model.set_properties(case_properties(study, level))
        for load in study.loads:
            began = time.perf_counter()
            try:
                solution = model.solve(carried[load.name])
            except SolveError as error:
                print(error, flush=True)
                yield Row(fracture, interface, level.name, load.name, 0, float("inf"), 0.0, 0.0, 0.0, time.perf_counter() - began)
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
    parser.add_argument("--ring", action="store_true", help="fractures that need the ring, where none are named")
    parser.add_argument("--interfaces", nargs="+", default=INTERFACES)
    parser.add_argument("--levels", nargs="+", default=LEVELS)
    parser.add_argument("--loads", nargs="+", default=())
    parser.add_argument("--order", type=int, choices=(1, 2), default=1, help="of the elements (1)")
    chosen = parser.parse_args()
    for fracture in chosen.fractures or list_fractures(chosen.ring):
        for interface in chosen.interfaces:
            for row in solve_cases(fracture, interface, chosen.levels, chosen.loads, order=chosen.order):
                sizes = f"{1e3 * row.penetration:.2f} ({1e3 * row.opening:.0f}) | {100 * row.open:.0f} | {100 * row.slipping:.0f}"
                verdict = "" if 0 < row.steps <= 15 and row.penetration <= row.allowed else " **"
                case = f"{row.fracture} | {interface} | {row.level} | {row.load}"
                print(f"| {case} | {row.steps} | {sizes} | {row.seconds:.0f} s |{verdict}", flush=True)


if __name__ == "__main__":
    main()
