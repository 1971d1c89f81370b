"""Rods: bars with elliptical section along smooth curves."""

from __future__ import annotations

import numpy as np

from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.hip.curves import open_spline
from sacrofem.shapes.primitives import squared_lengths

#: Straight pieces between two nodes of a rod.
_PIECES = 6
#: Within this distance of a rod's box its distance is evaluated, mm: more than any fillet.
_REACH = 25.0


def rod(nodes: FloatArray, semi_axes: FloatArray, across: FloatArray) -> Shape:
    """A bar whose centre line, direction and semi-axes are smooth through their nodes.

    Unlike :func:`sacrofem.shapes.primitives.tube` the section turns continuously along the line, so that a bend shows
    no rings.

    Args:
        nodes: (k, 3) nodes of the centre line, mm.
        semi_axes: (k, 2) semi-axes, mm: the second along ``across``, the first normal to it and to the line.
        across: (3,) direction of the second semi-axis.

    Returns:
        Its signed distance, mm, first order; both ends are rounded.
    """
    both, _ = open_spline(np.column_stack([nodes, semi_axes]), _PIECES)
    path, semi = both[:, :3], both[:, 3:]
    lower, upper = path.min(axis=0) - semi.max(), path.max(axis=0) + semi.max()
    tangents = np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1)[:, None]

    def distance(points: FloatArray) -> FloatArray:
        # Far away the distance from the box is enough.
        far: FloatArray = np.sqrt(squared_lengths(np.maximum(np.maximum(lower - points, points - upper), 0.0)))
        close = np.flatnonzero(far < _REACH)
        far[close] = near(points[close])
        return far

    def near(points: FloatArray) -> FloatArray:
        place, offset = _project(points, path, tangents)
        piece = np.minimum(place.astype(np.int64), len(path) - 2)
        part = (place - piece)[:, None]
        unit = (1.0 - part) * tangents[piece] + part * tangents[piece + 1]
        unit /= np.linalg.norm(unit, axis=1)[:, None]
        side = across - (unit @ across)[:, None] * unit
        side /= np.linalg.norm(side, axis=1)[:, None]
        a, b = ((1.0 - part) * semi[piece] + part * semi[piece + 1]).T
        p = np.sum(offset * np.cross(side, unit), axis=1)
        q = np.sum(offset * side, axis=1)
        # Between the ends the offset is normal to the line up to the bend of a piece; beyond them it makes the cap.
        r = np.where((place > 0.0) & (place < len(path) - 1.0), 0.0, np.sum(offset * unit, axis=1))
        mean = np.sqrt(a * b)
        scaled = np.sqrt((p / a) ** 2 + (q / b) ** 2 + (r / mean) ** 2)
        gradient = np.sqrt((p / a**2) ** 2 + (q / b**2) ** 2 + (r / mean**2) ** 2)
        return np.where(gradient > 1e-9, scaled * (scaled - 1.0) / np.maximum(gradient, 1e-9), -np.minimum(a, b))

    return distance


def _project(points: FloatArray, path: FloatArray, tangents: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Place on a curve (number of the node plus part of the piece) and the offset from it.

    The nearest piece is that of the polyline; the place in it divides the distances from the planes normal to the curve at
    its two nodes, which is continuous from piece to piece where the foot on the polyline is not.
    """
    best, piece = np.full(len(points), np.inf), np.zeros(len(points), dtype=np.int64)
    for i in range(len(path) - 1):
        axis = path[i + 1] - path[i]
        local = points - path[i]
        part = np.clip(local @ axis / (axis @ axis), 0.0, 1.0)
        squared = squared_lengths(local, part, axis)
        nearer = squared < best
        best[nearer], piece[nearer] = squared[nearer], i
    before = np.sum((points - path[piece]) * tangents[piece], axis=1)
    after = np.sum((path[piece + 1] - points) * tangents[piece + 1], axis=1)
    span = before + after
    part = np.clip(before / np.where(np.abs(span) > 1e-9, span, 1.0), 0.0, 1.0)
    foot = path[piece] + part[:, None] * (path[piece + 1] - path[piece])
    return piece + part, points - foot
