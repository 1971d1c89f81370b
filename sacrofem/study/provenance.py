"""What a result must carry to be believed later: versions, machine and inputs."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib import metadata

_PACKAGES = (
    "dolfinx-solver-real",
    "fenics-dolfinx",
    "fenics-basix",
    "fenics-ffcx",
    "fenics-ufl",
    "gmsh",
    "mmgpy",
)
_LIBRARIES = ("numpy", "scipy", "pyvista", "vtk", "pandas", "pyarrow", "pydantic", "mpi4py")


def package_version(name: str) -> str | None:
    """Version of an installed distribution, or None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def collect_versions() -> dict[str, str]:
    """Versions of sacrofem, Python, PETSc and every package a number passes through."""
    from petsc4py import PETSc

    versions = {"sacrofem": package_version("sacrofem") or "unknown", "python": platform.python_version()}
    versions |= {name: found for name in _PACKAGES + _LIBRARIES if (found := package_version(name))}
    versions["petsc"] = ".".join(str(part) for part in PETSc.Sys.getVersion())
    return versions


def describe_run(ranks: int) -> dict[str, object]:
    """When, on what and how a run was made."""
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "ranks": ranks,
        "threads_per_rank": os.environ.get("OMP_NUM_THREADS", "not set"),
        "platform": platform.platform(),
        "command": [os.path.basename(sys.argv[0]), *sys.argv[1:]],
        "versions": collect_versions(),
    }
