"""How stiff bone, cement, metal and joints are: density laws, materials and the cortex. MPa, g/cm^3."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from sacrofem.catalogue.entry import Entry, Part, Point, UnitFraction

PoissonRatio = Annotated[float, Field(gt=-1, lt=0.5)]
#: What a density law calls density: apparent (wet mass without marrow), ash, or calcium equivalent as QCT gives it.
DensityMeasure = Literal["apparent", "ash", "qct"]


class DensityLaw(Entry):
    """Young's modulus of trabecular bone from its density.

    ``power``: E = coefficient * strain_rate ** strain_rate_exponent * rho ** exponent; ``linear``: E = intercept +
    coefficient * rho; never below ``minimum``. rho, g/cm^3, is what ``density`` says:

    ash = slope * BMD / 1000 + offset; apparent = ash / ash_fraction; qct = slope * BMD / 1000.

    Attributes:
        form: ``power`` or ``linear``.
        density: The measure of density that the law was fitted to.
        coefficient: MPa at rho = 1 g/cm^3 (linear: MPa per g/cm^3).
        exponent: Of the density (power).
        intercept: MPa (linear).
        strain_rate_exponent: Of the strain rate; 0 where the law has none.
        strain_rate: 1/s, of the load that is studied.
        slope: Ash (qct: the law's own) density per calcium-equivalent density.
        offset: g/cm^3 of ash at BMD 0 by the regression line.
        offset_from: mg/cm^3. Below this BMD the offset fades linearly, to nothing at BMD 0: no specimen of the regression was
            so light, and marrow has no ash.
        ash_fraction: Ash over apparent density.
        valid_range: (lowest, highest) rho of the specimens, g/cm^3; null where it is not known.
        minimum: MPa, the floor: what marrow and fat are given where the law says less or nothing.
        poisson_ratio: Of trabecular bone.
    """

    kind: Literal["density_law"] = "density_law"
    form: Literal["power", "linear"] = "power"
    density: DensityMeasure = "apparent"
    coefficient: PositiveFloat
    exponent: PositiveFloat = 1.0
    intercept: float = 0.0
    strain_rate_exponent: Annotated[float, Field(ge=0)] = 0.0
    strain_rate: PositiveFloat = 1.0
    slope: PositiveFloat = 1.0
    offset: float = 0.0
    offset_from: Annotated[float, Field(ge=0)] = 0.0
    ash_fraction: UnitFraction = 0.6
    valid_range: tuple[float, float] | None = None
    minimum: PositiveFloat
    poisson_ratio: PoissonRatio = 0.2

    @model_validator(mode="after")
    def _fits_its_form(self) -> DensityLaw:
        if self.form == "linear" and (self.exponent != 1.0 or self.strain_rate_exponent != 0.0):
            raise ValueError("a linear law has no exponent and no strain_rate_exponent")
        if self.form == "power" and self.intercept != 0.0:
            raise ValueError("intercept belongs to form: linear")
        if self.density == "qct" and (self.offset != 0.0 or self.offset_from != 0.0):
            raise ValueError("a law of QCT density converts to no ash: leave offset and offset_from out")
        if self.valid_range is not None and not 0.0 <= self.valid_range[0] < self.valid_range[1]:
            raise ValueError("valid_range is [lowest, highest], in g/cm^3")
        return self


class Composite(Part):
    """Cement in trabecular bone: E = cement_modulus + per_bone_fraction * bone_fraction.

    Along the trabeculae Williams and Johnson 1989 measured 2.4 GPa without bone and 4.4 GPa at a bone volume fraction of 0.25
    (8.0 GPa per unit of fraction, DERIVED), across them no more than pure cement; in human vertebrae bone did not reinforce the
    cement (Kinzl 2012). Hence ``per_bone_fraction`` from below zero to 8000.

    Attributes:
        cement_modulus: MPa, of pure cement.
        per_bone_fraction: MPa.
        bone_fraction: BV/TV.
    """

    cement_modulus: PositiveFloat
    per_bone_fraction: float
    bone_fraction: Annotated[float, Field(ge=0, le=0.4)]

    @property
    def young_modulus(self) -> float:
        """MPa."""
        return self.cement_modulus + self.per_bone_fraction * self.bone_fraction


class Material(Entry):
    """An isotropic elastic material (cement, metal): modulus MPa and Poisson's ratio.

    Attributes:
        composite: Where the modulus comes from, for cement that fills bone; the two must agree.
    """

    kind: Literal["material"] = "material"
    young_modulus: PositiveFloat
    poisson_ratio: PoissonRatio
    composite: Composite | None = None

    @model_validator(mode="after")
    def _by_its_composition(self) -> Material:
        if self.composite is not None and abs(self.composite.young_modulus / self.young_modulus - 1.0) > 1e-3:
            raise ValueError(f"young_modulus is {self.composite.young_modulus:.0f} MPa by the composite's own figures")
        return self


class Cortex(Entry):
    """Transverse isotropy of cortical bone, as ratios to the modulus along its axis, which the BMD level gives.

    The cortex is a membrane. Its axis is ``axis`` projected into the surface; where the axis stands on the surface (within 10
    degrees of its normal) the membrane lies in the plane of isotropy.

    Attributes:
        axis: Direction in frame G; its length does not matter.
        transverse_ratio: Modulus across the axis over that along it.
        shear_ratio: Shear modulus between axis and transverse direction over the modulus along the axis.
        poisson_ratio: Transverse contraction over extension along the axis.
        transverse_poisson_ratio: Within the plane of isotropy.
    """

    kind: Literal["cortex"] = "cortex"
    axis: Point
    transverse_ratio: PositiveFloat
    shear_ratio: PositiveFloat
    poisson_ratio: Annotated[float, Field(ge=0, lt=1)]
    transverse_poisson_ratio: Annotated[float, Field(gt=-1, lt=1)]

    @model_validator(mode="after")
    def _stable(self) -> Cortex:
        if math.hypot(*self.axis) == 0.0:
            raise ValueError("axis needs a length")
        # Positive energy in plane stress: 1 - nu_12 nu_21 > 0 with nu_21 = nu_12 E_2 / E_1.
        if self.poisson_ratio**2 * self.transverse_ratio >= 1.0:
            raise ValueError("poisson_ratio ** 2 * transverse_ratio must stay below 1, or the strain energy is not positive")
        return self
