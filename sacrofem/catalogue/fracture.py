"""Fractures as sheets through the bone, and bruises: softened bone without a surface. Lengths mm."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from sacrofem.catalogue.entry import Drawn, Normal, Part, Point, Side, UnitFraction, Vector, sides_of


class Classification(Part):
    """The classes a fracture belongs to.

    Attributes:
        denis: 1 ala, 2 foraminal, 3 central.
        bakker: Of sacral insufficiency fractures: A ventral, B lateral, C with a central part.
        ffp: Of fragility fractures of the pelvis (Rommens and Hofmann 2013): I anterior alone, II not displaced behind, III
            displaced on one side behind, IV on both.
        shape: Of the fracture lines seen from the front.
    """

    denis: Literal[1, 2, 3] | None = None
    bakker: Literal["A1", "A2", "A3", "B1", "B2", "B3", "C1", "C2", "C3"] | None = None
    ffp: Literal["Ia", "Ib", "IIa", "IIb", "IIc", "IIIa", "IIIb", "IIIc", "IVa", "IVb", "IVc"] | None = None
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
        bone: The bone it runs through: the sacrum, or the hip bone of its side.
        side: ``left`` mirrors points, normal and limits (given for the right side), ``both`` makes two sheets.
        through: Two points of the sheet's trace, mm.
        normal: Normal of the mean plane, pointing laterally (caudally for a transverse sheet).
        waviness: Amplitude (mm) and wavelength (mm) of the sheet's undulation; 0 is a plane.
        limits: Where it ends; none: through the whole bone.
        reach: Radius of a ball about the middle between both points, mm: of all places where the bone meets the plane, the
            sheet is the one that lies there, such as one ramus of two (None: all of them).
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    bone: Literal["sacrum", "hip"] = "sacrum"
    side: Side = "right"
    through: tuple[Point, Point]
    normal: Normal
    waviness: tuple[Annotated[float, Field(ge=0)], PositiveFloat] = (0.0, 20.0)
    limits: Limits = Limits()
    reach: PositiveFloat | None = None

    @model_validator(mode="after")
    def _ends_in_one_way(self) -> FractureSheet:
        if self.reach is not None and self.limits != Limits():
            raise ValueError("give reach or limits, not both: a sheet with a reach goes through the bone there")
        return self

    @property
    def names(self) -> dict[str, Literal["right", "left"]]:
        """Names of the sheets it makes -> their side."""
        return _sided_names(self.name, self.side)


class Disruption(Part):
    """A joint torn from a bone: its tissue stays with the other one.

    Attributes:
        name: Of the surface within its fracture.
        joint: ``sacroiliac``: the cartilage stays on the sacrum, the ilium parts from it. ``symphysis``: the disc stays on the
            other side's pubis.
        side: Of the hip bone that parts.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    joint: Literal["sacroiliac", "symphysis"]
    side: Side = "right"

    @model_validator(mode="after")
    def _keeps_the_disc(self) -> Disruption:
        if self.joint == "symphysis" and self.side == "both":
            raise ValueError("the disc stays on one pubis; give side: right or left")
        return self

    @property
    def names(self) -> dict[str, Literal["right", "left"]]:
        """Names of the surfaces it makes -> their side."""
        return _sided_names(self.name, self.side)


class Boundary(Part):
    """A sheet or disruption that bounds a fragment.

    Attributes:
        sheet: Its name.
        side: On which side of it the fragment lies: ``beyond``, where its normal points (of a disruption: the hip bone).
    """

    sheet: str
    side: Literal["behind", "beyond"] = "beyond"


class Displacement(Part):
    """A fragment that has moved as a whole before it is modelled: a step in the bone, with ledges.

    What hangs on the fragment through joints that hold moves with it.

    Attributes:
        bounds: What it is bounded by, all of it.
        offset: How far it has moved, mm.
    """

    bounds: tuple[Boundary, ...] = Field(min_length=1)
    offset: Vector


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
    """A fracture of the sacrum, or of the pelvic ring.

    Attributes:
        classification: The classes it belongs to.
        drawn: How the class is drawn, in a line.
        sheets: Its surfaces in bone.
        disruptions: Joints torn from a bone.
        displacements: Fragments that have moved.
        bruise: Softened bone.
        gap: Width of the granulation tissue between the faces, mm: springs of an interface get softer with it, and
            cement beside the fracture may leak into it.
    """

    kind: Literal["fracture"] = "fracture"
    classification: Classification
    drawn: str
    sheets: tuple[FractureSheet, ...] = ()
    disruptions: tuple[Disruption, ...] = ()
    displacements: tuple[Displacement, ...] = ()
    bruise: Bruise | None = None
    gap: PositiveFloat = 1.0

    @property
    def needs_ring(self) -> bool:
        """Whether it breaks or moves more of the pelvis than the sacrum."""
        return bool(self.disruptions or self.displacements) or any(sheet.bone == "hip" for sheet in self.sheets)

    @model_validator(mode="after")
    def _is_something(self) -> Fracture:
        if not self.sheets and not self.disruptions and self.bruise is None:
            raise ValueError("give at least one sheet, a disruption or a bruise")
        return self

    @model_validator(mode="after")
    def _names_fit(self) -> Fracture:
        names = [name for sheet in self.sheets for name in sheet.names]
        names += [name for torn in self.disruptions for name in torn.names]
        if len(set(names)) < len(names):
            raise ValueError(f"two sheets have one name; got {', '.join(names)}")
        for displacement in self.displacements:
            for bound in displacement.bounds:
                if bound.sheet not in names:
                    raise ValueError(f"a displacement is bounded by {bound.sheet!r}; there are: {', '.join(names)}")
        self._limits_fit()
        return self

    def _limits_fit(self) -> None:
        """A sheet ends at other sheets that run through its bone."""
        whole = [sheet for sheet in self.sheets if sheet.reach is None]
        for sheet in self.sheets:
            names = [name for other in whole if other.bone == sheet.bone for name in other.names]
            for limit in sheet.limits.sheets:
                if limit.sheet not in names or limit.sheet in sheet.names:
                    others = ", ".join(name for name in names if name not in sheet.names) or "there is no other"
                    raise ValueError(f"sheet {sheet.name!r} ends at {limit.sheet!r}; other sheets: {others}")


def _sided_names(name: str, side: Side) -> dict[str, Literal["right", "left"]]:
    if side == "both":
        return {f"{name}_{one}": one for one in sides_of(side)}
    return {name: side}
