"""Conjugate gradients on several right-hand sides at once: one sweep through the matrix serves all of them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from sacrofem.solver.kernels import address, load_kernels

FloatArray = NDArray[np.float64]


#: PETSc's KSPConvergedReason.
_INDEFINITE_PRECONDITIONER, _INDEFINITE_MATRIX = -8, -10


@dataclass(frozen=True)
class Descent:
    """How the search ended.

    Attributes:
        iterations: Of the slowest column.
        residuals: (K,) ||r|| / ||b|| by the recurrence.
        reason: Why it broke off, by PETSc's numbers: -10 where the matrix (p . A p), -8 where the preconditioner (r . z) turned
            out not to be positive; 0 where it did not break off.
        decades: Orders of ten by which the residual fell, in the column where it fell most.
    """

    iterations: int
    residuals: FloatArray
    reason: int
    decades: float


def descend(
    multiply: Callable[[FloatArray], FloatArray],
    precondition: Callable[[FloatArray], FloatArray],
    b: FloatArray,
    tolerance: float,
    most: int,
    comm: MPI.Comm,
    start: FloatArray | None = None,
) -> tuple[FloatArray, Descent]:
    """Solve A X = B; collective.

    Every column has step lengths of its own; a column that has converged rests.

    Args:
        multiply: A times a block (rows of this rank, K).
        precondition: The preconditioner on a block.
        b: (rows of this rank, K); K one of the kernels' widths.
        tolerance: Of ||r|| / ||b||.
        most: Iterations at most.
        comm: Communicator.
        start: (rows of this rank, K) where the search begins (default: zero).

    Returns:
        (rows of this rank, K) the solutions, and how the search ended.
    """
    kernels, width, rows = load_kernels(), ctypes.c_int(b.shape[1]), ctypes.c_int64(len(b))

    def summed(own: FloatArray) -> FloatArray:
        whole = np.empty_like(own)
        comm.Allreduce(own, whole)
        return whole

    def products(a: FloatArray, c: FloatArray) -> FloatArray:
        own = np.empty(b.shape[1])
        kernels.project(rows, width, address(a), address(c), address(own))
        return summed(own)

    sizes = np.sqrt(products(b, b))
    sizes[sizes == 0] = 1.0
    x, r, p = np.zeros_like(b), b.copy(), np.zeros_like(b)
    if start is not None:
        x, r = start.copy(), b - multiply(start)
    relative = first = np.sqrt(products(r, r)) / sizes
    if start is not None and (worse := relative > 1.0).any():  # no start is better than such a one
        x[:, worse], r[:, worse] = 0.0, b[:, worse]
        relative = first = np.where(worse, 1.0, relative)
    before, own, count, reason = np.ones(b.shape[1]), np.empty(b.shape[1]), 0, 0
    while (busy := relative > tolerance).any() and count < most:
        z = precondition(r)
        now = products(r, z)
        if not (now[busy] > 0).all():
            reason = _INDEFINITE_PRECONDITIONER
            break
        beta = now / before if count else np.zeros_like(now)
        kernels.redirect(rows, width, address(beta), address(z), address(p))
        q = multiply(p)
        curved = products(p, q)
        if not (curved[busy] > 0).all():
            reason = _INDEFINITE_MATRIX
            break
        alpha = np.divide(now, curved, out=np.zeros_like(now), where=busy)
        kernels.advance(rows, width, *(address(array) for array in (alpha, p, q, x, r, own)))
        relative, before = np.sqrt(summed(own)) / sizes, np.where(busy, now, 1.0)
        count += 1
    fallen = np.log10(np.divide(first, relative, out=np.ones_like(first), where=relative > 0))
    return x, Descent(count, relative, reason, float(fallen.max(initial=0.0)))
