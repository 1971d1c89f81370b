"""How long the stages of a run take."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@contextmanager
def timed(stage: str, seconds: dict[str, float]) -> Iterator[None]:
    """Say that a stage begins, and add its wall time to ``seconds``."""
    logger.info("%s ...", stage)
    began = time.perf_counter()
    yield
    taken = time.perf_counter() - began
    seconds[stage] = seconds.get(stage, 0.0) + taken
    logger.info("%s done in %.1f s", stage, taken)
