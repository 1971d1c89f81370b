"""sacrofem: which cement or screw calms which fracture of the sacrum in which bone.

``load_study`` reads a study file, ``run_study`` meshes, solves and compares it. This module and everything above the
mechanics imports without DOLFINx.
"""

from sacrofem.catalogue import Library, load_study, resolve_study
from sacrofem.catalogue.models import MeshSettings, Study, Treatment
from sacrofem.errors import SacrofemError
from sacrofem.solving import Reuse, SolverSettings
from sacrofem.study.runner import StudyResult, run_study

__all__ = [
    "Library",
    "MeshSettings",
    "Reuse",
    "SacrofemError",
    "SolverSettings",
    "Study",
    "StudyResult",
    "Treatment",
    "load_study",
    "resolve_study",
    "run_study",
]
