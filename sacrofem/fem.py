"""The one place that finds DOLFINx: from the PyPI wheel where it is installed, else as conda-forge brings it."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

from sacrofem.errors import ModelError, explain


def load() -> None:
    """Make DOLFINx, PETSc and MPI importable; call before importing any of them.

    Raises:
        ModelError: DOLFINx or a C compiler (for its forms) is missing.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # MPI ranks are the parallelism; threads on top slow it down
    # PETSc would answer a batch system's SIGTERM with an abort; the command line keeps what is finished and says so.
    os.environ["PETSC_OPTIONS"] = f"{os.environ.get('PETSC_OPTIONS', '')} -no_signal_handler".strip()
    if find_spec("dolfinx_solver"):
        os.environ.setdefault("UCX_TLS", "self,sm,tcp")  # the wheel's README: on a workstation or VM
        import dolfinx_solver  # noqa: F401
    elif find_spec("dolfinx") is None:
        raise ModelError(
            explain(
                "DOLFINx is not installed.",
                where="the Python environment",
                got="neither dolfinx-solver-real nor fenics-dolfinx",
                allowed="one of the two, version 0.11",
                next_step="uv sync (PyPI wheel), or conda env create -f environment.yml",
            )
        )
    if not any(shutil.which(name) for name in (os.environ.get("CC", "cc").split()[0], "cc", "gcc", "clang")):
        raise ModelError(
            explain(
                "DOLFINx compiles its forms at run time, and there is no C compiler.",
                where="PATH",
                got="neither cc, gcc nor clang",
                allowed="a C compiler",
                next_step="apt-get install gcc libc6-dev",
            )
        )


load()
