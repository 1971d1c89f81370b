"""Morphometry: what a built sacrum measures, beside what anatomists measured."""

from sacrofem.shapes.morphometry.measure import Measure
from sacrofem.shapes.morphometry.sacrum import measure_sacrum

__all__ = ["Measure", "measure_sacrum"]
