"""What a result must carry to be believed later: versions, machine and inputs."""

from __future__ import annotations

import os
import platform
import resource
import sys
from datetime import UTC, datetime

from sacrofem.fingerprint import fingerprint_code, package_version

_PACKAGES = (
    "dolfinx-solver-real",
    "fenics-dolfinx",
    "fenics-basix",
    "fenics-ffcx",
    "fenics-ufl",
    "gmsh",
    "mmgpy",
)
_PACKAGES_OF_RESULTS = ("catalogue", "shapes", "loads", "mesh", "mechanics", "solver", "results", "study")
_LIBRARIES = ("numpy", "scipy", "pyvista", "vtk", "pandas", "pyarrow", "pydantic", "mpi4py")


def code_of_results() -> str:
    """Fingerprint of the code and libraries that every figure of a study comes from."""
    return fingerprint_code(_PACKAGES_OF_RESULTS, _PACKAGES)


def collect_versions() -> dict[str, str]:
    """Versions of sacrofem, Python, PETSc and every package a number passes through."""
    from petsc4py import PETSc

    versions = {"sacrofem": package_version("sacrofem") or "unknown", "python": platform.python_version()}
    versions |= {name: found for name in _PACKAGES + _LIBRARIES if (found := package_version(name))}
    versions["petsc"] = ".".join(str(part) for part in PETSc.Sys.getVersion())
    return versions


def describe_run(ranks: int, seconds: dict[str, float]) -> dict[str, object]:
    """When, on what and how a run was made.

    Args:
        ranks: Number of MPI ranks.
        seconds: Wall time of every stage.
    """
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "ranks": ranks,
        "seconds": {stage: round(time, 2) for stage, time in seconds.items()},
        "peak_memory_MB": round(peak_memory(), 1),
        "threads_per_rank": os.environ.get("OMP_NUM_THREADS", "not set"),
        "platform": platform.platform(),
        "command": [os.path.basename(sys.argv[0]), *sys.argv[1:]],
        "versions": collect_versions(),
        "code": code_of_results(),
    }


def peak_memory() -> float:
    """Largest memory that this process or one of its children (the mesher) has held, MB (Linux counts in kB)."""
    used = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(used) / (1e3 if sys.platform == "linux" else 1e6)
