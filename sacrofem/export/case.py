"""From a study and the name of a case to files for other codes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from sacrofem.catalogue import StudyFile, load_study, resolve_study
from sacrofem.catalogue.models import Study
from sacrofem.catalogue.reading import suggest
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.errors import ConfigError, explain
from sacrofem.mesh.cache import load_or_build_mesh
from sacrofem.mesh.model import ModelMesh
from sacrofem.study.cases import Case, active_regions, expand_cases, split_study
from sacrofem.study.fit import require_fit
from sacrofem.study.properties import case_partings, case_properties

if TYPE_CHECKING:
    from sacrofem.export.calculix import Printed
    from sacrofem.export.problem import Problem
    from sacrofem.mechanics.solution import Solution
    from sacrofem.results.fields import CaseFields

Format = Literal["inp", "feb"]


@dataclass(frozen=True)
class SolvedCase:
    """A case in its neutral form, beside sacrofem's own solution of it."""

    problem: Problem
    fields: CaseFields
    solution: Solution


@dataclass(frozen=True)
class Agreement:
    """How far another code's figures are from sacrofem's, each as a share of the largest of its kind.

    Attributes:
        displacement: Largest difference of a component at a node.
        reaction: Largest difference of a component of a support's reaction.
        strain: Largest difference of a component in a cell.
    """

    displacement: float
    reaction: float
    strain: float


def find_case(study: Path | str | StudyFile | Study, name: str) -> tuple[ResolvedStudy, Case]:
    """The case of a name, and the study that it shares its mesh with.

    Args:
        study: A study file, or the name of a packaged study, or a study made in Python.
        name: ``<treatment>-<BMD level>-<load>``.

    Raises:
        ConfigError: there is no such case.
    """
    given = load_study(study) if isinstance(study, Path | str) else study
    resolved = resolve_study(given)
    require_fit(resolved)
    cases = {case.name: (part, case) for part in reversed(split_study(resolved)) for case in expand_cases(part)}
    if name not in cases:
        raise ConfigError(
            explain(
                f"Unknown case {name!r}.",
                where=f"study {resolved.study.name!r}",
                got=name,
                allowed=", ".join(cases),
                next_step=suggest(name, list(cases)) or "name a case as <treatment>-<BMD level>-<load>",
            )
        )
    return cases[name]


def mesh_of(resolved: ResolvedStudy, folder: Path | None = None) -> ModelMesh:
    """The mesh that all treatments of a study share, from the cache or made anew."""
    study = resolved.study
    bodies = list(resolved.patterns.values()), list(resolved.implants.values())
    return load_or_build_mesh(resolved.anatomy, resolved.fracture, *bodies, study.mesh, folder, study.extent)


def solve_case(resolved: ResolvedStudy, case: Case, mesh: ModelMesh) -> SolvedCase:
    """Solve one case on this process alone, and take it apart.

    Args:
        resolved: Its study.
        case: The case.
        mesh: The study's mesh.

    Raises:
        ConfigError: the case has ligaments, or rods and plates, which are not exported.
    """
    if resolved.ligaments is not None:
        raise ConfigError(
            explain(
                "Ligaments are not exported.",
                where=f"study {resolved.study.name!r}, ligaments",
                got=resolved.ligaments.name,
                allowed="a study without ligaments",
                next_step="export a copy of the study without them",
            )
        )
    outside = [name for name in case.treatment.implants if resolved.implants[name].members]
    if outside:
        raise ConfigError(
            explain(
                "Rods and plates are not exported.",
                where=f"study {resolved.study.name!r}, treatment {case.treatment.name!r}, implants",
                got=", ".join(outside),
                allowed="implants of screws alone",
                next_step="export another treatment",
            )
        )
    import sacrofem.fem  # noqa: F401

    # isort: split
    from mpi4py import MPI

    from sacrofem.export.problem import describe_problem
    from sacrofem.mechanics.distribution import distribute
    from sacrofem.mechanics.model import SacrumModel
    from sacrofem.study.loads import apply_loads, as_carried

    model = SacrumModel(
        distribute(mesh, MPI.COMM_SELF), active_regions(case.treatment), resolved.study.order, case_partings(resolved)
    )
    properties = case_properties(resolved, case.level)
    model.set_properties(properties)
    model.assemble()
    load = as_carried(apply_loads(resolved)[case.load.name], resolved)
    solution = model.solve(load.parts)
    problem, fields = describe_problem(case.name, model, properties, solution, load.parts)
    return SolvedCase(problem, fields, solution)


def write_case(solved: SolvedCase, path: Path, form: Format) -> None:
    """Write a case as ``inp`` (Abaqus, CalculiX) or ``feb`` (FEBio)."""
    if form == "inp":
        from sacrofem.export.calculix import write_inp

        write_inp(path, solved.problem)
    else:
        from sacrofem.export.febio import write_feb

        write_feb(path, solved.problem)


def compare(solved: SolvedCase, printed: Printed) -> Agreement:
    """Hold what CalculiX printed against sacrofem's solution of the same case."""
    from sacrofem.results.strain import cell_strain

    own = cell_strain(solved.fields)
    forces = np.array([solved.solution.reactions[name] for name in printed.reactions])
    theirs = np.array(list(printed.reactions.values()))
    return Agreement(
        displacement=_share(printed.displacement, solved.fields.displacement),
        reaction=_share(theirs, forces),
        strain=_share(printed.strain, own),
    )


def _share(theirs: np.ndarray, own: np.ndarray) -> float:
    return float(np.abs(theirs - own).max() / np.abs(own).max())
