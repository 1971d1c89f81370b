"""Traction laws of fractures. MPa/mm."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from sacrofem.catalogue.entry import Entry


class Interface(Entry):
    """Traction law of a fracture: stiffnesses in MPa/mm.

    Attributes:
        law: ``linear`` (springs in both directions) or ``compression_only`` (opens freely, faces press).
        normal_stiffness: MPa/mm, in compression (and in tension where linear).
        tangential_stiffness: MPa/mm, open or closed.
        open_fraction: Share of the normal stiffness left where a compression-only interface is open (keeps the
            problem definite).
    """

    kind: Literal["interface"] = "interface"
    law: Literal["linear", "compression_only"]
    normal_stiffness: PositiveFloat
    tangential_stiffness: PositiveFloat
    open_fraction: Annotated[float, Field(ge=0, lt=1)] = 1e-4
