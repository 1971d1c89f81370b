"""A study as the list of its cases, and as the small studies that have a mesh each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sacrofem.catalogue.models import BmdLevel, Load, Treatment
from sacrofem.catalogue.resolution import ResolvedStudy

_PARTS_OF_IMPLANTS = ("thread", "screw", "washer")
_PARTS_OF_CEMENT = (("cement", ""), ("cement", ".core"), ("compacted", ""))


@dataclass(frozen=True)
class Case:
    """One solve: a treatment of one fracture in one bone under one load."""

    anatomy: str
    fracture: str
    treatment: Treatment
    level: BmdLevel
    load: Load

    @property
    def name(self) -> str:
        """Folder and file name of the case."""
        return f"{self.treatment.name}-{self.level.name}-{self.load.name}"


def active_regions(treatment: Treatment) -> frozenset[str]:
    """Names of the mesh regions that a treatment fills with its own material; not every pattern has all parts."""
    cement = [f"{kind}:{name}{part}" for name in treatment.cement_names for kind, part in _PARTS_OF_CEMENT]
    metal = [f"{part}:{name}" for name in treatment.implants for part in _PARTS_OF_IMPLANTS]
    return frozenset(cement) | frozenset(metal)


def expand_cases(study: ResolvedStudy) -> list[Case]:
    """List the cases of a study, by treatment, then from the densest bone down, then by load.

    Args:
        study: The resolved study.

    Returns:
        treatments x BMD levels x loads cases; cases that share a matrix stand together.
    """
    levels = sorted(study.levels, key=lambda level: (level.rank, -sum(level.bmd.values())))
    return [
        Case(study.anatomy.name, study.fracture.name, treatment, level, load)
        for treatment in study.study.treatments
        for level in levels
        for load in study.loads
    ]


def split_by_fracture(resolved: ResolvedStudy) -> list[ResolvedStudy]:
    """One study for every fracture, called ``<study>_<fracture>``, as each has a mesh of its own.

    Args:
        resolved: The study.

    Returns:
        The small studies; the study itself where it has one fracture.
    """
    if len(resolved.fractures) == 1:
        return [resolved]
    study = resolved.study
    return [
        replace(
            resolved,
            study=study.model_copy(update={"name": f"{study.name}_{fracture.name}", "fracture": fracture.name, "fractures": ()}),
            fractures=(fracture,),
        )
        for fracture in resolved.fractures
    ]


def split_study(resolved: ResolvedStudy) -> list[ResolvedStudy]:
    """One study for every treated arm, each with the reference, so that both are solved on one mesh.

    Args:
        resolved: The study.

    Returns:
        The small studies, called ``<study>_<arm>``; the study itself where it shares its mesh or has one treated arm.
    """
    study = resolved.study
    reference = next((arm for arm in study.treatments if arm.name == study.reference), None)
    treated = [arm for arm in study.treatments if arm is not reference]
    if study.shared_mesh or len(treated) < 2:
        return [resolved]
    return [_pair(resolved, [arm] if reference is None else [reference, arm], arm) for arm in treated]


def _pair(resolved: ResolvedStudy, arms: Sequence[Treatment], arm: Treatment) -> ResolvedStudy:
    name = f"{resolved.study.name}_{arm.name}"
    study = resolved.study.model_copy(update={"name": name, "treatments": tuple(arms), "shared_mesh": True})
    patterns = {name: resolved.patterns[name] for name in arm.cement_names}
    return replace(resolved, study=study, patterns=patterns, implants={name: resolved.implants[name] for name in arm.implants})
