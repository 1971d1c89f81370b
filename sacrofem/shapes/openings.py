"""The sacral canal and the ventral and dorsal foramina, as shapes to be taken away from bone."""

from __future__ import annotations

import numpy as np

from sacrofem.catalogue.models import Anatomy
from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.primitives import project_on_segment, tube

_SIDE = np.array([0.0, 0.0, 1.0])
_LEVELS = ("S1S2", "S2S3", "S3S4")
#: Half width of the tunnel that joins the canal to a pair of foramina, mm (RECALLED: a nerve root with its fat).
_ROOT_RADIUS = 3.0
#: How far a foramen's tube runs beyond its mouth, so that it opens through any overhang, mm.
_BEYOND = 9.0


def mirrored(points: FloatArray) -> FloatArray:
    """The points with z turned positive: anatomies are symmetric about the midplane."""
    return np.column_stack([points[:, :2], np.abs(points[:, 2])])


def canal_path(anatomy: Anatomy) -> tuple[FloatArray, FloatArray]:
    """Centre line of the canal and its semi-axes.

    Returns:
        (k, 3) nodes from above S1 to the apex, and (k, 2) semi-axes (anteroposterior, transverse), mm. Below the
        hiatus the tube runs on the dorsal surface, so that the canal lies open there.
    """
    mark = {name: np.array(at) for name, at in anatomy.landmarks.items()}
    top = 0.5 * (mark["S1_post_sup_corner"] + mark["C_post_S1"])
    centres = [0.5 * (mark[f"C_ant_{level}"] + mark[f"C_post_{level}"]) for level in _LEVELS]
    upward = (top - centres[0]) / np.linalg.norm(top - centres[0])
    hiatus = mark["Hiatus_apex"] + np.array([1.5, -2.0, 0.0])
    # Below the hiatus the floor stays at the landmark C_ant_S4S5: the tube's centre keeps its semi-axis behind it.
    floor = mark["C_ant_S4S5"] + np.array([-5.0, 0.0, 0.0])
    below = mark["D_apex"] + np.array([-6.5, -8.0, 0.0])
    path = np.array([top + 22.0 * upward, top, *centres, hiatus, floor, below])
    semi = 0.5 * np.array([*anatomy.canal_size[:1], *anatomy.canal_size, *[(9.0, 12.0)] * 3])
    semi[5, 0] = 3.2
    return path, semi


def foramen_tubes(anatomy: Anatomy, level: int) -> list[tuple[FloatArray, FloatArray]]:
    """Centre lines and semi-axes of the ventral and the dorsal foramen of a level (right side).

    Args:
        anatomy: The anatomy.
        level: 1 to 4.

    Returns:
        Two tubes, from their common middle outwards; semi-axes (height, width) / 2, mm.
    """
    ventral, dorsal = (np.array(anatomy.landmarks[f"F{side}{level}"]) for side in "VD")
    middle = 0.5 * (ventral + dorsal)
    tubes = []
    for mouth, (height, width) in (
        (ventral, anatomy.ventral_foramen_size[level - 1]),
        (dorsal, anatomy.dorsal_foramen_size[level - 1]),
    ):
        outward = (mouth - middle) / np.linalg.norm(mouth - middle)
        path = np.array([middle, mouth, mouth + _BEYOND * outward])
        tubes.append((path, np.tile([height / 2, width / 2], (3, 1))))
    return tubes


def openings_shape(anatomy: Anatomy) -> Shape:
    """Canal and all foramina as one shape, negative in the opening."""
    path, semi = canal_path(anatomy)
    tubes = {level: foramen_tubes(anatomy, level) for level in range(1, 5)}
    below_hiatus = path[4:6].mean(axis=0)
    exits = [0.75 * path[i] + 0.25 * path[i + 1] for i in (2, 3, 4)] + [below_hiatus]

    def distance(points: FloatArray) -> FloatArray:
        right = mirrored(points)
        nearest = tube(right, path, semi, _SIDE)
        for level, (ventral, dorsal) in tubes.items():
            nearest = np.minimum(nearest, tube(right, *ventral, _SIDE))
            nearest = np.minimum(nearest, tube(right, *dorsal, _SIDE))
            _, away = project_on_segment(right, exits[level - 1], ventral[0][0])
            nearest = np.minimum(nearest, away - _ROOT_RADIUS)
        return nearest

    return distance
