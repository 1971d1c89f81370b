"""From catalogue entries to the stiffness of every region of a case."""

from __future__ import annotations

from sacrofem.catalogue.bmd import HIP_REGIONS
from sacrofem.catalogue.density import young_modulus
from sacrofem.catalogue.models import BmdLevel, Interface
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.mechanics.properties import Properties, TransverseCortex
from sacrofem.mechanics.treatment import Partings
from sacrofem.study.densities import SACRAL_REGIONS

#: Name of a density in a BMD level -> the regions of the mesh that have it, where they are named otherwise.
_REGIONS = {name: (f"{name}_right", f"{name}_left") for name in HIP_REGIONS}


def case_properties(study: ResolvedStudy, level: BmdLevel) -> Properties:
    """Stiffness of bone at a BMD level and of every treatment's material.

    Args:
        study: The resolved study.
        level: The BMD level.

    Returns:
        Moduli by region name, cortex, interface and support.
    """
    law = study.density_law
    thicker = study.anatomy.variation.cortical_thickness_factor
    young: dict[str, float] = {
        region: young_modulus(law, bmd) for name, bmd in level.bmd.items() for region in _REGIONS.get(name, (name,))
    }
    poisson = dict.fromkeys(young, law.poisson_ratio)
    hips = [region for regions in _REGIONS.values() for region in regions]
    thickness = dict.fromkeys(hips, thicker * (level.hip_cortical_thickness or level.cortical_thickness))
    for place, given in level.cortical_thickness_of.items():
        thickness |= dict.fromkeys(_REGIONS.get(place, (place,)), thicker * given)
    if study.fracture.bruise is not None:
        factor = study.fracture.bruise.stiffness_factor
        young |= {f"bruised_{region}": factor * modulus for region, modulus in young.items()}
        thickness |= {f"bruised_{region}": thickness[region] for region in SACRAL_REGIONS if region in thickness}
        poisson = dict.fromkeys(young, law.poisson_ratio)
    bodies = {f"cement:{name}": pattern.material for name, pattern in study.patterns.items()}
    for name, pattern in study.patterns.items():
        if pattern.balloon is not None:
            bodies[f"cement:{name}.core"] = pattern.balloon.core_material
            bodies[f"compacted:{name}"] = pattern.balloon.shell_material
    bodies |= {f"{part}:{name}": implant.material for name, implant in study.implants.items() for part in ("screw", "washer")}
    if study.study.extent == "pelvic_ring":
        bodies |= dict.fromkeys(("sacroiliac_right", "sacroiliac_left"), study.study.cartilage)
        bodies["symphysis"] = study.study.disc
    for region, material in bodies.items():
        young[region] = study.materials[material].young_modulus
        poisson[region] = study.materials[material].poisson_ratio
    threads = {f"thread:{name}": 1.0 / (1.0 - implant.thread_metal) for name, implant in study.implants.items()}
    poisson |= dict.fromkeys(threads, law.poisson_ratio)
    return Properties(
        young=young,
        poisson=poisson,
        cortical_thickness=thicker * level.cortical_thickness,
        cortical_modulus=level.cortical_modulus,
        cortical_poisson_ratio=level.cortical_poisson_ratio,
        interface=interface_over_gap(study.interface, study.fracture.gap),
        support=study.support,
        stiffened=threads,
        body_interfaces={"cement": study.cement_interface, "screw": study.implant_interface},
        cortical_thickness_of=thickness,
        transverse_cortex=_transverse(study, level),
    )


def _transverse(study: ResolvedStudy, level: BmdLevel) -> TransverseCortex | None:
    """The study's transversely isotropic cortex with the level's modulus along its axis."""
    cortex = study.cortex
    if cortex is None:
        return None
    return TransverseCortex(
        axis=cortex.axis,
        axial_modulus=level.cortical_modulus,
        transverse_modulus=cortex.transverse_ratio * level.cortical_modulus,
        shear_modulus=cortex.shear_ratio * level.cortical_modulus,
        poisson_ratio=cortex.poisson_ratio,
        transverse_poisson_ratio=cortex.transverse_poisson_ratio,
    )


def case_partings(study: ResolvedStudy) -> Partings:
    """Which faces may part: those whose law is not ``bonded``."""
    bodies = {"cement": study.cement_interface, "screw": study.implant_interface}
    return Partings(
        fractures=study.interface.law != "bonded",
        bodies=frozenset(kind for kind, interface in bodies.items() if interface.law != "bonded"),
    )


def interface_over_gap(interface: Interface, gap: float) -> Interface:
    """The law of a fracture whose faces are ``gap`` mm apart.

    Stiffnesses of granulation tissue are given for a gap of 1 mm and are inverse to it. The normal stiffness of a
    compression-only law stands for faces that touch, whatever the gap.

    Args:
        interface: The law for a gap of 1 mm.
        gap: mm.
    """
    given: dict[str, object] = {}
    if interface.tangential_stiffness is not None:
        given["tangential_stiffness"] = interface.tangential_stiffness / gap
    if interface.law == "linear" and interface.normal_stiffness is not None:
        given["normal_stiffness"] = interface.normal_stiffness / gap
    if interface.tissue is not None:
        healed = interface.tissue.healed_modulus
        moduli = {"modulus": interface.tissue.modulus / gap, "healed_modulus": healed and healed / gap}
        given["tissue"] = interface.tissue.model_copy(update=moduli)
    return interface.model_copy(update=given)
