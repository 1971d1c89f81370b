"""Smooth curves through control points."""

from __future__ import annotations

import numpy as np

from sacrofem.shapes.field import FloatArray


def closed_spline(control: FloatArray, per_span: int) -> tuple[FloatArray, FloatArray]:
    """Closed centripetal Catmull-Rom spline.

    Args:
        control: (m, d) control points, in order.
        per_span: Points per span.

    Returns:
        (m * per_span, d) points, and their places: the number of the control point plus the part of the span.
    """
    wrapped = np.vstack([control[-1:], control, control[:2]])
    return _spline(wrapped, per_span)


def open_spline(control: FloatArray, per_span: int) -> tuple[FloatArray, FloatArray]:
    """Like :func:`closed_spline` but open; the last control point is the last point."""
    ends = 2 * control[:1] - control[1:2], 2 * control[-1:] - control[-2:-1]
    points, places = _spline(np.vstack([ends[0], control, ends[1]]), per_span)
    return np.vstack([points, control[-1:]]), np.append(places, len(control) - 1.0)


def _spline(control: FloatArray, per_span: int) -> tuple[FloatArray, FloatArray]:
    """Spans between control points 1 and m - 2; centripetal, so that uneven spacing makes no loops."""
    knots = np.sqrt(np.linalg.norm(np.diff(control, axis=0), axis=1))
    part = np.arange(per_span)[:, None] / per_span
    points = []
    for i in range(1, len(control) - 2):
        before, span, after = knots[i - 1 : i + 2]
        p0, p1, p2, p3 = control[i - 1 : i + 3]
        leave = (p1 - p0) / before - (p2 - p0) / (before + span) + (p2 - p1) / span
        arrive = (p2 - p1) / span - (p3 - p1) / (span + after) + (p3 - p2) / after
        t2, t3 = part**2, part**3
        points.append(
            (2 * t3 - 3 * t2 + 1) * p1 + (t3 - 2 * t2 + part) * span * leave + (3 * t2 - 2 * t3) * p2 + (t3 - t2) * span * arrive
        )
    places = (np.arange(len(points))[:, None] + part.T).ravel()
    return np.vstack(points), places
