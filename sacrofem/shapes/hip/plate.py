"""A curved plate of varying thickness with a rounded rim, tabulated over the plane it lies in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sacrofem.shapes.field import FloatArray
from sacrofem.shapes.hip.curves import closed_spline
from sacrofem.shapes.primitives import squared_lengths

#: Step of the tables, mm; bilinear interpolation at this step errs by less than 0.02 mm.
_STEP = 0.75
#: The tables reach this far beyond the rim, mm.
_MARGIN = 40.0
#: Standard deviation of the smoothing of middle surface and thickness, mm.
_SMOOTHING = 3.5
#: Points of the rim between two of its control points.
_PER_SPAN = 14


@dataclass(frozen=True)
class PlateControl:
    """What a plate goes through.

    Attributes:
        rim: (r, 3) points on the rim, in order, mm.
        rim_thickness: (r,) thickness at the rim, mm.
        inner: (m, 3) points on the middle surface, mm.
        inner_thickness: (m,) thickness there, mm.
        limits: Smallest and largest thickness, mm.
        rim_width: Distance from the rim at which its thickness no longer counts, mm.
    """

    rim: FloatArray
    rim_thickness: FloatArray
    inner: FloatArray
    inner_thickness: FloatArray
    limits: tuple[float, float]
    rim_width: float


class Plate:
    """Signed distance of a curved plate.

    The plate lies over its own mean plane: the middle surface is a thin-plate spline through all control points, the
    thickness another one through the inner points, which goes over to the rim's thickness near the rim. The rim is
    half round. Everything is tabulated once, so that evaluation is interpolation.
    """

    def __init__(self, control: PlateControl) -> None:
        every = np.vstack([control.rim, control.inner])
        self._centre = every.mean(axis=0)
        frame = np.linalg.svd(every - self._centre)[2]
        frame[2] *= np.sign(frame[2, 2])
        frame[0] *= np.sign(frame[0, 0])
        frame[1] = np.cross(frame[2], frame[0])
        self._frame = frame
        rim, inner = self._local(control.rim), self._local(control.inner)
        curve, along = closed_spline(rim[:, :2], _PER_SPAN)
        self._origin = curve.min(axis=0) - _MARGIN
        count = np.ceil((curve.max(axis=0) + _MARGIN - self._origin) / _STEP).astype(int) + 1
        self._count = count
        u, v = (self._origin[i] + _STEP * np.arange(count[i]) for i in range(2))
        nodes = np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1).reshape(-1, 2)

        height = _thin_plate_spline(np.vstack([rim, inner]), nodes).reshape(count)
        height = _smoothed(height)
        slope = np.gradient(height, _STEP)
        outside, place = _signed_distance_to_curve(nodes, curve, along)
        thick = _thin_plate_spline(np.column_stack([inner[:, :2], control.inner_thickness]), nodes)
        around = np.append(control.rim_thickness, control.rim_thickness[0])
        edge = np.interp(place, np.arange(len(around)), around)
        weight = _smooth_step(-outside / control.rim_width)
        thick = edge + weight * (np.clip(thick, *control.limits) - edge)
        thick = np.clip(_smoothed(thick.reshape(count)), *control.limits)
        stretch = np.sqrt(1.0 + slope[0] ** 2 + slope[1] ** 2)
        # Across the rim, lengths in the plane are shorter than on the plate by the slope in that direction.
        away = np.gradient(outside.reshape(count), _STEP)
        across = np.sqrt(1.0 + (slope[0] * away[0] + slope[1] * away[1]) ** 2)
        self._tables = np.stack([height, stretch, thick / 2, outside.reshape(count), across], axis=-1)

    def _local(self, points: FloatArray) -> FloatArray:
        return (points - self._centre) @ self._frame.T

    def _look_up(self, local: FloatArray) -> FloatArray:
        """(n, 5) middle height, its stretch, half thickness, plane distance from the rim, stretch across the rim."""
        place = (local[:, :2] - self._origin) / _STEP
        place = np.clip(place, 0.0, self._count - 1.001)
        cell = place.astype(np.int64)
        a, b = (place - cell).T[:, :, None]
        i, j = cell.T
        table = self._tables
        low = (1 - b) * table[i, j] + b * table[i, j + 1]
        high = (1 - b) * table[i + 1, j] + b * table[i + 1, j + 1]
        return (1 - a) * low + a * high

    def __call__(self, points: FloatArray) -> FloatArray:
        """(n,) signed distance, mm."""
        local = self._local(points)
        height, stretch, half, outside, across = self._look_up(local).T
        beyond = np.maximum(outside * across + half, 0.0)
        off: FloatArray = np.hypot(beyond, (local[:, 2] - height) / stretch) - half
        return off

    def side(self, points: FloatArray) -> FloatArray:
        """(n,) distance from the middle surface, mm; positive on the outer side."""
        local = self._local(points)
        height, stretch, *_ = self._look_up(local).T
        away: FloatArray = (local[:, 2] - height) / stretch
        return away


def _smooth_step(x: FloatArray) -> FloatArray:
    """0 below 0, 1 above 1, smooth between."""
    x = np.clip(x, 0.0, 1.0)
    step: FloatArray = x * x * (3.0 - 2.0 * x)
    return step


def _smoothed(table: FloatArray) -> FloatArray:
    """A table without the dimples that splines make around close control points (Gaussian, edges continued)."""
    reach = round(3.0 * _SMOOTHING / _STEP)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * _STEP / _SMOOTHING) ** 2)
    weights /= weights.sum()
    for axis in range(2):
        padded = np.pad(table, [(reach, reach) if i == axis else (0, 0) for i in range(2)], mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(weights), axis=axis)
        table = windows @ weights
    return table


def _thin_plate_spline(control: FloatArray, nodes: FloatArray) -> FloatArray:
    """Values at (n, 2) nodes of the thin-plate spline through (m, 3) rows (u, v, value)."""
    scale = 100.0  # mm; keeps the system's coefficients near one

    def kernel(a: FloatArray, b: FloatArray) -> FloatArray:
        u, v = ((a[:, None, i] - b[None, :, i]) ** 2 for i in range(2))
        squared = (u + v) / scale**2
        return 0.5 * squared * np.log(np.maximum(squared, 1e-12))

    def affine(a: FloatArray) -> FloatArray:
        return np.column_stack([np.ones(len(a)), a / scale])

    places, count = control[:, :2], len(control)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = kernel(places, places)
    system[:count, count:] = affine(places)
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.solve(system, np.append(control[:, 2], np.zeros(3)))
    chunks = [
        kernel(part, places) @ weights[:count] + affine(part) @ weights[count:]
        for part in np.array_split(nodes, max(1, len(nodes) // 20_000))
    ]
    return np.concatenate(chunks)


def _signed_distance_to_curve(nodes: FloatArray, curve: FloatArray, along: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distance of (n, 2) nodes to a closed polygon, negative inside, and the place of the nearest point on it."""
    best, place, inside = np.full(len(nodes), np.inf), np.zeros(len(nodes)), np.zeros(len(nodes), dtype=np.bool_)
    following = np.roll(curve, -1, axis=0)
    steps = np.diff(np.append(along, round(along[-1] + 0.5)))
    across, up = np.ascontiguousarray(nodes.T)
    for start, end, at, step in zip(curve, following, along, steps, strict=True):
        edge = end - start
        local = nodes - start
        part = np.clip(local @ edge / (edge @ edge), 0.0, 1.0)
        squared = squared_lengths(local, part, edge)
        nearer = np.flatnonzero(squared < best)
        best[nearer] = squared[nearer]
        place[nearer] = at + part[nearer] * step
        crossed = np.flatnonzero((start[1] > up) != (end[1] > up))  # none where the edge is level
        inside[crossed] ^= across[crossed] < start[0] + (up[crossed] - start[1]) / edge[1] * edge[0]
    distance = np.sqrt(best)
    return np.where(inside, -distance, distance), place
