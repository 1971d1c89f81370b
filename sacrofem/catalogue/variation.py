"""How an individual differs from the anatomy that an entry describes, as pydantic models."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Variation(BaseModel):
    """Parameters of a virtual population; every default changes nothing.

    Pelvic incidence is shape, sacral slope is posture: PI = SS + PT (PubMed 21833574: PI 32-74, SS 24-55, PT 0-27 degrees,
    mean +- 2 SD, no effect of sex or age on PI).

    Attributes:
        size: Factor on every length, joins the anatomy's ``scale``.
        breadth: Factor on every place and width across the body (z). Sections of bone keep their thickness, sockets their radius.
        pelvic_incidence: Degrees added: the sacrum turns between the hip bones about the centre of its endplate; the pelvic tilt
            stays, the sacral slope grows as much.
        sacral_slope: Degrees added: the whole turns, as in another standing posture; the pelvic tilt falls as much. The origin
            stays at the endplate's centre: it is the turn about the axis through the hip centres but for a shift.
        curvature: Factor on the depth of the sacrum's ventral concavity.
        alar_dysmorphism: From 0 (none) to 1: the ala slopes steeply and hollows in front, which leaves S1 a narrow trans-sacral
            corridor; S2 keeps its own.
        cortical_thickness_factor: Factor on the cortical thickness of every BMD level.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Annotated[float, Field(ge=0.75, le=1.3)] = 1.0
    breadth: Annotated[float, Field(ge=0.8, le=1.25)] = 1.0
    pelvic_incidence: Annotated[float, Field(ge=-20, le=20)] = 0.0
    sacral_slope: Annotated[float, Field(ge=-30, le=30)] = 0.0
    curvature: Annotated[float, Field(ge=0.5, le=1.5)] = 1.0
    alar_dysmorphism: Annotated[float, Field(ge=0, le=1)] = 0.0
    cortical_thickness_factor: Annotated[float, Field(ge=0.3, le=2)] = 1.0


class FrameTurns(BaseModel):
    """Turns of the bones' own frames against frame G.

    Canal depths, processes and the rods of the hip bone are given along the axes of a frame of the bone's own, which is frame G
    where a bone stands as its template does. Landmarks and normals are always in frame G.

    Attributes:
        sacrum: Degrees, forwards (the sacral slope grows).
        hips: Degrees, forwards likewise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sacrum: float = 0.0
    hips: float = 0.0
