"""The sacral canal and the ventral and dorsal foramina, as shapes to be taken away from bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from sacrofem.catalogue.models import Anatomy
from sacrofem.shapes.arc import Arc, curve
from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.landmarks import Landmarks, mirrored
from sacrofem.shapes.primitives import project_on_segment, smooth_union, tube, within

_SIDE = np.array([0.0, 0.0, 1.0])
_LEVELS = ("S1S2", "S2S3", "S3S4")
#: Half width of the tunnel that joins the canal to the foramina of S1..S4, mm (RECALLED: a nerve root with its fat).
_ROOT_RADIUS = (3.2, 2.8, 2.6, 2.2)
#: How far a foramen's tube runs beyond its mouth, so that it opens through any overhang, mm.
_BEYOND = 10.0
#: Where a pair of foramina forks, as a share of the way from the dorsal to the ventral mouth: behind the bodies.
_FORK = 0.12
#: A ventral foramen narrows to this share of its size at the fork.
_FUNNEL = 0.75
#: Ventral foramina run out into grooves: lateral lean of the tube beyond the mouth, mm per mm.
_GROOVE = 0.35
#: Canal walls rounded into each other over this, mm.
_CORNER = 3.0
#: Above the endplate the canal goes on so far, mm.
_ABOVE = 16.0


def canal_shape(anatomy: Anatomy) -> Shape:
    """The canal between its walls, open behind below the hiatus.

    The anteroposterior depths of the anatomy are those of axial slices (along x), about the middle between the
    landmarks of the walls.
    """
    marks = Landmarks.of(anatomy)
    arc = Arc.through(marks.at)
    pairs = [("S1_post_sup_corner", "C_post_S1"), *[(f"C_ant_{level}", f"C_post_{level}") for level in _LEVELS]]
    middle = np.array([0.5 * (marks.at[a] + marks.at[b]) for a, b in pairs])
    half = 0.5 * np.array([depth for depth, _ in anatomy.canal_size])[:, None] * np.array([1.0, 0.0, 0.0])
    floor_end = np.array([marks.at["C_ant_S4S5"], marks.at["D_apex"]])
    floor = curve(*arc.coordinates(np.vstack([middle + half, floor_end])))
    roof = curve(*arc.coordinates(np.vstack([middle - half, [marks.at["Hiatus_apex"]]])))
    stations = arc.coordinates(middle)[0]
    hiatus = float(arc.coordinates(marks.at["Hiatus_apex"][None])[0][0])
    widths = np.array([width for _, width in anatomy.canal_size])
    half_width = curve(np.array([*stations, hiatus + 6.0]), 0.5 * np.array([*widths, anatomy.hiatus_width]))
    slot = PchipInterpolator([hiatus + 0.5, hiatus + 2.5, hiatus + 6.0, hiatus + 12.0], [0.0, 0.32, 0.5, 0.5])

    def distance(points: FloatArray) -> FloatArray:
        right = mirrored(points)
        s, height = arc.coordinates(right)
        front, back = floor(s), roof(s)
        # An oval section that is wider towards the bodies, as the canal's is.
        a, b = np.maximum(0.5 * (front - back), 1.5), half_width(np.clip(s, stations[0], hiatus + 12.0))
        u = (height - 0.5 * (front + back)) / a
        w = right[:, 2] / (b * np.clip(1.0 + 0.15 * u, 0.8, 1.15))
        radial = np.sqrt(u**2 + w**2)
        gradient = np.sqrt((u / a) ** 2 + (w / b) ** 2) / np.maximum(radial, 1e-9)
        oval = (radial - 1.0) / np.maximum(gradient, 1.0 / np.maximum(a, b))
        oval = np.maximum(oval, np.maximum(s - hiatus - 4.0, -_ABOVE - s))
        # Below the hiatus the canal is a groove: everything behind the floor, between the cornua.
        open_half = anatomy.hiatus_width * slot(np.clip(s, hiatus + 0.5, hiatus + 12.0))
        groove = np.maximum(height - front, right[:, 2] - open_half)
        groove = np.maximum(groove, hiatus + 0.5 - s)
        return smooth_union(oval, groove, _CORNER)

    return distance


def foramen_tubes(anatomy: Anatomy, arc: Arc, level: int) -> list[tuple[FloatArray, FloatArray]]:
    """Centre lines and semi-axes of the ventral and the dorsal foramen of a level (right side).

    Args:
        anatomy: The anatomy.
        arc: Of its pelvic surface.
        level: 1 to 4.

    Returns:
        Two tubes, from their common middle outwards; semi-axes (height, width) / 2, mm.
    """
    ventral, dorsal = (np.array(anatomy.landmarks[f"F{side}{level}"]) for side in "VD")
    middle = _FORK * ventral + (1.0 - _FORK) * dorsal
    tubes = []
    for mouth, size, lean, inner in (
        (ventral, anatomy.ventral_foramen_size[level - 1], _GROOVE, _FUNNEL),
        (dorsal, anatomy.dorsal_foramen_size[level - 1], 0.0, 1.0),
    ):
        outward = (mouth - middle) / np.linalg.norm(mouth - middle)
        # Sizes are those of the mouth in the surface, which an oblique tube meets in a longer opening.
        inwards = np.array([*arc.centre, 0.0]) - mouth * np.array([1.0, 1.0, 0.0])
        upright = abs(float(outward @ inwards)) / float(np.linalg.norm(inwards))
        height, width = size
        path = np.array([middle, mouth, mouth + _BEYOND * (outward + lean * _SIDE)])
        tubes.append((path, 0.5 * np.array([height * upright, width]) * np.array([[inner], [1.0], [1.0]])))
    return tubes


def openings_shape(anatomy: Anatomy) -> Shape:
    """Canal and all foramina as one shape, negative in the opening."""
    canal = canal_shape(anatomy)
    marks = Landmarks.of(anatomy)
    arc = Arc.through(marks.at)
    tubes = {level: foramen_tubes(anatomy, arc, level) for level in range(1, 5)}
    walls = [(marks.at[f"C_ant_{level}"], marks.at[f"C_post_{level}"]) for level in _LEVELS]
    axis = curve(*arc.coordinates(np.array([*[0.5 * (a + b) for a, b in walls], marks.at["C_ant_S4S5"]])))
    forks = arc.coordinates(np.array([ventral[0][0] for ventral, _ in tubes.values()]))[0] - 1.0
    exits = arc.points(forks, axis(forks), np.zeros(len(forks)))

    levels = [
        _Level(start, radius, ventral, dorsal)
        for start, radius, (ventral, dorsal) in zip(exits, _ROOT_RADIUS, tubes.values(), strict=True)
    ]

    def distance(points: FloatArray) -> FloatArray:
        right = mirrored(points)
        nearest = canal(points)
        for level in levels:
            nearest = smooth_union(nearest, within(right, *level.sphere, level), 2.0)
        return nearest

    return distance


@dataclass(frozen=True)
class _Level:
    """The tunnel from the canal and both foramina of a level.

    Attributes:
        start: (3,) in the canal, mm.
        radius: Of the tunnel, mm.
        ventral: Centre line and semi-axes of the ventral foramen.
        dorsal: Likewise of the dorsal one.
    """

    start: FloatArray
    radius: float
    ventral: tuple[FloatArray, FloatArray]
    dorsal: tuple[FloatArray, FloatArray]

    @property
    def sphere(self) -> tuple[FloatArray, float]:
        """Centre and radius of a sphere around all three, mm."""
        nodes = np.vstack([self.start, self.ventral[0], self.dorsal[0]])
        centre = 0.5 * (nodes.min(axis=0) + nodes.max(axis=0))
        widest = max(self.ventral[1].max(), self.dorsal[1].max(), self.radius)
        return centre, float(np.linalg.norm(nodes - centre, axis=1).max() + widest)

    def __call__(self, right: FloatArray) -> FloatArray:
        """Signed distance at points of the right side, mm."""
        pair = np.minimum(tube(right, *self.ventral, _SIDE), tube(right, *self.dorsal, _SIDE))
        _, away = project_on_segment(right, self.start, self.ventral[0][0])
        return smooth_union(pair, away - self.radius, 2.0)
