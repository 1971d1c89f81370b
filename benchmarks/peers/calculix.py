"""CalculiX: ``python -m benchmarks.peers.calculix FOLDER SOLVER`` with SOLVER ``cholesky``, ``scaling`` or ``spooles``.

Its stages are told apart by what it says, which comes at once because it speaks to a terminal.
"""

from __future__ import annotations

import os
import pty
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.peers.arrays import ARRAYS, INPUT, Arrays
from benchmarks.stopwatch import peak_memory, report

_SOLVERS = {"cholesky": "ITERATIVE CHOLESKY", "scaling": "ITERATIVE SCALING", "spooles": "SPOOLES"}
#: What CalculiX 2.20 says when a stage begins -> the stage.
_BEGINS = {
    "Determining the structure of the matrix": "structure",
    "setting up the structure of the matrix": "structure",
    "for the symmetric stiffness/mass contributions": "assemble",
    "Factoring the system of equations": "solve",
    "Solving the system of equations using": "solve",
    "iteration": "solve",
}


def write_input(folder: Path, solver: str, probes: np.ndarray) -> Path:
    """The exported ``.inp`` with another solver, and displacements of the probes as all that it prints."""
    text = (folder / INPUT).read_text()
    lines = [", ".join(str(number + 1) for number in probes[i : i + 10]) for i in range(0, len(probes), 10)]
    text = text.replace(
        "*STEP\n*STATIC\n", f"*NSET, NSET=PROBES\n{chr(10).join(lines)}\n*STEP\n*STATIC, SOLVER={_SOLVERS[solver]}\n"
    )
    text = re.sub(r"\*NODE PRINT, NSET=NODES\nU\n.*\*END STEP", "*NODE PRINT, NSET=PROBES\nU\n*END STEP", text, flags=re.DOTALL)
    path = folder / f"calculix_{solver}.inp"
    path.write_text(text)
    return path


def speak(path: Path) -> Iterator[tuple[float, float, str]]:
    """Lines of CalculiX's output with its CPU time and the clock when they came."""
    ours, theirs = pty.openpty()
    began = time.perf_counter()
    process = subprocess.Popen(["ccx", "-i", path.stem], cwd=path.parent, stdout=theirs, stderr=theirs)
    os.close(theirs)
    rest = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        *lines, rest = (rest + part).split(b"\n")
        cpu = _cpu_of(process.pid)
        for line in lines:
            yield cpu, time.perf_counter() - began, line.decode(errors="replace").strip()
    os.close(ours)
    process.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield usage.ru_utime + usage.ru_stime, time.perf_counter() - began, f"exit code {process.returncode}"


def _cpu_of(pid: int) -> float:
    """Seconds of CPU of a running process (Linux)."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def main(folder: Path, solver: str) -> None:
    """Run CalculiX."""
    probes = Arrays.load(folder / ARRAYS).probes
    path = write_input(folder, solver, probes)
    stage, last, iterations, said = "mesh", (0.0, 0.0), None, []
    cpu: dict[str, float] = {}
    clock: dict[str, float] = {}

    def close(now: tuple[float, float]) -> None:
        for kept, end, begin in zip((cpu, clock), now, last, strict=True):
            kept[stage] = kept.get(stage, 0.0) + end - begin

    for *now, line in speak(path):
        said.append(f"{now[0]:.2f} {now[1]:.2f} {line}")
        if found := re.match(r"iteration=?\s*(\d+)", line):
            iterations = int(found.group(1))
        following = next((name for text, name in _BEGINS.items() if text in line), stage)
        if following != stage:
            close((now[0], now[1]))
            stage, last = following, (now[0], now[1])
    close((now[0], now[1]))
    (folder / f"calculix_{solver}.log").write_text("\n".join(said))
    if "Job finished" not in "\n".join(said):
        report({"failed": f"{said[-2]}; {said[-1]}"})
        return
    printed = path.with_suffix(".dat").read_text().splitlines()
    table = np.array([line.split() for line in printed if re.match(r"\s*\d+ +[-\dN]", line)])
    np.save(folder / f"calculix_{solver}.npy", table[np.argsort(table[:, 0].astype(int)), 1:4].astype(float))
    report({"cpu": cpu, "clock": clock, "memory": peak_memory(resource.RUSAGE_CHILDREN), "iterations": iterations})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
