"""Cement bodies along a needle's path."""

from __future__ import annotations

import numpy as np

from sacrofem.catalogue.models import CementPattern
from sacrofem.errors import GeometryError, explain
from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.primitives import tapered_capsule
from sacrofem.shapes.sacrum import Sacrum

#: The needle's last millimetres before its entry may leave the modelled bone: entries were measured on another surface.
_ENTRY_SKIN = 6.0


def cement_body(pattern: CementPattern, scale: float = 1.0) -> Shape:
    """Tapered capsule on the needle, back from its tip.

    Args:
        pattern: The cement pattern.
        scale: Factor on both radii.

    Returns:
        Its signed distance, mm.
    """
    target, entry = np.array(pattern.target, dtype=np.float64), np.array(pattern.entry, dtype=np.float64)
    back = (entry - target) / np.linalg.norm(entry - target)
    tail = target + pattern.length * back
    r_tip, r_tail = pattern.radius

    def distance(points: FloatArray) -> FloatArray:
        return tapered_capsule(points, target, tail, scale * r_tip, scale * r_tail)

    return distance


def check_needle_path(pattern: CementPattern, sacrum: Sacrum) -> None:
    """Refuse a needle that leaves the bone between its entry and its tip.

    Args:
        pattern: The cement pattern.
        sacrum: The bone.

    Raises:
        GeometryError: names the place and how far outside it is.
    """
    entry, target = np.array(pattern.entry, dtype=np.float64), np.array(pattern.target, dtype=np.float64)
    length = float(np.linalg.norm(target - entry))
    depths = np.arange(min(_ENTRY_SKIN, 0.5 * length), length, 0.5)
    path = entry + depths[:, None] / length * (target - entry)
    distance = sacrum.bone(path)
    worst = int(np.argmax(distance))
    if distance[worst] > 0.0:
        x, y, z = path[worst]
        raise GeometryError(
            explain(
                "The needle's path leaves the bone.",
                where=f"cement pattern {pattern.name!r}, {depths[worst]:.1f} mm from its entry, at "
                f"({x:.1f}, {y:.1f}, {z:.1f}) mm",
                got=f"{distance[worst]:.1f} mm outside bone",
                allowed="a straight path in bone from entry to target",
                next_step="move `entry` or `target`; `sacrofem show` prints the anatomy's landmarks",
            )
        )
