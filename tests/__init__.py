"""Tests of sacrofem."""

import sacrofem.fem  # noqa: F401  (before any test imports DOLFINx: the PyPI wheel brings its own MPI)
