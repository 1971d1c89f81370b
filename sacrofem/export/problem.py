"""A case as any code can hold it: nodes, solids, membranes, springs between combinations of nodes, forces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sacrofem.catalogue.models import Interface
from sacrofem.errors import ConfigError, explain
from sacrofem.export.springs import OuterFacets, Springs, describe_interfaces, describe_support
from sacrofem.loads.parts import LoadPart
from sacrofem.mechanics.loading import endplate_force
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.properties import Properties
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.model import FloatArray, IntArray
from sacrofem.results.fields import CaseFields
from sacrofem.results.gathering import gather_fields


@dataclass(frozen=True)
class Problem:
    """A linear problem.

    Attributes:
        name: Of the case.
        points: (n, 3) mm; a point on a fracture stands once for each of its sides.
        cells: (m, 4 or 10) node numbers, corners, then the middles of 1-2, 2-3, 1-3, 1-4, 2-4, 3-4; positive.
        regions: (m,) names.
        young: (m,) MPa.
        poisson: (m,).
        membranes: (f, 3 or 6) nodes of the cortex.
        thickness: (f,) mm.
        cortical: Its Young's modulus, MPa, and Poisson's ratio.
        springs: Supports and interfaces.
        forces: (n, 3) N.
        frozen: Whether contact was frozen in its solved state.
    """

    name: str
    points: FloatArray
    cells: IntArray
    regions: NDArray[np.str_]
    young: FloatArray
    poisson: FloatArray
    membranes: IntArray
    thickness: FloatArray
    cortical: tuple[float, float]
    springs: tuple[Springs, ...]
    forces: FloatArray
    frozen: bool

    @property
    def order(self) -> int:
        """Polynomial order, 1 or 2."""
        return 1 if self.cells.shape[1] == 4 else 2


def describe_problem(
    name: str, model: SacrumModel, properties: Properties, solution: Solution, load: FloatArray | Sequence[LoadPart]
) -> tuple[Problem, CaseFields]:
    """Take a solved model apart; one process only.

    Args:
        name: Of the case.
        model: The model, assembled.
        properties: What it was given.
        solution: Its solution under the load.
        load: (3,) N on the endplate, or the parts of a load.

    Returns:
        The problem, and the solved fields on the same nodes and cells (in the order of DOLFINx).

    Raises:
        ConfigError: on several ranks, or the model holds what is not exported: a cortex that is not isotropic.
    """
    if model.comm.size > 1:
        raise ConfigError(
            explain(
                "A case is exported by one process.",
                where="mpiexec",
                got=f"{model.comm.size} ranks",
                allowed="1",
                next_step="run `sacrofem export` without mpiexec",
            )
        )
    if properties.transverse_cortex is not None:
        raise ConfigError(
            explain(
                "A transversely isotropic cortex is not exported.",
                where=f"case {name}",
                got="a study with a cortex of its own",
                allowed="the isotropic cortex of the BMD level",
                next_step="leave `cortex` out of the study",
            )
        )
    if model.pretension is not None:
        raise ConfigError(
            explain(
                "Pretension is not exported.",
                where=f"case {name}, screws {', '.join(screw.name for screw in model.pretension.screws)}",
                got="screws with a pretension",
                allowed="screws without",
                next_step="export the case with the same screws and pretension: 0",
            )
        )
    laws = (law for law in _laws(properties) if law.touches)
    law = next((law for law in laws if law.friction or law.gap or law.preload or law.augmented), None)
    if law is not None:
        raise ConfigError(
            explain(
                "This contact law is not exported.",
                where=f"case {name}, interface {law.name}",
                got="friction, a gap, a preload or hard faces",
                allowed="a linear law, or compression_only without these (frozen in its solved state)",
                next_step="export the case with another interface",
            )
        )
    parts = endplate_force(load) if isinstance(load, np.ndarray) else tuple(load)
    fields = gather_fields(model, solution.displacement)
    assert fields is not None
    source = model.distributed.source
    node_of_dof = _number_dofs(model, fields)
    outer = OuterFacets(source)
    names = source.region_names
    cortex = outer.case_nodes(fields, source.surfaces["cortex"])
    hosts = source.host_regions[outer.cells_of(source.surfaces["cortex"])]
    thick = {
        number: properties.cortical_thickness_of.get(label, properties.cortical_thickness) for number, label in names.items()
    }
    forces = np.zeros((len(fields.points), 3))
    forces[node_of_dof] = model.loading.vector(parts).array.reshape(-1, 3)
    springs = [describe_support(model, fields, outer, support) for support in model.supports.measures]
    springs += describe_interfaces(model, fields, node_of_dof)
    problem = Problem(
        name=name,
        points=fields.points,
        cells=_turn_positive(fields.points, fields.cells),
        regions=np.array([names[int(number)] for number in model.regions]),
        young=fields.young,
        poisson=np.array([properties.poisson[names[int(number)]] for number in model.regions]),
        membranes=cortex,
        thickness=np.array([thick[int(number)] for number in hosts]),
        cortical=(properties.cortical_modulus, properties.cortical_poisson_ratio),
        springs=tuple(springs),
        forces=forces,
        frozen=not model.linear,
    )
    return problem, fields


def _laws(properties: Properties) -> list[Interface]:
    return [properties.interface, *properties.body_interfaces.values()]


def _number_dofs(model: SacrumModel, fields: CaseFields) -> IntArray:
    """(n,) number in the fields of every block of dofs."""
    dofmap = model.V.dofmap
    numbers = np.empty(dofmap.index_map.size_local, dtype=np.int64)
    numbers[dofmap.list] = fields.cells[model.distributed.original_cells]
    return numbers


def _turn_positive(points: FloatArray, cells: IntArray) -> IntArray:
    """Cells in the order of Abaqus, FEBio and VTK; the first four nodes span a positive volume."""
    edges = points[cells[:, 1:4]] - points[cells[:, :1]]
    negative = np.linalg.det(edges) < 0
    straight, turned = [0, 1, 2, 3, 9, 6, 8, 7, 5, 4], [0, 2, 1, 3, 8, 6, 9, 7, 4, 5]
    width = cells.shape[1]
    return np.where(negative[:, None], cells[:, turned[:width]], cells[:, straight[:width]])


def group_cells(problem: Problem) -> Mapping[tuple[str, float, float], IntArray]:
    """Cells by region and material: (region, Young's modulus, Poisson's ratio) -> cell numbers."""
    groups: dict[tuple[str, float, float], IntArray] = {}
    for region in np.unique(problem.regions):
        inside = problem.regions == region
        for young in np.unique(problem.young[inside]):
            for poisson in np.unique(problem.poisson[inside & (problem.young == young)]):
                chosen = inside & (problem.young == young) & (problem.poisson == poisson)
                groups[str(region), float(young), float(poisson)] = np.flatnonzero(chosen)
    return groups
