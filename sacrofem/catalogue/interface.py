"""Traction laws of fractures and of the faces between bone and a body. MPa/mm, MPa, mm."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from sacrofem.catalogue.entry import Entry, Part


class Tissue(Part):
    """Soft tissue that fills a gap as a thin layer, bonded to both faces.

    Attributes:
        modulus: Young's modulus of the soft part, MPa.
        poisson_ratio: For the stiffness along the faces, G = E / 2 (1 + nu).
        healed_fraction: Share of the area that is bridged by ``healed_modulus`` already (0 to 1), in parallel with the rest.
        healed_modulus: Young's modulus of the bridging callus, MPa.
    """

    modulus: PositiveFloat
    poisson_ratio: Annotated[float, Field(ge=0, lt=0.5)] = 0.3
    healed_fraction: Annotated[float, Field(ge=0, le=1)] = 0.0
    healed_modulus: PositiveFloat | None = None

    @model_validator(mode="after")
    def _has_what_heals(self) -> Tissue:
        if self.healed_fraction > 0 and self.healed_modulus is None:
            raise ValueError("a healed_fraction above 0 needs a healed_modulus")
        return self

    @property
    def mean_modulus(self) -> float:
        """Young's modulus of soft and healed parts side by side, MPa."""
        healed = self.healed_fraction * (self.healed_modulus or 0.0)
        return (1.0 - self.healed_fraction) * self.modulus + healed


class Interface(Entry):
    """Traction law of two faces: a fracture's, or those between bone and a screw or cement.

    Attributes:
        law: ``linear`` (springs in both directions), ``compression_only`` (opens freely, faces press), ``frictional`` (the same
            with Coulomb friction) or ``bonded`` (the faces never part; no figures).
        normal_stiffness: MPa/mm, in compression (and in tension where linear). Of contact laws a numerical stiffness of faces
            that touch: large enough for a small penetration.
        tangential_stiffness: MPa/mm, open or closed: of tissue, or of interdigitation.
        tissue: Tissue in the gap, in place of the stiffnesses of a linear law; beside a contact law it acts open or closed.
        open_fraction: Share of the normal stiffness left where a contact law is open (keeps the problem definite).
        friction: Coulomb's coefficient (frictional).
        stick_stiffness: MPa/mm, along faces that stick (frictional); null: 0.3 of ``normal_stiffness``.
        augmented: Whether ``normal_stiffness`` of a contact law is a numerical one of hard faces: pressures are then
            carried over (augmented Lagrangian) until the penetration is below 1 % of the largest opening, or 1 micrometre.
        gap: How far the faces of a contact law must close before they touch, mm.
        preload: Pressure between the faces of a contact law before the load, MPa, in balance with the bone around it:
            displacements count from there.
    """

    kind: Literal["interface"] = "interface"
    law: Literal["linear", "compression_only", "frictional", "bonded"]
    normal_stiffness: PositiveFloat | None = None
    tangential_stiffness: NonNegativeFloat | None = None
    tissue: Tissue | None = None
    open_fraction: Annotated[float, Field(ge=0, lt=1)] = 1e-4
    friction: NonNegativeFloat | None = None
    stick_stiffness: PositiveFloat | None = None
    augmented: bool = False
    gap: NonNegativeFloat = 0.0
    preload: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _figures_fit_the_law(self) -> Interface:
        contact = self.law in ("compression_only", "frictional")
        wrong = [
            name
            for name, allowed in {
                "friction": self.law == "frictional",
                "stick_stiffness": self.law == "frictional",
                "augmented": contact,
                "gap": contact,
                "preload": contact,
                "normal_stiffness": self.law != "bonded",
                "tangential_stiffness": self.law != "bonded",
                "tissue": self.law != "bonded",
            }.items()
            if getattr(self, name) and not allowed
        ]
        if wrong:
            raise ValueError(f"law {self.law!r} has no {', no '.join(wrong)}")
        if self.law == "frictional" and self.friction is None:
            raise ValueError("a frictional law needs friction, Coulomb's coefficient")
        if contact and self.normal_stiffness is None:
            raise ValueError(f"law {self.law!r} needs normal_stiffness, that of faces that touch")
        if self.gap > 0 and self.preload > 0:
            raise ValueError("faces that press before the load (preload) have no gap")
        given = self.normal_stiffness is not None and self.tangential_stiffness is not None
        if self.law == "linear" and given == (self.tissue is not None):
            raise ValueError("a linear law has normal_stiffness and tangential_stiffness, or tissue, not both")
        return self

    @property
    def touches(self) -> bool:
        """Whether the faces open and close: a contact law."""
        return self.law in ("compression_only", "frictional")

    @property
    def holds_when_open(self) -> bool:
        """Whether faces that have parted still hold each other in every direction."""
        pulled = self.law in ("linear", "bonded") or self.open_fraction > 0.0 or self.tissue is not None
        shorn = self.law == "bonded" or self.tissue is not None or bool(self.tangential_stiffness)
        return pulled and (shorn or (self.law == "frictional" and self.open_fraction > 0.0))
