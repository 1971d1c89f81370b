"""Springs between the mean motions of patches: few of them, so that they add a matrix of low rank.

An elongation q = B u is a linear function of the displacement (:class:`sacrofem.mechanics.patches.PatchMotions` makes such
functions), and the springs' energy is 1/2 q^T K q. Their matrix B^T K B would fill the stiffness matrix wherever two patches
meet, and no multigrid hierarchy would see through it: it is applied, never assembled, and the hierarchy is that of the
assembled matrix alone.

Springs that only pull have tension T(q) = k max(q - rest, 0). The shape that is meshed is the shape at rest, in equilibrium with
whatever tension there is, so that a displacement is resisted by T(q) - T(0) (T(0) > 0: preload; rest > 0: slack). While a
set of them is taut, that is k q where taut, less a constant g.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc
from scipy.linalg import block_diag
from scipy.sparse import csr_array, vstack

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Coupling:
    """Springs of which each may depend on the others: a beam or a plate condensed to the patches it holds, or ligaments.

    Attributes:
        name: What messages and results call it.
        rows: (k, owned dofs) elongations of the displacement, this rank's columns.
        stiffness: (k, k), symmetric and not negative; N/mm for elongations in mm, N mm for rotations.
        stiff: Whether it is much stiffer than the bone it holds, so that the preconditioner must take account of it: that costs
            one application of it for each row whenever it is set up.
        labels: What each spring belongs to, such as a ligament; none for couplings that are no ligaments.
        rest: (k,) elongation at which each spring carries nothing, mm; none: 0.
        tension_only: Whether each spring pulls alone; needs a diagonal stiffness.
    """

    name: str
    rows: csr_array
    stiffness: FloatArray
    stiff: bool = False
    labels: tuple[str, ...] = ()
    rest: FloatArray | None = None
    tension_only: bool = False


class CoupledMatrix:
    """The matrix A + B^T K B, A assembled and the rest applied; collective.

    Args:
        matrix: A, block size 3.
        couplings: The springs.

    Attributes:
        operator: The whole as a PETSc matrix; A itself where there are no couplings.
        taut: (k,) which springs act now; those that may push always do.
        one_sided: Whether some springs pull alone.
        labels: (k) what each spring belongs to; empty where it has no label.
    """

    def __init__(self, matrix: PETSc.Mat, couplings: Sequence[Coupling] = ()) -> None:
        self.matrix, self.couplings = matrix, tuple(couplings)
        self.comm: MPI.Comm = matrix.comm.tompi4py()
        self.operator = matrix
        sizes = [len(coupling.stiffness) for coupling in self.couplings]
        self.places = [slice(int(a), int(b)) for a, b in pairwise(np.cumsum([0, *sizes]))]
        self.labels = tuple(
            label for c, size in zip(self.couplings, sizes, strict=True) for label in c.labels or (c.name,) * size
        )
        if self.couplings:
            self.rows = csr_array(vstack([coupling.rows for coupling in self.couplings]))
            self.columns = csr_array(self.rows.T)
            self.operator = PETSc.Mat().createPython(matrix.getSizes(), context=self, comm=matrix.comm)
            self.operator.setUp()
            self.operator.setOption(PETSc.Mat.Option.SPD, True)
        self._pulls = self._gathered(lambda c, size: np.full(size, c.tension_only), bool)
        self._rest = self._gathered(lambda c, size: np.zeros(size) if c.rest is None else c.rest, float)
        self._diagonal = self._gathered(lambda c, _: np.diag(c.stiffness), float)
        self.one_sided = bool(self._pulls.any())
        self.slacken(np.zeros(sum(sizes)))

    def _gathered(self, of: Callable[[Coupling, int], NDArray[Any]], kind: type) -> NDArray[Any]:
        """(k,) a figure of every spring."""
        parts = [of(coupling, len(coupling.stiffness)) for coupling in self.couplings]
        return np.concatenate([np.zeros(0, dtype=kind), *parts])

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

    def slacken(self, elongations: FloatArray) -> bool:
        """Let the springs that only pull act where they are taut at these elongations; whether one of them changed."""
        before = getattr(self, "taut", None)
        # At rest a spring without slack or preload counts as taut: it will be, or the search lets it go.
        self.taut = ~self._pulls | (elongations >= self._rest)
        return before is None or bool((before != self.taut).any())

    def tangent(self, elongations: FloatArray) -> FloatArray:
        """(k,) K q of the springs that act."""
        parts = [c.stiffness @ elongations[place] for c, place in zip(self.couplings, self.places, strict=True)]
        return np.where(self.taut, np.concatenate([np.zeros(0), *parts]), 0.0)

    def constant(self) -> FloatArray:
        """(k,) g: what the resisting forces fall short of the tangent's, k rest + T(0) where taut, T(0) where slack."""
        preload = self._diagonal * np.maximum(-self._rest, 0.0)
        return np.where(self._pulls, preload + np.where(self.taut, self._diagonal * self._rest, 0.0), 0.0)

    def resist(self, elongations: FloatArray) -> FloatArray:
        """(k,) forces that resist these elongations, whatever is taut now: T(q) - T(0), or K q."""
        linear = [c.stiffness @ elongations[place] for c, place in zip(self.couplings, self.places, strict=True)]
        pull = self._diagonal * (np.maximum(elongations - self._rest, 0.0) - np.maximum(-self._rest, 0.0))
        return np.where(self._pulls, pull, np.concatenate([np.zeros(0), *linear]))

    def resist_state(self, u: PETSc.Vec, forces: PETSc.Vec) -> None:
        """Write A u + B^T f(B u) into ``forces``, the springs as they are at u, whatever is taut now; collective."""
        self.matrix.mult(u, forces)
        self.spread(self.resist(self.elongations(u)), forces)

    def tensions(self, elongations: FloatArray) -> FloatArray:
        """(k,) what the springs carry, preload included."""
        preload = self._diagonal * np.where(self._pulls, np.maximum(-self._rest, 0.0), -self._rest)
        return self.resist(elongations) + preload

    def sum_tensions(self, elongations: FloatArray) -> dict[str, float]:
        """Label -> sum of the tensions of its springs, N."""
        sums = dict.fromkeys(filter(None, self.labels), 0.0)
        for label, tension in zip(self.labels, self.tensions(elongations), strict=True):
            if label:
                sums[label] += float(tension)
        return sums

    def energy(self, elongations: FloatArray) -> float:
        """Work of the resisting forces from rest, N mm."""
        stretch, start = np.maximum(elongations - self._rest, 0.0), np.maximum(-self._rest, 0.0)
        pull = 0.5 * self._diagonal * (stretch**2 - start**2) - self._diagonal * start * elongations
        return float(np.where(self._pulls, pull, 0.5 * self.resist(elongations) * elongations).sum())

    def spread(self, forces: FloatArray, vector: PETSc.Vec) -> None:
        """Add B^T f to a vector."""
        if self.couplings:
            with vector as values:
                values += self.columns @ forces

    def add_product(self, x: FloatArray, y: FloatArray) -> None:
        """Add B^T K B x to y, blocks (rows of this rank, K), for the springs that act; collective."""
        own = self.rows @ x
        whole = np.empty_like(own)
        self.comm.Allreduce(own, whole)
        parts = [c.stiffness @ whole[place] for c, place in zip(self.couplings, self.places, strict=True)]
        y += self.columns @ np.where(self.taut[:, None], np.concatenate(parts), 0.0)

    def mult(self, _: PETSc.Mat, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """Write (A + B^T K B) x into y; PETSc calls it."""
        self.matrix.mult(x, y)
        self.spread(self.tangent(self.elongations(x)), y)
