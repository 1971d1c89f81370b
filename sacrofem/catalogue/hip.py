"""The hip bone of an anatomy, as pydantic models; lengths mm, frame G, right side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

Point = tuple[float, float, float]

#: Landmarks that the shapes place themselves by, besides those named in ``outline`` and ``inner_thickness``.
REQUIRED_LANDMARKS = (
    "HJC",
    "PubicTubercle",
    "IschialTuberosity_low",
    "Symphysis_sup",
    "Symphysis_inf",
    "SupRamus_lateral",
    "SupRamus_narrow",
    "SupRamus_medial",
    "InfRamus_lateral",
    "InfRamus_mid",
    "SciaticNotch_apex",
    "SciaticNotch_lower",
    "LesserNotch",
    "AIIS",
    "PIIS",
    "Pillar_lower",
    "Pillar_upper",
    "Supra_acetabular",
)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Socket(_Part):
    """The acetabulum.

    Attributes:
        radius: Bony radius.
        normal: Outward normal of the rim plane, of any length.
        wall: Thickness of bone around the socket.
        fossa_depth: Depth of the acetabular fossa below the socket's sphere; 0 leaves fossa and notch out.
        notch_width: Width of the acetabular notch.
    """

    radius: PositiveFloat
    normal: Point
    wall: PositiveFloat
    fossa_depth: Annotated[float, Field(ge=0)] = 0.0
    notch_width: PositiveFloat


class Rami(_Part):
    """Sections (height, thickness) of the pubic rami: the superior one's narrowest."""

    superior: tuple[PositiveFloat, PositiveFloat]
    inferior: tuple[PositiveFloat, PositiveFloat]


class SymphysisSize(_Part):
    """Height and anteroposterior depth of the symphyseal faces, and the gap between them."""

    height: PositiveFloat
    depth: PositiveFloat
    gap: PositiveFloat


class JointCartilage(_Part):
    """Thickness of the sacral and of the iliac cartilage of the sacroiliac joint."""

    sacral: PositiveFloat
    iliac: PositiveFloat


class Hip(_Part):
    """A parametric hip bone, right side.

    Attributes:
        landmarks: name -> point.
        outline: Names of the landmarks on the rim of the iliac plate, in order.
        rim_thickness: Landmark on the rim -> thickness.
        inner_thickness: Landmark on the middle surface, or auricular landmark of the sacrum -> thickness.
        pubic_outline: Names of the landmarks on the rim of the pubic body, in order.
        pubic_rim_thickness: Landmark on that rim -> thickness.
        pubic_inner_thickness: Landmark on the middle surface of the pubic body -> thickness.
        thickness_limits: Smallest and largest thickness of the plate.
        crest_width: Distance from the rim at which its thickness no longer counts.
        acetabulum: The socket.
        rami: Sections of the rami.
        symphysis: Size of the symphysis.
        cartilage: Of the sacroiliac joint.
    """

    landmarks: dict[str, Point]
    outline: tuple[str, ...] = Field(min_length=4)
    rim_thickness: dict[str, PositiveFloat]
    inner_thickness: dict[str, PositiveFloat]
    pubic_outline: tuple[str, ...] = Field(min_length=4)
    pubic_rim_thickness: dict[str, PositiveFloat]
    pubic_inner_thickness: dict[str, PositiveFloat]
    thickness_limits: tuple[PositiveFloat, PositiveFloat]
    crest_width: PositiveFloat
    acetabulum: Socket
    rami: Rami
    symphysis: SymphysisSize
    cartilage: JointCartilage

    @property
    def placed_thickness(self) -> tuple[str, ...]:
        """Names of the landmarks inside the plates that carry a thickness."""
        return (*self.inner_thickness, *self.pubic_inner_thickness)

    @model_validator(mode="after")
    def _is_complete(self) -> Hip:
        _require("rim_thickness", self.outline, self.rim_thickness)
        _require("pubic_rim_thickness", self.pubic_outline, self.pubic_rim_thickness)
        _require("inner_thickness", ("AUR_short_end", "AUR_corner", "AUR_long_end"), self.inner_thickness)
        _require("landmarks", (*REQUIRED_LANDMARKS, *self.outline, *self.pubic_outline), self.landmarks)
        return self


def _require(where: str, needed: Iterable[str], present: Iterable[str]) -> None:
    """Refuse a table that lacks names."""
    missing = sorted(set(needed) - set(present))
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
