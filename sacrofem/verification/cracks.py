"""Cracks on the cut space: Sneddon's penny and Tada's edge crack."""

from __future__ import annotations

import numpy as np

from sacrofem.mesh.model import FloatArray, ModelMesh
from sacrofem.results.gathering import gather_fields
from sacrofem.results.micromotion import sample_motion
from sacrofem.verification.bench import Bench, Bond, plane
from sacrofem.verification.grids import assemble_mesh, extrude, graded, on_plane, rectangle, sector
from sacrofem.verification.outcome import Outcome

_YOUNG, _POISSON, _PRESSURE = 1000.0, 0.3, 1.0


def _two_sided(first: float, count: int, reach: float) -> FloatArray:
    """Places around 0, fine there: steps grow from ``first`` to ``reach`` on either side."""
    side = graded(reach, count, _growth(first, count, reach))
    return np.concatenate([-side[:0:-1], side])


def _growth(first: float, count: int, reach: float) -> float:
    """Factor by which ``count`` steps must grow from ``first`` to cover ``reach`` (bisection on the geometric sum)."""
    low, high = 1.0001, 4.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if first * (middle**count - 1) / (middle - 1) < reach else (low, middle)
    return low


def _penny(inside: int, spokes: int, outside: int, through: int) -> ModelMesh:
    """A quarter of a cylinder of radius and half-height 8 with a penny-shaped crack of radius 1 in its middle."""
    first = 0.5 / inside**2
    before = 1.0 - graded(1.0, inside, _growth(first, inside, 1.0))[::-1][:-1]
    after = 1.0 + graded(7.0, outside, _growth(first, outside, 7.0))
    radii = np.concatenate([before[before > 1e-9], after])
    heights = _two_sided(first, through, 8.0)
    disk = sector(radii, np.linspace(0.0, 0.5 * np.pi, spokes + 1))
    disk[0][np.abs(disk[0]) < 1e-12] = 0.0

    def crack(corners: FloatArray) -> np.ndarray:
        flat = (np.abs(corners[:, :, 2]) < 1e-9).all(axis=1)
        return flat & (np.hypot(corners[:, :, 0], corners[:, :, 1]) < 1.0 + 1e-9).all(axis=1)

    return assemble_mesh(extrude(disk, heights), {"fracture:crack": crack})


def _mean_opening(mesh: ModelMesh) -> float:
    """Mean opening of the pressurised penny, mm; the far boundary is fixed."""
    bench = Bench(mesh, 2, {"body": _YOUNG}, {"body": _POISSON})
    bench.crack_pressure.value = _PRESSURE

    def far(x: FloatArray) -> np.ndarray:
        return (np.hypot(x[:, 0], x[:, 1]) > 7.9) | (np.abs(x[:, 2]) > 8.0 - 1e-9)

    found = bench.solve([Bond(plane(0, 0.0), (0,)), Bond(plane(1, 0.0), (1,)), Bond(far, (0, 1, 2))], 1e-8)
    fields = gather_fields(bench, found)
    assert fields is not None
    motion = sample_motion(fields, "crack")
    return float(motion.areas @ motion.opening) / float(motion.areas.sum())


#: V / (pi a^2) of a penny under pressure p: Sneddon's opening 8 (1 - nu^2) p sqrt(a^2 - r^2) / (pi E), averaged.
_SNEDDON = 16 * (1 - _POISSON**2) * _PRESSURE / (3 * np.pi * _YOUNG)


def check_penny() -> list[Outcome]:
    """A penny-shaped crack under pressure in a wide body: its mean opening."""
    return [Outcome("mean opening, mm", _SNEDDON, _mean_opening(_penny(4, 6, 6, 7)), 0.04)]


def check_penny_fine() -> list[Outcome]:
    """The same on a finer mesh."""
    return [Outcome("mean opening, mm", _SNEDDON, _mean_opening(_penny(6, 8, 8, 9)), 0.02)]


def check_edge_crack() -> list[Outcome]:
    """A strip in plane strain with an edge crack of half its width under tension: the opening at its mouth.

    4 s a V(a/b) / E', V = (1.46 + 3.42 (1 - cos(pi a / 2 b))) / cos(pi a / 2 b)^2, within 1 % (Tada, Paris and Irwin).
    """
    width, depth, tension, half = 1.0, 0.5, 1.0, 2.0
    steps = graded(depth, 6, _growth(0.01, 6, depth))
    along = np.concatenate([depth - steps[::-1], depth + steps[1:]])
    heights = _two_sided(0.01, 9, half)
    grid = extrude(rectangle(along, np.array([0.0, 0.05])), heights)

    def crack(corners: FloatArray) -> np.ndarray:
        return on_plane(2, 0.0)(corners) & (corners[:, :, 0] < depth + 1e-9).all(axis=1)

    def ends(corners: FloatArray) -> np.ndarray:
        return on_plane(2, half)(corners) | on_plane(2, -half)(corners)

    bench = Bench(assemble_mesh(grid, {"fracture:crack": crack, "loaded": ends}), 2, {"body": _YOUNG}, {"body": _POISSON})
    bench.fill(bench.traction, lambda x: tension * np.sign(x[:, 2:]) * np.array([0.0, 0.0, 1.0]))

    def ligament(x: FloatArray) -> np.ndarray:
        """The plane of symmetry ahead of the crack."""
        return (np.abs(x[:, 2]) < 1e-9) & (x[:, 0] > depth - 1e-9)

    def corner(x: FloatArray) -> np.ndarray:
        return ligament(x) & (x[:, 0] > width - 1e-9)

    bonds = [Bond(plane(1, 0.0), (1,)), Bond(plane(1, 0.05), (1,)), Bond(ligament, (2,)), Bond(corner, (0, 2))]
    found = bench.solve(bonds, 1e-9)
    faces = bench.value(found, (0.0, 0.0, 0.0))[:, 2]
    turn = 0.5 * np.pi * depth / width
    shape = (1.46 + 3.42 * (1 - np.cos(turn))) / np.cos(turn) ** 2
    expected = 4 * tension * depth * (1 - _POISSON**2) / _YOUNG * shape
    return [Outcome("opening at the mouth, mm", float(expected), float(faces.max() - faces.min()), 0.03)]
