"""The free shafts of lag screws in a mesh: where the force of tightening acts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sacrofem.catalogue.implant import Implant
from sacrofem.errors import ModelError, explain
from sacrofem.mesh.model import IntArray, ModelMesh
from sacrofem.shapes.implant import ScrewShape, place_screws

FloatArray = NDArray[np.float64]

#: The force is measured over the middle of the free shaft, without this share of its length at either end, where sections are
#: not plain (DESIGN).
_END = 0.15


@dataclass(frozen=True)
class LagScrew:
    """The free shaft of a tightened screw.

    Attributes:
        name: ``<implant>.<screw>``.
        force: Pretension, N.
        axis: (3,) unit vector from the tip to the head.
        cells: (c,) cells of the free shaft in the source mesh.
        slopes: (c,) slope along the shaft, from head to tip, of a ramp from 0 to 1 over its middle, 1/mm. The integral of slope
            times axial stress is the mean axial force there; it is the force exactly (virtual work of the ramp as an axial
            displacement) where nothing holds the shaft between its ends.
        section: Cross-section, the integral of the slopes, mm^2.
    """

    name: str
    force: float
    axis: FloatArray
    cells: IntArray
    slopes: FloatArray
    section: float


def find_lag_screws(mesh: ModelMesh, regions: IntArray, implants: Iterable[Implant]) -> tuple[LagScrew, ...]:
    """Find the free shafts of all screws with a pretension.

    Args:
        mesh: The mesh, whose measures give the length of every screw from its seated head.
        regions: (m,) region numbers as solved.
        implants: Implants of the treatment.

    Raises:
        ModelError: the mesh has no cells of a free shaft.
    """
    return tuple(
        _find_shaft(mesh, regions, implant.name, screw)
        for implant in implants
        for screw in place_screws(implant)
        if screw.screw.pretension
    )


def _find_shaft(mesh: ModelMesh, regions: IntArray, implant: str, screw: ScrewShape) -> LagScrew:
    given, name = screw.screw, f"{implant}.{screw.name}"
    assert given.washer is not None  # see the entry's validator
    assert given.thread_length is not None
    assert given.shaft_diameter is not None
    length = mesh.measures[f"screw_length:{name}"]
    first, last = given.washer.thickness, length - given.thread_length
    head = screw.tip + length * screw.outward
    centroids = mesh.points[mesh.cells].mean(axis=1) - head
    depth = -centroids @ screw.outward
    away = np.linalg.norm(centroids + depth[:, None] * screw.outward, axis=1)
    metal = [number for number, region in mesh.region_names.items() if region == f"screw:{implant}"]
    # Other screws of the implant lie farther away than a diameter: those that cross are refused.
    cells = np.flatnonzero(np.isin(regions, metal) & (depth > first) & (depth < last) & (away < given.shaft_diameter))
    end = _END * (last - first)
    ramp = np.clip((-(mesh.points - head) @ screw.outward - first - end) / (last - first - 2 * end), 0.0, 1.0)
    corners = mesh.points[mesh.cells[cells]]
    values = ramp[mesh.cells[cells]]
    gradients = np.linalg.solve(corners[:, 1:] - corners[:, :1], (values[:, 1:] - values[:, :1])[..., None])[..., 0]
    slopes = -gradients @ screw.outward
    section = float(slopes @ np.abs(mesh.volumes()[cells]))
    if not section > 0.0:
        raise ModelError(
            explain(
                "A lag screw has no free shaft in the mesh.",
                where=f"implant {implant!r}, screw {screw.name!r}, pretension",
                got=f"{len(cells)} cells of metal between {first:.1f} and {last:.1f} mm from its head",
                allowed="a shaft of some cells between washer and thread",
                next_step="make feature_size smaller, or the thread shorter",
            )
        )
    return LagScrew(name, given.pretension, screw.outward, cells, slopes, section)
