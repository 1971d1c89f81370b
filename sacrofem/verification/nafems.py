"""Published benchmarks for solid elements: NAFEMS LE10 and LE11 (The Standard NAFEMS Benchmarks, TNSB Rev. 3, 1990)."""

from __future__ import annotations

import numpy as np

from sacrofem.mesh.model import FloatArray
from sacrofem.verification.bench import Bench, Bond, plane
from sacrofem.verification.grids import assemble_mesh, extrude, on_plane, rectangle, sweep
from sacrofem.verification.outcome import Outcome

_YOUNG, _POISSON = {"body": 210e3}, {"body": 0.3}


def _plate(across: int, along: int, through: int) -> float:
    """sigma_yy at D of LE10, MPa; lengths m, as the benchmark states them."""
    thickness = 0.6
    flat, triangles = rectangle(np.linspace(0, 1, across + 1) ** 1.4, np.linspace(0.0, 0.5 * np.pi, along + 1) ** 1.3)
    flat[:, 1] *= 0.5 * np.pi / flat[:, 1].max()
    share, angle = flat.T
    a, b = 2.0 + 1.25 * share, 1.0 + 1.75 * share
    plan = np.column_stack([a * np.cos(angle), b * np.sin(angle)])
    plan[np.abs(plan) < 1e-12] = 0.0
    heights = np.linspace(0.0, thickness, 2 * through + 1)
    mesh = assemble_mesh(extrude((plan, triangles), heights), {"pressed": on_plane(2, thickness)})

    def rim(x: FloatArray) -> np.ndarray:
        """The outer ellipse; the middle of a straight edge lies within it by less than the sagitta."""
        return (x[:, 0] / 3.25) ** 2 + (x[:, 1] / 2.75) ** 2 > 1.0 - 2.0 * (0.5 * np.pi / along) ** 2

    def middle(x: FloatArray) -> np.ndarray:
        return rim(x) & (np.abs(x[:, 2] - 0.5 * thickness) < 1e-9)

    bench = Bench(mesh, 2, _YOUNG, _POISSON)
    bench.pressure.value = 1.0
    bonds = [Bond(plane(1, 0.0), (1,)), Bond(plane(0, 0.0), (0,)), Bond(rim, (0, 1)), Bond(middle, (2,))]
    return float(bench.stress(bench.solve(bonds, 1e-9), (2.0, 0.0, thickness))[1, 1])


def check_thick_plate() -> list[Outcome]:
    """LE10: elliptic thick plate under pressure; direct stress at point D."""
    return [Outcome("sigma_yy at D, MPa", -5.38, _plate(8, 12, 3), 0.04)]


def check_thick_plate_fine() -> list[Outcome]:
    """LE10 on a finer mesh."""
    return [Outcome("sigma_yy at D, MPa", -5.38, _plate(12, 20, 4), 0.02)]


def _meridian(stations: int) -> tuple[FloatArray, FloatArray]:
    """Inner and outer line of the section of LE11, (k, 2) points (r, z), m.

    Inner: an arc of radius 1 up to 45 degrees, then a bore of radius 0.7071. Outer: an arc of radius 1.4 up to 30 degrees, a
    taper to (1, 1.39), a cylinder of radius 1. Height 1.79.
    """
    root = np.sqrt(0.5)

    def arc(radius: float, first: float, last: float) -> FloatArray:
        angle = np.radians(np.linspace(first, last, stations + 1))
        return radius * np.column_stack([np.cos(angle), np.sin(angle)])

    def line(first: tuple[float, float], last: tuple[float, float]) -> FloatArray:
        return np.linspace(first, last, stations + 1)

    corner, half, knee = 1.4 * np.array([np.cos(np.pi / 6), 0.5]), 0.5 * (root + 1.79), np.array([1.0, 1.39])
    middle = 0.5 * (corner + knee)
    inner = [arc(1.0, 0, 22.5), arc(1.0, 22.5, 45), line((root, root), (root, half)), line((root, half), (root, 1.79))]
    outer = [arc(1.4, 0, 30), np.linspace(corner, middle, stations + 1), np.linspace(middle, knee, stations + 1)]
    outer.append(line((1.0, 1.39), (1.0, 1.79)))
    return _join(inner), _join(outer)


def _join(pieces: list[FloatArray]) -> FloatArray:
    """Lines one after the other, their common points once."""
    return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])


def _heated(stations: int, across: int, around: int) -> float:
    """sigma_zz at A of LE11, MPa."""
    inner, outer = _meridian(stations)
    share, triangles = rectangle(np.linspace(0, 1, across + 1) ** 1.3, np.arange(len(inner), dtype=np.float64))
    station = share[:, 1].astype(int)
    section = inner[station] + share[:, :1] * (outer - inner)[station]
    layers = [
        np.column_stack([section[:, 0] * np.cos(angle), section[:, 0] * np.sin(angle), section[:, 1]])
        for angle in np.linspace(0.0, 0.5 * np.pi, around + 1)
    ]
    layers[0][:, 1], layers[-1][:, 0] = 0.0, 0.0
    bench = Bench(assemble_mesh(sweep(np.stack(layers), triangles), {}), 2, _YOUNG, _POISSON)
    bench.fill(bench.heat, lambda x: np.hypot(x[:, 0], x[:, 1]) + x[:, 2])
    bench.expansion.value = 2.3e-4
    found = bench.solve([Bond(plane(axis, 0.0), (axis,)) for axis in range(3)] + [Bond(plane(2, 1.79), (2,))], 1e-9)
    return float(bench.stress(found, (1.0, 0.0, 0.0))[2, 2])


def check_heated_solid() -> list[Outcome]:
    """LE11: solid cylinder, taper and sphere under a temperature field; axial stress at point A."""
    return [Outcome("sigma_zz at A, MPa", -105.0, _heated(3, 5, 10), 0.05)]


def check_heated_solid_fine() -> list[Outcome]:
    """LE11 on a finer mesh."""
    return [Outcome("sigma_zz at A, MPa", -105.0, _heated(5, 8, 16), 0.02)]
