"""Being stopped from outside: Ctrl-C, or the SIGTERM of a batch system whose time is up."""

from __future__ import annotations

import signal
from types import FrameType

_asked = False


def listen() -> None:
    """Turn SIGINT and SIGTERM into a KeyboardInterrupt."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ask)


def _ask(number: int, frame: FrameType | None) -> None:
    global _asked
    _asked = True
    raise KeyboardInterrupt


def check() -> None:
    """Raise the KeyboardInterrupt again where a callback from compiled code has swallowed it; call between cases."""
    if _asked:
        raise KeyboardInterrupt
