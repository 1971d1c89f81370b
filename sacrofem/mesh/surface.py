"""From a shape to a closed triangle surface of the wanted size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mmgpy
import numpy as np
import pyvista as pv
from scipy.interpolate import RegularGridInterpolator

from sacrofem.errors import GeometryError, MeshError, explain
from sacrofem.mesh.model import FloatArray, IntArray
from sacrofem.shapes.field import Shape

#: Largest distance of the remeshed surface from the sampled one, mm; ample beside a sampling of 1 mm.
SURFACE_DEVIATION = 0.4
#: Largest ratio of neighbouring edge lengths, on the surface.
SURFACE_GRADATION = 1.6
#: Dihedral angle (degrees) above which MMG keeps an edge as a ridge; bone has none as sharp as this.
RIDGE_ANGLE = 60.0
#: Samples evaluated at once, to bound memory.
CHUNK = 200_000

#: Spacing of the coarse grid over the fine one's.
COARSE_FACTOR = 4
#: Points whose coarse value is below this many coarse steps are sampled themselves: a distance changes by at
#: most sqrt(3) steps across a coarse cell, the rest is to spare for shapes that are not quite distances.
NEAR_STEPS = 2.0

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

    def points(self) -> FloatArray:
        """(n, 3) points, x fastest."""
        axes = [self.origin[i] + self.spacing * np.arange(self.dimensions[i]) for i in range(3)]
        z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
        return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)

    def sample(self, shape: Shape) -> FloatArray:
        """(n,) values of ``shape``, x fastest."""
        points = self.points()
        return _evaluate(shape, points)

    def sample_near_surface(self, shape: Shape) -> FloatArray:
        """Like :meth:`sample`, but points far from the surface get values interpolated from a coarse grid."""
        step = COARSE_FACTOR * self.spacing
        upper = self.origin + self.spacing * (np.array(self.dimensions) - 1)
        coarse = Grid.over((self.origin, upper), step)
        nx, ny, nz = coarse.dimensions
        axes = [coarse.origin[i] + step * np.arange(coarse.dimensions[i]) for i in range(3)]
        table = coarse.sample(shape).reshape(nz, ny, nx).transpose(2, 1, 0)
        points = self.points()
        values: FloatArray = RegularGridInterpolator(axes, table)(points)
        near = np.abs(values) < NEAR_STEPS * step
        values[near] = _evaluate(shape, points[near])
        return values


def _evaluate(shape: Shape, points: FloatArray) -> FloatArray:
    """Values of ``shape`` at (n, 3) points, in chunks."""
    return np.concatenate([shape(points[i : i + CHUNK]) for i in range(0, len(points) or 1, CHUNK)])


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
