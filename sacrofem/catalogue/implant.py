"""Implants: screws and bars. Lengths mm."""

from __future__ import annotations

from math import dist
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from sacrofem.catalogue.entry import AxisEnd, Drawn, Part, Side, sides_of


class Washer(Part):
    """A washer under the head, on the outer table of the ilium.

    Attributes:
        diameter: mm.
        thickness: mm.
    """

    diameter: PositiveFloat
    thickness: PositiveFloat


class Screw(Part):
    """One screw or bar along a straight axis.

    Attributes:
        name: For messages and measures.
        side: ``left`` mirrors it (given for the right side), ``both`` takes it on both sides.
        entry: Head end of the axis, mm.
        tip: Tip end, mm.
        diameter: Outer diameter of the thread (of the bar), mm; the thread is drawn as a cylinder of that diameter.
        thread_length: Length of the thread from the tip, mm; null: threaded throughout.
        shaft_diameter: Diameter between thread and head of a partly threaded screw, mm.
        washer: Under the head.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    side: Side = "right"
    entry: AxisEnd
    tip: AxisEnd
    diameter: PositiveFloat
    thread_length: PositiveFloat | None = None
    shaft_diameter: PositiveFloat | None = None
    washer: Washer | None = None

    @model_validator(mode="after")
    def _is_a_screw(self) -> Screw:
        if self.entry == self.tip:
            raise ValueError("entry and tip are one point")
        if (self.thread_length is None) != (self.shaft_diameter is None):
            raise ValueError("a partly threaded screw has both thread_length and shaft_diameter")
        if self.thread_length is not None and self.thread_length >= dist(self.entry, self.tip):
            raise ValueError(f"thread_length {self.thread_length:g} must be below the length {dist(self.entry, self.tip):.1f}")
        if self.shaft_diameter is not None and self.shaft_diameter >= self.diameter:
            raise ValueError(f"shaft_diameter {self.shaft_diameter:g} must be below diameter {self.diameter:g}")
        return self

    @property
    def names(self) -> dict[str, Literal["right", "left"]]:
        """Names of the screws it makes -> their side."""
        if self.side == "both":
            return {f"{self.name}_{side}": side for side in sides_of(self.side)}
        return {self.name: self.side}


class Implant(Drawn):
    """The screws of one construct.

    Attributes:
        screws: The screws.
        allowance: How far a screw may breach the cortex or an opening between its entry and its tip (or exit), mm.
        material: Name of the screws' material.
    """

    kind: Literal["implant"] = "implant"
    screws: tuple[Screw, ...] = Field(min_length=1)
    allowance: NonNegativeFloat = 0.5
    material: str

    @model_validator(mode="after")
    def _names_differ(self) -> Implant:
        names = [name for screw in self.screws for name in screw.names]
        if len(set(names)) < len(names):
            raise ValueError(f"two screws have one name; got {', '.join(names)}")
        return self
