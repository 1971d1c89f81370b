"""PETSc: near-nullspace, multigrid, and what a failure means."""

import sacrofem.fem  # noqa: F401  (before any module here imports DOLFINx: the PyPI wheel brings its own MPI)
