"""The loads of a study in newtons, each with what is left of its balance."""

from __future__ import annotations

import logging

from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.loads.cases import apply_load, report_balance
from sacrofem.loads.parts import AppliedLoad

logger = logging.getLogger(__name__)


def apply_loads(study: ResolvedStudy) -> dict[str, AppliedLoad]:
    """What every load of a study puts on the pelvis; each is logged with its residual force and moment.

    Args:
        study: The resolved study.

    Returns:
        Load name -> the load.

    Raises:
        ConfigError: a free body does not balance.
        SolveError: muscles cannot hold a posture.
    """
    loads = {}
    for load in study.loads:
        applied = apply_load(load, study.anatomy, study.musculatures, study.study.body_weight)
        logger.info("%s", report_balance(applied))
        loads[load.name] = applied
    return loads


def as_carried(load: AppliedLoad, study: ResolvedStudy) -> AppliedLoad:
    """What of a load is applied: half of it to half a sacrum, contact in the sockets only where no supports stand for it."""
    if study.study.extent == "hemisacrum":
        return load.scaled(0.5)
    return load if study.support.grounding or study.study.extent != "pelvic_ring" else load.without_hips()
