"""Springs between the mean motions of patches: few of them, so that they add a matrix of low rank.

An elongation q = B u is a linear function of the displacement (:class:`sacrofem.mechanics.patches.PatchMotions` makes such
functions), and the springs' energy is 1/2 q^T K q. Their matrix B^T K B would fill the stiffness matrix wherever two patches
meet, and no multigrid hierarchy would see through it: it is applied, never assembled, and the preconditioner is that of the
assembled matrix alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc
from scipy.linalg import block_diag
from scipy.sparse import csr_array, vstack

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Coupling:
    """Linear springs of which each may depend on the others: a beam or a plate condensed to the patches it holds, say.

    Attributes:
        name: What messages and results call it.
        rows: (k, owned dofs) elongations of the displacement, this rank's columns.
        stiffness: (k, k), symmetric and not negative; N/mm for elongations in mm, N mm for rotations.
        stiff: Whether it is much stiffer than the bone it holds, so that the preconditioner must take account of it: that costs
            one application of it for each row whenever it is set up.
    """

    name: str
    rows: csr_array
    stiffness: FloatArray
    stiff: bool = False


class CoupledMatrix:
    """The matrix A + B^T K B, A assembled and the rest applied; collective.

    Args:
        matrix: A, block size 3.
        couplings: The springs.

    Attributes:
        operator: The whole as a PETSc matrix; A itself where there are no couplings.
    """

    def __init__(self, matrix: PETSc.Mat, couplings: Sequence[Coupling] = ()) -> None:
        self.matrix, self.couplings = matrix, tuple(couplings)
        self.comm: MPI.Comm = matrix.comm.tompi4py()
        self.operator = matrix
        sizes = [len(coupling.stiffness) for coupling in self.couplings]
        ends = np.cumsum([0, *sizes])
        self.places = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        if self.couplings:
            self.rows = csr_array(vstack([coupling.rows for coupling in self.couplings]))
            self.columns = csr_array(self.rows.T)
            self.operator = PETSc.Mat().createPython(matrix.getSizes(), context=self, comm=matrix.comm)
            self.operator.setUp()
            self.operator.setOption(PETSc.Mat.Option.SPD, True)

    def stiff_springs(self) -> tuple[csr_array, FloatArray] | None:
        """Rows and stiffness of the stiff couplings, for the preconditioner."""
        stiff = [coupling for coupling in self.couplings if coupling.stiff]
        if not stiff:
            return None
        return csr_array(vstack([c.rows for c in stiff])), block_diag(*[c.stiffness for c in stiff])

    def elongations(self, vector: PETSc.Vec) -> FloatArray:
        """(k,) elongations of all springs, in the order of the couplings, on every rank; collective."""
        if not self.couplings:
            return np.zeros(0)
        own = self.rows @ vector.getArray(readonly=True)
        whole = np.empty_like(own)
        self.comm.Allreduce(own, whole)
        return whole

    def forces(self, elongations: FloatArray) -> FloatArray:
        """(k,) K q, coupling by coupling."""
        parts = [coupling.stiffness @ elongations[place] for coupling, place in zip(self.couplings, self.places, strict=True)]
        return np.concatenate([np.zeros(0), *parts])

    def mult(self, _: PETSc.Mat, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """Write (A + B^T K B) x into y; PETSc calls it."""
        self.matrix.mult(x, y)
        pull = self.columns @ self.forces(self.elongations(x))
        with y as values:
            values += pull
