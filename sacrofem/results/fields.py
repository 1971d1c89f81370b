"""The fields of one solved case as plain arrays, nodes doubled on the fractures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Local edge between two local vertices of a tetrahedron, in the numbering of DOLFINx; -1 on the diagonal.
EDGE_BETWEEN = np.array([[-1, 5, 4, 3], [5, -1, 2, 1], [4, 2, -1, 0], [3, 1, 0, -1]])


@dataclass(frozen=True)
class FractureFaces:
    """The two faces of a fracture, facet by facet; the medial face comes first.

    Attributes:
        nodes: (f, 2, 3 or 6) point numbers of the medial and of the lateral face: three corners, and with quadratic
            elements the nodes between the first and second, second and third, third and first corner. Corners are
            ordered so that the normal points from the medial side to the lateral.
        welded: (f,) whether a treatment bridges the fracture there; both faces then have the same points.
    """

    nodes: IntArray
    welded: NDArray[np.bool_]


@dataclass(frozen=True)
class CaseFields:
    """One solved case, in the order of the source mesh's cells; the same on any number of ranks.

    Attributes:
        points: (n, 3) coordinates, mm; a point on a fracture stands once for each of its sides.
        cells: (m, 4 or 10) point numbers, in the order of DOLFINx: vertices, then edges.
        displacement: (n, 3) mm.
        regions: (m,) region numbers as solved.
        young: (m,) Young's modulus, MPa.
        poisson: (m,) Poisson's ratio.
        fractures: Fracture name -> its faces.
    """

    points: FloatArray
    cells: IntArray
    displacement: FloatArray
    regions: IntArray
    young: FloatArray
    poisson: FloatArray
    fractures: dict[str, FractureFaces]

    @property
    def order(self) -> int:
        """Polynomial order of the displacement, 1 or 2."""
        return 1 if self.cells.shape[1] == 4 else 2


def barycentric_slopes(points: FloatArray, cells: IntArray) -> FloatArray:
    """(m, 4, 3) gradients of the barycentric coordinates of tetrahedra, 1/mm.

    Args:
        points: (n, 3) mm.
        cells: (m, 4 or 10) point numbers, vertices first.
    """
    corners = points[cells[:, :4]]
    # Rows of the inverse are the gradients of the barycentric coordinates 1, 2, 3.
    inverse = np.linalg.inv(corners[:, 1:] - corners[:, :1]).transpose(0, 2, 1)
    return np.concatenate([-inverse.sum(axis=1, keepdims=True), inverse], axis=1)


def pair_faces(mesh_cells: IntArray, case_cells: IntArray, triangles: IntArray, sides: IntArray) -> IntArray:
    """Find the points of both faces of fracture facets.

    Args:
        mesh_cells: (m, 4) node numbers of the source mesh.
        case_cells: (m, 4 or 10) point numbers of the case.
        triangles: (f, 3) node numbers of the facets.
        sides: (f, 2) cells beside each facet.

    Returns:
        (f, 2, 3 or 6) point numbers; see :class:`FractureFaces`.
    """
    faces = []
    for side in (0, 1):
        cells = sides[:, side]
        corners = np.stack([np.argmax(mesh_cells[cells] == triangles[:, [i]], axis=1) for i in range(3)], axis=1)
        if case_cells.shape[1] == 10:
            between = [4 + EDGE_BETWEEN[corners[:, a], corners[:, b]] for a, b in ((0, 1), (1, 2), (2, 0))]
            corners = np.hstack([corners, np.stack(between, axis=1)])
        faces.append(np.take_along_axis(case_cells[cells], corners, axis=1))
    return np.stack(faces, axis=1)
