"""Every tetrahedron cut into eight: a mesh of a size that would take many minutes to make, with the same regions and surfaces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sacrofem.mesh.model import ModelMesh

IntArray = NDArray[np.int64]

#: Corners of the edges; middle k is that of edge k.
_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
#: The four children at the corners, of corners 0 to 3 and middles 4 to 9.
_OUTER = ((0, 4, 5, 6), (4, 1, 7, 8), (5, 7, 2, 9), (6, 8, 9, 3))
#: The octahedron between them by each of its diagonals: opposite middles, and the others in turn about it.
_DIAGONALS = (((4, 9), (5, 7, 8, 6)), ((5, 8), (4, 6, 9, 7)), ((6, 7), (4, 8, 9, 5)))


def refine(mesh: ModelMesh) -> ModelMesh:
    """Cut every cell into eight and every facet of a surface into four; the octahedron within by its shortest diagonal.

    Args:
        mesh: The mesh.

    Returns:
        The finer mesh; its measures are those of the coarser.
    """
    count = len(mesh.points)
    ends = np.sort(np.stack([mesh.cells[:, edge] for edge in _EDGES], axis=1), axis=2)
    keys, middle = np.unique(ends[..., 0] * count + ends[..., 1], return_inverse=True)
    points = np.concatenate([mesh.points, 0.5 * (mesh.points[keys // count] + mesh.points[keys % count])])
    nodes = np.column_stack([mesh.cells, count + middle.reshape(-1, 6)])
    lengths = np.stack([np.linalg.norm(points[nodes[:, a]] - points[nodes[:, b]], axis=1) for (a, b), _ in _DIAGONALS])
    shortest = np.argmin(lengths, axis=0)
    inner = np.empty((len(nodes), 4, 4), dtype=np.int64)
    for number, ((a, b), ring) in enumerate(_DIAGONALS):
        here = shortest == number
        for place in range(4):
            inner[here, place] = nodes[here][:, [a, b, ring[place], ring[(place + 1) % 4]]]
    cells = np.concatenate([np.stack([nodes[:, child] for child in _OUTER], axis=1), inner], axis=1).reshape(-1, 4)
    corners = points[cells]
    turned = np.linalg.det(corners[:, 1:] - corners[:, :1]) < 0
    cells[turned] = cells[turned][:, [1, 0, 2, 3]]

    def cut(triangles: IntArray) -> IntArray:
        pairs = np.sort(np.stack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]], axis=1), axis=2)
        d, e, f = (count + np.searchsorted(keys, pairs[..., 0] * count + pairs[..., 1])).T
        a, b, c = triangles.T
        children = [(a, d, f), (d, b, e), (f, e, c), (d, e, f)]
        return np.stack([np.stack(child, axis=1) for child in children], axis=1).reshape(-1, 3)

    return replace(
        mesh,
        points=points,
        cells=cells,
        regions=np.repeat(mesh.regions, 8),
        host_regions=np.repeat(mesh.host_regions, 8),
        surfaces={name: cut(triangles) for name, triangles in mesh.surfaces.items()},
        digest=f"{mesh.digest}-refined",
    )
