"""A case as any code can hold it: nodes, solids, membranes, springs between combinations of nodes, forces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sacrofem.errors import ConfigError, explain
from sacrofem.export.couplings import describe_couplings, name_slack
from sacrofem.export.springs import Combinations, OuterFacets, Springs, describe_interfaces, describe_support
from sacrofem.loads.parts import LoadPart
from sacrofem.mechanics.loading import endplate_force
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.properties import Properties, TransverseCortex
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.model import FloatArray, IntArray
from sacrofem.results.fields import CaseFields
from sacrofem.results.gathering import gather_fields

#: Of the forces: solves stop at 1e-9 where the model is linear, at 1e-6 with contact.
_LARGEST_RESIDUAL = 1e-5


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
        cortex: Its constants.
        springs: Supports and interfaces.
        couplings: Ligaments, rods and plates, and what holds both sockets together against rotation.
        forces: (n, 3) N.
        notes: What of the case was made linear about its solved state, in words.
    """

    name: str
    points: FloatArray
    cells: IntArray
    regions: NDArray[np.str_]
    young: FloatArray
    poisson: FloatArray
    membranes: IntArray
    thickness: FloatArray
    cortex: TransverseCortex
    springs: tuple[Springs, ...]
    couplings: tuple[Combinations, ...]
    forces: FloatArray
    notes: tuple[str, ...]

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
        ConfigError: on several ranks, or the model holds something that the export does not know.
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
    forces[node_of_dof] = _forces_of_linear_state(name, model, solution, parts).reshape(-1, 3)
    springs = [describe_support(model, fields, outer, support) for support in model.supports.held]
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
        cortex=properties.cortex,
        springs=tuple(springs),
        couplings=tuple(describe_couplings(model.coupled, node_of_dof, fields.points)),
        forces=forces,
        notes=tuple(_note_linear_state(model)),
    )
    return problem, fields


def _forces_of_linear_state(name: str, model: SacrumModel, solution: Solution, parts: Sequence[LoadPart]) -> FloatArray:
    """(owned dofs,) N: what acts on the problem that is linear about the solved state, so that both have the same solution.

    Faces answer with t(j) = D j + (t - D j), ligaments with k q - g (:mod:`sacrofem.mechanics.coupling`): the matrix holds
    the first part of each, the forces the rest, which is zero where faces have neither gap, preload, friction nor
    multipliers and ligaments neither slack nor preload.

    Raises:
        ConfigError: matrix and forces do not leave the solution in balance.
    """
    vector = model.loading.vector(parts)
    model.assemble(renew=False)
    offset = vector.duplicate()
    offset.set(0.0)
    model.interfaces.add_force(offset, model.interfaces.offset())
    vector.axpy(-1.0, offset)
    model.coupled.spread(model.coupled.constant(), vector)
    left = vector.duplicate()
    moved = solution.displacement.x.petsc_vec
    model.matrix.mult(moved, left)
    left.axpy(-1.0, vector)
    share = left.norm() / (vector.norm() or 1.0)
    if share > _LARGEST_RESIDUAL:
        raise ConfigError(
            explain(
                "This case holds something that the export does not know.",
                where=f"case {name}",
                got=f"forces that leave {share:.1e} of themselves out of balance in the solved state",
                allowed=f"at most {_LARGEST_RESIDUAL:g}",
                next_step="export a case without what is new in it, or report this as a fault",
            )
        )
    forces: FloatArray = vector.array.copy()
    return forces


def _note_linear_state(model: SacrumModel) -> Iterator[str]:
    """What is linear about the solved state alone."""
    if not model.linear:
        yield "CONTACT IS FROZEN: open, closed, sticking and sliding parts are those of the solved case; faces are springs of the"
        yield "tangent there, and pressure from multipliers, gaps and preload and friction of sliding parts are forces."
    if model.coupled.one_sided:
        slack = name_slack(model.coupled)
        said = ", ".join(f"{name} {count} of {every}" for name, (count, every) in slack.items()) or "none"
        yield f"LIGAMENTS ARE FROZEN: they pull alone; springs slack in the solved case are left out: {said}."


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
