"""From a shape to a closed triangle surface of the wanted size."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import mmgpy
import numpy as np
import pyvista as pv

from sacrofem.errors import GeometryError, MeshError, explain
from sacrofem.mesh.model import FloatArray, IntArray
from sacrofem.shapes.field import BoolArray, Shape

#: Largest distance of the remeshed surface from the sampled one, mm; ample beside a sampling of 1 mm.
SURFACE_DEVIATION = 0.4
#: Largest ratio of neighbouring edge lengths, on the surface.
SURFACE_GRADATION = 1.6
#: Dihedral angle (degrees) above which MMG keeps an edge as a ridge; bone has none as sharp as this.
RIDGE_ANGLE = 60.0
#: Samples evaluated at once: few enough for the cache of the processor (200,000 take 1.6 times as long), many beside what a call
#: costs.
CHUNK = 25_000
#: Chunks evaluated side by side; NumPy lets go of the interpreter's lock.
THREADS = 2

#: Grids of 4, 2 and 1 times the spacing, each finer one only near the surface.
LEVELS = 3
#: Points whose value on the coarser grid is below this many of its steps are sampled themselves: a value interpolated between its
#: nodes errs by at most half of sqrt(3) steps, the rest is to spare for shapes that are not quite distances. With 2 the packaged
#: rings' surfaces are the same to the last bit.
NEAR_STEPS = 1.5

#: (n, 3) points -> (n,) wanted edge length, mm.
SizeField = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Surface:
    """A closed surface: (n, 3) points, mm, and (m, 3) triangles."""

    points: FloatArray
    triangles: IntArray


@dataclass(frozen=True)
class Grid:
    """A regular grid of points over a box, x fastest.

    Attributes:
        origin: (3,) first point, mm.
        spacing: mm.
        dimensions: Points along x, y and z.
    """

    origin: FloatArray
    spacing: float
    dimensions: tuple[int, int, int]

    @classmethod
    def over(cls, bounds: tuple[FloatArray, FloatArray], spacing: float) -> Grid:
        """The grid that covers ``bounds`` with two samples to spare on every side."""
        lower = np.asarray(bounds[0], dtype=np.float64) - 2 * spacing
        upper = np.asarray(bounds[1], dtype=np.float64) + 2 * spacing
        nx, ny, nz = (int(n) for n in np.ceil((upper - lower) / spacing).astype(int) + 1)
        return cls(lower, spacing, (nx, ny, nz))

    def points(self, chosen: BoolArray | None = None) -> FloatArray:
        """(n, 3) points, x fastest.

        Args:
            chosen: (n,) which of them are wanted; None: all.
        """
        nx, ny, nz = self.dimensions
        numbers = np.arange(nx * ny * nz) if chosen is None else np.flatnonzero(chosen)
        x, y, z = numbers % nx, numbers // nx % ny, numbers // (nx * ny)
        return np.stack([self.origin[i] + self.spacing * index for i, index in enumerate((x, y, z))], axis=1)

    def sample(self, shape: Shape) -> FloatArray:
        """(n,) values of ``shape``, x fastest."""
        return evaluate(shape, self.points())

    def sample_near_surface(self, shape: Shape) -> FloatArray:
        """Like :meth:`sample`, but points far from the surface get values interpolated from coarser grids."""
        step = 2 ** (LEVELS - 1)
        nx, ny, nz = (-(-(n - 1) // step) + 1 for n in self.dimensions)
        grid = Grid(self.origin, step * self.spacing, (nx, ny, nz))
        values = grid.sample(shape).reshape(nz, ny, nx)
        for _ in range(LEVELS - 1):
            values = _halve_steps(values)
            near = np.abs(values).ravel() < NEAR_STEPS * grid.spacing
            nz, ny, nx = values.shape
            grid = Grid(self.origin, 0.5 * grid.spacing, (nx, ny, nz))
            values.ravel()[near] = evaluate(shape, grid.points(near))
        nx, ny, nz = self.dimensions
        return values[:nz, :ny, :nx].ravel()


def _halve_steps(values: FloatArray) -> FloatArray:
    """Values on a grid of half the step: (2 n - 1) of n along every axis, those between the old ones interpolated."""
    for axis in range(3):
        along = np.moveaxis(values, axis, 0)
        finer = np.empty((2 * len(along) - 1, *along.shape[1:]))
        finer[::2] = along
        finer[1::2] = 0.5 * (along[1:] + along[:-1])
        values = np.moveaxis(finer, 0, axis)
    return np.ascontiguousarray(values)


def evaluate(shape: Shape, points: FloatArray) -> FloatArray:
    """Values of ``shape`` at (n, 3) points, in chunks side by side."""
    if len(points) <= CHUNK:
        return shape(points)
    chunks = [points[i : i + CHUNK] for i in range(0, len(points), CHUNK)]
    with ThreadPoolExecutor(THREADS) as threads:
        return np.concatenate(list(threads.map(shape, chunks)))


def contour_shape(shape: Shape, bounds: tuple[FloatArray, FloatArray], spacing: float) -> Surface:
    """Closed surface of the largest component of ``shape`` (flying edges on a regular grid).

    Args:
        shape: Signed distance, mm, negative inside.
        bounds: Lower and upper corner of a box around the shape, mm.
        spacing: Grid spacing, mm.

    Returns:
        The surface, normals outward.
    """
    grid = Grid.over(bounds, spacing)
    image = pv.ImageData(dimensions=grid.dimensions, spacing=(spacing,) * 3, origin=grid.origin)
    values = grid.sample_near_surface(shape)
    # A sample exactly on the surface makes degenerate triangles.
    image["distance"] = np.where(np.abs(values) < 1e-3 * spacing, 1e-3 * spacing, values)
    contour = image.contour([0.0], scalars="distance", method="flying_edges")
    if contour.n_cells == 0:
        raise GeometryError(
            explain(
                "The bone's shape is empty.",
                where="the anatomy",
                got=f"no surface within {np.round(bounds[0], 1)} .. {np.round(bounds[1], 1)} mm",
                allowed="a shape with a surface inside its bounds",
                next_step="check the anatomy's landmarks, or use a smaller mesh.sampling",
            )
        )
    largest = contour.connectivity("largest").extract_surface(algorithm="dataset_surface").triangulate().clean()
    if not largest.is_manifold or largest.n_open_edges:
        raise MeshError(
            explain(
                "The bone's sampled surface is not closed.",
                where="contour of the signed distance",
                got=f"{largest.n_open_edges} open edges",
                allowed="a closed manifold surface",
                next_step="use a smaller mesh.sampling",
            )
        )
    return Surface(np.asarray(largest.points, dtype=np.float64), np.asarray(largest.regular_faces, dtype=np.int64))


def remesh_surface(surface: Surface, size: SizeField, smallest: float) -> Surface:
    """Remesh a closed surface to a size field (MMG's ``mmgs``).

    Args:
        surface: The sampled surface.
        size: Wanted edge length, mm.
        smallest: Smallest edge length allowed, mm.

    Returns:
        The remeshed surface, within :data:`SURFACE_DEVIATION` of the given one.
    """
    mesh = mmgpy.MmgMeshS(surface.points, surface.triangles.astype(np.int32))
    mesh.set_field("metric", size(surface.points).reshape(-1, 1))
    mesh.remesh(hmin=smallest, hausd=SURFACE_DEVIATION, hgrad=SURFACE_GRADATION, ar=RIDGE_ANGLE, verbose=-1)
    return Surface(np.asarray(mesh.get_vertices(), dtype=np.float64), np.asarray(mesh.get_triangles(), dtype=np.int64))
