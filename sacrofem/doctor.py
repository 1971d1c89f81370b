"""What this machine has for sacrofem, and what is missing."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from sacrofem.fingerprint import package_version
from sacrofem.mesh.libraries import GMSH_LIBRARIES

_PETSC_PACKAGES = (
    "mumps",
    "superlu_dist",
    "hypre",
    "hpddm",
    "ptscotch",
    "metis",
    "parmetis",
    "slepc",
    "cuda",
)


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        subject: What was looked at.
        found: What was found.
        remedy: What to do about it; empty where all is well.
        fatal: Whether sacrofem cannot run without the remedy.
    """

    subject: str
    found: str
    remedy: str = ""
    fatal: bool = False


def examine() -> list[Finding]:
    """Look at everything a run needs, without running one."""
    return [
        Finding("python", platform.python_version()),
        *_examine_packages(),
        *_examine_system_libraries(),
        _examine_compiler(),
        _examine_headers(),
        *_examine_petsc(),
        *_examine_caches(),
        Finding("cores", f"{os.cpu_count()}"),
        Finding("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "not set (sacrofem sets 1)")),
    ]


def _examine_packages() -> list[Finding]:
    findings = []
    for name in (
        "sacrofem",
        "numpy",
        "scipy",
        "pydantic",
        "gmsh",
        "mmgpy",
        "meshio",
        "pyvista",
        "pandas",
        "pyarrow",
    ):
        version = package_version(name)
        findings.append(
            Finding(name, version) if version else Finding(name, "missing", f"install it: uv sync, or pip install {name}", True)
        )
    wheel, conda = package_version("dolfinx-solver-real"), package_version("fenics-dolfinx")
    if wheel and conda:
        findings.append(
            Finding(
                "dolfinx",
                f"two: wheel {wheel} and conda {conda}",
                "remove one: uninstall dolfinx-solver-real",
                True,
            )
        )
    elif wheel or conda:
        findings.append(Finding("dolfinx", f"{wheel} (dolfinx-solver-real)" if wheel else f"{conda} (fenics-dolfinx)"))
    else:
        remedy = "uv sync (PyPI wheel), or conda env create -f environment.yml"
        findings.append(Finding("dolfinx", "missing", remedy, True))
    return findings


def _examine_system_libraries() -> list[Finding]:
    findings = []
    for library, package in GMSH_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            findings.append(Finding(library, "missing (Gmsh needs it)", f"apt-get install {package}", True))
    return findings or [Finding("system libraries of Gmsh", "all there")]


def _examine_compiler() -> Finding:
    name = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    compiler = shutil.which(name.split()[0]) or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return Finding(
            "C compiler",
            "missing (DOLFINx compiles forms at run time)",
            "apt-get install gcc libc6-dev",
            True,
        )
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    return Finding("C compiler", version.splitlines()[0] if version else compiler)


def _examine_headers() -> Finding:
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if header.exists():
        return Finding("Python.h", str(header.parent))
    return Finding("Python.h", "missing (compiled forms need it)", "apt-get install python3-dev", True)


def _examine_petsc() -> list[Finding]:
    try:
        from mpi4py import MPI
        from petsc4py import PETSc

        import sacrofem.fem  # noqa: F401
    except ImportError as error:
        return [
            Finding(
                "PETSc",
                f"cannot be imported: {error}",
                "uv sync, or conda env create -f environment.yml",
                True,
            )
        ]
    has = [name for name in _PETSC_PACKAGES if PETSc.Sys.hasExternalPackage(name)]
    launcher = shutil.which("mpiexec")
    return [
        Finding("MPI", MPI.Get_library_version().splitlines()[0].strip("\x00 ")),
        Finding("mpiexec", launcher or "missing", "" if launcher else "uv run mpiexec, or apt-get install mpich"),
        Finding("PETSc", ".".join(str(part) for part in PETSc.Sys.getVersion())),
        Finding("PETSc packages", ", ".join(has) or "none beyond PETSc's own"),
        Finding("PETSc scalar", str(np.dtype(PETSc.ScalarType))),
    ]


def _examine_caches() -> list[Finding]:
    findings = []
    forms = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "fenics"
    for subject, folder in (("mesh cache", platformdirs.user_cache_path("sacrofem")), ("form cache", forms)):
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        writable = os.access(existing, os.W_OK)
        free = shutil.disk_usage(existing).free / 1e9
        remedy = "" if writable else "set XDG_CACHE_HOME to a folder you may write to"
        findings.append(Finding(subject, f"{folder} ({free:.0f} GB free)", remedy, not writable))
    return findings
