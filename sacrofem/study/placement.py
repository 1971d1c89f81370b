"""Puts what a study's entries describe into the bone that is studied."""

from __future__ import annotations

import logging
from dataclasses import replace

from sacrofem.catalogue.entry import Drawn
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.shapes.following import follow_entry

logger = logging.getLogger(__name__)


def place_entries(study: ResolvedStudy) -> ResolvedStudy:
    """The study with fracture, cement patterns and implants where they lie in its own anatomy.

    Args:
        study: The resolved study.

    Returns:
        The study; its entries are no longer drawn on another bone. Placed again it stays as it is.

    Raises:
        GeometryError: an entry cannot follow into the anatomy.
    """

    def placed[Kind: Drawn](entry: Kind) -> Kind:
        template = study.templates.get(f"{entry.kind} {entry.name}") if entry.drawn_on else None
        moved = follow_entry(entry, template, study.anatomy)
        if template is not None and moved is not entry:
            logger.info("%s %s follows from %s to %s", entry.kind, entry.name, template.name, study.anatomy.name)
            return moved
        return entry.model_copy(update={"drawn_on": None})

    return replace(
        study,
        fractures=tuple(placed(fracture) for fracture in study.fractures),
        patterns={name: placed(pattern) for name, pattern in study.patterns.items()},
        implants={name: placed(implant) for name, implant in study.implants.items()},
    )
