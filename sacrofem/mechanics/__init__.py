"""The mechanics of a sacrum in DOLFINx: cut space, bulk, cortex, interface, foundation, loads."""

import sacrofem.fem  # noqa: F401  (before any module here imports DOLFINx: the PyPI wheel brings its own MPI)
