"""A pressed block sheared below and beyond the friction limit, one on faces with a gap that varies, one that ligaments hold."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

# isort: split
import numpy as np
from mpi4py import MPI
from scipy.sparse import csr_array, vstack

from sacrofem.catalogue.models import Interface
from sacrofem.mechanics.coupling import Coupling
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.patches import Patch
from sacrofem.mechanics.solution import Solution
from tests.blocks import block
from tests.solved_block import FRICTION, properties

TISSUE, PRESSED, WIDTH = 0.5, 200.0, 40.0
LIGAMENTS = ("before", "behind")
FIGURES = ("share slipping", "work", "energy", "dissipated", "along", "across", "steps")


def slide(share: float, wedge: float = 0.0, ligaments: float = 0.0, comm: MPI.Comm = MPI.COMM_SELF) -> Solution:
    """Shear a flat block by a share of the friction limit.

    Args:
        share: Of the limit.
        wedge: Distance of the faces at x = 40 mm, none at x = 0, mm.
        ligaments: Stiffness of two that only pull, against the load and with it, N/mm; 0: none.
        comm: Communicator.
    """
    law = {"law": "frictional", "friction": FRICTION, "normal_stiffness": 1000.0, "tangential_stiffness": TISSUE}
    given = Interface.model_validate({"name": "gap", "title": "", "source": "", "open_fraction": 1e-7, **law})
    mesh = block(size=(WIDTH, WIDTH, 4.0), shape=(4, 4, 2))
    model = SacrumModel(distribute(mesh, comm), frozenset(), 1)
    if ligaments:
        motions = model.patch_motions([Patch(name, mesh.surfaces[name]) for name in ("endplate", "auricular_left")])
        along = motions.rows[[0]] - motions.rows[[6]]
        rows = csr_array(vstack([along, -along]))
        model.couple([Coupling("ligaments", rows, ligaments * np.eye(2), labels=LIGAMENTS, tension_only=True)])
    if wedge:
        model.interfaces.separate("gap", lambda places: wedge * places[:, 0] / WIDTH)
    held = properties()
    model.set_properties(replace(held, poisson=dict.fromkeys(held.poisson, 0.0), interface=given))
    return model.solve(np.array([share * FRICTION * PRESSED, 0.0, -PRESSED]))


def figures(solution: Solution) -> list[float]:
    """What the ranks shall agree on, in the order of :data:`FIGURES`."""
    faces, force = solution.faces["gap"], solution.section_forces["gap"]["interface"]
    energies = [solution.work, solution.energy, solution.dissipated]
    return [faces.slipping, *energies, float(force[0]), float(force[2]), float(solution.contact_steps)]


def main() -> None:
    """Print the figures of all cases from rank 0."""
    cases = [(0.8, 0.0, 0.0), (1.2, 0.0, 0.0), (1.2, 2e-4, 0.0), (1.2, 0.0, 1000.0)]
    found = [figures(slide(*case, MPI.COMM_WORLD)) for case in cases]
    if MPI.COMM_WORLD.rank == 0:
        sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
