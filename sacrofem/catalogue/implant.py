"""Implants: screws, bars, rods and plates. Lengths mm."""

from __future__ import annotations

from math import dist
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from sacrofem.catalogue.entry import AxisEnd, Drawn, Part, Point, Side, sides_of

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Washer(Part):
    """A washer under the head, on the outer table of the ilium: in the ring alone.

    Attributes:
        diameter: mm.
        thickness: mm.
        ends: ``both`` for a bar with nuts.
    """

    diameter: PositiveFloat
    thickness: PositiveFloat
    ends: Literal["head", "both"] = "head"


class Screw(Part):
    """One screw or bar along a straight axis.

    Attributes:
        name: For messages and measures.
        side: ``left`` mirrors it (given for the right side), ``both`` takes it on both sides.
        bone: ``sacrum``: through ilium, joint and sacrum; ``hip``: in a hip bone alone (iliac and ramus screws), for the ring.
        entry: Head end of the axis, mm. In the ring the head is moved along the axis onto the bone's outer surface.
        tip: Tip end, mm.
        through: Whether it leaves the bone on the far side: there the tip is moved onto the surface, too.
        diameter: Outer diameter of the thread (of the bar), mm.
        core_diameter: Diameter of the solid metal within the thread, mm; between the two lies the thread zone, bone with
            metal in it. null: metal up to ``diameter``.
        thread_length: Length of the thread from the tip, mm; null: threaded throughout.
        shaft_diameter: Diameter between thread and head of a partly threaded screw, mm.
        washer: Under the head.
        neck: From the bone's surface to the middle of the rod that its head holds, mm.
        pretension: Axial force to which a partly threaded screw is tightened before the load, N: its washer and its thread
            press what lies between them together.
    """

    name: Name
    side: Side = "right"
    bone: Literal["sacrum", "hip"] = "sacrum"
    entry: AxisEnd
    tip: AxisEnd
    through: bool = False
    diameter: PositiveFloat
    core_diameter: PositiveFloat | None = None
    thread_length: PositiveFloat | None = None
    shaft_diameter: PositiveFloat | None = None
    washer: Washer | None = None
    neck: PositiveFloat = 10.0
    pretension: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _is_a_screw(self) -> Screw:
        if self.entry == self.tip:
            raise ValueError("entry and tip are one point")
        if (self.thread_length is None) != (self.shaft_diameter is None):
            raise ValueError("a partly threaded screw has both thread_length and shaft_diameter")
        if self.thread_length is not None and self.thread_length >= dist(self.entry, self.tip):
            raise ValueError(f"thread_length {self.thread_length:g} must be below the length {dist(self.entry, self.tip):.1f}")
        for name in ("shaft_diameter", "core_diameter"):
            value = getattr(self, name)
            if value is not None and value >= self.diameter:
                raise ValueError(f"{name} {value:g} must be below diameter {self.diameter:g}")
        return self

    @model_validator(mode="after")
    def _can_be_tightened(self) -> Screw:
        if not self.pretension:
            return self
        if self.thread_length is None:
            raise ValueError(
                f"pretension {self.pretension:g} N needs a free shaft: give thread_length and shaft_diameter "
                "(a screw that is threaded throughout presses nothing together)"
            )
        if self.washer is None:
            raise ValueError(f"pretension {self.pretension:g} N needs a washer, on which it presses")
        if self.through:
            raise ValueError(f"pretension {self.pretension:g} N needs a thread in bone; this screw goes through it")
        if self.thread_length + self.washer.thickness >= dist(self.entry, self.tip):
            raise ValueError(f"pretension {self.pretension:g} N needs a free shaft between washer and thread; there is none")
        return self

    @property
    def names(self) -> dict[str, Literal["right", "left"]]:
        """Names of the screws it makes -> their side."""
        if self.side == "both":
            return {f"{self.name}_{side}": side for side in sides_of(self.side)}
        return {self.name: self.side}


class Anchor(Part):
    """A place that rods run through away from the bone.

    Attributes:
        name: For rods.
        at: mm.
        on: ``l5``: held by a pedicle screw in the fifth lumbar vertebra, which is rigid. null: a bend in the open.
    """

    name: Name
    at: Point
    on: Literal["l5"] | None = None


class Rod(Part):
    """A round rod, straight between the heads of screws and anchors that it is clamped to.

    Attributes:
        name: For messages and results.
        through: Names of screws (with their side, where they are on both) and of anchors, in order.
        diameter: mm.
        material: Name of its material.
    """

    name: Name
    through: tuple[Name, ...] = Field(min_length=2)
    diameter: PositiveFloat
    material: str


class PlateScrew(Part):
    """A screw of a plate: too thin for solid cells, so a beam between the bone's near surface and its far one.

    Attributes:
        name: For messages and results.
        entry: Where it enters bone, mm; moved along the axis onto the surface.
        tip: Its tip, mm; if it lies beyond the far surface, the screw is held there too.
        diameter: Of its core, mm.
    """

    name: Name
    entry: AxisEnd
    tip: AxisEnd
    diameter: PositiveFloat


class Plate(Part):
    """A plate on bone, straight from hole to hole.

    Attributes:
        name: For messages and results.
        width: mm.
        thickness: mm.
        material: Name of the material of plate and screws.
        screws: Its screws, in the order of the holes.
    """

    name: Name
    width: PositiveFloat
    thickness: PositiveFloat
    material: str
    screws: tuple[PlateScrew, ...] = Field(min_length=2)


class Implant(Drawn):
    """The screws, rods and plates of one construct.

    Attributes:
        screws: Screws and bars, drawn as solid bodies where they are in bone.
        anchors: Places of rods away from the bone.
        rods: Rods between the heads of screws, and to anchors.
        plates: Plates.
        allowance: How far a screw may breach the cortex or an opening between its entry and its tip (or exit), mm.
        thread_metal: Share of metal in the thread zone; bone between thin turns of metal, loaded across them, is 1 / (1 - share)
            times as stiff as bone (Reuss).
        material: Name of the screws' material.
    """

    kind: Literal["implant"] = "implant"
    screws: tuple[Screw, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    rods: tuple[Rod, ...] = ()
    plates: tuple[Plate, ...] = ()
    allowance: NonNegativeFloat = 0.5
    thread_metal: Annotated[float, Field(ge=0, lt=1)] = 0.2
    material: str

    @model_validator(mode="after")
    def _hangs_together(self) -> Implant:
        if not self.screws and not self.plates:
            raise ValueError("an implant has at least one of screws or plates")
        screws = [name for screw in self.screws for name in screw.names]
        holes = [screw.name for plate in self.plates for screw in plate.screws]
        names = [*screws, *(anchor.name for anchor in self.anchors), *holes]
        for what, given in (("screws, anchors or holes", names), ("rods or plates", [member.name for member in self.members])):
            if len(set(given)) < len(given):
                raise ValueError(f"two {what} have one name; got {', '.join(given)}")
        known = {*screws, *(anchor.name for anchor in self.anchors)}
        for rod in self.rods:
            if unknown := [name for name in rod.through if name not in known]:
                allowed = ", ".join(sorted(known))
                raise ValueError(f"rod {rod.name!r} runs through {', '.join(unknown)}; there are {allowed}")
            if not set(rod.through) & set(screws):
                raise ValueError(f"rod {rod.name!r} holds no screw of this implant")
        loose = {anchor.name for anchor in self.anchors} - {name for rod in self.rods for name in rod.through}
        if loose:
            raise ValueError(f"no rod runs through {', '.join(sorted(loose))}")
        return self

    @property
    def members(self) -> tuple[Rod | Plate, ...]:
        """Its rods and plates."""
        return (*self.rods, *self.plates)

    @property
    def needs_ring(self) -> bool:
        """Whether it has parts that only the pelvic ring can hold."""
        return bool(self.rods or self.plates) or any(screw.bone == "hip" or screw.pretension for screw in self.screws)

    @property
    def is_tightened(self) -> bool:
        """Whether one of its screws has a pretension."""
        return any(screw.pretension for screw in self.screws)

    @property
    def reaches_l5(self) -> bool:
        """Whether it holds the fifth lumbar vertebra."""
        return any(anchor.on == "l5" for anchor in self.anchors)

    @property
    def materials(self) -> tuple[str, ...]:
        """Names of all its materials."""
        return tuple(dict.fromkeys([self.material, *(member.material for member in self.members)]))
