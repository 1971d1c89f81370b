"""What lag screws do: the force in them, how hard they press the fracture, and the motion that the load adds to theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray

from sacrofem.mechanics.lag_screws import LagScrew
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.facets import facet_areas, facet_geometry
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import CaseFields
from sacrofem.results.gathering import gather_fields
from sacrofem.results.micromotion import Measure
from sacrofem.results.strain import cell_strain

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LagFields:
    """The fields of a case with lag screws, taken apart; on rank 0.

    Attributes:
        before: Displacement of the tightening.
        moved: What the load adds to it: motions are counted from the tightened state.
        locked: (m, 3, 3) strain at which cells are free of stress, zero but in the shafts of lag screws.
    """

    before: CaseFields
    moved: CaseFields
    locked: FloatArray


def gather_lag_fields(model: SacrumModel, solution: Solution) -> LagFields | None:
    """Take the fields of a case apart; collective.

    Returns:
        None without lag screws, and on ranks other than 0.
    """
    if solution.tightened is None or model.pretension is None:
        return None
    start = solution.tightened.start.displacement
    added = fem.Function(model.V)
    added.x.array[:] = solution.displacement.x.array - start.x.array
    before, moved = gather_fields(model, start), gather_fields(model, added)
    if before is None or moved is None:
        return None
    return LagFields(before, moved, find_locked_strain(before, model.pretension.screws))


def find_locked_strain(before: CaseFields, screws: tuple[LagScrew, ...]) -> FloatArray:
    """(m, 3, 3) strain e* of the shafts, so that their stress is C (e - e*): tightened, an axial stress of force over section."""
    locked = np.zeros((len(before.cells), 3, 3))
    strain = cell_strain(before)
    for screw in screws:
        young, poisson = before.young[screw.cells, None, None], before.poisson[screw.cells, None, None]
        along = np.outer(screw.axis, screw.axis)
        stretch = screw.force / screw.section / young * ((1.0 + poisson) * along - poisson * np.eye(3))
        locked[screw.cells] = strain[screw.cells] - stretch
    return locked


def measure_lag_screws(solution: Solution) -> list[Measure]:
    """Axial force in every lag screw.

    Returns:
        (metric, value, unit): tightened, before the load, and under it; positive in tension.
    """
    if solution.tightened is None:
        return []
    before = solution.tightened.axial_forces
    return [
        *((f"screw_tension_before:{name}", force, "N") for name, force in before.items()),
        *((f"screw_tension:{name}", force, "N") for name, force in solution.axial_forces.items()),
    ]


def measure_compression(mesh: ModelMesh, solution: Solution) -> list[tuple[str, Measure]]:
    """How hard everything but the screws is pressed together across each fracture, along its mean normal.

    Returns:
        (fracture, (metric, value, unit)): before the load and under it; positive where pressed. Nothing without lag screws.
    """
    if solution.tightened is None:
        return []
    states = {"compression_before": solution.tightened.section_forces, "compression": solution.section_forces}
    return [
        (name, (metric, _compression(mesh, name, forces), "N"))
        for metric, found in states.items()
        for name, forces in found.items()
    ]


def _compression(mesh: ModelMesh, fracture: str, forces: Mapping[str, FloatArray]) -> float:
    triangles = mesh.surfaces[f"fracture:{fracture}"]
    normal = facet_areas(mesh.points, triangles) @ facet_geometry(mesh.points, triangles)[1]
    normal /= np.linalg.norm(normal)
    # Forces are those of the medial side on the lateral one, to which the normal points.
    return float(sum(force @ normal for carrier, force in forces.items() if carrier != "screw"))
