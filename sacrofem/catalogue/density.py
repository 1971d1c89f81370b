"""From bone mineral density to Young's modulus."""

from __future__ import annotations

from sacrofem.catalogue.models import DensityLaw


def young_modulus(law: DensityLaw, bmd: float) -> float:
    """Young's modulus of trabecular bone.

    E = coefficient * rho_app ** exponent with rho_app = (slope * BMD / 1000 + offset) / ash_fraction in g/cm^3, and
    never below the law's floor: density laws say nothing of marrow (BMD at or below zero in the alar void).

    Args:
        law: The density law.
        bmd: mg/cm^3.

    Returns:
        MPa.
    """
    ash = law.slope * bmd / 1000.0 + law.offset
    if ash <= 0.0:
        return law.minimum
    modulus: float = law.coefficient * (ash / law.ash_fraction) ** law.exponent
    return max(law.minimum, modulus)
