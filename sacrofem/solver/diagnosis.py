"""From PETSc's reason for giving up to its likely cause and the next step."""

from __future__ import annotations

from sacrofem.errors import SolveError, explain

_CAUSES = {
    -3: (
        "DIVERGED_ITS: too many iterations",
        "stiffness contrasts or an interface stiffness far above E/h (1e6 times needs hundreds of iterations)",
        "lower the interface's normal_stiffness to 10-100 times E/h, or refine the mesh",
    ),
    -4: (
        "DIVERGED_DTOL: the residual grew",
        "the matrix is not symmetric positive definite",
        "check moduli and supports",
    ),
    -8: (
        "DIVERGED_INDEFINITE_PC: the preconditioner is not positive",
        "a preconditioner kept from a much softer model, or a negative modulus",
        "check that every modulus is positive",
    ),
    -9: (
        "DIVERGED_NANORINF: not a number",
        "an inverted tetrahedron or a modulus that is not finite",
        "check the mesh",
    ),
    -10: (
        "DIVERGED_INDEFINITE_MAT: the matrix is not positive",
        "a negative modulus or stiffness, or a body without support",
        "check that every modulus is positive, and support every fragment",
    ),
    -11: (
        "DIVERGED_PC_FAILED: the preconditioner could not be set up",
        "a degenerate element",
        "check mesh quality",
    ),
}


def explain_failure(reason: int, iterations: int, residual: float, size: int) -> SolveError:
    """Compose the error for a failed solve.

    Args:
        reason: PETSc's KSPConvergedReason; positive where PETSc saw convergence and the true residual did not.
        iterations: Iterations done.
        residual: Relative residual reached.
        size: Number of dofs.
    """
    unknown = (f"PETSc reason {reason}", "not in sacrofem's table", "run again with --verbose and report what it says")
    stalled = (
        "the true residual stalled above the tolerance",
        "stiffness contrasts at the limit of double precision",
        "lower the interface's normal_stiffness, or check moduli for a slip of units (MPa)",
    )
    name, cause, step = stalled if reason > 0 else _CAUSES.get(reason, unknown)
    return SolveError(
        explain(
            f"The linear solve failed: {name}.",
            where=f"system of {size} dofs",
            got=f"relative residual {residual:.2e} after {iterations} iterations; likely cause: {cause}",
            allowed="convergence of the residual within the tolerance",
            next_step=step,
        )
    )


def explain_memory(what: str, needed: float | None = None, free: float | None = None, source: str = "") -> SolveError:
    """Compose the error for a system that memory cannot hold.

    Args:
        what: What needs it.
        needed: MB that it is estimated to take; None: the allocation itself failed.
        free: MB that may be taken.
        source: What sets that limit.
    """
    return SolveError(
        explain(
            "The solve needs more memory than it may take.",
            where=what,
            got="an allocation that failed" if needed is None else f"about {needed:,.0f} MB needed",
            allowed="what is free on the machine" if free is None else f"{free:,.0f} MB ({source})",
            next_step="use a larger mesh.size or mesh.feature_size, order: 1, --solver multigrid, several machines, or a higher "
            "--memory-limit where the limit is your own",
        )
    )
