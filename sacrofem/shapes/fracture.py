"""A fracture as a sheet: a wavy plane through the bone, cut off to its extent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sacrofem.catalogue.models import Fracture
from sacrofem.shapes.field import BoolArray, FloatArray, Shape


@dataclass(frozen=True)
class Sheet:
    """A fracture sheet.

    Attributes:
        name: Name of the fracture.
        level: Signed distance from the sheet, mm; positive on the lateral side.
        extent: (n, 3) points on the sheet -> whether the bone is broken there.
    """

    name: str
    level: Shape
    extent: Callable[[FloatArray], BoolArray]


def fracture_sheet(fracture: Fracture) -> Sheet:
    """Build the sheet of a fracture.

    Args:
        fracture: The fracture; points and normal are given for the right side and mirrored for the left.

    Returns:
        The sheet: level = distance from the mean plane minus an undulation along the trace and across it.
    """
    flip = np.array([1.0, 1.0, 1.0 if fracture.side == "right" else -1.0])
    first, second = (np.array(point, dtype=np.float64) for point in fracture.through)
    along = (second - first) / np.linalg.norm(second - first)
    normal = np.array(fracture.normal, dtype=np.float64)
    normal -= (normal @ along) * along
    normal /= np.linalg.norm(normal)
    across = np.cross(normal, along)
    amplitude, wavelength = fracture.waviness

    def level(points: FloatArray) -> FloatArray:
        local = points * flip - first
        phase = 2 * np.pi / wavelength
        wave = amplitude * np.sin(phase * (local @ along)) * np.cos(phase * (local @ across))
        return local @ normal - wave

    def extent(points: FloatArray) -> BoolArray:
        if fracture.y_range is None:
            return np.ones(len(points), dtype=np.bool_)
        lower, upper = fracture.y_range
        return (points[:, 1] >= lower) & (points[:, 1] <= upper)

    return Sheet(fracture.name, level, extent)
