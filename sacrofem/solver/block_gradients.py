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
SingleArray = NDArray[np.float32]


@dataclass(frozen=True)
class Descent:
    """How the search ended.

    Attributes:
        iterations: Of the slowest column.
        residuals: (K,) ||r|| / ||b|| by the recurrence.
        curvature: Smallest p . A p met; not positive where matrix or preconditioner is indefinite.
    """

    iterations: int
    residuals: FloatArray
    curvature: float


def descend(
    multiply: Callable[[FloatArray], FloatArray],
    precondition: Callable[[SingleArray], SingleArray],
    b: FloatArray,
    tolerance: float,
    most: int,
    comm: MPI.Comm,
) -> tuple[FloatArray, Descent]:
    """Solve A X = B from X = 0; collective.

    Every column has step lengths of its own; a column that has converged rests.

    Args:
        multiply: A times a block (rows of this rank, K).
        precondition: The preconditioner on a block, in single precision.
        b: (rows of this rank, K); K one of the kernels' widths.
        tolerance: Of ||r|| / ||b||.
        most: Iterations at most.
        comm: Communicator.

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
    relative = np.sqrt(products(r, r)) / sizes
    before, own, count, curvature = np.ones(b.shape[1]), np.empty(b.shape[1]), 0, np.inf
    while (busy := relative > tolerance).any() and count < most:
        z = precondition((r / sizes).astype(np.float32))  # of size 1, far from the ends of single precision
        now = products(r, z.astype(np.float64))
        beta = now / before if count else np.zeros_like(now)
        kernels.redirect(rows, width, address(beta), address(z), address(p))
        q = multiply(p)
        curved = products(p, q)
        curvature = min(curvature, float(curved[busy].min()))
        if not curvature > 0:
            break
        alpha = np.divide(now, curved, out=np.zeros_like(now), where=busy)
        kernels.advance(rows, width, *(address(array) for array in (alpha, p, q, x, r, own)))
        relative, before = np.sqrt(summed(own)) / sizes, np.where(busy, now, 1.0)
        count += 1
    return x, Descent(count, relative, curvature)
