"""What is measured of a solved case, and its files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sacrofem.errors import output_errors
from sacrofem.loads.parts import AppliedLoad
from sacrofem.mechanics.properties import Properties
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.correction import find_missing_forces
from sacrofem.results.endplate import measure_endplate
from sacrofem.results.error_bars import error_bars
from sacrofem.results.error_estimate import ErrorEstimate, Membrane, Patches, StrainError, estimate_error
from sacrofem.results.fields import CaseFields
from sacrofem.results.joints import measure_joints
from sacrofem.results.lag_screws import LagFields, measure_compression, measure_lag_screws
from sacrofem.results.load_sharing import measure_interfragmentary_strain, measure_load_sharing, measure_screw_stress
from sacrofem.results.metrics import measure_case, name_whole
from sacrofem.results.micromotion import Measure, measure_faces, sample_motion
from sacrofem.results.strain import cell_strain
from sacrofem.results.table import Row
from sacrofem.results.writing import write_case_fields
from sacrofem.study.archive import Archive
from sacrofem.study.cases import Case

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class State:
    """A solution and its fields, on rank 0.

    Attributes:
        solution: The solution.
        fields: Its fields.
        lag: Before the load and since, where lag screws were tightened.
        members: Measures of rods and plates.
    """

    solution: Solution
    fields: CaseFields
    lag: LagFields | None
    members: list[Measure]

    @property
    def moved(self) -> CaseFields:
        """What the load adds to the state before it."""
        return self.lag.moved if self.lag else self.fields


@dataclass(frozen=True)
class FoundError:
    """The error of a state, on rank 0.

    Attributes:
        estimate: Of its energy and strain.
        forces: (n, 3) N, which drive its correction; None where that is not solved for.
    """

    estimate: ErrorEstimate
    forces: FloatArray | None


@dataclass(frozen=True)
class SolvedCase:
    """A case and all that was solved for it, on rank 0.

    Attributes:
        case: The case.
        load: What of its load is applied.
        whole: All of it.
        properties: Stiffnesses.
        state: What was found.
        error: Its error.
        corrected: The same with what it lacks of an infinitely fine mesh; None where that was not solved for.
        solver: Method, and what was reused.
    """

    case: Case
    load: AppliedLoad
    whole: AppliedLoad
    properties: Properties
    state: State
    error: FoundError
    corrected: State | None
    solver: str


@dataclass(frozen=True)
class Recorder:
    """Measures the cases of an arm and keeps them; rank 0 only.

    Attributes:
        mesh: The study's mesh.
        gap: Of the fracture, mm.
        masks: Neighbourhood -> which cells are in it.
        archive: Where finished cases are kept.
        errors: Their error estimates.
    """

    mesh: ModelMesh
    gap: float
    masks: dict[str, NDArray[np.bool_]]
    archive: Archive
    errors: ErrorEstimator

    def keep(self, solved: SolvedCase) -> dict[str, Any]:
        """Measure a case and write its files, the record last."""
        case, state = solved.case, solved.state
        with output_errors(self.archive.cases):
            write_case_fields(self.archive.cases, case.name, state.fields, self.mesh.region_names)
        estimate, smooth_strain = solved.error.estimate, solved.error.estimate.strain
        if state.lag is not None:  # the load's work rests on what it adds, strains are those of both
            smooth_strain = self.errors.find(state.fields, solved.properties, forces=False).estimate.strain
        measures = self._measure(solved, state, cell_strain(state.fields))
        smooth = self._measure(solved, solved.corrected or state, smooth_strain)
        bars = error_bars(measures, smooth, estimate.squared, state.solution.work, solved.corrected is not None)
        rows = [
            Row(case.name, case.anatomy, fracture, case.treatment.name, case.level.name, case.load.name, *measure, *bar)
            for (fracture, measure), bar in zip(measures, bars, strict=True)
        ]
        error = {"error_energy_Nmm": estimate.squared, "error_relative_energy_norm": estimate.relative}
        record = {"rows": [asdict(row) for row in rows], "diagnostics": diagnose(solved) | error}
        self.archive.keep(case.name, record)
        return record

    def _measure(self, solved: SolvedCase, state: State, strain: FloatArray) -> list[tuple[str, Measure]]:
        """All measures of a state, those of strain by (m, 3, 3) ``strain``."""
        fields, moved, solution, load = state.fields, state.moved, state.solution, solved.load
        whole = name_whole(fields.fractures)
        # The work of a force spread evenly over the endplate gives the stiffness along it; other loads have none.
        plain = all(part.surface == "endplate" and part.point is None and not part.moment.any() for part in load.parts)
        force = load.on_endplate if plain else np.zeros(3)
        measures = measure_case(fields, self.masks, force, solution.work, strain, moved)
        measures += [(whole, measure) for measure in [*measure_joints(self.mesh, moved), *measure_endplate(self.mesh, moved)]]
        stress_free = 0.0 if state.lag is None else state.lag.locked
        stresses = measure_screw_stress(fields, self.mesh.region_names, solved.properties.poisson, strain - stress_free)
        measures += [(whole, measure) for measure in [*stresses, *measure_lag_screws(solution)]]
        measures += measure_compression(self.mesh, solution)
        for name, forces in solution.section_forces.items():
            measures += [(name, measure) for measure in measure_load_sharing(forces)]
            strains = measure_interfragmentary_strain(sample_motion(moved, name), self.gap)
            measures += [(name, measure) for measure in strains]
        measures += [(name, measure) for name, status in solution.faces.items() for measure in measure_faces(status)]
        measures += [(whole, (f"ligament_tension_{name}", tension, "N")) for name, tension in solution.tensions.items()]
        return measures + [(whole, measure) for measure in state.members]


class ErrorEstimator:
    """Error estimates of an arm's cases; the patches are made once, with the first case. Rank 0 only.

    Args:
        mesh: The study's mesh.
    """

    def __init__(self, mesh: ModelMesh) -> None:
        self._mesh = mesh
        self._patches: Patches | None = None

    def find(self, fields: CaseFields, properties: Properties, forces: bool) -> FoundError:
        """The error of a solved case.

        Args:
            fields: The case.
            properties: Its stiffnesses.
            forces: Whether its correction is going to be solved for.
        """
        error = StrainError.of(fields, *self._prepare(fields, properties))
        return FoundError(estimate_error(error), find_missing_forces(error) if forces else None)

    def _prepare(self, fields: CaseFields, properties: Properties) -> tuple[Patches, Membrane]:
        membrane = Membrane.of(self._mesh, properties)
        if self._patches is None:
            self._patches = Patches.of(fields, membrane)
        return self._patches, membrane


def diagnose(solved: SolvedCase) -> dict[str, object]:
    """What the solve of a case says of itself, for ``study.json``."""
    solution, whole = solved.state.solution, solved.whole
    balance: dict[str, object] = {}
    if whole.nature == "free_body":
        force, moment = whole.residual
        balance = {
            "free_body_residual_force": force,
            "free_body_residual_moment_m": moment,
            "hip_contacts_N": {name: contact.tolist() for name, contact in whole.hip_contacts.items()},
            "muscle_tensions_N": {name: tension for name, tension in whole.tensions.items() if tension > 0.0},
        }
    tightening: dict[str, object] = {}
    if (before := solution.tightened) is not None:
        tightening = {"tightening_steps": before.effort.steps, "tightening_residual": before.effort.residual}
    measured: dict[str, object] = {
        "dofs": solution.displacement.function_space.dofmap.index_map.size_global * 3,
        "solver": solved.solver,
        "iterations": solution.iterations,
        "residual": solution.residual,
        "seconds": solution.seconds,
        "contact_steps": solution.contact_steps,
        "force_N": solved.load.on_endplate.tolist(),
        "reaction_N": list(solution.reaction),
        "reactions_N": {name: list(force) for name, force in solution.reactions.items()},
        "flexion_moments_Nmm": solution.flexion_moments,
        "ligament_tensions_N": solution.tensions,
        "force_imbalance": solution.imbalance,
        "moment_imbalance_mm": solution.moment_imbalance,
        "energy_imbalance": solution.energy_imbalance,
        "work_Nmm": solution.work,
        "energy_Nmm": solution.energy,
        "dissipated_Nmm": solution.dissipated,
        "faces": {name: asdict(status) for name, status in solution.faces.items()},
    }
    return balance | tightening | measured
