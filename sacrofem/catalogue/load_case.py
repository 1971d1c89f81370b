"""Loads and the supports that carry them. N, MPa/mm."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from sacrofem.catalogue.entry import Entry, Point


class Support(Entry):
    """Springs on named surfaces: MPa/mm normal and tangential.

    Attributes:
        acts_on: ``auricular`` (to rigid ilia, for ``extent: sacrum``) or ``acetabulum`` (to rigid femoral heads, for the ring).
        normal_stiffness: MPa/mm; in a socket along its radius.
        tangential_stiffness: MPa/mm; 0 is a frictionless ball-and-socket.
        flexion_stiffness: N mm/rad, for each hip, against the rotation of the ring about the axis through both hip centres,
            which frictionless sockets leave free.
        midplane: For ``extent: hemisacrum``: ``symmetry`` keeps the cut in its plane, as its mirror image would, ``free`` leaves
            it alone.
    """

    kind: Literal["support"] = "support"
    acts_on: Literal["auricular", "acetabulum"] = "auricular"
    normal_stiffness: PositiveFloat
    tangential_stiffness: Annotated[float, Field(ge=0)]
    flexion_stiffness: PositiveFloat | None = None
    midplane: Literal["symmetry", "free"] = "symmetry"

    @model_validator(mode="after")
    def _holds(self) -> Support:
        if self.acts_on == "auricular" and self.flexion_stiffness is not None:
            raise ValueError("flexion_stiffness belongs to acts_on: acetabulum")
        if self.tangential_stiffness == 0 and self.flexion_stiffness is None:
            raise ValueError("tangential_stiffness 0 leaves a rotation free: give it, or (in sockets) a flexion_stiffness")
        return self


class Load(Entry):
    """A force on the S1 endplate, as a share of body weight or newtons.

    Attributes:
        force: (x, y, z) in frame G.
        unit: ``N`` or ``body_weight``.
    """

    kind: Literal["load"] = "load"
    force: Point
    unit: Literal["N", "body_weight"]
