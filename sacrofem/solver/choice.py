"""Which solver a model gets: by its size, or as the user says."""

from __future__ import annotations

import logging
from typing import Literal

from dolfinx import fem
from petsc4py import PETSc

from sacrofem.solver.direct import DirectSolver
from sacrofem.solver.linear import LinearSolver
from sacrofem.solver.memory import estimate_memory, require_memory
from sacrofem.solver.multigrid import MultigridSolver
from sacrofem.solver.plain import PetscSolver
from sacrofem.solving import SolverSettings

logger = logging.getLogger(__name__)

#: Up to this number of dofs, by order, a factor takes less time than multigrid for a block of loads; see docs/solver.md.
DIRECT_BELOW = {1: 15_000, 2: 6_000}


def choose_method(dofs: int, order: int, settings: SolverSettings) -> tuple[Literal["multigrid", "direct", "petsc"], str]:
    """The method for a model, and why.

    Args:
        dofs: Numbers in a displacement.
        order: Polynomial order.
        settings: What the user says.
    """
    if settings.method != "auto":
        return settings.method, "as asked for"
    if settings.petsc:
        return "petsc", "options are given"
    limit = DIRECT_BELOW[order]
    if dofs <= limit and PETSc.Sys.hasExternalPackage("mumps"):
        return "direct", f"up to {limit:,} dofs a factor is quicker"
    return "multigrid", f"above {limit:,} dofs it is quicker than a factor" if dofs > limit else "PETSc is without MUMPS"


def require_room(space: fem.FunctionSpace, order: int, settings: SolverSettings) -> None:
    """Choose, say why, and refuse a system that memory will not hold; before anything is allocated; collective.

    Args:
        space: Displacement space.
        order: Polynomial order.
        settings: What the user says.

    Raises:
        SolveError: too little memory.
    """
    dofs = 3 * space.dofmap.index_map.size_global
    method, why = choose_method(dofs, order, settings)
    logger.info("solver: %s (%s), %d dofs", method, why, dofs)
    needed = estimate_memory(dofs, order, method)
    require_memory(space.mesh.comm, needed, settings.memory_limit, f"{dofs:,} dofs of order {order} by the {method} solver")


def choose_matrix_type(space: fem.FunctionSpace, order: int, settings: SolverSettings) -> str:
    """PETSc's type of the matrix: blocks are written nine numbers at a time; a factor and PETSc's options want single ones."""
    method, _ = choose_method(3 * space.dofmap.index_map.size_global, order, settings)
    return "baij" if method == "multigrid" else "aij"


def make_solver(
    matrix: PETSc.Mat,
    space: fem.FunctionSpace,
    linear: fem.FunctionSpace | None,
    settings: SolverSettings,
) -> LinearSolver:
    """The solver of a matrix.

    Args:
        matrix: Symmetric positive definite, block size 3.
        space: Its space.
        linear: The P1 space with the same cut where ``space`` is P2.
        settings: What the user says.
    """
    order = 1 if linear is None else 2
    method, _ = choose_method(3 * space.dofmap.index_map.size_global, order, settings)
    if method == "direct":
        return DirectSolver(matrix, space, reuse=settings.reuse)
    if method == "petsc":
        return PetscSolver(matrix, space, settings.petsc, reuse=settings.reuse)
    return MultigridSolver(matrix, space, linear, reuse=settings.reuse)
