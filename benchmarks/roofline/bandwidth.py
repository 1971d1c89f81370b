"""Bandwidth of the memory by the triad of STREAM (McCalpin 1995), a = b + s c, compiled at run time."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

_SOURCE = """
void triad(const long count, const double scale, const double *restrict b, const double *restrict c, double *restrict a)
{
    for (long i = 0; i < count; ++i)
        a[i] = b[i] + scale * c[i];
}
"""
#: Numbers in each array: far more than caches hold.
_COUNT = 20_000_000


def measure_bandwidth(repeats: int = 7, count: int = _COUNT) -> float:
    """Bytes per second of CPU time of the best repetition, three arrays counted, as STREAM reports it.

    Raises:
        RuntimeError: there is no C compiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("no C compiler: cc or gcc")
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "triad.c", Path(folder) / "triad.so"
        source.write_text(_SOURCE)
        subprocess.run([compiler, "-O3", "-march=native", "-fPIC", "-shared", "-o", library, source], check=True)
        kernel = ctypes.CDLL(str(library)).triad
    a, b, c = (np.full(count, value) for value in (0.0, 1.0, 2.0))
    best = np.inf
    for _ in range(repeats):
        began = time.process_time()
        kernel(ctypes.c_long(count), ctypes.c_double(3.0), *(ctypes.c_void_p(array.ctypes.data) for array in (b, c, a)))
        best = min(best, time.process_time() - began)
    assert a[-1] == 7.0
    return 3.0 * 8.0 * count / best
