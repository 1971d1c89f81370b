"""All measures of a built sacrum."""

from __future__ import annotations

from sacrofem.shapes.morphometry.foramina import find_foramina, measure_foramina
from sacrofem.shapes.morphometry.measure import Measure
from sacrofem.shapes.morphometry.midplane import measure_canal, measure_hiatus, measure_profile, trace_profile
from sacrofem.shapes.morphometry.norms import NORMS
from sacrofem.shapes.morphometry.surfaces import measure_bulk, measure_corridors, measure_endplate, measure_joint
from sacrofem.shapes.sacrum import Sacrum


def measure_sacrum(sacrum: Sacrum, scale: float = 1.0) -> tuple[Measure, ...]:
    """Measure the shape itself, by rays through its signed distance; landmarks are not read.

    Args:
        sacrum: The built sacrum, symmetric: its right half is measured.
        scale: The anatomy's scale, by which places of measurement and sampling follow.

    Returns:
        The measures, each beside its expected value for an adult woman (unscaled).
    """
    profile = trace_profile(sacrum, scale)
    values = {
        **measure_profile(profile),
        **measure_endplate(sacrum, profile.points[0], scale),
        **measure_canal(sacrum, profile, scale),
        **measure_hiatus(sacrum, profile, scale),
        **measure_foramina(find_foramina(sacrum, profile, scale)),
        **measure_joint(sacrum, scale),
        **measure_corridors(sacrum, scale),
        **measure_bulk(sacrum, scale),
    }
    return tuple(
        Measure(name, value, NORMS[name].unit, NORMS[name].expected, NORMS[name].tolerance, NORMS[name].source)
        for name, value in values.items()
    )
