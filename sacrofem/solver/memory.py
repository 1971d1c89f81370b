"""How much memory a solve will take, and how much there is: a refusal now instead of a kill by the system later."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Literal

from mpi4py import MPI

from sacrofem.solver.diagnosis import explain_memory

logger = logging.getLogger(__name__)

#: Peak memory of a model beside its mesh, bytes for each dof by order, with a block of eight loads; see docs/solver.md.
_BYTES = {1: 3300.0, 2: 4700.0}
#: A factor takes c n^(4/3) bytes (nested dissection in three dimensions, George 1973); c by order.
_FACTOR = {1: 180.0, 2: 220.0}
_POWER = 4.0 / 3.0
#: A limit at or above this is none (cgroup version 1 writes a number near 2^63).
_NO_LIMIT = 1e15

_MEGA = 1e6


def estimate_memory(dofs: int, order: int, method: Literal["multigrid", "direct", "petsc"]) -> float:
    """MB over all ranks for the matrix, what preconditions it and a block of loads.

    Args:
        dofs: Numbers in a displacement.
        order: Polynomial order.
        method: How the systems are solved; ``petsc`` is taken for multigrid.
    """
    factor = _FACTOR[order] * dofs**_POWER if method == "direct" else 0.0
    return (_BYTES[order] * dofs + factor) / _MEGA


def free_memory() -> tuple[float, str]:
    """MB that may still be taken on this machine, and what says so: the machine, or a limit of its control group."""
    limits = [(_free_on_machine(), "free on this machine")]
    limits += [(_free_in_group(*files), "left of the control group's limit") for files in _group_files()]
    return min(limits)


def require_memory(comm: MPI.Comm, needed: float, limit: float | None, what: str) -> None:
    """Refuse a solve that will not fit; collective.

    Args:
        comm: The ranks that share the work evenly.
        needed: MB over all of them.
        limit: MB that the ranks on one machine may take together; None: what is free there.
        what: What needs the memory.

    Raises:
        SolveError: on some machine there is too little.
    """
    here = comm.Split_type(MPI.COMM_TYPE_SHARED)
    share = needed * here.size / comm.size
    free, source = free_memory()
    if limit is not None and limit < free:
        free, source = limit, "--memory-limit"
    here.Free()
    short = comm.allgather((share > free, share, free, source))
    for lacking, part, left, said in short:
        if lacking:
            raise explain_memory(what, part, left, said)
    logger.info("memory: about %.0f MB for the solve, %.0f MB %s", share, free, source)


def _free_on_machine() -> float:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        kilobytes = next(float(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
        return kilobytes * 1024 / _MEGA
    except (OSError, StopIteration):
        names = ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES") if sys.platform == "linux" else ("SC_PHYS_PAGES",)
        pages = next(os.sysconf(name) for name in names if name in os.sysconf_names)
        return pages * os.sysconf("SC_PAGE_SIZE") / _MEGA


def _group_files() -> list[tuple[Path, Path]]:
    """Files of the limit and the use of this process's control groups, versions 2 and 1."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    root, found = Path("/sys/fs/cgroup"), []
    for line in lines:
        number, controllers, place = line.split(":", 2)
        inner = place.lstrip("/")
        if number == "0" and not controllers:
            names, folders = ("memory.max", "memory.current"), (root / inner, root)
        elif "memory" in controllers.split(","):
            names, folders = ("memory.limit_in_bytes", "memory.usage_in_bytes"), (root / "memory" / inner, root / "memory")
        else:
            continue
        found += [(folder / names[0], folder / names[1]) for folder in folders if (folder / names[0]).exists()][:1]
    return found


def _free_in_group(limit: Path, use: Path) -> float:
    try:
        allowed = limit.read_text(encoding="ascii").strip()
        if allowed == "max" or float(allowed) >= _NO_LIMIT:
            return float("inf")
        return (float(allowed) - float(use.read_text(encoding="ascii"))) / _MEGA
    except (OSError, ValueError):
        return float("inf")
