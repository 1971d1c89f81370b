"""The parts of an implant outside the bone: rods, the necks of the screws they hold, plates and their screws, as lines."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sacrofem.errors import GeometryError, explain
from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.implant import PlacedImplant

#: Spacing of points along rods, mm.
_STEP = 1.0


@dataclass(frozen=True)
class Line:
    """A rod, a neck, a plate or a plate's screw.

    Attributes:
        name: Of the part.
        kind: ``rod``, ``neck``, ``plate`` or ``screw``.
        points: (k, 3) corners of its axis, mm.
        radius: mm; a plate's is that of a circle of its section.
    """

    name: str
    kind: str
    points: FloatArray
    radius: float


def outside_lines(placed: PlacedImplant) -> list[Line]:
    """The parts of a seated implant that beams stand for."""
    lines, places = [], {anchor.name: np.array(anchor.at) for anchor in placed.entry.anchors}
    held = {name for rod in placed.entry.rods for name in rod.through}
    for screw in placed.screws:
        if screw.name in held:
            places[screw.name] = screw.entry + screw.screw.neck * screw.outward
            lines.append(Line(screw.name, "neck", np.array([screw.entry, places[screw.name]]), screw.screw.diameter / 2))
    lines += [
        Line(rod.name, "rod", np.array([places[name] for name in rod.through]), rod.diameter / 2) for rod in placed.entry.rods
    ]
    for plate in placed.entry.plates:
        holes = [hole for hole in placed.holes if hole.plate is plate]
        axis = np.array([hole.near + 0.5 * plate.thickness * hole.outward for hole in holes])
        lines.append(Line(plate.name, "plate", axis, float(np.sqrt(plate.width * plate.thickness / np.pi))))
        for hole in holes:
            tip = np.array(hole.screw.tip) if hole.far is None else hole.far
            lines.append(Line(hole.name, "screw", np.array([hole.near, tip]), hole.screw.diameter / 2))
    return lines


def require_clear_rods(placed: PlacedImplant, solid: Shape) -> None:
    """Refuse rods that run through bone.

    Args:
        placed: The implant, seated.
        solid: Signed distance of the ring, mm.

    Raises:
        GeometryError: names the implant, the rod and the place.
    """
    for line in outside_lines(placed):
        if line.kind != "rod":
            continue
        depths = line.radius - solid(_sample(line.points))
        worst = int(np.argmax(depths))
        if depths[worst] > placed.entry.allowance:
            x, y, z = _sample(line.points)[worst]
            raise GeometryError(
                explain(
                    "A rod runs through bone.",
                    where=f"implant {placed.entry.name!r}, rod {line.name!r}, at ({x:.1f}, {y:.1f}, {z:.1f}) mm",
                    got=f"{depths[worst]:.1f} mm of it in bone",
                    allowed=f"at most {placed.entry.allowance:g} mm (allowance)",
                    next_step="give its screws a longer `neck`, or lead it round by an anchor in the open",
                )
            )


def _sample(corners: FloatArray) -> FloatArray:
    parts = []
    for start, end in pairwise(corners):
        count = max(2, int(np.linalg.norm(end - start) / _STEP))
        parts.append(start + np.linspace(0.0, 1.0, count)[:, None] * (end - start))
    return np.concatenate(parts)
