"""Small tetrahedral meshes made in memory by sweeping a triangulated plane through layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from sacrofem.mesh.facets import facet_geometry, list_facets
from sacrofem.mesh.model import FloatArray, IntArray, ModelMesh

#: (f, 3, 3) corners of facets -> (f,) whether they belong to a surface.
type Chooser = Callable[[FloatArray], NDArray[np.bool_]]


def rectangle(along: FloatArray, across: FloatArray) -> tuple[FloatArray, IntArray]:
    """A triangulated grid.

    Args:
        along: (a,) coordinates of its columns.
        across: (b,) coordinates of its rows.

    Returns:
        (a b, 2) points and (2 (a - 1)(b - 1), 3) triangles.
    """
    points = np.stack(np.meshgrid(along, across, indexing="ij"), axis=-1).reshape(-1, 2)
    node = np.arange(len(points)).reshape(len(along), len(across))
    a, b, c, d = (part.ravel() for part in (node[:-1, :-1], node[1:, :-1], node[1:, 1:], node[:-1, 1:]))
    return points, np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])


def sector(radii: FloatArray, angles: FloatArray, closed: bool = False) -> tuple[FloatArray, IntArray]:
    """A triangulated sector of a disk about the origin.

    Args:
        radii: (a,) radii of its rings, ascending, without the centre.
        angles: (b,) angles of its spokes, radian, ascending.
        closed: Whether the last spoke is joined to the first: a whole disk.

    Returns:
        (1 + a b, 2) points, the centre first, and the triangles.
    """
    grid = np.stack(np.meshgrid(radii, angles, indexing="ij"), axis=-1).reshape(-1, 2)
    points = np.vstack([np.zeros(2), grid[:, :1] * np.stack([np.cos(grid[:, 1]), np.sin(grid[:, 1])], axis=1)])
    node = 1 + np.arange(len(grid)).reshape(len(radii), len(angles))
    if closed:
        node = np.hstack([node, node[:, :1]])
    fan = np.stack([np.zeros(node.shape[1] - 1, dtype=np.int64), node[0, :-1], node[0, 1:]], axis=1)
    a, b, c, d = (part.ravel() for part in (node[:-1, :-1], node[1:, :-1], node[1:, 1:], node[:-1, 1:]))
    return points, np.concatenate([fan, np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])


def octant(count: int) -> tuple[FloatArray, IntArray]:
    """The triangulated octant x, y, z >= 0 of the unit sphere.

    Args:
        count: Triangles along an edge.

    Returns:
        (n, 3) points and (count^2, 3) triangles.
    """
    index: dict[tuple[int, int], int] = {}
    for i in range(count + 1):
        for j in range(count + 1 - i):
            index[i, j] = len(index)
    flat = np.array([(i, j, count - i - j) for i, j in index], dtype=np.float64)
    # Equal angles along the edges, not equal lengths: triangles of about one size.
    points = np.sin(0.5 * np.pi * flat / count)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    triangles = []
    for i, j in index:
        if i + j < count:
            triangles.append((index[i, j], index[i + 1, j], index[i, j + 1]))
        if i + j < count - 1:
            triangles.append((index[i + 1, j], index[i + 1, j + 1], index[i, j + 1]))
    return points, np.array(triangles)


def sweep(layers: FloatArray, triangles: IntArray) -> tuple[FloatArray, IntArray]:
    """Fill the room between copies of a triangulation with tetrahedra, three to a prism.

    Args:
        layers: (k, n, 3) points of each copy.
        triangles: (t, 3) of one copy.

    Returns:
        (k n, 3) points and (3 t (k - 1), 4) positively oriented cells; neighbours share diagonals, as the diagonal of
        a quadrilateral starts at its smaller node.
    """
    count = layers.shape[1]
    a, b, c = np.sort(triangles, axis=1).T
    cells = []
    for k in range(len(layers) - 1):
        low, high = k * count, (k + 1) * count
        cells.append(np.stack((a + low, b + low, c + low, c + high), axis=1))
        cells.append(np.stack((a + low, b + low, b + high, c + high), axis=1))
        cells.append(np.stack((a + low, a + high, b + high, c + high), axis=1))
    points, joined = layers.reshape(-1, 3), np.concatenate(cells)
    edges = points[joined[:, 1:]] - points[joined[:, :1]]
    turned = np.linalg.det(edges) < 0
    joined[turned] = joined[turned][:, [0, 2, 1, 3]]
    return points, joined


def extrude(plane: tuple[FloatArray, IntArray], heights: FloatArray) -> tuple[FloatArray, IntArray]:
    """Sweep a triangulated plane z = 0 through heights; see :func:`sweep`."""
    points, triangles = plane
    layers = [np.column_stack([points, np.full(len(points), height)]) for height in heights]
    return sweep(np.stack(layers), triangles)


def assemble_mesh(
    grid: tuple[FloatArray, IntArray],
    surfaces: Mapping[str, Chooser],
    regions: IntArray | None = None,
    region_names: Mapping[int, str] | None = None,
) -> ModelMesh:
    """Make a model mesh of points and cells.

    Args:
        grid: Points and cells.
        surfaces: Name -> which facets it holds: of the outer facets, or, for ``fracture:...``, of the inner ones, whose
            normals are turned upward (+z).
        regions: (m,) region of each cell (default: one region, 1).
        region_names: Their names (default: 1 is ``body``).
    """
    points, cells = grid
    found = list_facets(cells)
    inner = found.inner
    _, normals = facet_geometry(points, inner)
    inner = np.where(normals[:, [2]] > 0, inner, inner[:, [0, 2, 1]])
    chosen = {}
    for name, holds in surfaces.items():
        pool = inner if name.startswith("fracture:") else found.outer
        chosen[name] = pool[holds(points[pool])]
    numbers = np.ones(len(cells), dtype=np.int64) if regions is None else regions
    names = dict(region_names or {1: "body"})
    host = np.where(np.isin(numbers, [n for n, name in names.items() if ":" not in name]), numbers, 1)
    return ModelMesh(
        points=points,
        cells=cells.astype(np.int64),
        regions=numbers,
        region_names=names,
        host_regions=host,
        surfaces=chosen,
    )


def on_plane(axis: int, value: float, tolerance: float = 1e-9) -> Chooser:
    """Facets whose corners all have one coordinate."""
    return lambda corners: (np.abs(corners[:, :, axis] - value) < tolerance).all(axis=1)


def nowhere() -> Chooser:
    """No facet."""
    return lambda corners: np.zeros(len(corners), dtype=np.bool_)


def graded(length: float, count: int, growth: float) -> FloatArray:
    """(count + 1,) places from 0 to ``length`` with steps that grow by a factor each."""
    steps = growth ** np.arange(count)
    places: FloatArray = length * np.concatenate([[0.0], np.cumsum(steps) / steps.sum()])
    return places
