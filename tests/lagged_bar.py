"""A broken bar with a lag screw along its axis; as a script it prints what one case did, to compare ranks."""

from __future__ import annotations

import functools
import json
import sys
from typing import Any

# isort: split
import numpy as np
from mpi4py import MPI

from sacrofem.catalogue.models import Implant, Interface, Support
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.lag_screws import find_lag_screws
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.properties import Properties
from sacrofem.mechanics.solution import Solution
from sacrofem.mechanics.treatment import Partings
from sacrofem.mesh.model import ModelMesh
from sacrofem.verification.grids import assemble_mesh, extrude, nowhere, on_plane, sector

RADIUS, HALF, SHAFT, WASHER, TIP = 10.0, 20.0, 2.0, 5.0, -15.0
TISSUE = {"law": "linear", "normal_stiffness": 2.0, "tangential_stiffness": 0.5}
TOUCHING = {"law": "compression_only", "normal_stiffness": 500.0, "tangential_stiffness": 0.5, "open_fraction": 1e-4}
RUBBING = {**TOUCHING, "law": "frictional", "friction": 0.4}
ACTIVE = frozenset({"screw:lag", "washer:lag"})


def implant(pretension: float) -> Implant:
    screw = {"name": "s1", "entry": (0.0, 0.0, HALF), "tip": (0.0, 0.0, TIP), "diameter": 4.5, "thread_length": 12.0}
    screw |= {"shaft_diameter": 2 * SHAFT, "washer": {"diameter": 2 * WASHER, "thickness": 2.0}, "pretension": pretension}
    given = {"name": "lag", "title": "", "source": "", "screws": [screw], "material": "titanium"}
    return Implant.model_validate(given)


@functools.cache
def bar() -> ModelMesh:
    """A cylinder |z| < 20 with a fracture at z = 0, held at its lower end; its load acts on the upper end beside the washer."""
    disk = sector(np.array([1.0, SHAFT, 3.3, WASHER, 7.5, RADIUS]), np.linspace(0.0, 2 * np.pi, 9)[:-1], closed=True)
    heights = np.array([-20.0, -17.5, TIP, -12.0, -9.0, -6.0, -3.0, 0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, HALF])
    points, cells = extrude(disk, heights)
    middles = points[cells].mean(axis=1)
    away = np.hypot(middles[:, 0], middles[:, 1])
    metal = (away < 0.98 * SHAFT) & (middles[:, 2] > TIP)
    washer = (away < 0.98 * WASHER) & (middles[:, 2] > HALF - 2.0) & ~metal
    upper, beside = on_plane(2, HALF), lambda corners: np.hypot(*corners.mean(axis=1)[:, :2].T) > WASHER
    surfaces = {
        "cortex": nowhere(),
        "auricular_left": on_plane(2, -HALF),
        "auricular_right": nowhere(),
        "endplate": lambda corners: upper(corners) & beside(corners),
        "fracture:gap": on_plane(2, 0.0),
    }
    regions = np.where(metal, 50, np.where(washer, 820, 1))
    mesh = assemble_mesh((points, cells), surfaces, regions, {1: "body", 50: "screw:lag", 820: "washer:lag"})
    mesh.measures["screw_length:lag.s1"] = HALF - TIP
    return mesh


def model(pretension: float, law: dict[str, Any], order: int = 1, comm: MPI.Comm = MPI.COMM_SELF) -> SacrumModel:
    interface = Interface.model_validate({"name": "gap", "title": "", "source": "", **law})
    made = SacrumModel(distribute(bar(), comm), ACTIVE, order, Partings(interface.law != "bonded"))
    young = {"body": 200.0, "screw:lag": 110000.0, "washer:lag": 110000.0}
    support = Support(name="base", title="", source="", normal_stiffness=50.0, tangential_stiffness=50.0)
    made.set_properties(Properties(young, dict.fromkeys(young, 0.3), 1e-9, 1.0, 0.0, interface, support))
    made.tighten(find_lag_screws(bar(), made.regions, [implant(pretension)]))
    made.assemble()
    return made


@functools.cache
def solve(pretension: float, law: str, force: tuple[float, float, float], order: int = 1) -> Solution:
    laws = {"tissue": TISSUE, "touching": TOUCHING, "rubbing": RUBBING, "bonded": {"law": "bonded"}}
    return model(pretension, laws[law], order).solve(np.array(force))


def main() -> None:
    """Print what friction, screw and faces do under a shear load after tightening, from rank 0."""
    solution = model(120.0, RUBBING, comm=MPI.COMM_WORLD).solve(np.array([40.0, 0.0, 20.0]))
    assert solution.tightened is not None
    numbers = [solution.axial_forces["lag.s1"], solution.tightened.axial_forces["lag.s1"], solution.work, solution.energy]
    numbers += [solution.dissipated, solution.faces["gap"].open, *solution.section_forces["gap"]["screw"]]
    if MPI.COMM_WORLD.rank == 0:
        sys.stdout.write(json.dumps(numbers) + "\n")


if __name__ == "__main__":
    main()
