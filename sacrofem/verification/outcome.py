"""What a check expects and what it got."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One figure of a check.

    Attributes:
        quantity: What it is, with its unit.
        expected: The known answer.
        got: What was computed.
        tolerance: Largest deviation that passes, as a share of the expected figure; of 1 where that is zero.
    """

    quantity: str
    expected: float
    got: float
    tolerance: float

    @property
    def deviation(self) -> float:
        """|got - expected|, as a share of the expected figure; of 1 where that is zero."""
        return float(abs(self.got - self.expected) / (abs(self.expected) or 1.0))

    @property
    def passed(self) -> bool:
        """Whether the deviation is within the tolerance; not a number never is."""
        return self.deviation <= self.tolerance


@dataclass(frozen=True)
class Check:
    """A problem with a known answer.

    Attributes:
        name: Short name.
        title: What is checked.
        source: Where the answer comes from.
        place: ``module.function`` in ``sacrofem.verification`` that computes it.
        quick: Whether ``--quick`` holds it.
        exercises: Which parts of the product it passes through.
    """

    name: str
    title: str
    source: str
    place: str
    quick: bool
    exercises: str


@dataclass(frozen=True)
class Verdict:
    """A check that was run."""

    check: Check
    outcomes: tuple[Outcome, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether it gave figures, and all of them are within their tolerances."""
        return bool(self.outcomes) and all(outcome.passed for outcome in self.outcomes)


def run_check(check: Check) -> Verdict:
    """Run a check on this process alone."""
    import sacrofem.fem  # noqa: F401  (before any module of the checks)

    began = time.perf_counter()
    module, function = check.place.split(".")
    outcomes = getattr(importlib.import_module(f"sacrofem.verification.{module}"), function)()
    return Verdict(check, tuple(outcomes), time.perf_counter() - began)
