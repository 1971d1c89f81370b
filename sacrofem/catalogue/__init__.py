"""The catalogue: what is modelled, how stiff it is and what is compared, as checked YAML entries."""

from sacrofem.catalogue.library import Library
from sacrofem.catalogue.resolution import ResolvedStudy, StudyFile, load_study, resolve_study

__all__ = ["Library", "ResolvedStudy", "StudyFile", "load_study", "resolve_study"]
