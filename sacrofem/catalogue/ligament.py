"""Sets of ligaments: springs between parts of bones that landmarks name. N/mm, N, mm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, field_validator, model_validator

from sacrofem.catalogue.entry import Entry, Part

#: The bone that an attachment lies on: of the same side where there are two. ``l5`` is the fifth lumbar vertebra, which is not
#: meshed: it moves as a rigid body with the S1 endplate. ``other_hip`` is the hip bone of the other side.
AttachedBone = Literal["sacrum", "hip", "other_hip", "l5"]
_SUM_SLACK = 1e-6


class Attachment(Part):
    """Where a ligament holds a bone: along a line, by small patches of the surface.

    Attributes:
        bone: The bone.
        line: Corners of the line, right side, each a mixture of the anatomy's landmarks: name -> share. Shares sum to 1 and may
            be negative (a place beyond a landmark); the surface point nearest to the place is taken. One corner is a point.
        radius: Of a patch, mm.
    """

    bone: AttachedBone
    line: tuple[dict[str, float], ...] = Field(min_length=1)
    radius: PositiveFloat = 5.0

    @field_validator("line", mode="before")
    @classmethod
    def _as_mixtures(cls, line: object) -> object:
        """A bare landmark name is the landmark itself."""
        if not isinstance(line, list | tuple):
            return line
        return [{corner: 1.0} if isinstance(corner, str) else corner for corner in line]

    @field_validator("line")
    @classmethod
    def _sum_to_one(cls, line: tuple[dict[str, float], ...]) -> tuple[dict[str, float], ...]:
        for corner in line:
            if abs(sum(corner.values()) - 1.0) > _SUM_SLACK:
                raise ValueError(f"the shares of landmarks must sum to 1; got {corner}")
        return line


class Ligament(Part):
    """A ligament as springs side by side.

    Attributes:
        name: Of the ligament.
        paired: Whether there is one on each side; else it crosses the midplane.
        origin: Where it begins.
        insertion: Where it ends.
        stiffness: Of the whole ligament of one side, N/mm.
        springs: Number of springs, spread evenly over the lines.
        preload: Tension at rest, N, of the whole ligament. The bones have the shape they take under it: it loads nothing, but a
            ligament that only pulls stays taut until it has shortened by preload / stiffness.
        slack: Elongation at which it begins to pull, mm; only for one that only pulls.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    paired: bool = True
    origin: Attachment
    insertion: Attachment
    stiffness: PositiveFloat
    springs: Annotated[int, Field(ge=1, le=20)] = 1
    preload: NonNegativeFloat = 0.0
    slack: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> Ligament:
        if self.preload > 0 and self.slack > 0:
            raise ValueError("a ligament is either slack or preloaded at rest, not both")
        return self


class LigamentSet(Entry):
    """The ligaments of a pelvic ring.

    Attributes:
        tension_only: Whether ligaments pull alone, and go slack where their ends approach; else they push as they pull.
        factor: On every stiffness, from a calibration.
        ligaments: The ligaments.
    """

    kind: Literal["ligament_set"] = "ligament_set"
    tension_only: bool = True
    factor: PositiveFloat = 1.0
    ligaments: tuple[Ligament, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _holds_together(self) -> LigamentSet:
        names = [ligament.name for ligament in self.ligaments]
        if len(set(names)) < len(names):
            raise ValueError(f"each ligament must have a name of its own; got {names}")
        slack = [ligament.name for ligament in self.ligaments if ligament.slack > 0]
        if slack and not self.tension_only:
            raise ValueError(f"slack needs tension_only: true; {', '.join(slack)} has slack")
        return self

    @property
    def landmarks(self) -> frozenset[str]:
        """Names of all landmarks that the attachments need."""
        ends = [end for ligament in self.ligaments for end in (ligament.origin, ligament.insertion)]
        return frozenset(name for end in ends for corner in end.line for name in corner)

    def without(self, *names: str) -> LigamentSet:
        """The set less some ligaments, as after cutting them.

        Raises:
            ValueError: a name is not in the set, or none is left.
        """
        known: Mapping[str, Ligament] = {ligament.name: ligament for ligament in self.ligaments}
        if missing := [name for name in names if name not in known]:
            raise ValueError(f"no ligament {', '.join(missing)} in {self.name}; it has {', '.join(known)}")
        kept = tuple(ligament for name, ligament in known.items() if name not in names)
        return LigamentSet.model_validate({**self.model_dump(), "ligaments": [ligament.model_dump() for ligament in kept]})
