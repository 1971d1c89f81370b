"""How shapes and surfaces of the hip bone are measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from sacrofem.catalogue.models import Anatomy
from sacrofem.mesh.surface import Surface
from sacrofem.shapes.field import Shape

Array = NDArray[np.float64]


def facets(surface: Surface) -> tuple[Array, Array, Array]:
    """Centroids, outward normals, areas."""
    a, b, c = (surface.points[surface.triangles[:, i]] for i in range(3))
    cross = np.cross(b - a, c - a)
    # Contours come with either winding.
    cross *= np.sign(np.sum(a * cross))
    double = np.linalg.norm(cross, axis=1)
    return (a + b + c) / 3, cross / np.maximum(double, 1e-12)[:, None], double / 2


def to_surface(shape: Shape, point: Array, direction: Array, reach: float) -> float:
    """Distance along ``direction`` from a point inside to the surface."""
    steps = np.arange(0.0, reach, 0.1)
    inside = shape(point + steps[:, None] * direction) < 0
    assert inside[0], f"{point} is not in bone"
    return float(steps[np.argmin(inside)]) if not inside.all() else reach


def thickness(shape: Shape, near: Array, start: Array) -> float:
    """Smallest chord through the bone near a point, over directions about ``start``."""
    rng = np.random.default_rng(1)
    directions = start + 0.35 * rng.standard_normal((60, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    return min(to_surface(shape, near, d, 40) + to_surface(shape, near, -d, 40) for d in directions)


def deepest(shape: Shape, point: Array, radius: float = 6.0) -> Array:
    """The point deepest in bone near ``point``: the middle of the plate."""
    grid = np.stack(np.meshgrid(*[np.arange(-radius, radius + 0.1, 1.0)] * 3), axis=-1).reshape(-1, 3)
    grid = point + grid[np.linalg.norm(grid, axis=1) <= radius]
    return grid[np.argmin(shape(grid))]


def section(shape: Shape, centre: Array, normal: Array, reach: float) -> tuple[float, float, float]:
    """Area, larger and smaller width of the plane section of the bone that holds ``centre`` (connected part)."""
    normal = normal / np.linalg.norm(normal)
    first = np.cross(normal, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    steps = np.arange(-reach, reach + 0.1, 0.25)
    u, v = np.meshgrid(steps, steps, indexing="ij")
    inside = shape(centre + u.reshape(-1, 1) * first + v.reshape(-1, 1) * second).reshape(u.shape) < 0
    parts, _ = label(inside)
    middle = len(steps) // 2
    assert parts[middle, middle], f"{centre} is not in bone"
    here = parts == parts[middle, middle]
    points = np.column_stack([u[here], v[here]])
    axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2]
    widths = np.ptp(points @ axes.T, axis=0)
    return here.sum() * 0.25**2, *widths


def euler_number(surface: Surface) -> int:
    triangles = surface.triangles
    pairs = np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.unique(np.sort(pairs, axis=1), axis=0)
    return len(surface.points) - len(edges) + len(triangles)


def with_hip(anatomy: Anatomy, hip: dict) -> Anatomy:
    return Anatomy.model_validate({**anatomy.model_dump(mode="json"), "hip": hip})
