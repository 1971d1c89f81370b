"""How dense bone is: BMD levels by region, calibrations of CT numbers, and what drugs do to a level. mg/cm^3, mm, MPa."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from sacrofem.catalogue.entry import Entry, Part
from sacrofem.catalogue.material import PoissonRatio

BoneRegion = Literal["body", "ala", "alar_void", "hip", "posterior_ilium", "pubic_rami"]
#: Regions of each hip bone; the mesh has them as ``<name>_right`` and ``<name>_left``.
HIP_REGIONS: tuple[BoneRegion, ...] = ("hip", "posterior_ilium", "pubic_rami")
#: Skeletal site of a drug's figures -> the regions that take them. Spine: the vertebral bone of the sacrum.
SITES: dict[str, tuple[BoneRegion, ...]] = {
    "spine": ("body", "ala", "alar_void"),
    "hip": HIP_REGIONS,
}
#: Which patient: one standard deviation below the mean response, the mean, or one above.
Response = Literal["low", "mean", "high"]
RESPONSES: dict[Response, float] = {"low": -1.0, "mean": 0.0, "high": 1.0}


class Calibration(Entry):
    """From CT numbers to bone mineral density: BMD = slope * HU + intercept, mg/cm^3.

    Attributes:
        slope: mg/cm^3 per HU.
        intercept: mg/cm^3.
        phantom: What the density is equivalent to.
        valid_range: (lowest, highest) HU that the calibration was fitted over; null where it is not known.
    """

    kind: Literal["calibration"] = "calibration"
    slope: PositiveFloat
    intercept: float
    phantom: Literal["hydroxyapatite", "dipotassium_phosphate", "unknown"] = "unknown"
    valid_range: tuple[float, float] | None = None


class BmdLevel(Entry):
    """A bone-mineral-density level, by region, with its cortex.

    Attributes:
        rank: 0 is the densest; studies order levels by it.
        bmd: region -> mg/cm^3: ``body``, ``ala``, ``alar_void`` of the sacrum, and for the ring ``hip`` (both hip bones),
            ``posterior_ilium`` (their part behind the sacroiliac joint) and ``pubic_rami`` (with the body of the pubis).
        hu: region -> mean CT number, HU, instead of ``bmd``.
        calibration: Calibration entry that turns ``hu`` into ``bmd``.
        cortical_thickness: mm.
        hip_cortical_thickness: mm; null: as ``cortical_thickness``.
        cortical_thickness_of: region -> mm, where it differs from these.
        cortical_modulus: MPa, along the cortex's axis.
        cortical_poisson_ratio: Poisson's ratio of an isotropic cortex.
    """

    kind: Literal["bmd_level"] = "bmd_level"
    rank: Annotated[int, Field(ge=0)]
    bmd: dict[BoneRegion, float] = Field(default_factory=dict)
    hu: dict[BoneRegion, float] | None = None
    calibration: str | None = None
    cortical_thickness: PositiveFloat
    hip_cortical_thickness: PositiveFloat | None = None
    cortical_thickness_of: dict[BoneRegion, PositiveFloat] = Field(default_factory=dict)
    cortical_modulus: PositiveFloat
    cortical_poisson_ratio: PoissonRatio = 0.3

    @model_validator(mode="after")
    def _one_density(self) -> BmdLevel:
        if bool(self.bmd) == bool(self.hu):
            raise ValueError("give either bmd (mg/cm^3) or hu (with a calibration)")
        if (self.hu is None) != (self.calibration is None):
            raise ValueError("hu and calibration belong together")
        missing = [region for region in ("body", "ala", "alar_void") if region not in (self.bmd or self.hu or {})]
        if missing:
            raise ValueError(f"no density for {', '.join(missing)}")
        return self


class Shift(Part):
    """A change in per cent of the starting value, and how much patients differ.

    Attributes:
        percent: Mean change.
        deviation: Standard deviation between patients, percentage points.
    """

    percent: Annotated[float, Field(gt=-100)]
    deviation: Annotated[float, Field(ge=0)]


class DrugCourse(Entry):
    """What a course of a drug does to bone density.

    Attributes:
        drug: Its name.
        months: How long it was given.
        spine: Change of the BMD of the sacrum (figures of lumbar vertebrae).
        hip: Change of the BMD of the hip bones (figures of the proximal femur).
        cortical_thickness: Change of the cortex's thickness; null: none.
    """

    kind: Literal["drug_course"] = "drug_course"
    drug: str
    months: PositiveFloat
    spine: Shift
    hip: Shift
    cortical_thickness: Shift | None = None


class DosedLevel(Part):
    """A BMD level after a course of a drug, as a study names it.

    Attributes:
        level: BMD level entry.
        drug: Drug course entry.
        response: ``mean``, or a patient one standard deviation below (``low``) or above (``high``).
    """

    level: str
    drug: str
    response: Response = "mean"

    @property
    def name(self) -> str:
        """Name of the level that comes of it."""
        return f"{self.level}_{self.drug}" + ("" if self.response == "mean" else f"_{self.response}")
