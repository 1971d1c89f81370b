"""From a closed surface to tetrahedra with Gmsh (HXT on the discrete surface, which keeps its triangles)."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation, label

from sacrofem.errors import MeshError, explain
from sacrofem.mesh.libraries import import_gmsh
from sacrofem.mesh.surface import Grid, SizeField, Surface, evaluate
from sacrofem.mesh.tetrahedra import Tetrahedra, tidy
from sacrofem.shapes.field import BoolArray

#: Gmsh's number of the HXT Delaunay algorithm.
HXT = 10
#: Gmsh improves cells flatter than this; the rest is left to the clean-up.
OPTIMISE_BELOW = 0.1
#: Spacing of the grid that carries the size field to Gmsh, mm.
SIZE_GRID_SPACING = 2.0


def fill_surface(surface: Surface, size: SizeField) -> Tetrahedra:
    """Fill a closed surface with tetrahedra; every cell gets the reference 1.

    Args:
        surface: Closed surface, mm.
        size: Wanted edge length inside, mm.

    Returns:
        The volume mesh; the surface's triangles are its outer facets.
    """
    gmsh = import_gmsh()
    gmsh.initialize(interruptible=False)
    try:
        for option in ("General.NumThreads", "Mesh.MaxNumThreads3D", "Mesh.RandomSeed"):
            gmsh.option.setNumber(option, 1)
        gmsh.option.setNumber("Mesh.MeshSizeExtendFromBoundary", 0)
        gmsh.option.setNumber("General.Verbosity", 2)
        gmsh.option.setNumber("Mesh.OptimizeThreshold", OPTIMISE_BELOW)
        gmsh.option.setNumber("Mesh.Algorithm3D", HXT)
        gmsh.model.add("bone")
        skin = gmsh.model.addDiscreteEntity(2)
        numbers = np.arange(1, len(surface.points) + 1)
        gmsh.model.mesh.addNodes(2, skin, numbers, surface.points.ravel())
        gmsh.model.mesh.addElementsByType(skin, 2, [], (surface.triangles + 1).ravel())
        gmsh.model.geo.addVolume([gmsh.model.geo.addSurfaceLoop([skin])])
        gmsh.model.geo.synchronize()
        with TemporaryDirectory() as folder:
            _set_size(gmsh, surface, size, Path(folder) / "size.bin")
            try:
                gmsh.model.mesh.generate(3)
            except Exception as error:  # Gmsh raises bare Exception
                raise MeshError(
                    explain(
                        "Gmsh could not fill the bone's surface.",
                        where="volume mesh",
                        got=str(error),
                        allowed="a surface that does not cross itself",
                        next_step="use a smaller mesh.sampling or mesh.size",
                    )
                ) from error
        tags, coordinates, _ = gmsh.model.mesh.getNodes()
        nodes = gmsh.model.mesh.getElementsByType(4)[1]
    finally:
        gmsh.finalize()
    if len(nodes) == 0:
        raise MeshError(
            explain(
                "Gmsh made no tetrahedra.",
                where="volume mesh",
                got="an empty volume",
                allowed="a filled bone",
                next_step="use a smaller mesh.sampling or mesh.size",
            )
        )
    position = np.full(int(tags.max()) + 1, -1, dtype=np.int64)
    position[tags.astype(np.int64)] = np.arange(len(tags))
    cells = position[nodes.astype(np.int64)].reshape(-1, 4)
    return tidy(Tetrahedra(coordinates.reshape(-1, 3), cells, np.ones(len(cells), dtype=np.int64)))


def _set_size(gmsh: Any, surface: Surface, size: SizeField, path: Path) -> None:
    """Hand the size field to Gmsh on a grid (a ``Structured`` field in its binary format, z fastest)."""
    grid = Grid.over((surface.points.min(axis=0), surface.points.max(axis=0)), SIZE_GRID_SPACING)
    nx, ny, nz = grid.dimensions
    asked = about_solid(grid, surface)
    sizes = evaluate(size, grid.points(asked))
    values = np.full(len(asked), sizes.max())  # no cell of the solid reads the others
    values[asked] = sizes
    with path.open("wb") as file:
        grid.origin.astype(np.float64).tofile(file)
        np.full(3, grid.spacing).tofile(file)
        np.array(grid.dimensions, dtype=np.int32).tofile(file)
        np.ascontiguousarray(values.reshape(nz, ny, nx).transpose(2, 1, 0)).tofile(file)
    field = gmsh.model.mesh.field.add("Structured")
    gmsh.model.mesh.field.setString(field, "FileName", str(path))
    gmsh.model.mesh.field.setNumber(field, "TextFormat", 0)
    gmsh.model.mesh.field.setAsBackgroundMesh(field)


def about_solid(grid: Grid, surface: Surface) -> BoolArray:
    """(n,) points of a grid that lie in a closed surface or at most two steps from it: a ring fills a tenth of its box."""
    corners = surface.points[surface.triangles]
    longest = float(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max())
    # Places on every triangle, no farther from each other than a step of the grid.
    parts = int(np.ceil(longest / grid.spacing))
    i, j = (index.ravel() for index in np.meshgrid(np.arange(parts + 1), np.arange(parts + 1)))
    shares = np.stack([i, j, parts - i - j], axis=1)[i + j <= parts] / parts
    skin = np.zeros(grid.dimensions[::-1], dtype=np.bool_)
    for share in shares:
        place = np.round((np.einsum("i,kij->kj", share, corners) - grid.origin) / grid.spacing).astype(np.int64)
        skin[place[:, 2], place[:, 1], place[:, 0]] = True
    around = np.ones((3, 3, 3), dtype=np.bool_)
    skin = binary_dilation(skin, around)
    # The shell is closed and three points thick: what hangs together with the box's corner lies outside.
    pieces, _ = label(~skin)
    outside = pieces == pieces[0, 0, 0]
    return np.asarray(binary_dilation(~outside, around)).ravel()
