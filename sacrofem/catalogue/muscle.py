"""Muscles as lines of action, and the weights of the body's segments. mm, cm^2, shares of body weight."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from sacrofem.catalogue.entry import Entry, Part, Point, UnitFraction

#: What a point of a muscle's path moves with.
Body = Literal["pelvis", "trunk", "leg"]


class PathPoint(Part):
    """A point of a muscle's path, right side.

    Attributes:
        on: What it moves with: the pelvis, the trunk, or the leg of the muscle's side.
        landmarks: Pelvis: landmark -> weight; the point is their weighted mean and so follows every anatomy.
        at: Trunk: (x, y, z) from the S1 endplate's centre, upright, frame G; leg: from the hip centre, femur vertical.
        offset: Pelvis: from the landmarks' mean, as where a tendon's thickness keeps it off the bone, mm.
        radius: Pelvis: of the patch of bone that takes the force, mm.
    """

    on: Body
    landmarks: dict[str, PositiveFloat] = Field(default_factory=dict)
    at: Point | None = None
    offset: Point = (0.0, 0.0, 0.0)
    radius: PositiveFloat = 8.0

    @model_validator(mode="after")
    def _is_placed(self) -> PathPoint:
        if (self.on == "pelvis") != bool(self.landmarks) or (self.on == "pelvis") == (self.at is not None):
            raise ValueError("a point on the pelvis needs landmarks, one on trunk or leg needs `at`")
        return self


class Muscle(Part):
    """A muscle or a part of one, right side; the left one is its mirror image.

    Attributes:
        name: Of the muscle, without its side.
        pcsa: Physiological cross-sectional area, cm^2.
        path: Its points from one end to the other; straight between them.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    pcsa: PositiveFloat
    path: tuple[PathPoint, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _crosses_a_joint(self) -> Muscle:
        if len({point.on for point in self.path}) < 2:
            raise ValueError(f"muscle {self.name!r} crosses no joint: its points are all on the {self.path[0].on}")
        return self


class Segments(Part):
    """Weights and centres of mass of the body's segments, upright.

    Attributes:
        trunk: Share of body weight above L5-S1, with head and arms.
        pelvis: Share of the pelvis.
        leg: Share of one leg.
        trunk_centre: (x, y, z) from the S1 endplate's centre, frame G, mm.
        pelvis_centre: The same of the pelvis, mm.
        leg_centre: (x, y, z) from the hip centre, femur vertical, mm; right side.
    """

    trunk: UnitFraction
    pelvis: UnitFraction
    leg: UnitFraction
    trunk_centre: Point
    pelvis_centre: Point
    leg_centre: Point

    @model_validator(mode="after")
    def _make_a_body(self) -> Segments:
        total = self.trunk + self.pelvis + 2 * self.leg
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"trunk + pelvis + two legs must be 1, the whole body weight; got {total:g}")
        return self


class Musculature(Entry):
    """Muscles about the pelvis, with the segments that they move.

    Attributes:
        segments: The body's segments.
        muscles: The muscles of the right side.
        pelvic_height: From ``IliacCrest_top`` to ``IschialTuberosity_low`` of the anatomy that trunk, leg and centres are given
            for, mm; they scale with it.
        leg_scale: Factor on the points on the leg, where they come from a body of another height.
        most_stress: Largest stress a muscle can make, MPa.
    """

    kind: Literal["musculature"] = "musculature"
    segments: Segments
    muscles: tuple[Muscle, ...] = Field(min_length=1)
    pelvic_height: PositiveFloat
    leg_scale: Annotated[float, Field(gt=0.5, lt=2)] = 1.0
    most_stress: PositiveFloat

    @model_validator(mode="after")
    def _names_are_single(self) -> Musculature:
        names = [muscle.name for muscle in self.muscles]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"muscles named twice: {', '.join(repeated)}")
        return self
