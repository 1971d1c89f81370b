"""Being stopped from outside: Ctrl-C, or the SIGTERM of a batch system whose time is up."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

logger = logging.getLogger(__name__)

_asked = False
_postponed = False


def listen() -> None:
    """Turn SIGINT and SIGTERM into a KeyboardInterrupt."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ask)


def _ask(number: int, frame: FrameType | None) -> None:
    global _asked
    again, _asked = _asked, True
    if _postponed and not again:
        logger.warning("Stopping as soon as the cases that are solved already are kept; ask again to stop at once.")
        return
    if not _in_finaliser(frame):
        raise KeyboardInterrupt


def _in_finaliser(frame: FrameType | None) -> bool:
    """Whether an object is being finalised: Python swallows what is raised there, and prints it."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def check() -> None:
    """Raise the KeyboardInterrupt where a finaliser or a callback from compiled code took it up; call between cases."""
    if _asked and not _postponed:
        raise KeyboardInterrupt


@contextmanager
def postponed() -> Iterator[None]:
    """Let a first request to stop wait for the end of the block."""
    global _postponed
    _postponed = True
    try:
        yield
    finally:
        _postponed = False
    check()
