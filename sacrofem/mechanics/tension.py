"""Springs that only pull: which of them are taut, found by a semismooth Newton method with a line search on the energy.

While a set of springs is taut the model is linear, A + B^T K B with the stiffness of those alone. The energy is convex, and its
slope along a step is a piecewise linear, rising function of the step's share that needs the elongations alone; its zero ends the
step, so that every step lowers the energy and no set of springs comes back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from dolfinx import fem
from petsc4py import PETSc

from sacrofem.errors import SolveError, explain
from sacrofem.mechanics.coupling import CoupledMatrix
from sacrofem.solver.linear import LinearSolver

logger = logging.getLogger(__name__)

_MOST_STEPS = 40
#: Relative residual at which the springs have come to rest.
_TOLERANCE = 1e-8
#: A linear solve needs to be only this much better than the state it starts from, until the taut springs have been found.
_FORCING = 1e-3
_BISECTIONS = 60
#: The full step is taken where the slope there is not above this share of the first one.
_SLOPE_SHARE = 1e-6


@dataclass(frozen=True)
class TensionLog:
    """What the search for the taut springs says of itself.

    Attributes:
        steps: Linear solves.
        iterations: Krylov iterations.
        seconds: Wall time of the linear solves.
        residual: ||b - F(u)|| / ||b|| at the end.
    """

    steps: int
    iterations: int
    seconds: float
    residual: float


def solve_tension(coupled: CoupledMatrix, solver: LinearSolver, load: PETSc.Vec, displacement: fem.Function) -> TensionLog:
    """Find the displacement of a model that is linear but for springs that only pull; collective.

    Args:
        coupled: The assembled matrix and the springs.
        solver: Solves with both.
        load: Right-hand side b, N.
        displacement: Where the search begins, and where it leaves the displacement.

    Raises:
        SolveError: a linear solve failed, or the springs did not come to rest.
    """
    state = displacement.x.petsc_vec
    residual, step, pulled = load.duplicate(), load.duplicate(), load.duplicate()
    size, iterations, seconds = load.norm(), 0, 0.0
    changed = True
    coupled.slacken(coupled.elongations(state))
    for count in range(1, _MOST_STEPS + 2):
        coupled.resist_state(state, residual)
        residual.aypx(-1.0, load)
        relative = residual.norm() / size if size else 0.0
        logger.debug("tension step %d: %d springs slack, residual %.1e", count - 1, int((~coupled.taut).sum()), relative)
        if relative < _TOLERANCE:
            displacement.x.scatter_forward()
            logger.info("ligaments: %d of %d springs slack after %d steps", (~coupled.taut).sum(), len(coupled.taut), count - 1)
            return TensionLog(count - 1, iterations, seconds, relative)
        if count > _MOST_STEPS:
            break
        step.set(0.0)
        log = solver.solve(residual, step, _FORCING if changed else max(solver.tolerance, 0.1 * _TOLERANCE / relative))
        iterations, seconds = iterations + log.iterations, seconds + log.seconds
        coupled.matrix.mult(step, pulled)
        share = _search(coupled, state, step, float(step.dot(residual)), float(step.dot(pulled)))
        state.axpy(share, step)
        changed = coupled.slacken(coupled.elongations(state))
    slack = sorted({label for label, taut in zip(coupled.labels, coupled.taut, strict=True) if not taut})
    raise SolveError(
        explain(
            "The taut and slack ligaments did not come to rest.",
            where=f"slack at the end: {', '.join(slack) or 'none'}",
            got=f"residual {relative:.1e} of the load after {_MOST_STEPS} steps",
            allowed=f"a residual below {_TOLERANCE:.0e}",
            next_step="use a ligament set with tension_only: false, or report the case",
        )
    )


def _search(coupled: CoupledMatrix, state: PETSc.Vec, step: PETSc.Vec, descent: float, stiffness: float) -> float:
    """Share of the step at which the slope of the energy vanishes.

    The slope at u + s d is -d . r + s d . A d + (B d) . (f(q + s B d) - f(q)), with r the residual at u.
    """
    start, change = coupled.elongations(state), coupled.elongations(step)
    resisted = coupled.resist(start)

    def slope(share: float) -> float:
        return -descent + share * stiffness + float(change @ (coupled.resist(start + share * change) - resisted))

    return _find_zero(slope)


def _find_zero(slope: Callable[[float], float]) -> float:
    """Zero of a rising function that is negative at 0; 1 where that is near enough to one."""
    first = abs(slope(0.0))
    if abs(slope(1.0)) <= _SLOPE_SHARE * first:
        return 1.0
    lower, upper = 0.0, 1.0
    while slope(upper) < 0.0 and upper < 2.0**10:
        lower, upper = upper, 2.0 * upper
    for _ in range(_BISECTIONS):
        middle = 0.5 * (lower + upper)
        lower, upper = (middle, upper) if slope(middle) < 0.0 else (lower, middle)
    return 0.5 * (lower + upper)
