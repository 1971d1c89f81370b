"""Pelvic incidence, sacral slope and pelvic tilt of a built ring."""

from __future__ import annotations

import numpy as np

from sacrofem.shapes.field import FloatArray
from sacrofem.shapes.morphometry.rays import first_hits, outward_normals
from sacrofem.shapes.pelvic_ring import PelvicRing
from sacrofem.shapes.sacrum import Sacrum

_DOWN = np.array([0.0, -1.0, 0.0])
#: Rays towards a socket, and their length, mm.
_RAYS, _REACH = 600, 60.0


def find_endplate(sacrum: Sacrum, step: float = 1.0) -> tuple[FloatArray, FloatArray]:
    """Centre and cranial normal of the S1 endplate, by rays from above.

    Args:
        sacrum: The sacrum, symmetric.
        step: Between rays, mm.

    Returns:
        (3,) centre in the midplane, mm, and (3,) unit normal.
    """
    lower, upper = sacrum.bounds
    xs, zs = np.arange(lower[0], upper[0], step), np.arange(0.0, upper[2], step)
    x, z = (axis.ravel() for axis in np.meshgrid(xs, zs, indexing="ij"))
    origins = np.column_stack([x, np.full(len(x), upper[1]), z])
    hits = first_hits(sacrum.bone, origins, _DOWN, float(upper[1] - lower[1]), step)
    points = (origins + hits[:, None] * _DOWN)[~np.isnan(hits)]
    points = points[sacrum.endplate(points, outward_normals(sacrum.bone, points))]
    both = np.vstack([points, points * np.array([1.0, 1.0, -1.0])])
    centre = both.mean(axis=0)
    normal = np.linalg.svd(both - centre)[2][2]
    return centre, normal * np.sign(normal[1])


def find_hip_centre(ring: PelvicRing) -> tuple[FloatArray, float]:
    """Centre and radius of the sphere that fits the right socket's articular surface best, mm."""
    # Even directions (a Fibonacci lattice) from near the centre.
    index = np.arange(_RAYS) + 0.5
    height, turn = 1.0 - 2.0 * index / _RAYS, np.pi * (1.0 + np.sqrt(5.0)) * index
    flat = np.sqrt(1.0 - height**2)
    directions = np.column_stack([flat * np.cos(turn), height, flat * np.sin(turn)])
    origins = np.broadcast_to(ring.right.hip_centre, directions.shape)
    hits = first_hits(ring.hip_right, origins, directions, _REACH)
    points = (origins + hits[:, None] * directions)[~np.isnan(hits)]
    points = points[ring.surfaces["acetabulum_right"](points, outward_normals(ring.hip_right, points))]
    unknowns = np.linalg.lstsq(np.column_stack([2 * points, np.ones(len(points))]), (points**2).sum(axis=1))[0]
    centre = unknowns[:3]
    return centre, float(np.sqrt(unknowns[3] + centre @ centre))


def measure_incidence(ring: PelvicRing) -> dict[str, float]:
    """Angles in the midplane, degrees.

    Returns:
        ``sacral slope`` and ``pelvic tilt`` against frame G; ``pelvic incidence``, between the endplate's normal and the line
        from its centre to the middle of the hip centres; ``inter-hip-centre``, mm.
    """
    centre, normal = find_endplate(ring.sacrum)
    hip, _ = find_hip_centre(ring)
    line = (hip - centre)[:2]
    line = line / np.linalg.norm(line)
    return {
        "sacral slope": float(np.degrees(np.arctan2(normal[0], normal[1]))),
        "pelvic tilt": float(np.degrees(np.arctan2(line[0], -line[1]))),
        "pelvic incidence": float(np.degrees(np.arccos(-normal[:2] @ line / np.linalg.norm(normal[:2])))),
        "inter-hip-centre": 2.0 * float(hip[2]),
    }
