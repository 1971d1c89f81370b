"""Every measure of a solved case, as (fracture, (metric, value, unit))."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sacrofem.results.fields import CaseFields
from sacrofem.results.micromotion import Measure, join_motions, measure_motion, sample_motion
from sacrofem.results.strain import cell_strain, measure_strain

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def measure_case(
    fields: CaseFields,
    masks: dict[str, BoolArray],
    force: FloatArray,
    work: float,
    strain: FloatArray | None = None,
    moved: CaseFields | None = None,
) -> list[tuple[str, Measure]]:
    """Measure the motion of every fracture, the strain of the bone and the stiffness of the whole.

    Args:
        fields: The solved case.
        masks: Neighbourhoods in which strain is measured.
        force: (3,) force spread evenly over the endplate, N; zero for any other load, which has no stiffness.
        work: Its work, N mm.
        strain: (m, 3, 3) of the cells; None: as computed.
        moved: What the load adds to a state before it, from which motions are counted; None: ``fields``.

    Returns:
        (fracture, (metric, value, unit)). A surface of a fracture that has several is called ``<fracture>.<surface>``; what
        belongs to the whole fracture or the whole bone carries the fracture's name, or ``none``.
    """
    motions = {name: sample_motion(moved or fields, name) for name in fields.fractures}
    measures = [(name, measure) for name, motion in motions.items() for measure in measure_motion(motion)]
    volumes = cell_volumes(fields)
    whole = name_whole(fields.fractures)
    if len(motions) > 1:
        measures += [(whole, measure) for measure in measure_motion(join_motions(list(motions.values())), rigid=False)]
    strains = measure_strain(cell_strain(fields) if strain is None else strain, volumes, masks)
    return measures + [(whole, measure) for measure in [*strains, *_measure_stiffness(force, work)]]


def name_whole(surfaces: Iterable[str]) -> str:
    """Name of the fracture whose surfaces these are (of several: joined by ``+``; ``none`` where there is none)."""
    return "+".join(dict.fromkeys(name.partition(".")[0] for name in surfaces)) or "none"


def cell_volumes(fields: CaseFields) -> FloatArray:
    """(m,) mm^3."""
    corners = fields.points[fields.cells[:, :4]]
    volumes: FloatArray = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / 6.0
    return volumes


def _measure_stiffness(force: FloatArray, work: float) -> list[Measure]:
    """Mean displacement of the endplate along the force, work / |F|, and the stiffness |F|^2 / work.

    Both follow from the load being spread evenly over the endplate.
    """
    size = float(np.linalg.norm(force))
    if size == 0.0:
        return []
    return [("endplate_displacement", work / size, "mm"), ("stiffness", size**2 / work, "N/mm")]
