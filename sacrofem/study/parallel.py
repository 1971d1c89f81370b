"""Work that only rank 0 does, with its errors raised on every rank."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpi4py import MPI


def on_root[Result](comm: MPI.Comm, work: Callable[[], Result]) -> Result:
    """Run ``work`` on rank 0 and hand its result, or its error, to every rank.

    Without this, an error on rank 0 would leave the other ranks waiting for ever.

    Args:
        comm: The communicator; collective.
        work: What to do; its result must be picklable.

    Returns:
        What ``work`` returned on rank 0.

    Raises:
        Exception: whatever ``work`` raised, on all ranks.
    """
    result, error = None, None
    if comm.rank == 0:
        try:
            result = work()
        except (Exception, KeyboardInterrupt) as raised:
            error = raised
    error = comm.bcast(error, root=0)
    if error is not None:
        raise error
    shared: Result = comm.bcast(result, root=0)
    return shared


def only_on_root(comm: MPI.Comm, work: Callable[[], object]) -> None:
    """As :func:`on_root` for work whose result nobody else needs: only errors travel."""

    def discard() -> None:
        work()

    on_root(comm, discard)


def quieten_other_ranks(comm: MPI.Comm) -> None:
    """Let rank 0 alone write log lines below errors."""
    if comm.rank != 0:
        logging.getLogger("sacrofem").setLevel(logging.ERROR)
