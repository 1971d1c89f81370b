"""What every catalogue entry says of itself, and the types that entries share. Lengths mm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat


@dataclass(frozen=True)
class InFrame:
    """Marks figures of an entry as something that follows where an entry goes from one bone to another.

    Attributes:
        what: A place, one of the two ends of a straight axis, a length along that axis, the normal of a plane through the
            places beside it, or a vector that turns with the bone and keeps its length.
    """

    what: Literal["place", "end", "along", "normal", "vector"]


#: A place in frame G, mm.
Point = Annotated[tuple[float, float, float], InFrame("place")]
#: One of the two ends of a straight axis in frame G, mm.
AxisEnd = Annotated[tuple[float, float, float], InFrame("end")]
#: Normal of a plane, frame G, of any length.
Normal = Annotated[tuple[float, float, float], InFrame("normal")]
#: A vector in frame G, such as the offset of a fragment, mm.
Vector = Annotated[tuple[float, float, float], InFrame("vector")]
#: A length along the axis between two :data:`AxisEnd`, measured in the bone, mm.
LengthAlong = Annotated[NonNegativeFloat, InFrame("along")]
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


class Drawn(Entry):
    """An entry with places in frame G: a fracture, a cement pattern, an implant.

    Attributes:
        drawn_on: The anatomy that its places are given on, without variation. On any other bone, and on a varied one, they
            follow the landmarks that both have. null: places in frame G of whatever bone is studied.
    """

    drawn_on: str | None = "female_elderly"


def sides_of(side: Side) -> tuple[Literal["right", "left"], ...]:
    """The sides of the body that ``side`` stands for."""
    return ("right", "left") if side == "both" else (side,)
