"""Faces that open, close, stick and slip, with springs that go slack: semismooth Newton with a line search on the energy.

Without friction every step solves with the symmetric tangent: the energy is convex, its slope along a step rises monotonically,
and its zero is found from sums over the interface alone.

With friction the first step leaves it out, to find which faces press. The steps after it take the whole derivative (the bound
grows with the pressure, and slip turns as the step before foresaw: not symmetric, GMRES) and are shortened where the residual
wanders, or would double: close to a slip that jams the derivative is all but singular. Where they go round in a circle near the
solution, as one point that opens and closes in turn does, a symmetric step breaks it, with the bound held at the present
pressure (Tresca), for which there is an energy again. After many steps symmetric ones follow until the solution is near.

Springs that only pull take part in the same steps: they are convex too, and their forces enter residual and line search as
they are at the state, taut or slack.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.errors import SolveError, explain
from sacrofem.mechanics.coupling import CoupledMatrix
from sacrofem.mechanics.interface import Interfaces, Status
from sacrofem.solver.linear import LinearSolver, SolveLog

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

_MOST_STEPS = 40
#: ||residual|| / ||b|| at which the faces have come to rest.
_TOLERANCE = 1e-8
#: A linear solve needs to be only this much better than the state it starts from, while faces still change their state.
_FORCING = 1e-4
#: The preconditioner of the closed state is renewed when CG takes this many times the iterations of its first solve.
_STALE = 2.5
#: The line search ends when the slope has fallen to this share, or at its last bisection.
_SLOPE_SHARE = 0.1
_LONGEST_STEP = 2.0
_BISECTIONS = 12
#: From this residual on the unsymmetric part of the tangent is taken along.
_COUPLED_BELOW, _COUPLED_STEPS = 1e-2, 20
#: A coupled step is shortened once the residual has not fallen below its least for so many steps, and by so many halvings.
_WANDERING, _HALVINGS = 3, 5
#: It is, too, where the residual would grow so many times, or as far beyond :data:`_COUPLED_BELOW`.
_GROWTH = 2.0
#: A residual below this that has not fallen for so many steps goes round in a circle.
_CIRCLING, _CIRCLING_BELOW = 4, 0.03
#: Largest penetration: 1 % of the largest opening, or 1 micrometre (mm).
_PENETRATION_SHARE, _PENETRATION = 0.01, 1e-3
_MOST_PRESSINGS = 5
#: Residual at which pressures are carried over: there is no need to find the soft faces' state to the end.
_PRESS_BELOW = 0.1


class ContactModel(Protocol):
    """What the search needs of a model.

    Attributes:
        state: The displacement, mm.
        coupled: Its tangent stiffness, with the springs.
        interfaces: The cuts with their laws.
        solver: Solves with the matrix.
    """

    state: fem.Function
    coupled: CoupledMatrix
    interfaces: Interfaces
    solver: LinearSolver

    def assemble(self, renew: bool = True, coupled: bool = False) -> None:
        """Assemble the tangent of the state of the interfaces; renew its preconditioner."""


@dataclass(frozen=True)
class ContactLog:
    """What the search for the state of the faces says of itself.

    Attributes:
        steps: Newton steps: linear systems solved.
        iterations: Krylov iterations, over all steps.
        seconds: Wall time of the linear solves.
        residual: ||residual|| / ||b|| at the end.
        status: Cut -> how its faces stand.
        dissipated: Work of friction, N mm.
    """

    steps: int
    iterations: int
    seconds: float
    residual: float
    status: dict[str, Status]
    dissipated: float


class _Progress:
    """How the residual falls, from step to step."""

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, step: int) -> None:
        """Count from a step on."""
        self.least, self.since = float("inf"), step

    def note(self, relative: float, step: int) -> tuple[bool, bool]:
        """Whether the search wanders at this step, and whether it goes round in a circle; if so, count from here on."""
        if relative < self.least:
            self.least, self.since = relative, step
        wanders = step - self.since >= _WANDERING
        circles = step - self.since >= _CIRCLING and relative < _CIRCLING_BELOW
        if circles:
            self.begin(step)
        return wanders, circles


class Search:
    """The Newton steps of one increment, from the state that model and faces are in; collective.

    Args:
        model: A model whose interfaces have their laws; its ``state`` is where the search begins and ends.
        load: Right-hand side b, N.
    """

    def __init__(self, model: ContactModel, load: PETSc.Vec) -> None:
        self.model, self.load, self.faces = model, load, model.interfaces
        self.size = load.norm()
        self.residual, self.step, self.forces = load.duplicate(), load.duplicate(), load.duplicate()
        self.direction = model.state.copy()
        self.steps, self.iterations, self.seconds, self.fresh = 0, 0, 0.0, 0
        self.settled = False
        model.coupled.slacken(model.coupled.elongations(model.state.x.petsc_vec))

    def run(self) -> ContactLog:
        """Step until the faces are at rest and do not pass through each other."""
        pressings, coupled, renew = 0, False, True
        progress = _Progress()
        self.model.assemble()
        while self.steps <= _MOST_STEPS:
            relative = self._measure()
            status = self._describe(relative, coupled)
            if relative < _PRESS_BELOW and pressings < _MOST_PRESSINGS and self._penetrates(status):
                self.faces.press_harder(self._allowed(status))
                pressings, renew = pressings + 1, renew or pressings == 0  # the first time the faces harden
                progress.begin(self.steps)
                continue
            if relative < _TOLERANCE:
                if self._penetrates(status):
                    logger.warning("faces still pass through each other by more than allowed after %d carry-overs", pressings)
                self.model.assemble(renew=False, coupled=coupled)
                return ContactLog(self.steps, self.iterations, self.seconds, relative, status, 0.0)
            wanders, circles = progress.note(relative, self.steps)
            coupled = self.faces.rubs and not circles and (relative < _COUPLED_BELOW or 0 < self.steps <= _COUPLED_STEPS)
            if self.steps or pressings:
                self.model.assemble(renew, coupled)
            log = self._solve(relative, coupled)
            if coupled:
                share = self._shorten(relative, 1.0 if wanders else _GROWTH * max(1.0, _COUPLED_BELOW / relative))
            else:
                share = 1.0 if self.faces.rubs and self.steps == 1 else self._search()
            self._move(share)
            renew = log.iterations > _STALE * self.fresh
        springs = ", and the springs that go slack," if self.model.coupled.one_sided else ""
        raise SolveError(
            explain(
                f"The open, sticking and slipping parts of the faces{springs} did not come to rest.",
                where=", ".join(self.faces.names),
                got=f"residual {relative:.1e} of the load after {_MOST_STEPS} steps",
                allowed=f"a residual below {_TOLERANCE:.0e}",
                next_step="lower the interface's normal_stiffness, or raise its open_fraction or tangential_stiffness",
            )
        )

    def _move(self, share: float) -> None:
        """Take a share of the step, and what faces and springs then do."""
        state, springs = self.model.state.x, self.model.coupled
        state.petsc_vec.axpy(share, self.step)
        state.scatter_forward()
        slackened = springs.slacken(springs.elongations(state.petsc_vec))
        self.settled = not self.faces.update(state.array, whole=share == 1.0) and not slackened

    def _measure(self) -> float:
        """Write b - K u - F(u) into ``residual``, as b - A u - (F - D j), and give its relative norm."""
        self.model.coupled.resist_state(self.model.state.x.petsc_vec, self.residual)
        self.faces.add_force(self.residual, self.faces.offset())
        self.residual.aypx(-1.0, self.load)
        return float(self.residual.norm() / self.size)

    def _solve(self, relative: float, coupled: bool) -> SolveLog:
        tight = max(self.model.solver.tolerance, min(_FORCING, 0.1 * _TOLERANCE / relative))
        tolerance = tight if self.settled else max(tight, _FORCING)
        self.step.set(0.0)
        solve = self.model.solver.solve_unsymmetric if coupled else self.model.solver.solve
        try:
            log = solve(self.residual, self.step, tolerance)
        except SolveError:  # kept from a softer state of the faces, the preconditioner may fail a stiffer one
            self.model.assemble(coupled=coupled)
            self.step.set(0.0)
            log = solve(self.residual, self.step, tolerance)
        self.steps, self.iterations, self.seconds = self.steps + 1, self.iterations + log.iterations, self.seconds + log.seconds
        self.fresh = self.fresh or log.iterations
        logger.debug("%d Krylov iterations to %.0e in %.1f s", log.iterations, tolerance, log.seconds)
        return log

    def _search(self) -> float:
        """Share of the step at which the slope of the energy, with the friction bound held, has all but gone."""
        faces, change = self.faces, self._jump_of_step()
        coupled, (stretch, stretching) = self.model.coupled, self._stretches()
        resisted = coupled.resist(stretch)
        coupled.matrix.mult(self.step, self.forces)
        bulk = float(self.step.dot(self.forces)) - faces.tangent_work(change)
        descent = float(self.step.dot(self.residual))
        bound, jump = faces.bound(), faces.jump

        def slope(share: float) -> float:
            traction = faces.traction_at(jump + share * change, bound)
            springs = float(stretching @ (coupled.resist(stretch + share * stretching) - resisted))
            return -descent + share * bulk + springs + faces.work(traction - faces.response.traction, change)

        return _find_zero(slope)

    def _shorten(self, relative: float, growth: float) -> float:
        """Share of a coupled step, which has no energy, at which the residual is below ``growth`` times what it is (1: falls)."""
        faces, change = self.faces, self._jump_of_step()
        coupled, (stretch, stretching) = self.model.coupled, self._stretches()
        coupled.matrix.mult(self.step, self.forces)
        faces.add_force(self.forces, -faces.tangent_traction(change))
        there, share = self.load.duplicate(), 1.0
        for _ in range(_HALVINGS):
            self.residual.copy(there)
            there.axpy(-share, self.forces)
            coupled.spread(coupled.resist(stretch) - coupled.resist(stretch + share * stretching), there)
            faces.add_force(there, faces.response.traction - faces.traction_at(faces.jump + share * change))
            if there.norm() < growth * (1.0 - 0.1 * share) * relative * self.size:
                break
            share *= 0.5
        return share

    def _jump_of_step(self) -> FloatArray:
        """(p, 3) mm, by how much the whole step changes the jumps; collective."""
        self.step.copy(self.direction.x.petsc_vec)
        self.direction.x.scatter_forward()
        return self.faces.jumps(self.direction.x.array)

    def _stretches(self) -> tuple[FloatArray, FloatArray]:
        """(k,) elongations of the springs, and by how much the whole step changes them; collective."""
        coupled = self.model.coupled
        return coupled.elongations(self.model.state.x.petsc_vec), coupled.elongations(self.step)

    def _penetrates(self, status: dict[str, Status]) -> bool:
        return any(cut.augmented and cut.penetration > self._allowed(status) for cut in status.values())

    @staticmethod
    def _allowed(status: dict[str, Status]) -> float:
        """Largest penetration, mm."""
        return max(_PENETRATION, _PENETRATION_SHARE * max((cut.opening for cut in status.values()), default=0.0))

    def _describe(self, relative: float, coupled: bool) -> dict[str, Status]:
        status = self.faces.status()
        for name, cut in status.items() if self.steps else ():
            logger.info(
                "contact step %d%s, %s: %.1f %% open, %.1f %% sticking, %.1f %% slipping, penetration %.2g mm, residual %.1e",
                self.steps,
                " (coupled)" if coupled else "",
                name,
                100 * cut.open,
                100 * cut.sticking,
                100 * cut.slipping,
                cut.penetration,
                relative,
            )
        return status


def _find_zero(slope: Callable[[float], float]) -> float:
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
