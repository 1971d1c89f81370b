"""The building blocks of shapes. Formulas follow Inigo Quilez, "distance functions" (iquilezles.org)."""

from __future__ import annotations

import numpy as np

from sacrofem.shapes.field import FloatArray, Shape

#: Shapes are evaluated up to this far outside their bounding sphere, mm: more than any fillet reaches.
NEAR = 8.0


def smooth_union(first: FloatArray, second: FloatArray, radius: float | FloatArray) -> FloatArray:
    """Union of two distances with a fillet of about ``radius`` mm."""
    overlap = np.maximum(radius - np.abs(first - second), 0.0) / radius
    joined: FloatArray = np.minimum(first, second) - overlap * overlap * radius / 4.0
    return joined


def smooth_subtract(body: FloatArray, hole: FloatArray, radius: float) -> FloatArray:
    """``body`` without ``hole``, the edge rounded by about ``radius`` mm."""
    return -smooth_union(-body, hole, radius)


def tapered_capsule(points: FloatArray, start: FloatArray, end: FloatArray, r_start: float, r_end: float) -> FloatArray:
    """Capsule whose radius goes linearly from ``r_start`` to ``r_end`` mm; ends are half spheres."""
    along, distance = project_on_segment(points, start, end)
    tapered: FloatArray = distance - (r_start + along * (r_end - r_start))
    return tapered


def project_on_segment(points: FloatArray, start: FloatArray, end: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Place (0 to 1) of the nearest point of a segment, and the distance to it, mm."""
    axis, local = end - start, points - start
    along = np.clip(local @ axis / (axis @ axis), 0.0, 1.0)
    return along, np.sqrt(squared_lengths(local, along, axis))


def squared_lengths(vectors: FloatArray, along: FloatArray | None = None, axis: FloatArray | None = None) -> FloatArray:
    """(n,) squared lengths of (n, d) vectors, or of what is left of them without ``along`` times ``axis``.

    Component by component: NumPy's sums over two or three numbers a row take several times as long.
    """
    parts = list(vectors.T)
    if along is not None and axis is not None:
        parts = [part - along * step for part, step in zip(parts, axis, strict=True)]
    squared = parts[0] * parts[0]
    for part in parts[1:]:
        squared += part * part
    return squared


def ellipsoid(points: FloatArray, centre: FloatArray, semi_axes: FloatArray, frame: FloatArray | None = None) -> FloatArray:
    """Ellipsoid; ``frame`` holds its axes as rows. First-order distance, good close to the surface."""
    local = points - centre
    if frame is not None:
        local = local @ frame.T
    scaled = np.sqrt(squared_lengths(local / semi_axes))
    gradient = np.sqrt(squared_lengths(local / semi_axes**2))
    near: FloatArray = np.where(gradient > 1e-12, scaled * (scaled - 1.0) / np.maximum(gradient, 1e-12), -semi_axes.min())
    return near


def tube(points: FloatArray, path: FloatArray, semi_axes: FloatArray, across: FloatArray) -> FloatArray:
    """Tube with elliptical section along a polyline.

    Args:
        points: (n, 3).
        path: (k, 3) nodes of the centre line, mm.
        semi_axes: (k, 2) semi-axes (in the plane of ``across`` and the third direction), mm.
        across: (3,) direction of the second semi-axis; the first is normal to it and to the path.

    Returns:
        (n,) first-order distance.
    """
    best = np.full(len(points), np.inf)
    for i in range(len(path) - 1):
        tangent = path[i + 1] - path[i]
        along = np.clip((points - path[i]) @ tangent / (tangent @ tangent), 0.0, 1.0)
        offset = points - path[i] - along[:, None] * tangent
        unit = tangent / np.linalg.norm(tangent)
        side = across - (across @ unit) * unit
        side /= np.linalg.norm(side)
        other = np.cross(side, unit)
        a = semi_axes[i, 0] + along * (semi_axes[i + 1, 0] - semi_axes[i, 0])
        b = semi_axes[i, 1] + along * (semi_axes[i + 1, 1] - semi_axes[i, 1])
        p, q, r = offset @ other, offset @ side, offset @ unit
        mean = np.sqrt(a * b)
        scaled = np.sqrt((p / a) ** 2 + (q / b) ** 2 + (r / mean) ** 2)
        gradient = np.sqrt((p / a**2) ** 2 + (q / b**2) ** 2 + (r / mean**2) ** 2)
        distance = np.where(gradient > 1e-9, scaled * (scaled - 1.0) / np.maximum(gradient, 1e-9), -np.minimum(a, b))
        best = np.minimum(best, distance)
    return best


def smooth_intersection(first: FloatArray, second: FloatArray, radius: float | FloatArray) -> FloatArray:
    """Intersection of two distances, its edges rounded by about ``radius`` mm."""
    return -smooth_union(-first, -second, radius)


def within(points: FloatArray, centre: FloatArray, radius: float, shape: Shape) -> FloatArray:
    """A small ``shape`` evaluated only around its bounding sphere; farther off the distance to the sphere serves.

    Args:
        points: (n, 3).
        centre: (3,) of a sphere that holds the shape, mm.
        radius: Of the sphere, mm.
        shape: Signed distance, mm.
    """
    distance: FloatArray = np.sqrt(squared_lengths(points - centre)) - radius
    near = distance < NEAR
    distance[near] = shape(points[near])
    return distance
