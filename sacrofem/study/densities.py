"""Whether a study's bone is as dense as the specimens of its density law."""

from __future__ import annotations

import logging

from sacrofem.catalogue.bmd import HIP_REGIONS
from sacrofem.catalogue.density import OutOfRange, find_out_of_range, warn_of_range
from sacrofem.catalogue.resolution import ResolvedStudy

logger = logging.getLogger(__name__)

#: Bone regions of the sacrum, as BMD levels name them.
SACRAL_REGIONS = ("body", "ala", "alar_void")


def densities_out_of_range(study: ResolvedStudy) -> list[OutOfRange]:
    """Densities of the bone that a study models to which its density law was not fitted."""
    regions = (*SACRAL_REGIONS, *HIP_REGIONS) if study.study.extent == "pelvic_ring" else SACRAL_REGIONS
    return find_out_of_range(study.density_law, study.levels, regions)


def warn_of_densities(study: ResolvedStudy) -> str | None:
    """Say once for a study which densities leave the range of its law; the message, or None where none does."""
    findings = densities_out_of_range(study)
    if not findings:
        return None
    message = warn_of_range(study.density_law, findings)
    logger.warning("%s", message)
    return message
