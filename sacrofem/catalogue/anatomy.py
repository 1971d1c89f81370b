"""Parametric anatomies: landmarks, sections and openings of a sacrum, with or without its hip bones. Lengths mm."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, ValidationInfo, field_validator

from sacrofem.catalogue.entry import Entry, Part, Point
from sacrofem.catalogue.hip import Hip
from sacrofem.catalogue.variation import FrameTurns, Variation


class Section(Part):
    """One section across the sacrum, normal to its pelvic surface; the right half of a symmetric bone.

    Attributes:
        level: 0 at the promontory, 1 at S1-S2, 2 at S2-S3, 3 at S3-S4, 4 at S4-S5, 5 at the apex; between, a fraction.
        half_width: From the midplane to the lateral margin, mm; above S3 the auricular surface cuts first.
        body_half_width: From the midplane to the side of the vertebral body, mm.
        ventral: Rise of the pelvic surface over its midline at each of the anatomy's ``across``, mm.
        dorsal: Depth of the dorsal surface behind the midline of the pelvic surface at each of ``across``, mm.
    """

    level: Annotated[float, Field(ge=0, le=5)]
    half_width: PositiveFloat
    body_half_width: PositiveFloat
    ventral: tuple[float, ...]
    dorsal: tuple[PositiveFloat, ...]


class Anatomy(Entry):
    """A parametric sacrum: midline and paired landmarks, the sizes of openings, and sections.

    Attributes:
        landmarks: name -> (x, y, z) in frame G, mm; paired landmarks with z > 0 (right side).
        across: Distances from the midplane, from 0 outwards, at which sections give their surfaces, mm.
        sections: Sections from the promontory (level 0) to the apex (level 5).
        auricular_half_width: Half the width of the limbs of the auricular surface, mm.
        endplate_shoulder: From the rim of the S1 endplate down to the ala, measured along the endplate, mm.
        hiatus_width: Between the sacral cornua, mm.
        ventral_foramen_size: (height, width) of S1..S4, mm.
        dorsal_foramen_size: (height, width) of S1..S4, mm.
        canal_size: (anteroposterior in an axial slice, transverse) at S1, S1-S2, S2-S3, S3-S4, mm.
        scale: Uniform scale about the origin.
        hip: The right hip bone, of which the left one is the mirror image; null: the sacrum alone can be modelled.
        variation: How an individual differs from these figures.
        turns: Turns of the bones' own frames against frame G.
    """

    kind: Literal["anatomy"] = "anatomy"
    landmarks: dict[str, Point]
    ventral_foramen_size: tuple[tuple[PositiveFloat, PositiveFloat], ...] = Field(min_length=4, max_length=4)
    dorsal_foramen_size: tuple[tuple[PositiveFloat, PositiveFloat], ...] = Field(min_length=4, max_length=4)
    canal_size: tuple[tuple[PositiveFloat, PositiveFloat], ...] = Field(min_length=4, max_length=4)
    across: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=3)
    sections: tuple[Section, ...] = Field(min_length=3)
    auricular_half_width: PositiveFloat = 10.0
    endplate_shoulder: PositiveFloat = 8.0
    hiatus_width: PositiveFloat = 11.8
    scale: PositiveFloat = 1.0
    hip: Hip | None = None
    variation: Variation = Variation()
    turns: FrameTurns = FrameTurns()

    @field_validator("across")
    @classmethod
    def _rises_from_midplane(cls, across: tuple[float, ...]) -> tuple[float, ...]:
        if across[0] != 0 or any(a >= b for a, b in pairwise(across)):
            raise ValueError(f"across must rise from 0; got {list(across)}")
        return across

    @field_validator("sections")
    @classmethod
    def _fit_across(cls, sections: tuple[Section, ...], others: ValidationInfo) -> tuple[Section, ...]:
        levels = [section.level for section in sections]
        if levels[0] != 0 or levels[-1] != 5 or any(a >= b for a, b in pairwise(levels)):
            raise ValueError(f"sections must rise in level from 0 (promontory) to 5 (apex); got {levels}")
        count = len(others.data.get("across", sections[0].ventral))
        for section in sections:
            if not len(section.ventral) == len(section.dorsal) == count:
                raise ValueError(
                    f"section at level {section.level:g} needs {count} values of ventral and of dorsal, as across has"
                )
        return sections
