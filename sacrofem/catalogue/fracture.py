"""Fractures as sheets through the bone, and bruises: softened bone without a surface. Lengths mm."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from sacrofem.catalogue.entry import Drawn, Normal, Part, Point, Side, UnitFraction, sides_of


class Classification(Part):
    """The classes a fracture belongs to.

    Attributes:
        denis: 1 ala, 2 foraminal, 3 central.
        bakker: Of sacral insufficiency fractures: A ventral, B lateral, C with a central part.
        ffp: Sacral part of a fragility fracture of the pelvis; the anterior ring is not part of the entry.
        shape: Of the fracture lines seen from the front.
    """

    denis: Literal[1, 2, 3] | None = None
    bakker: Literal["A1", "A2", "A3", "B1", "B2", "B3", "C1", "C2", "C3"] | None = None
    ffp: Literal["IIa", "IIb", "IIc"] | None = None
    shape: Literal["H", "U", "T", "lambda", "vertical", "transverse"] | None = None

    @model_validator(mode="after")
    def _names_a_class(self) -> Classification:
        if not self.model_fields_set:
            raise ValueError("name at least one of denis, bakker, ffp and shape")
        return self


class HalfSpace(Part):
    """What lies behind a plane.

    Attributes:
        point: Of the plane, mm.
        outward: The direction in which the sheet ends.
    """

    point: Point
    outward: Normal


class Ellipsoid(Part):
    """An ellipsoid.

    Attributes:
        centre: mm.
        semi_axes: Along x, y and z, mm.
        turn: Degrees by which its axes are turned forwards about z.
    """

    centre: Point
    semi_axes: tuple[PositiveFloat, PositiveFloat, PositiveFloat]
    turn: float = 0.0


class SheetSide(Part):
    """One side of another sheet of the fracture, so that two sheets meet in a junction.

    Attributes:
        sheet: Its name; a sheet on both sides has the names ``<name>_right`` and ``<name>_left``.
        side: ``behind``: the side its normal points away from (medial for a lateral normal).
        distance: How far short of that sheet this one ends, mm: 0 is a junction, more leaves a bridge of bone.
    """

    sheet: str
    side: Literal["behind", "beyond"] = "behind"
    distance: Annotated[float, Field(ge=0)] = 0.0


class Limits(Part):
    """Where a sheet ends: the bone is broken where it lies in every one of these."""

    half_spaces: tuple[HalfSpace, ...] = ()
    ellipsoids: tuple[Ellipsoid, ...] = ()
    sheets: tuple[SheetSide, ...] = ()


class FractureSheet(Part):
    """One sheet: a wavy plane through two points, cut off to its limits.

    Attributes:
        name: Of the sheet within its fracture.
        bone: The bone it runs through.
        side: ``left`` mirrors points, normal and limits (given for the right side), ``both`` makes two sheets.
        through: Two points of the sheet's trace, mm.
        normal: Normal of the mean plane, pointing laterally (caudally for a transverse sheet).
        waviness: Amplitude (mm) and wavelength (mm) of the sheet's undulation; 0 is a plane.
        limits: Where it ends; none: through the whole bone.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    bone: Literal["sacrum"] = "sacrum"
    side: Side = "right"
    through: tuple[Point, Point]
    normal: Normal
    waviness: tuple[Annotated[float, Field(ge=0)], PositiveFloat] = (0.0, 20.0)
    limits: Limits = Limits()

    @property
    def names(self) -> dict[str, Literal["right", "left"]]:
        """Names of the sheets it makes -> their side."""
        if self.side == "both":
            return {f"{self.name}_{side}": side for side in sides_of(self.side)}
        return {self.name: self.side}


class Bruise(Part):
    """Softened bone without a surface, as in bone-marrow oedema.

    Attributes:
        side: ``left`` mirrors the place, ``both`` makes two.
        place: Where.
        stiffness_factor: On Young's modulus of the bone there.
    """

    side: Side = "right"
    place: Ellipsoid
    stiffness_factor: UnitFraction


class Fracture(Drawn):
    """A fracture of the sacrum.

    Attributes:
        classification: The classes it belongs to.
        drawn: How the class is drawn, in a line.
        sheets: Its surfaces.
        bruise: Softened bone.
        gap: Width of the granulation tissue between the faces, mm: springs of an interface get softer with it, and
            cement beside the fracture may leak into it.
    """

    kind: Literal["fracture"] = "fracture"
    classification: Classification
    drawn: str
    sheets: tuple[FractureSheet, ...] = ()
    bruise: Bruise | None = None
    gap: PositiveFloat = 1.0

    @model_validator(mode="after")
    def _is_something(self) -> Fracture:
        if not self.sheets and self.bruise is None:
            raise ValueError("give at least one sheet, or a bruise")
        return self

    @model_validator(mode="after")
    def _names_fit(self) -> Fracture:
        names = [name for sheet in self.sheets for name in sheet.names]
        if len(set(names)) < len(names):
            raise ValueError(f"two sheets have one name; got {', '.join(names)}")
        for sheet in self.sheets:
            for limit in sheet.limits.sheets:
                if limit.sheet not in names or limit.sheet in sheet.names:
                    others = ", ".join(name for name in names if name not in sheet.names) or "there is no other"
                    raise ValueError(f"sheet {sheet.name!r} ends at {limit.sheet!r}; other sheets: {others}")
        return self
