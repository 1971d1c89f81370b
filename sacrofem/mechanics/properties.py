"""How stiff every part of a model is."""

from __future__ import annotations

from dataclasses import dataclass, field

from sacrofem.catalogue.models import Interface, Support


@dataclass(frozen=True)
class Properties:
    """Elastic properties of one case.

    Attributes:
        young: region name -> Young's modulus, MPa.
        poisson: region name -> Poisson's ratio.
        cortical_thickness: mm.
        cortical_modulus: MPa.
        cortical_poisson_ratio: Poisson's ratio of the cortex.
        interface: Law of the fractures.
        support: Springs on the supported surfaces.
        stiffened: Region name -> how many times as stiff as the bone it is in.
        cortical_thickness_of: Bone region name -> mm, where it differs from ``cortical_thickness``.
    """

    young: dict[str, float]
    poisson: dict[str, float]
    cortical_thickness: float
    cortical_modulus: float
    cortical_poisson_ratio: float
    interface: Interface
    support: Support
    cortical_thickness_of: dict[str, float] = field(default_factory=dict)
    stiffened: dict[str, float] = field(default_factory=dict)
