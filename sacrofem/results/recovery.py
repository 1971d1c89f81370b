"""A smoother strain from that of the elements: superconvergent patch recovery (Zienkiewicz and Zhu 1992), region by region.

About every vertex a polynomial of the displacement's order is fitted to the strains sampled in the cells around it. A patch
holds cells of one region and of one side of a fracture alone: vertices on a fracture stand once for each side, and a vertex on
the border of two materials has a patch in each. Strain jumps where the stiffness does, and so does the recovered one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from sacrofem.results.fields import EDGE_BETWEEN, barycentric_slopes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: (corners of a cell, order) -> cells that a patch needs for its polynomial: more than would just do.
_FEWEST_CELLS = {(4, 1): 8, (4, 2): 10, (3, 1): 5, (3, 2): 5}
#: Rings of cells that a poorer patch, at an edge of the bone or in a small region, may be widened by.
_MOST_RINGS = 2
#: Keeps the linear and the quadratic part definite where the cells of a patch do not tell them, so that it falls back to the
#: part that they tell; relative to the constant's own weight (in patch coordinates moments of the quadratic part are some 5e-3).
_RIDGE = (1e-8, 1e-6)
#: Corners of a cell -> points of the quadrature of degree 2, barycentric, where the strain of quadratic elements is sampled.
_NEAR, _FAR = (5.0 + 3.0 * np.sqrt(5.0)) / 20.0, (5.0 - np.sqrt(5.0)) / 20.0
_SAMPLES = {4: np.full((4, 4), _FAR) + (_NEAR - _FAR) * np.eye(4), 3: np.full((3, 3), 1.0 / 6.0) + 0.5 * np.eye(3)}
#: Corners of a cell -> vertices at the ends of each local edge.
EDGES = {
    4: np.array([next((i, j) for i, j in combinations(range(4), 2) if EDGE_BETWEEN[i, j] == e) for e in range(6)]),
    3: np.array([(0, 1), (1, 2), (2, 0)]),
}


def vertex_strain(points: FloatArray, cells: IntArray, displacement: FloatArray) -> FloatArray:
    """Strain of a displacement at the vertices of every cell, where it is linear in between.

    Args:
        points: (n, 3) mm.
        cells: (m, 4 or 10) point numbers.
        displacement: (n, 3) mm.

    Returns:
        (m, 4, 3, 3) small strain; the same at all four for linear elements.
    """
    slopes = barycentric_slopes(points, cells)
    values = displacement[cells]
    if cells.shape[1] == 4:
        gradient = np.repeat(np.einsum("mia,mib->mab", values, slopes)[:, None], 4, axis=1)
    else:
        gradient = np.empty((len(cells), 4, 3, 3))
        for k in range(4):
            # At vertex k: N_k has the slope 3 g_k, N_i the slope -g_i, the edge k-i the slope 4 g_i.
            gradient[:, k] = 3.0 * np.einsum("ma,mb->mab", values[:, k], slopes[:, k])
            for i in set(range(4)) - {k}:
                own = 4.0 * values[:, 4 + EDGE_BETWEEN[k, i]] - values[:, i]
                gradient[:, k] += np.einsum("ma,mb->mab", own, slopes[:, i])
    strain: FloatArray = 0.5 * (gradient + gradient.transpose(0, 1, 3, 2))
    return strain


def vertex_forces(points: FloatArray, cells: IntArray, weights: FloatArray) -> FloatArray:
    """The transpose of :func:`vertex_strain`: forces f with f . u = sum of weights : strain(u) for every displacement u.

    Args:
        points: (n, 3) mm.
        cells: (m, 4 or 10) point numbers.
        weights: (m, 4, 3, 3) of the strain at the vertices of every cell.

    Returns:
        (n, 3).
    """
    slopes = barycentric_slopes(points, cells)
    symmetric = 0.5 * (weights + weights.transpose(0, 1, 3, 2))
    along = np.einsum("mkab,mib->mkia", symmetric, slopes)  # of vertex k, along the slope of the coordinate i
    if cells.shape[1] == 4:
        forces = along.sum(axis=1)
    else:
        forces = np.zeros((*cells.shape, 3))
        for k in range(4):
            forces[:, k] += 3.0 * along[:, k, k]
            for i in set(range(4)) - {k}:
                forces[:, 4 + EDGE_BETWEEN[k, i]] += 4.0 * along[:, k, i]
                forces[:, i] -= along[:, k, i]
    return np.stack([np.bincount(cells.ravel(), forces[..., a].ravel(), len(points)) for a in range(3)], axis=1)


@dataclass(frozen=True)
class Recovery:
    """The patches of a mesh of tetrahedra or of triangles, ready for any displacement on it.

    Attributes:
        order: Polynomial order of displacement and recovered strain.
        patches: (m, c) patch of every corner of every cell.
        incidence: Patches x cells, 1 where a cell belongs to a patch.
        monomials: (m, s, b) monomials at the sample points of every cell, about the mesh's middle.
        weights: (m,) weight of a sample, mm^3 or mm^2.
        origins: (p, 3) vertex of every patch, about the mesh's middle, mm.
        sizes: (p,) extent of every patch, mm.
        inverses: (p, b, b) inverse normal matrices, in patch coordinates.
    """

    order: int
    patches: IntArray
    incidence: csr_matrix
    monomials: FloatArray
    weights: FloatArray
    origins: FloatArray
    sizes: FloatArray
    inverses: FloatArray

    @classmethod
    def of(cls, points: FloatArray, cells: IntArray, regions: IntArray, order: int | None = None) -> Recovery:
        """Make the patches.

        Args:
            points: (n, 3) mm; points on fractures once for each side.
            cells: (m, 4 or 10) point numbers of tetrahedra, or (m, 3) of triangles.
            regions: (m,) region of every cell.
            order: Polynomial order; by default that of the tetrahedra.
        """
        order = order or (2 if cells.shape[1] == 10 else 1)
        ends = cells[:, : min(cells.shape[1], 4)]
        kind = ends.shape[1]
        corners = points[ends] - points.mean(axis=0)
        sides = corners[:, 1:] - corners[:, :1]
        if kind == 4:
            volumes = np.abs(np.linalg.det(sides)) / 6.0
        else:
            volumes = 0.5 * np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
        keys = ends * (int(regions.max()) + 1) + regions[:, None]
        unique, first, patches = np.unique(keys.ravel(), return_index=True, return_inverse=True)
        patches = patches.reshape(-1, kind)
        count = len(unique)
        owners = np.repeat(np.arange(len(cells)), kind)
        incidence = csr_matrix((np.ones(owners.size), (patches.ravel(), owners)), shape=(count, len(cells)))
        incidence = _widen(incidence, _FEWEST_CELLS[kind, order])
        sampled = corners.mean(axis=1)[:, None] if order == 1 else np.einsum("si,mia->msa", _SAMPLES[kind], corners)
        monomials = _monomials(sampled, order)
        weights = volumes / monomials.shape[1]
        origins = corners.reshape(-1, 3)[first]
        sizes = np.asarray(incidence @ volumes) ** (1.0 / (kind - 1))
        moments = np.einsum("m,msi,msj->mij", weights, monomials, monomials).reshape(len(cells), -1)
        size = monomials.shape[2]
        shift = _shift(origins, sizes, order)
        normal = shift @ (incidence @ moments).reshape(count, size, size) @ shift.transpose(0, 2, 1)
        normal += normal[:, :1, :1] * np.diag([0.0, *[_RIDGE[0]] * 3, *[_RIDGE[1]] * (size - 4)])
        return cls(order, patches, incidence, monomials, weights, origins, sizes, np.linalg.inv(normal))

    def recover(self, strain: FloatArray) -> FloatArray:
        """The recovered strain at the nodes of every cell.

        Args:
            strain: (m, c, 3, 3) strain at the corners of every cell, linear in between, from :func:`vertex_strain`.

        Returns:
            (m, c or more, 3, 3): at corners, then (order 2) at the middles of edges; continuous within a region.
        """
        kind = self.patches.shape[1]
        flat = strain.reshape(len(strain), kind, 9)
        samples = flat[:, :1] if self.order == 1 else np.einsum("si,mic->msc", _SAMPLES[kind], flat)
        moments = np.einsum("m,msi,msc->mic", self.weights, self.monomials, samples).reshape(len(strain), -1)
        right = (self.incidence @ moments).reshape(len(self.origins), -1, 9)
        fitted = self.inverses @ (_shift(self.origins, self.sizes, self.order) @ right)
        edges = EDGES[kind] if self.order == 2 else np.zeros((0, 2), dtype=np.int64)
        found = np.empty((len(strain), kind + len(edges), 9))
        found[:, :kind] = fitted[self.patches, 0]  # a patch's polynomial at its own vertex is its constant
        if self.order == 2:
            for edge, ends in enumerate(edges):
                start, end = (self.patches[:, i] for i in ends)
                half = 0.5 * (self.origins[end] - self.origins[start])
                found[:, kind + edge] = 0.5 * (self._at(fitted, start, half) + self._at(fitted, end, -half))
        return found.reshape(*found.shape[:2], 3, 3)

    def recover_transposed(self, weights: FloatArray) -> FloatArray:
        """The transpose of :meth:`recover`.

        Args:
            weights: (m, c or more, 3, 3) of the recovered strain at the nodes of every cell.

        Returns:
            (m, c, 3, 3) of the strain at the corners of every cell.
        """
        kind, cells, count = self.patches.shape[1], len(weights), len(self.origins)
        flat = weights.reshape(cells, -1, 9)
        right = np.zeros((count, self.monomials.shape[2], 9))
        right[:, 0] = _sum_into(self.patches.ravel(), flat[:, :kind].reshape(-1, 9), count)
        if self.order == 2:
            for edge, ends in enumerate(EDGES[kind]):
                start, end = (self.patches[:, i] for i in ends)
                half = 0.5 * (self.origins[end] - self.origins[start])
                for patches, step in ((start, half), (end, -half)):
                    local = self._local(patches, step)
                    for i in range(right.shape[1]):
                        right[:, i] += _sum_into(patches, 0.5 * local[:, [i]] * flat[:, kind + edge], count)
        moments = _shift(self.origins, self.sizes, self.order).transpose(0, 2, 1) @ (self.inverses.transpose(0, 2, 1) @ right)
        of_cells = (self.incidence.T @ moments.reshape(count, -1)).reshape(cells, -1, 9)
        samples = np.einsum("m,msi,mic->msc", self.weights, self.monomials, of_cells)
        if self.order == 1:  # the sample is that of the first corner, for all are alike
            corners = np.zeros((cells, kind, 9))
            corners[:, :1] = samples
        else:
            corners = np.einsum("si,msc->mic", _SAMPLES[kind], samples)
        return corners.reshape(cells, kind, 3, 3)

    def _at(self, fitted: FloatArray, patches: IntArray, steps: FloatArray) -> FloatArray:
        """Values of the patches' polynomials at ``steps`` from their vertices."""
        return np.einsum("mi,mic->mc", self._local(patches, steps), fitted[patches])

    def _local(self, patches: IntArray, steps: FloatArray) -> FloatArray:
        """(m, b) monomials of patches at ``steps`` from their vertices."""
        return _monomials((steps / self.sizes[patches][:, None])[:, None], self.order)[:, 0]


def _sum_into(places: IntArray, values: FloatArray, count: int) -> FloatArray:
    """(count, c) sums of the rows of values that go to each place."""
    return np.stack([np.bincount(places, column, count) for column in values.T], axis=1)


def _monomials(places: FloatArray, order: int) -> FloatArray:
    """1, x, y, z and (order 2) xx, xy, xz, yy, yz, zz at (m, s, 3) places."""
    columns = [np.ones(places.shape[:2]), *(places[..., i] for i in range(3))]
    if order == 2:
        columns += [places[..., i] * places[..., j] for i in range(3) for j in range(i, 3)]
    return np.stack(columns, axis=-1)


def _shift(origins: FloatArray, sizes: FloatArray, order: int) -> FloatArray:
    """(p, b, b) matrices that turn monomials of x into monomials of (x - origin) / size."""
    size = 4 if order == 1 else 10
    shift = np.zeros((len(origins), size, size))
    shift[:, 0, 0] = 1.0
    for i in range(3):
        shift[:, 1 + i, 0], shift[:, 1 + i, 1 + i] = -origins[:, i] / sizes, 1.0 / sizes
    if order == 2:
        pairs = [(i, j) for i in range(3) for j in range(i, 3)]
        for row, (i, j) in enumerate(pairs, start=4):
            shift[:, row, 0] = origins[:, i] * origins[:, j]
            shift[:, row, 1 + i] -= origins[:, j]
            shift[:, row, 1 + j] -= origins[:, i]
            shift[:, row, row] = 1.0
            shift[:, row] /= (sizes**2)[:, None]
    return shift


def _widen(incidence: csr_matrix, fewest: int) -> csr_matrix:
    """Add rings of neighbours (through vertices, within the region) to patches of too few cells."""
    for _ in range(_MOST_RINGS):
        poor = np.flatnonzero(np.diff(incidence.indptr) < fewest)
        if not len(poor):
            break
        touched = incidence[poor] @ incidence.T
        rings = csr_matrix(touched @ incidence)
        rings.data[:] = 1.0
        keep = np.ones(incidence.shape[0])
        keep[poor] = 0.0
        place = csr_matrix((np.ones(len(poor)), (poor, np.arange(len(poor)))), shape=(incidence.shape[0], len(poor)))
        incidence = csr_matrix(incidence.multiply(keep[:, None])) + place @ rings
        incidence.eliminate_zeros()
    return csr_matrix(incidence)
