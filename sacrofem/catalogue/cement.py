"""Cement patterns: needles, and the bodies of cement that they leave. Lengths mm, volumes mL."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from sacrofem.catalogue.entry import AxisEnd, Drawn, LengthAlong, Part, Side


class Capsule(Part):
    """A tapered capsule on the needle.

    Attributes:
        radius: (mm at its distal end, mm at its proximal end).
        length: Of its axis, back towards the needle's entry, mm.
        back: From the needle's tip to its distal end, mm.
    """

    radius: tuple[PositiveFloat, PositiveFloat]
    length: PositiveFloat
    back: float = 0.0


class NeedleEllipsoid(Part):
    """An ellipsoid on the needle.

    Attributes:
        semi_axes: Along the needle, across it and upwards, across it and level, mm.
        back: From the needle's tip back to its centre, mm.
    """

    semi_axes: tuple[PositiveFloat, PositiveFloat, PositiveFloat]
    back: float = 0.0


class Balloon(Part):
    """The void that a balloon leaves, filled with cement alone, and the bone it has pressed aside.

    Attributes:
        void: Its place and size; cement around it has mixed with bone.
        core_material: Material in the void.
        shell: Thickness of the pressed bone around all cement, mm.
        shell_material: Material of the pressed bone; it does not bridge a fracture.
    """

    void: NeedleEllipsoid
    core_material: str
    shell: PositiveFloat
    shell_material: str


class Needle(Part):
    """One needle and the cement put in through it.

    Attributes:
        name: For messages and measures.
        entry: Where it enters bone, mm.
        target: Its tip, mm.
        diameter: Outer diameter, mm.
        approach: Length from the entry that may lie outside the modelled bone, mm: soft tissue, ilium, or the error of an
            entry measured on another surface.
        capsules: Bodies.
        ellipsoids: Bodies.
        share: Its share of the pattern's volume, beside those of the other needles.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    entry: AxisEnd
    target: AxisEnd
    diameter: PositiveFloat = 3.05
    approach: LengthAlong = 6.0
    capsules: tuple[Capsule, ...] = ()
    ellipsoids: tuple[NeedleEllipsoid, ...] = ()
    share: PositiveFloat = 1.0

    @model_validator(mode="after")
    def _leaves_cement(self) -> Needle:
        if not self.capsules and not self.ellipsoids:
            raise ValueError("give at least one of capsules and ellipsoids")
        if self.entry == self.target:
            raise ValueError("entry and target are one point")
        return self


class CementPattern(Drawn):
    """Cement along the needles of one technique.

    Attributes:
        technique: The sacroplasty technique.
        side: ``left`` mirrors the needles (given for the right side), ``both`` takes them on both sides.
        needles: The needles of one side.
        volume: Wanted volume of one side, mL; bodies are scaled to achieve it.
        balloon: Of balloon-assisted patterns, on the first needle.
        material: Name of the material of cement mixed with bone.
    """

    kind: Literal["cement"] = "cement"
    technique: Literal[
        "short_axis", "long_axis", "coaxial", "transiliac", "interpedicular", "balloon", "fracture_following", "augmentation"
    ]
    side: Side = "right"
    needles: tuple[Needle, ...] = Field(min_length=1)
    volume: Annotated[float, Field(gt=0, le=30)]
    balloon: Balloon | None = None
    material: str

    @property
    def materials(self) -> tuple[str, ...]:
        """Names of all its materials."""
        extra = (self.balloon.core_material, self.balloon.shell_material) if self.balloon else ()
        return (self.material, *extra)


class CementVolume(Part):
    """A pattern with another volume than its entry's, as an arm of a study.

    Attributes:
        pattern: Name of the pattern.
        volume: mL of one side.
    """

    pattern: str
    volume: Annotated[float, Field(gt=0, le=30)]

    @property
    def name(self) -> str:
        """Name of the pattern with this volume."""
        return f"{self.pattern}_{self.volume:g}_ml".replace(".", "_")
