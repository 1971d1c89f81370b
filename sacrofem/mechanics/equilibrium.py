"""The displacement in which a model carries a load: superposed where it is linear, else searched for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from dolfinx import fem
from petsc4py import PETSc

from sacrofem.mechanics.contact import Start, solve_contact
from sacrofem.mechanics.tension import solve_tension
from sacrofem.solver.recollection import find_independent

if TYPE_CHECKING:
    from sacrofem.mechanics.model import SacrumModel

logger = logging.getLogger(__name__)

#: Relative residual to which loads are solved together where springs only pull: a start for the search of the taut ones.
_ROUGH = 1e-3


@dataclass(frozen=True)
class Effort:
    """What it took to find a displacement.

    Attributes:
        iterations: Krylov iterations, over all steps.
        residual: Relative residual at the end.
        seconds: Wall time of the linear solves.
        steps: Newton steps; 1 where the model is linear.
    """

    iterations: int
    residual: float
    seconds: float
    steps: int


class Equilibrium:
    """Finds displacements of a model; collective.

    Args:
        model: The model; assembled, where it is linear.
    """

    def __init__(self, model: SacrumModel) -> None:
        self._model = model

    def prepare(self, vectors: Sequence[PETSc.Vec]) -> None:
        """Solve for several loads in one block, whose solutions are kept; those that are sums of others are left out.

        Where springs only pull, all are taken as taut and solved for roughly, as a start for the search.

        Args:
            vectors: Loads, N.
        """
        model = self._model
        columns = np.stack([vector.getArray(readonly=True) for vector in vectors], axis=1)
        if model.settings.reuse.superposition:
            columns = np.ascontiguousarray(columns[:, find_independent(columns, model.comm)])
        one_sided = model.coupled.one_sided
        if one_sided:
            model.coupled.slacken(np.zeros(len(model.coupled.taut)))
        _, log = model.solver.remember(columns, _ROUGH if one_sided else None)
        logger.info(
            "%d loads in one block of %d: %d iterations, %.1f s, residual %.1e",
            len(vectors),
            columns.shape[1],
            log.iterations,
            log.seconds,
            log.residual,
        )

    def find(self, vector: PETSc.Vec, displacement: fem.Function, increments: int = 1, start: Start | None = None) -> Effort:
        """Find the displacement for a load vector; the model's interfaces are left in its state.

        After a search for contact they must not be updated again: that would wipe the slip they remember.

        Args:
            vector: Load, N.
            displacement: Where the displacement goes, mm; zero.
            increments: Steps in which the load grows, for friction.
            start: The state before the load, with the forces that hold it.

        Raises:
            SolveError: a linear solve, or the search for faces or taut ligaments, did not converge.
        """
        model = self._model
        if not model.linear:
            return self._find_contact(vector, displacement, increments, start)
        if model.coupled.one_sided:
            effort = self._find_taut(vector if start is None else vector + start.load, displacement)
        else:
            effort = self._solve(vector, displacement)
            if start is not None:  # superposed
                displacement.x.petsc_vec.axpy(1.0, start.displacement.x.petsc_vec)
                displacement.x.scatter_forward()
        model.interfaces.update(displacement.x.array)
        return effort

    def _find_taut(self, vector: PETSc.Vec, displacement: fem.Function) -> Effort:
        """Springs that only pull on a model that is linear otherwise."""
        model, solver, displaced = self._model, self._model.solver, displacement.x.petsc_vec
        remembers = model.settings.reuse.start or model.settings.reuse.together
        if remembers:
            with displaced as values:
                values[:] = solver.guess(vector.getArray(readonly=True)[:, None])[:, 0]
        found = solve_tension(model.coupled, solver, vector, displacement)
        if remembers:
            solver.recollection.keep(displaced.getArray(readonly=True)[:, None].copy(), solver.multiply)
        return Effort(found.iterations, found.residual, found.seconds, found.steps)

    def _solve(self, vector: PETSc.Vec, displacement: fem.Function) -> Effort:
        found, log = self._model.solver.remember(vector.getArray(readonly=True)[:, None])
        with displacement.x.petsc_vec as values:
            values[:] = found[:, 0]
        displacement.x.scatter_forward()
        return Effort(log.iterations, log.residual, log.seconds, 1)

    def _find_contact(self, vector: PETSc.Vec, displacement: fem.Function, increments: int, start: Start | None) -> Effort:
        """Faces that may part, and with them the springs that only pull."""
        log = solve_contact(self._model, vector, increments, start)
        displacement.x.array[:] = self._model.state.x.array
        return Effort(log.iterations, log.residual, log.seconds, log.steps)
