"""A study as the list of its cases."""

from __future__ import annotations

from dataclasses import dataclass

from sacrofem.catalogue.models import BmdLevel, Load, Treatment
from sacrofem.catalogue.resolution import ResolvedStudy

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
    return frozenset(cement) | frozenset(f"screw:{name}" for name in treatment.implants)


def expand_cases(study: ResolvedStudy) -> list[Case]:
    """List the cases of a study, by treatment, then from the densest bone down, then by load.

    Args:
        study: The resolved study.

    Returns:
        treatments x BMD levels x loads cases; cases that share a matrix stand together.
    """
    levels = sorted(study.levels, key=lambda level: level.rank)
    return [
        Case(study.anatomy.name, study.fracture.name, treatment, level, load)
        for treatment in study.study.treatments
        for level in levels
        for load in study.loads
    ]
