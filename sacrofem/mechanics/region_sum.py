"""Bulk stiffness as a sum over regions, A = sum of s_g A_g: another bone is another set of factors, not another assembly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

import numpy as np
from dolfinx import fem
from dolfinx.fem import petsc
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.mechanics.distribution import DistributedMesh

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Moduli of a group's cells have scaled together where their ratios to the first ones differ by no more than this share.
_SAME = 1e-12


class RegionSum:
    """The stiffness of every group of cells for the moduli at its making; collective.

    Args:
        integrate: Makes the form of the bulk of some owned cells alone.
        young: Young's modulus of every cell, MPa.
        poisson: Poisson's ratio of every cell.
        groups: (local cells,) number of each cell's group, from 0.
        count: Number of groups, over all ranks.
        kind: PETSc's type of the matrix that is added to.
    """

    def __init__(
        self,
        integrate: Callable[[NDArray[np.int32]], fem.Form],
        young: fem.Function,
        poisson: fem.Function,
        groups: IntArray,
        count: int,
        kind: str,
    ) -> None:
        topology = young.function_space.mesh.topology
        self.comm: MPI.Comm = young.function_space.mesh.comm
        self.young, self.poisson, self.groups = young, poisson, groups
        self._first_young, self._first_poisson = young.x.array.copy(), poisson.x.array.copy()
        self.parts: list[PETSc.Mat] = []
        for group in range(count):
            part = integrate(np.flatnonzero(groups[: topology.index_map(3).size_local] == group).astype(np.int32))
            matrix = petsc.create_matrix(part, kind)
            petsc.assemble_matrix(matrix, part)
            matrix.assemble()
            self.parts.append(matrix)

    def add(self, matrix: PETSc.Mat) -> bool:
        """Add the stiffness for the moduli as they are now to an assembled matrix.

        Args:
            matrix: Has room for every part.

        Returns:
            Whether it could: the moduli of every group must have scaled together.
        """
        factors = self._factors()
        if factors is None:
            logger.info("moduli have not scaled by region: the sum over regions is made anew")
            return False
        for factor, part in zip(factors, self.parts, strict=True):
            matrix.axpy(float(factor), part, PETSc.Mat.Structure.SUBSET_NONZERO_PATTERN)
        return True

    def _factors(self) -> FloatArray | None:
        ratios = self.young.x.array / self._first_young
        low, high = np.full(len(self.parts), np.inf), np.full(len(self.parts), -np.inf)
        np.minimum.at(low, self.groups, ratios)
        np.maximum.at(high, self.groups, ratios)
        bent = float(np.abs(self.poisson.x.array - self._first_poisson).max(initial=0.0))
        self.comm.Allreduce(MPI.IN_PLACE, low, MPI.MIN)
        self.comm.Allreduce(MPI.IN_PLACE, high, MPI.MAX)
        if self.comm.allreduce(bent, MPI.MAX) > 0.0 or (high - low > _SAME * high).any():
            return None
        return high


def group_by_scaling(distributed: DistributedMesh, regions: IntArray, stiffened: Collection[str]) -> tuple[int, IntArray]:
    """Groups of cells whose moduli scale together: by the bone they are, or are stiffened from; all else is one more.

    Args:
        distributed: The mesh on the ranks.
        regions: (m,) region numbers as solved.
        stiffened: Names of regions that are as many times as stiff as the bone they are in.

    Returns:
        Number of groups over all ranks, and (local cells,) the number of each cell's.
    """
    source = distributed.source
    with_host = [number for number, name in source.region_names.items() if name in stiffened]
    of_bone = (regions == source.host_regions) | np.isin(regions, with_host)
    names, groups = np.unique(np.where(of_bone, source.host_regions, -1), return_inverse=True)
    return len(names), groups[distributed.original_cells]
