"""Coordinates along the sacrum: the pelvic surface is nearly an arc of a circle, so the bone is a relief on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter, map_coordinates

from sacrofem.shapes.field import FloatArray

#: Ventral midline from the promontory over the disc remnants to the apex.
VENTRAL_LINE = ("SP_promontory", "V_S1S2", "V_S2S3", "V_S3S4", "V_S4S5", "V_apex")
#: Spacing of the tables that reliefs are read from, mm.
_STEP = 0.5
#: Standard deviation of the smoothing of reliefs, mm: bone has no creases between the given sections.
_SMOOTHING = 2.0


@dataclass(frozen=True)
class Arc:
    """The circle that fits the ventral midline, in the midplane.

    Attributes:
        centre: (x, y), mm.
        radius: mm.
        start: Angle of the promontory, radians.
        stations: Arc length (mm) of the promontory, the four disc remnants and the apex.
        line: Height of the ventral midline over the circle at the stations, mm.
    """

    centre: FloatArray
    radius: float
    start: float
    stations: FloatArray
    line: FloatArray

    @classmethod
    def through(cls, at: dict[str, FloatArray]) -> Arc:
        """The least-squares circle of the ventral midline landmarks."""
        return cls.fit(np.array([at[name] for name in VENTRAL_LINE]))

    @classmethod
    def fit(cls, line: FloatArray) -> Arc:
        """The least-squares circle of six points of the ventral midline, from the promontory to the apex."""
        points = line[:, :2]
        unknowns = np.linalg.lstsq(np.column_stack([2 * points, np.ones(len(points))]), (points**2).sum(axis=1))[0]
        centre = unknowns[:2]
        radius = float(np.sqrt(unknowns[2] + centre @ centre))
        x, y = points[0] - centre
        bare = cls(centre, radius, float(np.arctan2(y, x)), np.zeros(6), np.zeros(6))
        along, height = bare.coordinates(points)
        return cls(centre, radius, bare.start, along, height)

    def coordinates(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Arc length from the promontory towards the apex, and height over the circle towards the pelvis, mm."""
        x, y = points[:, 0] - self.centre[0], points[:, 1] - self.centre[1]
        # The cut of the angle lies opposite to the sacrum.
        angle = np.mod(np.arctan2(y, x) - self.start + 0.5 * np.pi, 2 * np.pi) - 0.5 * np.pi
        return self.radius * angle, self.radius - np.hypot(x, y)

    def points(self, along: FloatArray, height: FloatArray, z: FloatArray) -> FloatArray:
        """(n, 3) points at arc lengths, heights and z, mm."""
        angle = self.start + along / self.radius
        x = self.centre[0] + (self.radius - height) * np.cos(angle)
        y = self.centre[1] + (self.radius - height) * np.sin(angle)
        return np.stack([x, y, z], axis=1)

    def station(self, level: FloatArray) -> FloatArray:
        """Arc length of a level: 0 promontory, 1 S1-S2 ... 4 S4-S5, 5 apex."""
        return np.interp(level, np.arange(6.0), self.stations)

    def midline(self, along: FloatArray) -> FloatArray:
        """Height of the ventral midline over the circle, mm."""
        inside = np.clip(along, self.stations[0], self.stations[-1])
        return PchipInterpolator(self.stations, self.line)(inside)


def curve(along: FloatArray, values: FloatArray) -> PchipInterpolator:
    """Monotone curve through values over arc length, continued straight beyond its ends."""
    before = values[0] - 50.0 * (values[1] - values[0]) / (along[1] - along[0])
    after = values[-1] + 50.0 * (values[-1] - values[-2]) / (along[-1] - along[-2])
    return PchipInterpolator(np.array([along[0] - 50.0, *along, along[-1] + 50.0]), np.array([before, *values, after]))


@dataclass(frozen=True)
class Relief:
    """A height over a plane of two coordinates, symmetric in the second, read from a fine table.

    Attributes:
        first: First coordinate of the table's first row, mm.
        height: Heights, mm; rows over the first coordinate, columns over the second from 0.
        steepness: sqrt(1 + slope^2) likewise: a difference of heights over it is a distance.
    """

    first: float
    height: FloatArray
    steepness: FloatArray

    @classmethod
    def of_table(cls, first: FloatArray, height: FloatArray) -> Relief:
        """From a table with rows ``first`` (spacing 0.5 mm) and columns 0, 0.5, 1 ... mm."""
        mirrored = np.concatenate([height[:, :0:-1], height], axis=1)
        smooth = gaussian_filter(mirrored, _SMOOTHING / _STEP, mode="nearest")
        slopes = np.gradient(smooth, _STEP)
        steep = np.sqrt(1.0 + slopes[0] ** 2 + slopes[1] ** 2)
        middle = height.shape[1] - 1
        return cls(float(first[0]), smooth[:, middle:], steep[:, middle:])

    @classmethod
    def of_sections(cls, along: FloatArray, across: FloatArray, values: FloatArray, base: FloatArray | None = None) -> Relief:
        """From sections.

        Args:
            along: (m,) arc lengths of the sections, mm.
            across: (k,) distances from the midplane, from 0, mm.
            values: (m, k) heights, mm.
            base: Further heights to add, on :meth:`axes`.

        Returns:
            The relief, smooth between the sections and level beyond the first and the last.
        """
        rows, columns = cls.axes(along, across)
        wide = np.concatenate([values[:, :0:-1], values], axis=1)
        lines = PchipInterpolator(np.concatenate([-across[:0:-1], across]), wide, axis=1)(columns)
        height = PchipInterpolator(along, lines, axis=0)(rows)
        return cls.of_table(rows, height if base is None else height + base)

    @staticmethod
    def axes(along: FloatArray, across: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rows and columns of the fine table."""
        return np.arange(along[0], along[-1] + _STEP, _STEP).clip(max=along[-1]), np.arange(0.0, across[-1] + 0.1, _STEP)

    def read(self, first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Height and steepness at coordinates; the nearest of the table beyond it."""
        where = np.array([(first - self.first) / _STEP, np.abs(second) / _STEP])
        height: FloatArray = map_coordinates(self.height, where, order=1, mode="nearest")
        steep: FloatArray = map_coordinates(self.steepness, where, order=1, mode="nearest")
        return height, steep
