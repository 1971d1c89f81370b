"""Measures in the midplane: pelvic profile, bodies, canal, hiatus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from sacrofem.shapes.field import FloatArray
from sacrofem.shapes.morphometry.rays import crossings, first_hits
from sacrofem.shapes.sacrum import Sacrum

_LEVELS = ("S1-S2", "S2-S3", "S3-S4", "S4-S5")
#: Spacing of the profile's rays, mm of height at scale 1.
_STEP = 0.25
_FRONT, _BACK, _RIGHT = np.array([1.0, 0.0, 0.0]), np.array([-1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Profile:
    """The pelvic surface in the midplane.

    Attributes:
        points: (n, 3) from the promontory to the apex, mm.
        ridges: Indices of the four transverse ridges.
    """

    points: FloatArray
    ridges: tuple[int, ...]

    @property
    def marks(self) -> FloatArray:
        """(6, 3) promontory, ridges and apex."""
        return self.points[[0, *self.ridges, len(self.points) - 1]]


def trace_profile(sacrum: Sacrum, scale: float) -> Profile:
    """Find the pelvic profile by rays from the front, and the ridges as its bumps."""
    lower, upper = sacrum.bounds
    heights = np.arange(upper[1], lower[1], -_STEP * scale)
    origins = np.column_stack([np.full(len(heights), upper[0]), heights, np.zeros(len(heights))])
    hits = first_hits(sacrum.bone, origins, _BACK, float(upper[0] - lower[0]), 0.5 * scale)
    points = origins + np.where(np.isnan(hits), 0.0, hits)[:, None] * _BACK
    points = points[~np.isnan(hits)]
    promontory = int(np.argmax(points[:, 0]))
    away = np.linalg.norm(points - points[promontory], axis=1)
    line = points[promontory : int(np.argmax(away)) + 1]
    # Bumps: how far the line stands out of its own smoothed course, at equal steps along it.
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    even = np.arange(0.0, along[-1], _STEP * scale)
    course = np.stack([np.interp(even, along, line[:, i]) for i in range(3)], axis=1)
    smooth = gaussian_filter1d(course, 6.0 / _STEP, axis=0, mode="nearest")
    tangent = np.gradient(smooth, axis=0)
    out = np.stack([-tangent[:, 1], tangent[:, 0], np.zeros(len(even))], axis=1)
    bump = ((course - smooth) * out).sum(axis=1) / np.linalg.norm(out, axis=1)
    margin = int(10.0 / _STEP)
    peaks, found = find_peaks(bump[margin:-margin], prominence=0.0, distance=int(8.0 / _STEP))
    best = np.sort(peaks[np.argsort(found["prominences"])[-4:]]) + margin
    return Profile(course, tuple(int(i) for i in best))


def measure_profile(profile: Profile) -> dict[str, float]:
    """Heights, arc and concavity of the pelvic profile."""
    points, marks = profile.points, profile.marks
    chord = marks[-1] - marks[0]
    height = float(np.linalg.norm(chord))
    arc = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    depth = np.linalg.norm(np.cross(points - marks[0], chord), axis=1) / height
    measures = {
        "straight ventral height": height,
        "ventral arc length": arc,
        "curvature index, chord over arc": height / arc,
        "depth of the pelvic concavity": float(depth.max()),
    }
    for i, length in enumerate(np.linalg.norm(np.diff(marks, axis=0), axis=1), start=1):
        measures[f"ventral height of S{i}"] = float(length)
    return measures


def measure_canal(sacrum: Sacrum, profile: Profile, scale: float) -> dict[str, float]:
    """Thickness of the bodies at the ridges; the canal's depth in axial slices, and its width, opposite to them."""
    bone, reach = sacrum.bone, 80.0 * scale
    measures = {}
    slices = {"S1": 4.0 * scale}  # height of the axial slice: 5 mm below the endplate's posterior rim
    for level, index in zip(_LEVELS, profile.ridges, strict=True):
        gap = int(6.0 / _STEP)
        course = profile.points[index + gap] - profile.points[index - gap]
        inward = np.array([course[1], -course[0], 0.0]) / np.linalg.norm(course)
        at = profile.points[index]
        enter, leave = crossings(bone, at - 3.0 * scale * inward, inward, reach)[:2]
        measures[f"body thickness at {level}"] = float(leave - enter)
        if level != "S4-S5":
            slices[level] = float((at + (leave - 3.0 * scale) * inward)[1])
    front = float(sacrum.bounds[1][0])
    for level, height in slices.items():
        walls = crossings(bone, np.array([front, height, 0.0]), _BACK, 120.0 * scale)
        measures[f"canal depth at {level}"] = float(walls[2] - walls[1])
        widths = []
        # The foramina open into the canal: its width is the smallest near the slice.
        for shift in np.arange(-7.0, 7.1, 1.0) * scale:
            walls = crossings(bone, np.array([front, height + shift, 0.0]), _BACK, 120.0 * scale)
            if len(walls) < 3:
                continue
            for share in (0.3, 0.5):
                middle = np.array([front - (1 - share) * walls[1] - share * walls[2], height + shift, 0.0])
                sides = crossings(bone, middle, _RIGHT, 30.0 * scale)
                widths.append(2.0 * float(sides[0]) if len(sides) else np.inf)
        by_slice = np.array(widths).reshape(-1, 2).max(axis=1)
        measures[f"canal width at {level}"] = float(by_slice.min())
    return measures


def measure_hiatus(sacrum: Sacrum, profile: Profile, scale: float) -> dict[str, float]:
    """Apex of the hiatus, its length to the end of the cornua, and the distance between these."""
    front = float(sacrum.bounds[1][0])
    step = 0.25 * scale

    def behind(height: float, z: float) -> FloatArray:
        return crossings(sacrum.bone, np.array([front, height, z]), _BACK, 120.0 * scale)

    middle = 0.5 * (profile.marks[2][1] + profile.marks[3][1])
    heights = np.arange(middle, profile.marks[-1][1], -step)
    apex = next(height for height in heights if len(behind(height, 0.0)) < 4)
    inner, ends = [], apex
    for height in np.arange(apex - 3.0 * scale, profile.marks[-1][1] + 6.0 * scale, -1.0 * scale):
        floor = front - behind(height, 0.0)[1]
        origin = np.array([floor - 2.0 * scale, height, 0.0])
        sides = crossings(sacrum.bone, origin, _RIGHT, 12.0 * scale)
        if len(sides):
            inner.append(2.0 * float(sides[0]))
            ends = height
    return {
        "hiatus apex, height y": float(apex),
        "hiatus length": float(apex - ends),
        "distance between the cornua": float(np.median(inner)),
    }
