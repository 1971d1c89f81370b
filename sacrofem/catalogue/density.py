"""From CT numbers to bone mineral density, to ash and apparent density, to Young's modulus.

    HU --calibration--> BMD mg/cm^3 --slope, offset--> ash g/cm^3 --ash fraction--> apparent g/cm^3 --law--> E MPa

The trap at zero density: the line from BMD to ash of Schileo 2008 has an offset of 0.079 g/cm^3, which alone gives 14 MPa
(Dalstra) to 200 MPa (Morgan) to a void that holds fat. Here the offset fades to nothing at BMD 0 (``offset_from``), a region
without mineral has no density, and the law's explicit floor ``minimum`` is what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sacrofem.catalogue.bmd import RESPONSES, SITES, BmdLevel, Calibration, DrugCourse, Response, Shift
from sacrofem.catalogue.material import DensityLaw

_MG_PER_G = 1000.0


def bmd_from_hu(calibration: Calibration, hu: float) -> float:
    """Bone mineral density, mg/cm^3, of a mean CT number, HU. Below that of water it may be negative: fat."""
    return calibration.slope * hu + calibration.intercept


def ash_density(law: DensityLaw, bmd: float) -> float:
    """Ash density of bone.

    Args:
        law: Its slope and offset (hydroxyapatite-calibrated QCT to ash).
        bmd: mg/cm^3.

    Returns:
        g/cm^3; 0 where there is no mineral (BMD at or below zero), whatever the offset.
    """
    if bmd <= 0.0:
        return 0.0
    fading = min(1.0, bmd / law.offset_from) if law.offset_from > 0.0 else 1.0
    return max(0.0, law.slope * bmd / _MG_PER_G + fading * law.offset)


def density_of_law(law: DensityLaw, bmd: float) -> float:
    """The density that a law is written in (its ``density``: apparent, ash or QCT), g/cm^3, of a BMD in mg/cm^3."""
    if law.density == "qct":
        return max(0.0, law.slope * bmd / _MG_PER_G)
    ash = ash_density(law, bmd)
    return ash if law.density == "ash" else ash / law.ash_fraction


def modulus_of_density(law: DensityLaw, density: float) -> float:
    """The law itself: Young's modulus, MPa, of a density in g/cm^3 in the law's own measure, without the floor."""
    if law.form == "linear":
        return law.intercept + law.coefficient * density
    rate: float = law.strain_rate**law.strain_rate_exponent
    modulus: float = law.coefficient * rate * density**law.exponent
    return modulus


def young_modulus(law: DensityLaw, bmd: float) -> float:
    """Young's modulus of trabecular bone, and never below the law's floor: density laws say nothing of marrow.

    Args:
        law: The density law.
        bmd: mg/cm^3.

    Returns:
        MPa.
    """
    density = density_of_law(law, bmd)
    return law.minimum if density <= 0.0 else max(law.minimum, modulus_of_density(law, density))


@dataclass(frozen=True)
class OutOfRange:
    """A density that a law was not fitted to.

    Attributes:
        level: BMD level.
        region: Bone region.
        bmd: mg/cm^3.
        density: g/cm^3, in the law's measure.
        modulus: MPa, what the region is given all the same.
        on_floor: Whether this is the law's floor.
    """

    level: str
    region: str
    bmd: float
    density: float
    modulus: float
    on_floor: bool

    def __str__(self) -> str:
        given = f"{self.modulus:.1f} MPa{', the floor' if self.on_floor else ''}"
        return f"{self.level} {self.region}: {self.density:.3f} g/cm^3 (BMD {self.bmd:.0f} mg/cm^3), given {given}"


def find_out_of_range(law: DensityLaw, levels: Sequence[BmdLevel], regions: Sequence[str] | None = None) -> list[OutOfRange]:
    """The densities of levels that lie outside the range of a law's specimens.

    Args:
        law: The density law; one without a range finds nothing.
        levels: BMD levels, resolved (``bmd`` filled).
        regions: Regions that are modelled (None: all).
    """
    if law.valid_range is None:
        return []
    lowest, highest = law.valid_range
    found = []
    for level in levels:
        for region, bmd in level.bmd.items():
            density = density_of_law(law, bmd)
            if (regions is None or region in regions) and not lowest <= density <= highest:
                modulus = young_modulus(law, bmd)
                found.append(OutOfRange(level.name, region, bmd, density, modulus, modulus == law.minimum))
    return found


def warn_of_range(law: DensityLaw, findings: Sequence[OutOfRange]) -> str:
    """One message for a study's densities outside the range of its law."""
    lowest, highest = law.valid_range or (0.0, 0.0)
    where = "; ".join(str(finding) for finding in findings)
    return f"density law {law.name} was fitted to {law.density} densities of {lowest:g} to {highest:g} g/cm^3. Outside: {where}"


def calibrate_level(level: BmdLevel, calibration: Calibration) -> BmdLevel:
    """A level given in HU, with its BMD filled in."""
    bmd = {region: bmd_from_hu(calibration, hu) for region, hu in (level.hu or {}).items()}
    return level.model_copy(update={"bmd": bmd})


def dose_level(level: BmdLevel, course: DrugCourse, response: Response = "mean", name: str | None = None) -> BmdLevel:
    """A BMD level after a course of a drug.

    Shifts are per cent of each region's own density. A region without mineral (BMD at or below zero: fat in the alar void)
    stays as it is: the trials say nothing of it, and a negative density must not sink for being treated.

    Args:
        level: The level before, with its BMD in mg/cm^3.
        course: The drug course.
        response: Which patient.
        name: Of the new level.

    Returns:
        The level, one title and source line longer. The modulus of cortical tissue is left as it was.
    """
    spread = RESPONSES[response]

    def factor(shift: Shift) -> float:
        return max(0.0, 1.0 + (shift.percent + spread * shift.deviation) / 100.0)

    factors = {region: factor(course.spine if site == "spine" else course.hip) for site, held in SITES.items() for region in held}
    bmd = {region: value * factors[region] if value > 0.0 else value for region, value in level.bmd.items()}
    changes: dict[str, object] = {
        "name": name or f"{level.name}_{course.name}",
        "title": f"{level.title}, after {course.months:g} months of {course.drug}",
        "source": f"{level.source} Then {course.name}, {response} response: {course.source}",
        "bmd": bmd,
    }
    if course.cortical_thickness is not None:
        thicker = factor(course.cortical_thickness)
        changes["cortical_thickness"] = thicker * level.cortical_thickness
        changes["cortical_thickness_of"] = {region: thicker * t for region, t in level.cortical_thickness_of.items()}
        if level.hip_cortical_thickness is not None:
            changes["hip_cortical_thickness"] = thicker * level.hip_cortical_thickness
    return level.model_copy(update=changes)
