"""A solved block and what its fracture did; as a script it prints one case, to compare ranks."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

# isort: split
import numpy as np
from mpi4py import MPI

from sacrofem.catalogue.models import Interface, Support
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.properties import Properties
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import CaseFields
from sacrofem.results.gathering import gather_fields
from sacrofem.results.micromotion import Motion, sample_motion
from tests.blocks import block

KN, KT = 2.0, 0.5  # MPa/mm
FRICTION = 0.4
YOUNG, FOUNDATION = 100.0, 50.0  # MPa, MPa/mm
#: Fracture of the whole section, of a part of it, and bridged by cement.
SHAPES: dict[str, dict[str, float]] = {"full": {}, "partial": {"fracture_depth": 0.7}, "bridged": {"bridge": 0.4}}


@dataclass(frozen=True)
class Solved:
    """One solved case: the solution, its fields and the motion of its fracture (on rank 0)."""

    solution: Solution
    fields: CaseFields
    motion: Motion

    @property
    def opening(self) -> float:
        """Mean opening, mm."""
        return float(np.average(self.motion.opening, weights=self.motion.areas))

    @property
    def slide(self) -> np.ndarray:
        """(3,) mean displacement of the upper block against the lower one, mm."""
        return np.average(self.motion.jump, weights=self.motion.areas, axis=0)


def properties(law: str = "linear", thickness: float = 1e-9) -> Properties:
    regions = ("body", "cement:bridge")
    return Properties(
        young=dict(zip(regions, (YOUNG, 2000.0), strict=True)),
        poisson=dict.fromkeys(regions, 0.3),
        cortical_thickness=thickness,
        cortical_modulus=10000.0,
        cortical_poisson_ratio=0.0,
        interface=Interface(
            name="gap",
            title="",
            source="",
            law=law,
            normal_stiffness=KN,
            tangential_stiffness=KT,
            friction=FRICTION if law == "frictional" else None,
        ),
        support=Support(name="base", title="", source="", normal_stiffness=FOUNDATION, tangential_stiffness=FOUNDATION),
    )


def solve_mesh(
    comm: MPI.Comm, mesh: ModelMesh, order: int, force: tuple[float, float, float], active: frozenset[str], given: Properties
) -> Solved | None:
    """Solve one mesh; None on ranks other than 0."""
    model = SacrumModel(distribute(mesh, comm), active, order)
    model.set_properties(given)
    model.assemble()
    solution = model.solve(np.array(force))
    fields = gather_fields(model, solution.displacement)
    return fields and Solved(solution, fields, sample_motion(fields, "gap"))


def main(order: int, law: str) -> None:
    """Print the numbers of the shapes from rank 0."""
    numbers: list[float] = []
    # Friction needs a press, and more shear than it holds, for some of the faces to slide.
    force = (26.0, 10.0, -60.0) if law == "frictional" else (20.0, 10.0, 60.0)
    for name, given in SHAPES.items():
        active = frozenset({"cement:bridge"} if name == "bridged" else ())
        found = solve_mesh(MPI.COMM_WORLD, block(**given), order, force, active, properties(law))
        if found:
            numbers += [found.opening, *found.slide, found.solution.work, found.solution.energy, found.solution.dissipated]
    if numbers:
        sys.stdout.write(json.dumps(numbers) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
