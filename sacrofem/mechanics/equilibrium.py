"""The displacement in which a model carries a load: superposed where it is linear, else searched for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dolfinx import fem
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.loads.parts import LoadPart
from sacrofem.mechanics.contact import Start, solve_contact
from sacrofem.mechanics.loading import UnitKey
from sacrofem.mechanics.tension import repeat_until_at_rest, solve_tension

if TYPE_CHECKING:
    import numpy as np

    from sacrofem.mechanics.model import SacrumModel

#: A load that needs more new unit solutions than this is solved as a whole: cheaper, unless many loads share them.
_MOST_UNITS = 3


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
        self.units: dict[UnitKey, fem.Function] = {}

    def forget(self) -> None:
        """Drop the unit solutions: the matrix has changed."""
        self.units = {}

    def superpose(self, parts: Sequence[LoadPart], vector: PETSc.Vec, displacement: fem.Function, start: Start | None) -> Effort:
        """A linear model needs one solve for each unit load, whatever the number of loads; many new ones: one for the whole.

        Args:
            parts: The load.
            vector: The same as a vector, N.
            displacement: Where the displacement goes, mm; zero.
            start: The state before the load, which comes on top.
        """
        model = self._model
        factors = model.loading.split(parts)
        missing = [key for key in factors or () if key not in self.units]
        if factors is None or len(missing) > _MOST_UNITS:
            effort = self._solve(vector, displacement)
        else:
            iterations, seconds = 0, 0.0
            if missing:
                units = [fem.Function(model.V) for _ in missing]
                vectors = [model.loading.unit_vector(key) for key in missing]
                log = model.solver.solve_together(vectors, [unit.x.petsc_vec for unit in units])
                iterations, seconds = log.iterations, log.seconds
                self.units |= dict(zip(missing, units, strict=True))
            for key, factor in factors.items():
                displacement.x.petsc_vec.axpy(factor, self.units[key].x.petsc_vec)
            effort = Effort(iterations, model.solver.residual(vector, displacement.x.petsc_vec), seconds, 1)
        if start is not None:
            displacement.x.petsc_vec.axpy(1.0, start.displacement.x.petsc_vec)
        displacement.x.scatter_forward()
        model.interfaces.update(displacement.x.array)
        return effort

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
        whole = vector if start is None else vector + start.load
        if model.coupled.one_sided:
            found = solve_tension(model.coupled, model.solver, whole, displacement)
            effort = Effort(found.iterations, found.residual, found.seconds, found.steps)
        else:
            effort = self._solve(whole, displacement)
        model.interfaces.update(displacement.x.array)
        return effort

    def _solve(self, vector: PETSc.Vec, displacement: fem.Function) -> Effort:
        model = self._model
        log = model.solver.solve(vector, displacement.x.petsc_vec)
        displacement.x.scatter_forward()
        return Effort(log.iterations, model.solver.residual(vector, displacement.x.petsc_vec), log.seconds, 1)

    def _find_contact(self, vector: PETSc.Vec, displacement: fem.Function, increments: int, start: Start | None) -> Effort:
        """Faces that may part, with springs that only pull held as they are while the faces are searched for."""
        model, logs = self._model, []

        def solve(load: PETSc.Vec) -> NDArray[np.float64]:
            logs.append(solve_contact(model, load, 1 if model.coupled.one_sided else increments, start))
            return model.coupled.elongations(model.state.x.petsc_vec)

        if model.coupled.one_sided:
            repeat_until_at_rest(model.coupled, vector, solve)
        else:
            solve(vector)
        displacement.x.array[:] = model.state.x.array
        iterations, seconds, steps = (sum(getattr(log, name) for log in logs) for name in ("iterations", "seconds", "steps"))
        return Effort(iterations, logs[-1].residual, seconds, steps)
