"""Compression-only fractures: a semismooth Newton method with a line search on the energy.

The law is linear wherever the faces stay open or closed, so that the internal force is A(u) u with the matrix A of the state
u. The energy is convex and its derivative along a step rises monotonically; its zero is found from integrals over the
fracture alone, and every step lowers the energy. Starting from the closed state (prototype: 7-9 steps; starting open 14-28).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from dolfinx import fem
from petsc4py import PETSc

from sacrofem.errors import SolveError, explain
from sacrofem.solver.multigrid import MultigridSolver

logger = logging.getLogger(__name__)

_MOST_STEPS = 40
#: ||A(u) u - b|| / ||b|| at which the open and closed parts have come to rest.
_TOLERANCE = 1e-8
#: A linear solve needs to be only this much better than the state it starts from.
_FORCING = 1e-3
#: The preconditioner of the closed state is renewed when CG takes this many times the iterations of its first solve.
_STALE = 2.5
#: The line search ends when the slope has fallen to this share, or at its last bisection.
_SLOPE_SHARE = 0.1
_LONGEST_STEP = 2.0
_BISECTIONS = 12


class FracturedModel(Protocol):
    """What the search needs of a model.

    Attributes:
        state: Displacement that decides what is open and closed, mm.
        trial: Displacement at which the energy's slope is asked for, mm.
        direction: Step along which it is asked for, mm.
        matrix: Stiffness of the state.
        solver: Solves with it.
    """

    state: fem.Function
    trial: fem.Function
    direction: fem.Function
    matrix: PETSc.Mat
    solver: MultigridSolver

    @property
    def cuts(self) -> Iterable[str]:
        """Names of the fractures."""

    def assemble(self, renew: bool = True) -> None:
        """Assemble the matrix of the state; renew its preconditioner."""

    def closed_percent(self) -> float:
        """Share of the fractures that is closed, per cent."""

    def change_of_interface(self) -> float:
        """The work d . (A(v) - A(u)) v of state u, trial v and direction d."""


@dataclass(frozen=True)
class ContactLog:
    """What the search for the open and closed parts says of itself.

    Attributes:
        steps: Newton steps.
        iterations: Krylov iterations, over all steps.
        seconds: Wall time of the linear solves.
        residual: ||A(u) u - b|| / ||b|| at the end.
    """

    steps: int
    iterations: int
    seconds: float
    residual: float


def solve_contact(model: FracturedModel, load: PETSc.Vec) -> ContactLog:
    """Find the displacement at which the fracture's faces press or gape; it is left in ``model.state``.

    Args:
        model: A model with a compression-only interface and its properties set.
        load: Right-hand side b, N.

    Raises:
        SolveError: a linear solve failed, or the open and closed parts did not come to rest.
    """
    state = model.state.x.petsc_vec
    state.set(0.0)
    model.state.x.scatter_forward()
    model.assemble()
    residual, step = load.duplicate(), load.duplicate()
    size, iterations, seconds, fresh = load.norm(), 0, 0.0, 0
    for count in range(1, _MOST_STEPS + 1):
        relative = _residual(model, load, residual) / size
        if count > 1:
            logger.info(
                "contact step %d: %.0f %% of the fracture closed, residual %.1e", count - 1, model.closed_percent(), relative
            )
            if relative < _TOLERANCE:
                return ContactLog(count - 1, iterations, seconds, relative)
        step.set(0.0)
        log = model.solver.solve(residual, step, max(model.solver.tolerance, min(_FORCING, 0.1 * _TOLERANCE / relative)))
        iterations, seconds, fresh = iterations + log.iterations, seconds + log.seconds, fresh or log.iterations
        share = _search(_slope(model, step, step.dot(residual)))
        state.axpy(share, step)
        model.state.x.scatter_forward()
        model.assemble(renew=log.iterations > _STALE * fresh)
    raise SolveError(
        explain(
            "The open and closed parts of the fracture did not come to rest.",
            where=", ".join(model.cuts),
            got=f"residual {relative:.1e} of the load after {_MOST_STEPS} steps",
            allowed=f"a residual below {_TOLERANCE:.0e}",
            next_step="lower the interface's normal_stiffness or raise its open_fraction",
        )
    )


def _residual(model: FracturedModel, load: PETSc.Vec, residual: PETSc.Vec) -> float:
    """Write b - A(u) u into ``residual`` and give its norm."""
    model.matrix.mult(model.state.x.petsc_vec, residual)
    residual.aypx(-1.0, load)
    return float(residual.norm())


def _slope(model: FracturedModel, step: PETSc.Vec, descent: float) -> Callable[[float], float]:
    """The energy's derivative along the step, as a function of its share s.

    With A the matrix of the present state u, A d = r = b - A u gives d . (A(v) v - b) at v = u + s d as
    -(1 - s) d . r + d . (A(v) - A) v, where A(v) - A holds terms of the fracture alone.
    """
    step.copy(model.direction.x.petsc_vec)
    model.direction.x.scatter_forward()

    def slope(share: float) -> float:
        model.trial.x.petsc_vec.waxpy(share, step, model.state.x.petsc_vec)
        model.trial.x.scatter_forward()
        return -(1.0 - share) * descent + model.change_of_interface()

    return slope


def _search(slope: Callable[[float], float]) -> float:
    """Share of the step at which the energy's slope has all but gone; the full step wherever that will do."""
    first = abs(slope(0.0))
    lower, upper, share = 0.0, _LONGEST_STEP, 1.0
    for _ in range(_BISECTIONS):
        here = slope(share)
        if abs(here) <= _SLOPE_SHARE * first:
            break
        lower, upper = (share, upper) if here < 0 else (lower, share)
        share = 0.5 * (lower + upper)
    return share
