"""Seconds and memory of a process by stage, told to the process that started it."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_ROOT = Path(__file__).resolve().parents[1]
#: One thread each: ranks and peers are compared core by core.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NGS_NUM_THREADS")
_ONE_THREAD = dict.fromkeys(_THREADS, "1")


class Stopwatch:
    """Notes stages by this process's CPU time, which other work on the machine disturbs less than the clock, and by the clock.

    Attributes:
        cpu: Stage -> seconds of CPU.
        clock: Stage -> seconds by the clock.
    """

    def __init__(self) -> None:
        self.cpu: dict[str, float] = {}
        self.clock: dict[str, float] = {}
        self.start()

    def start(self) -> None:
        """The next stage begins now."""
        self._began = time.process_time(), time.perf_counter()

    def note(self, name: str) -> None:
        """A stage ends now; a name given twice is summed."""
        taken = time.process_time() - self._began[0], time.perf_counter() - self._began[1]
        for kept, seconds in zip((self.cpu, self.clock), taken, strict=True):
            kept[name] = kept.get(name, 0.0) + seconds
        self.start()


def peak_memory(who: int = resource.RUSAGE_SELF) -> float:
    """Peak resident memory so far, MB, of this process or (``RUSAGE_CHILDREN``) of its largest child."""
    factor = 1024.0 if sys.platform == "darwin" else 1.0
    return resource.getrusage(who).ru_maxrss / factor / 1024.0


def report(result: dict[str, Any]) -> None:
    """Tell the result to :func:`run_apart`: the last line of standard output."""
    sys.stdout.write("\n" + json.dumps(result) + "\n")
    sys.stdout.flush()


def run_apart(module: str, *arguments: str, ranks: int = 1, timeout: float = 360.0) -> dict[str, Any]:
    """Run a module in a process of its own (or several, by MPI) and read its report.

    Returns:
        The report, or ``{"failed": why}``.
    """
    command = [sys.executable, "-m", module, *arguments]
    if ranks > 1:
        command = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(ranks), *command]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=os.environ | _ONE_THREAD, cwd=_ROOT, start_new_session=True
    )
    try:
        said, complained = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with what it has started: a solver left over slows all that follow
        process.communicate()
        return {"failed": f"not finished in {timeout:.0f} s"}
    lines = said.strip().splitlines()
    if process.returncode != 0 or not lines or not lines[-1].startswith("{"):
        last = (complained.strip() or said.strip()).splitlines()
        return {"failed": last[-1] if last else f"exit code {process.returncode}"}
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def run_request(module: str, *arguments: str, request: DataclassInstance, timeout: float = 360.0) -> dict[str, Any]:
    """Run a module apart, with a file of the request as its last argument.

    Raises:
        SystemExit: it failed.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "request.json"
        path.write_text(json.dumps(asdict(request)))
        result = run_apart(module, *arguments, str(path), timeout=timeout)
    if "failed" in result:
        raise SystemExit(f"the benchmark failed: {result['failed']}")
    return result
