"""Screws as cylinders."""

from __future__ import annotations

import numpy as np

from sacrofem.catalogue.models import Implant
from sacrofem.shapes.field import FloatArray, Shape


def screw_body(implant: Implant) -> Shape:
    """Cylinder from entry to tip; the thread is not modelled, its outer diameter is.

    Args:
        implant: The screw.

    Returns:
        Its signed distance, mm (exact inside and beside, a bound near the rims).
    """
    entry, tip = np.array(implant.entry, dtype=np.float64), np.array(implant.tip, dtype=np.float64)
    length = float(np.linalg.norm(tip - entry))
    axis = (tip - entry) / length
    radius = implant.diameter / 2

    def distance(points: FloatArray) -> FloatArray:
        along = (points - entry) @ axis
        away = np.linalg.norm(points - entry - along[:, None] * axis, axis=1)
        return np.maximum(away - radius, np.abs(along - length / 2) - length / 2)

    return distance
