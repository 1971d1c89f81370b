"""Compiled products and smoothing steps of block-sparse matrices; the C compiler is the one DOLFINx needs anyway."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from sacrofem.errors import ModelError, explain

logger = logging.getLogger(__name__)

#: Columns for which kernels are compiled; other numbers are padded.
WIDTHS = (1, 2, 4, 8)

_FLAGS = ("-O3", "-march=native", "-ffast-math", "-fPIC", "-shared")


@cache
def load_kernels(name: str = "kernels") -> ctypes.CDLL:
    """Load kernels, compiled for this processor at their first use and kept in the user's cache folder.

    Args:
        name: Of the source in this package.

    Raises:
        ModelError: the compiler fails; its message is shown.
    """
    source = files("sacrofem.solver").joinpath(f"{name}.c").read_bytes()
    compiler = _compiler()
    key = hashlib.sha256(source + " ".join((compiler, *_FLAGS, _processor())).encode()).hexdigest()[:16]
    kept = platformdirs.user_cache_path("sacrofem") / "kernels" / f"{key}.so"
    if not kept.exists():
        _compile(source, compiler, kept)
    return ctypes.CDLL(str(kept))


def _compiler() -> str:
    named = os.environ.get("CC", "cc").split()[0]
    return next((found for name in (named, "cc", "gcc", "clang") if (found := shutil.which(name))), named)


def _processor() -> str:
    """What code for this processor may use; nodes of a cluster share caches and differ."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def _compile(source: bytes, compiler: str, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        written, made = Path(folder) / "kernels.c", Path(folder) / "kernels.so"
        written.write_bytes(source)
        done = subprocess.run([compiler, *_FLAGS, "-o", made, written], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ModelError(
                explain(
                    "The solver's kernels do not compile.",
                    where=f"{compiler} {' '.join(_FLAGS)}",
                    got=done.stderr.strip()[-500:] or f"exit code {done.returncode}",
                    allowed="a C compiler (gcc or clang) that can make shared libraries",
                    next_step="set CC to one, or choose `--solver gamg`, which needs no kernels",
                )
            )
        os.replace(made, kept)  # at once, whichever rank comes first
    logger.debug("solver kernels compiled: %s", kept)


def address(array: NDArray[np.generic]) -> ctypes.c_void_p:
    """Where an array's numbers begin, for a kernel; the array must be contiguous."""
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)
