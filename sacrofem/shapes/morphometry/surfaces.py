"""Endplate, joint surfaces, corridors and the bone as a whole."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, label

from sacrofem.shapes.field import FloatArray
from sacrofem.shapes.morphometry.rays import first_hits, outward_normals
from sacrofem.shapes.sacrum import Sacrum

_DOWN, _MEDIAL = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, -1.0])
#: The endplate ends where it leaves its plane by this, mm.
_EDGE = 0.6
#: Corridors: centre (x, y) of an axis along z, and half of the length that must be in bone, mm at scale 1.
_CORRIDORS = {"S1": ((-10.5, -8.0), 40.0), "S2": ((-36.0, -30.0), 34.0)}
#: Walls thinner than twice this count as thin, mm; voxels, mm.
_THIN, _VOXEL = 1.2, 0.9


def measure_endplate(sacrum: Sacrum, promontory: FloatArray, scale: float) -> dict[str, float]:
    """Plane, size and slope of the S1 endplate by rays from above, and the ala's level below it."""
    step = 0.5 * scale
    xs, zs = np.arange(-22.0, 16.0, 0.5) * scale, np.arange(0.0, 36.0, 0.5) * scale
    x, z = (axis.ravel() for axis in np.meshgrid(xs, zs, indexing="ij"))
    origins = np.column_stack([x, np.full(len(x), 26.0 * scale), z])
    hits = first_hits(sacrum.bone, origins, _DOWN, 70.0 * scale, 1.0 * scale)
    points = origins + np.nan_to_num(hits, nan=90.0 * scale)[:, None] * _DOWN
    core = points[np.hypot(x + 1.0 * scale, z) < 7.0 * scale]
    core = np.vstack([core, core * np.array([1.0, 1.0, -1.0])])
    centre = core.mean(axis=0)
    normal = np.linalg.svd(core - centre)[2][2]
    normal *= np.sign(normal[1])
    forward = np.array([normal[1], -normal[0], 0.0])
    off = (points - centre) @ normal
    flat, _ = label((np.abs(off) < _EDGE * scale).reshape(len(xs), len(zs)))
    plate = (flat == flat[np.argmin(np.abs(xs)), 0]).ravel()
    along = (points - centre) @ forward
    midline = along[plate & (z < step)]
    depth, width = float(np.ptp(midline)), 2.0 * float(z[plate].max())
    middle = centre + 0.5 * (midline.max() + midline.min()) * forward
    inner = np.hypot(((points - middle) @ forward) / (0.5 * depth), z / (0.5 * width)) < 0.8
    ala = (np.abs(z - 30.0 * scale) < 1.1 * scale) & (np.abs(along - 8.5 * scale) < 2.5 * scale)
    return {
        "S1 endplate width": width,
        "S1 body width, dry bone": width,
        "S1 endplate depth": depth,
        "S1 endplate unevenness": float(np.abs(off[inner]).max()),
        "sacral slope": float(np.degrees(np.arctan2(normal[0], normal[1]))),
        "endplate centre to promontory": float(np.linalg.norm(promontory - middle)),
        "ala below the endplate, in front": -float(off[ala].mean()),
    }


def measure_joint(sacrum: Sacrum, scale: float) -> dict[str, float]:
    """Breadth, and the auricular surface as the supports of a model have it, by rays from the right."""
    lower, upper = sacrum.bounds
    step = 1.0 * scale
    xs, ys = np.arange(lower[0], upper[0], step), np.arange(lower[1], upper[1], step)
    x, y = (axis.ravel() for axis in np.meshgrid(xs, ys, indexing="ij"))
    origins = np.column_stack([x, y, np.full(len(x), upper[2])])
    hits = first_hits(sacrum.bone, origins, _MEDIAL, float(upper[2]) - 26.0 * scale, step)
    points = (origins + hits[:, None] * _MEDIAL)[~np.isnan(hits)]
    normals = outward_normals(sacrum.bone, points, 0.2 * scale)
    joint = sacrum.auricular(points, normals, "right")
    surface = points[joint]
    area = float((step**2 / normals[joint, 2]).sum())
    # Ends and corner of the L: the most cranial, the most dorsal, and the most ventrocaudal part.
    high = surface[surface[:, 1] > np.quantile(surface[:, 1], 0.92)].mean(axis=0)
    far = surface[surface[:, 0] < np.quantile(surface[:, 0], 0.08)].mean(axis=0)
    lean = surface[:, 0] - surface[:, 1]
    corner = surface[lean > np.quantile(lean, 0.75)].mean(axis=0)
    arms = [(end - corner) / np.linalg.norm(end - corner) for end in (high, far)]
    return {
        "maximal breadth": 2.0 * float(points[:, 2].max()),
        "auricular area": area / 100.0,
        "auricular height": float(np.ptp(surface[:, 1])),
        "angle between the auricular limbs": float(np.degrees(np.arccos(arms[0] @ arms[1]))),
    }


def measure_corridors(sacrum: Sacrum, scale: float) -> dict[str, float]:
    """Radius of the largest straight cylinder of bone through both alae about the templates' axes."""
    measures = {}
    for level, ((x, y), half) in _CORRIDORS.items():
        turn, z = np.meshgrid(np.linspace(0.0, 2 * np.pi, 24, endpoint=False), np.arange(0.0, half, 1.0))
        radius = 0.0
        while radius < 20.0:
            ring = np.column_stack(
                [x + (radius + 0.25) * np.cos(turn.ravel()), y + (radius + 0.25) * np.sin(turn.ravel()), z.ravel()]
            )
            if (sacrum.bone(scale * ring) > 0.0).any():
                break
            radius += 0.25
        measures[f"{level} trans-sacral corridor, radius"] = radius * scale
    return measures


def measure_bulk(sacrum: Sacrum, scale: float) -> dict[str, float]:
    """Volume, and how much of it lies in thin walls, on voxels of the right half."""
    lower, upper = sacrum.bounds
    size = _VOXEL * scale
    axes = [np.arange(lower[i], upper[i], size) for i in (0, 1)] + [np.arange(0.5 * size, upper[2], size)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    coarse = sacrum.bone(grid[::3, ::3, ::3].reshape(-1, 3)).reshape(grid[::3, ::3, ::3].shape[:3])
    values = np.repeat(np.repeat(np.repeat(coarse, 3, 0), 3, 1), 3, 2)[: len(axes[0]), : len(axes[1]), : len(axes[2])]
    near = np.abs(values) < 6.0 * size
    values[near] = sacrum.bone(grid[near])
    share = np.clip(0.5 - values / size, 0.0, 1.0)
    # What a ball that fits into bone does not reach is thin: mirrored, so that the midplane is no wall.
    core = values < -_THIN * scale
    core = np.concatenate([core[:, :, ::-1], core], axis=2)
    away = distance_transform_edt(~core, sampling=size)[:, :, core.shape[2] // 2 :]
    thin = (values < 0.0) & (away > _THIN * scale + size)
    return {
        "bone volume": 2.0 * float(share.sum()) * size**3 / 1000.0,
        "bone in walls thinner than 2.4 mm": 100.0 * float(thin.sum()) / float((values < 0.0).sum()),
    }
