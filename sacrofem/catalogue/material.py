"""How stiff bone, cement, metal and joints are: density laws, BMD levels and materials. MPa, mg/cm^3, mm."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from sacrofem.catalogue.entry import Entry, UnitFraction


class DensityLaw(Entry):
    """Young's modulus from BMD: E = coefficient * rho_app ** exponent, at least ``minimum``.

    rho_app = (slope * BMD / 1000 + offset) / ash_fraction in g/cm^3.
    """

    kind: Literal["density_law"] = "density_law"
    coefficient: PositiveFloat
    exponent: PositiveFloat
    slope: PositiveFloat = 1.0
    offset: float = 0.0
    ash_fraction: UnitFraction = 0.6
    minimum: PositiveFloat
    poisson_ratio: Annotated[float, Field(gt=-1, lt=0.5)] = 0.2


class BmdLevel(Entry):
    """A bone-mineral-density level, by region, with its cortex.

    Attributes:
        rank: 0 is the densest; studies order levels by it.
        bmd: region -> mg/cm^3: ``body``, ``ala``, ``alar_void`` of the sacrum, and for the ring ``hip`` (both hip bones) and
            ``posterior_ilium`` (their part behind the sacroiliac joint).
        cortical_thickness: mm.
        hip_cortical_thickness: mm; null: as ``cortical_thickness``.
        cortical_modulus: MPa.
        cortical_poisson_ratio: Poisson's ratio of the cortex.
    """

    kind: Literal["bmd_level"] = "bmd_level"
    rank: Annotated[int, Field(ge=0)]
    bmd: dict[Literal["body", "ala", "alar_void", "hip", "posterior_ilium"], float]
    cortical_thickness: PositiveFloat
    hip_cortical_thickness: PositiveFloat | None = None
    cortical_modulus: PositiveFloat
    cortical_poisson_ratio: Annotated[float, Field(gt=-1, lt=0.5)] = 0.3


class Material(Entry):
    """An isotropic elastic material (cement, metal): modulus MPa and Poisson's ratio."""

    kind: Literal["material"] = "material"
    young_modulus: PositiveFloat
    poisson_ratio: Annotated[float, Field(gt=-1, lt=0.5)]
