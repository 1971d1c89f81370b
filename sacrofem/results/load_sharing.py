"""What carries the load across a fracture, how the tissue in its gap strains, and what the screws bear."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sacrofem.results.fields import CaseFields
from sacrofem.results.micromotion import Measure, Motion
from sacrofem.results.weighting import weighted_quantile

FloatArray = NDArray[np.float64]


def measure_load_sharing(forces: Mapping[str, FloatArray]) -> list[Measure]:
    """Force through a fracture's section and the shares of what carries it.

    Args:
        forces: Carrier (bone, cortex, cement, screw, interface) -> (3,) N.

    Returns:
        (metric, value, unit): the force's size and the share of every carrier, its part along the whole force over the whole;
        the shares sum to 1, and one that works against the rest is negative.
    """
    whole = np.sum(list(forces.values()), axis=0)
    size = float(np.linalg.norm(whole))
    measures: list[Measure] = [("section_force", size, "N")]
    if size > 0:
        measures += [(f"load_share_{name}", float(force @ whole) / size**2, "1") for name, force in forces.items()]
    return measures


def measure_interfragmentary_strain(motion: Motion, gap: float) -> list[Measure]:
    """Perren's interfragmentary strain d / G: relative displacement of the faces over the width of the gap.

    Args:
        motion: The sampled motion.
        gap: G, mm.
    """
    strain = np.linalg.norm(motion.jump, axis=1) / gap
    return [
        ("interfragmentary_strain_mean", float(motion.areas @ strain) / float(motion.areas.sum()), "1"),
        ("interfragmentary_strain_p95", weighted_quantile(strain, motion.areas, 0.95), "1"),
    ]


def measure_screw_stress(
    fields: CaseFields, region_names: Mapping[int, str], poisson: Mapping[str, float], strain: FloatArray
) -> list[Measure]:
    """Von Mises stress in the screws, volume percentiles: a peak at an edge has no limit under refinement.

    Args:
        fields: The solved case.
        region_names: Region number -> name.
        poisson: Region name -> Poisson's ratio.
        strain: (m, 3, 3) of every cell, from the state that is free of stress.

    Returns:
        (metric, value, unit): median and 95th percentile over all screws; nothing without screws.
    """
    screws = {number: name for number, name in region_names.items() if name.split(":")[0] == "screw" and "+" not in name}
    inside = np.isin(fields.regions, list(screws))
    if not inside.any():
        return []
    ratios = np.array([poisson[screws[int(number)]] for number in fields.regions[inside]])
    strain = strain[inside]
    deviator = strain - np.trace(strain, axis1=1, axis2=2)[:, None, None] / 3.0 * np.eye(3)
    shear = fields.young[inside] / (2.0 * (1.0 + ratios))
    stress = np.sqrt(1.5) * 2.0 * shear * np.linalg.norm(deviator, axis=(1, 2))
    corners = fields.points[fields.cells[inside, :4]]
    volumes = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1]))
    return [(f"screw_stress_p{100 * share:02.0f}", weighted_quantile(stress, volumes, share), "MPa") for share in (0.5, 0.95)]
