"""What every catalogue entry says of itself, and the types that entries share. Lengths mm."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Point = tuple[float, float, float]
UnitFraction = Annotated[float, Field(gt=0, le=1)]
#: Points are given for the right side: ``left`` mirrors them, ``both`` takes them twice.
Side = Literal["right", "left", "both"]


class Part(BaseModel):
    """A part of an entry: unknown keys are refused, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(Part):
    """What every catalogue entry says of itself.

    Attributes:
        kind: What it is, such as ``fracture``.
        name: The name a study uses (the file's stem).
        title: One line for tables and lists.
        source: Where the figures come from; RECALLED figures are marked so.
    """

    kind: str
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    source: str


def sides_of(side: Side) -> tuple[Literal["right", "left"], ...]:
    """The sides of the body that ``side`` stands for."""
    return ("right", "left") if side == "both" else (side,)
