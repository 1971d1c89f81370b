"""One measure of a sacrum beside its expected value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A measure of the built shape.

    Attributes:
        name: What is measured, and how.
        value: Measured on the shape.
        unit: Its unit.
        expected: Published or template value.
        tolerance: Largest accepted difference: two standard deviations where one is published, else 15 % or 2 mm of
            the template, whichever is larger.
        source: Where the expected value comes from; RECALLED ones say so.
    """

    name: str
    value: float
    unit: str
    expected: float
    tolerance: float
    source: str

    @property
    def within(self) -> bool:
        """Whether the value lies within the tolerance."""
        return abs(self.value - self.expected) <= self.tolerance
