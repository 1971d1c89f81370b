"""What stands out behind: median and articular crests, cornua, superior articular processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.landmarks import Landmarks
from sacrofem.shapes.primitives import NEAR, ellipsoid, smooth_union, squared_lengths, tapered_capsule

#: Semi-axes of the superior articular process: thickness, height, width, mm (RECALLED).
_ARTICULAR = np.array([6.0, 12.0, 9.5])
#: Its facet faces backwards and to the midline, and its long axis is nearly upright (RECALLED).
_FACING, _UPRIGHT = np.array([-0.80, 0.10, -0.59]), np.array([0.15, 1.0, 0.1])
#: Radius of the sacral cornua, mm (RECALLED).
_CORNU = 2.8
#: Radius of the median crest's tubercles and of the ridge between them, mm (RECALLED).
_TUBERCLE, _CREST = 3.2, 2.8
#: The crest's root lies so far inside its ridge, mm: no neck between crest and lamina.
_ROOT = 3.5
#: Radius of the tubercles of the articular crest, mm (RECALLED).
_KNOB = 3.0


@dataclass(frozen=True)
class Process:
    """A process of the right side, joined to the bone by a fillet.

    Attributes:
        centre: (3,) of a sphere around it, mm.
        radius: Of the sphere, mm.
        fillet: mm.
        shape: Signed distance, mm.
    """

    centre: FloatArray
    radius: float
    fillet: float
    shape: Shape


def add_processes(right: FloatArray, bone: FloatArray, processes: Sequence[Process]) -> FloatArray:
    """Join processes to bone, each only near to it.

    Args:
        right: (n, 3) points of the right side, mm.
        bone: (n,) signed distance there, mm.
        processes: The processes.

    Returns:
        (n,) signed distance of all.
    """
    joined = bone.copy()
    for process in processes:
        near = np.flatnonzero(squared_lengths(right - process.centre) < (process.radius + NEAR) ** 2)
        joined[near] = smooth_union(joined[near], process.shape(right[near]), process.fillet)
    return joined


def dorsal_processes(marks: Landmarks, hiatus_width: float) -> list[Process]:
    """Median crest, articular crest, cornua and superior articular process.

    Args:
        marks: Landmarks.
        hiatus_width: Between the cornua, mm.

    Returns:
        The processes of the right side and the midplane.
    """
    at = marks.at
    processes = _median_crest(at)
    for i in (1, 2, 3):
        knob = 0.5 * (at[f"FD{i}"] + at[f"FD{i + 1}"]) + np.array([-1.5, 0.5, -3.0])
        processes.append(_bar(knob, knob + np.array([0.5, -1.0, 0.0]), _KNOB, _KNOB, 4.0))
    half = 0.5 * hiatus_width + _CORNU
    upper, lower = np.array([0.8, 3.0, half + 0.5]), np.array([-1.4, -2.0, half])
    cornua = at["Hiatus_apex"] + upper, at["C_ant_S4S5"] + lower
    processes.append(_bar(*cornua, _CORNU + 0.5, _CORNU - 0.5, 5.0))
    return processes + _superior_articular(at["SAP_S1_tip"])


def _bar(start: FloatArray, end: FloatArray, r_start: float, r_end: float, fillet: float) -> Process:
    """A tapered capsule as a process."""
    radius = 0.5 * float(np.linalg.norm(end - start)) + max(r_start, r_end)
    shape = partial(tapered_capsule, start=start, end=end, r_start=r_start, r_end=r_end)
    return Process(0.5 * (start + end), radius, fillet, shape)


def _median_crest(at: dict[str, FloatArray]) -> list[Process]:
    """Tubercles S1-S4 with their tips at the landmarks, and the ridge between them."""
    inward = [_inward(at, level) for level in range(1, 5)]
    crest = [at[f"Crest_S{level}"] + _TUBERCLE * way for level, way in enumerate(inward, start=1)]
    processes = []
    for tubercle, way in zip(crest, inward, strict=True):
        knob = partial(ellipsoid, centre=tubercle, semi_axes=np.array([3.6, 5.5, _TUBERCLE]))
        processes.append(Process(tubercle, 5.5, 3.0, knob))
        processes.append(_bar(tubercle, tubercle + 4.0 * way, _CREST, _CREST + 1.2, 3.0))
    for (upper, above), (lower, below) in pairwise(zip(crest, inward, strict=True)):
        processes.append(_bar(upper, lower, _CREST, _CREST, 3.0))
        processes.append(_bar(upper + _ROOT * above, lower + _ROOT * below, _CREST, _CREST, 3.0))
    return processes


def _inward(at: dict[str, FloatArray], level: int) -> FloatArray:
    """Unit vector from a crest's tip towards the ventral midline of the same segment."""
    names = ("SP_promontory", "V_S1S2", "V_S2S3", "V_S3S4", "V_S4S5")
    way = 0.5 * (at[names[level - 1]] + at[names[level]]) - at[f"Crest_S{level}"]
    return way / np.linalg.norm(way)


def _superior_articular(tip: FloatArray) -> list[Process]:
    """A plate up to its tip, on a stout root from the pedicle."""
    facing = _FACING / np.linalg.norm(_FACING)
    upright = _UPRIGHT - (_UPRIGHT @ facing) * facing
    upright /= np.linalg.norm(upright)
    frame = np.array([facing, upright, np.cross(facing, upright)])
    centre = tip - _ARTICULAR[1] * upright + np.array([-0.5, 0.0, 0.5])
    plate = partial(ellipsoid, centre=centre, semi_axes=_ARTICULAR, frame=frame)
    root = tip + np.array([-1.0, -19.0, 2.0])
    return [_bar(root, centre, 9.0, 6.5, 7.0), Process(centre, float(_ARTICULAR.max()), 3.0, plate)]
