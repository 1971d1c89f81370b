"""A load on faces that open, close, stick and slip: all at once, or in increments, from nothing or from a state before it."""

from __future__ import annotations

from dataclasses import dataclass

from dolfinx import fem
from petsc4py import PETSc

from sacrofem.mechanics.contact_search import ContactLog, ContactModel, Search
from sacrofem.mechanics.interface import FaceState


@dataclass(frozen=True)
class Start:
    """A state in which a load begins to act.

    Attributes:
        displacement: mm.
        load: What holds the model in this state, N; it stays.
        faces: What the faces remember.
    """

    displacement: fem.Function
    load: PETSc.Vec
    faces: FaceState


def solve_contact(model: ContactModel, load: PETSc.Vec, increments: int = 1, start: Start | None = None) -> ContactLog:
    """Find the displacement at which faces and springs have come to rest; it is left in ``model.state``.

    Args:
        model: A model whose interfaces have their laws.
        load: Right-hand side b, N.
        increments: Equal steps in which the load grows. Friction depends on the path; with one, slip is taken as straight
            from the state before the load (exact where a point does not turn or come to rest again).
        start: The state before the load; None: nothing has moved, no slip.

    Raises:
        SolveError: a linear solve failed, or the faces did not come to rest.
    """
    model.state.x.petsc_vec.set(0.0)
    model.interfaces.forget()
    if start is not None:
        start.displacement.x.petsc_vec.copy(model.state.x.petsc_vec)
        model.interfaces.recall(start.faces)
    model.state.x.scatter_forward()
    part, logs = load.duplicate(), []
    for increment in range(1, increments + 1):
        load.copy(part)
        part.scale(increment / increments)
        if start is not None:
            part.axpy(1.0, start.load)
        logs.append(Search(model, part).run())
        model.interfaces.keep_slip()
    return ContactLog(
        sum(log.steps for log in logs),
        sum(log.iterations for log in logs),
        sum(log.seconds for log in logs),
        logs[-1].residual,
        logs[-1].status,
        model.interfaces.dissipated,
    )
