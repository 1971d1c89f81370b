"""Foramina as they open on the pelvic and the dorsal surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import grey_closing, label

from sacrofem.shapes.arc import Arc
from sacrofem.shapes.field import FloatArray
from sacrofem.shapes.morphometry.midplane import Profile
from sacrofem.shapes.sacrum import Sacrum

#: Grid over the pelvic surface, and along the rays, mm.
_STEP, _DEEP = 0.75, 1.0
#: A foramen is where a ray finds bone so much deeper than the surface around, mm.
_DEEPER = 2.0
#: Radius of the disc that bridges an opening to find the surface around it, mm.
_BRIDGE = {"ventral": 9.0, "dorsal": 6.5}
#: The canal's own mouth lies above this arc length, mm.
_BELOW = 15.0
#: Rays run from this height over the arc to this depth behind it, mm.
_FROM, _TO = 34.0, -44.0
#: Openings of the right side lie between these distances from the midplane, and are larger than this, mm and mm2.
_BETWEEN, _SMALLEST = (9.0, 27.0), 12.0

Side = Literal["ventral", "dorsal"]


@dataclass(frozen=True)
class Foramen:
    """The mouth of a foramen of the right side.

    Attributes:
        centre: (3,) mm.
        along: Arc length of the centre from the promontory, mm.
        height: Extent along the sacrum, mm.
        width: Extent across, mm.
    """

    centre: FloatArray
    along: float
    height: float
    width: float


def find_foramina(sacrum: Sacrum, profile: Profile, scale: float) -> dict[Side, list[Foramen]]:
    """Find the openings by rays normal to the arc of the pelvic surface, from both sides.

    Returns:
        The foramina of either surface, cranial ones first.
    """
    arc = Arc.fit(profile.marks)
    along = np.arange(2.0 * scale, arc.stations[-1], _STEP * scale)
    across = np.arange(0.0, 50.0, _STEP) * scale
    heights = np.arange(_FROM, _TO, -_DEEP) * scale
    grid = [axis.ravel() for axis in np.meshgrid(along, across, heights, indexing="ij")]
    values = sacrum.bone(arc.points(grid[0], grid[2], grid[1])).reshape(len(along), len(across), len(heights))
    ventral, dorsal = _first(values, heights), _first(values[:, :, ::-1], heights[::-1])
    return {
        "ventral": _openings("ventral", ventral, arc, along, across, scale),
        "dorsal": _openings("dorsal", -dorsal, arc, along, across, scale),
    }


def _first(values: FloatArray, heights: FloatArray) -> FloatArray:
    """Height at which rays meet bone; as far as they go where they meet none."""
    inside = values < 0.0
    first = np.maximum(np.argmax(inside, axis=2), 1)
    after = np.take_along_axis(values, first[:, :, None], axis=2)[:, :, 0]
    before = np.take_along_axis(values, first[:, :, None] - 1, axis=2)[:, :, 0]
    step = heights[1] - heights[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        height = heights[first] - step * after / (after - before)
    return np.where(inside.any(axis=2), height, heights[-1])


def _openings(side: Side, surface: FloatArray, arc: Arc, along: FloatArray, across: FloatArray, scale: float) -> list[Foramen]:
    """Holes of a surface given as heights towards the viewer."""
    both = np.concatenate([surface[:, :0:-1], surface], axis=1)
    reach = round(_BRIDGE[side] / _STEP)
    offsets = np.arange(-reach, reach + 1)
    disc = offsets[:, None] ** 2 + offsets[None, :] ** 2 <= reach**2
    around = grey_closing(both, footprint=disc)[:, len(across) - 1 :]
    holes, count = label(around - surface > _DEEPER * scale)
    found = []
    cell = _STEP * scale
    for index in range(1, count + 1):
        rows, columns = np.nonzero(holes == index)
        s, z = float(along[rows].mean()), float(across[columns].mean())
        if s < _BELOW * scale or not _BETWEEN[0] * scale < z < _BETWEEN[1] * scale or len(rows) * cell**2 < _SMALLEST * scale**2:
            continue
        level = around[rows, columns].mean() * (1.0 if side == "ventral" else -1.0)
        stretch = (arc.radius - level) / arc.radius
        found.append(
            Foramen(
                centre=arc.points(np.array([s]), np.array([level]), np.array([z]))[0],
                along=s,
                height=float(np.ptp(rows) + 1) * cell * float(stretch),
                width=float(np.ptp(columns) + 1) * cell,
            )
        )
    return sorted(found, key=lambda foramen: foramen.along)


def measure_foramina(foramina: dict[Side, list[Foramen]]) -> dict[str, float]:
    """Sizes, places and distances of the foramina."""
    measures = {}
    for side, mouths in foramina.items():
        for i, mouth in enumerate(mouths, start=1):
            name = f"{side} foramen S{i}"
            measures[f"{name} height"] = mouth.height
            measures[f"{name} width"] = mouth.width
            measures[f"{name} to midplane"] = float(mouth.centre[2])
            if side == "ventral":
                measures[f"{name} along the arc from the promontory"] = mouth.along
    ventral, dorsal = foramina["ventral"], foramina["dorsal"]
    for i in (1, 2):
        measures[f"ventral foramina S{i} apart"] = 2.0 * float(ventral[i - 1].centre[2])
    measures["dorsal foramina S2 apart"] = 2.0 * float(dorsal[1].centre[2])
    for i in (1, 2):
        upper, lower = dorsal[i - 1], dorsal[i]
        apart = float(np.linalg.norm(upper.centre - lower.centre)) - 0.5 * (upper.height + lower.height)
        measures[f"dorsal foramina S{i} to S{i + 1}, edge to edge"] = apart
    return measures
