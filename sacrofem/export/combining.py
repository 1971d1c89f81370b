"""All springs of a problem in the form that both writers write."""

from __future__ import annotations

from sacrofem.export.membranes import combine_membranes
from sacrofem.export.problem import Problem
from sacrofem.export.springs import Combinations


def combine_springs(problem: Problem) -> list[Combinations]:
    """Supports and interfaces, ligaments, rods and plates, and the cortex; supports come first, in the problem's order."""
    of_faces = [springs.combine() for springs in problem.springs if len(springs.nodes)]
    return [*of_faces, *problem.couplings, combine_membranes(problem)]
