"""A problem as arrays, which every peer can read without sacrofem."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Files of a problem: for peers in Python, for CalculiX, and (p, 3) the displacement at the probes.
ARRAYS, INPUT, PROBES = "arrays.npz", "problem.inp", "probes.npy"


@dataclass(frozen=True)
class Arrays:
    """A linear problem.

    Attributes:
        points: (n, 3) mm; doubled on the fracture.
        cells: (m, 4 or 10) node numbers, corners, then the middles of 1-2, 2-3, 1-3, 1-4, 2-4, 3-4.
        young: (m,) MPa.
        poisson: (m,).
        extra: (3n, 3n) what a peer has no element for: cortex, supports, interface.
        forces: (3n,) N.
        probes: Node numbers where displacements are compared.
    """

    points: FloatArray
    cells: IntArray
    young: FloatArray
    poisson: FloatArray
    extra: csr_matrix
    forces: FloatArray
    probes: IntArray

    def save(self, path: Path) -> None:
        """Write them."""
        extra = {"data": self.extra.data, "indices": self.extra.indices, "indptr": self.extra.indptr}
        names = ("points", "cells", "young", "poisson", "forces", "probes")
        np.savez(path, **{name: getattr(self, name) for name in names}, **extra)

    @classmethod
    def load(cls, path: Path) -> Arrays:
        """Read them."""
        with np.load(path) as kept:
            size = len(kept["forces"])
            extra = csr_matrix((kept["data"], kept["indices"], kept["indptr"]), shape=(size, size))
            names = ("points", "cells", "young", "poisson")
            return cls(*(kept[name] for name in names), extra, kept["forces"], kept["probes"])


def rigid_motions(points: FloatArray) -> FloatArray:
    """(3n, 6) rigid motions of points, three components after each other at each."""
    x, y, z = (points - points.mean(axis=0)).T
    motions = np.zeros((len(points), 3, 6))
    motions[:, [0, 1, 2], [0, 1, 2]] = 1.0
    motions[:, 1, 3], motions[:, 2, 3] = -z, y
    motions[:, 0, 4], motions[:, 2, 4] = z, -x
    motions[:, 0, 5], motions[:, 1, 5] = -y, x
    return motions.reshape(-1, 6)
