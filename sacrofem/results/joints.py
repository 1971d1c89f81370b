"""Motion in the joints of the ring: how the bone on one side moves against the bone on the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sacrofem.mechanics.facets import facets_of
from sacrofem.mesh.facets import facet_areas, find_inner
from sacrofem.mesh.host import SOFT_REGIONS
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import CaseFields
from sacrofem.results.micromotion import Measure

FloatArray = NDArray[np.float64]


def measure_joints(mesh: ModelMesh, fields: CaseFields) -> list[Measure]:
    """Relative rigid motion of the two bony faces of every joint, at the joint's middle.

    A face's motion is the translation and small rotation that fit its displacement best in the mean square over its area: what
    markers in the bone beside the joint would show. Rotation is that of the helical axis; its components, small as they are,
    add up, and the one about z is nutation (the sacrum's promontory goes forwards and down where it is negative for the sacrum,
    thus positive here, for the ilium against the sacrum).

    Args:
        mesh: The mesh; its surfaces ``joint:<name>:first`` and ``joint:<name>:second`` are the faces.
        fields: The solved case.

    Returns:
        (metric, value, unit): by joint the translation of the second face (ilium, right pubis) against the first (sacrum, left
        pubis), the rotation, and the components of both in frame G; nothing for a mesh without joints.
    """
    names = sorted({name.split(":")[1] for name in mesh.surfaces if name.startswith("joint:")})
    if not names:
        return []
    facets = facets_of(mesh.cells)
    soft = np.isin(mesh.host_regions, [number for number, region in mesh.region_names.items() if region in SOFT_REGIONS])
    measures: list[Measure] = []
    for name in names:
        sides = [mesh.surfaces[f"joint:{name}:{place}"] for place in ("first", "second")]
        middle = mesh.points[np.unique(np.concatenate(sides))].mean(axis=0)
        motions = []
        for triangles in sides:
            cells = facets.inner_cells[find_inner(facets, triangles)]
            # A torn joint's tissue has parted from the bone: it is the bone that is asked.
            cells = np.where(soft[cells[:, 0]], cells[:, 1], cells[:, 0])
            corners = np.argmax(mesh.cells[cells][:, None, :] == triangles[:, :, None], axis=2)
            moved = fields.displacement[np.take_along_axis(fields.cells[cells], corners, axis=1)]
            motions.append(_fit_rigid(mesh.points[triangles] - middle, moved, facet_areas(mesh.points, triangles)))
        shift, turn = (second - first for first, second in zip(*motions, strict=True))
        measures.append((f"joint_translation_{name}", float(np.linalg.norm(shift)), "mm"))
        measures += [(f"joint_translation_{axis}_{name}", float(shift[i]), "mm") for i, axis in enumerate("xyz")]
        measures.append((f"joint_rotation_{name}", float(np.degrees(np.linalg.norm(turn))), "degree"))
        measures += [(f"joint_rotation_{axis}_{name}", float(np.degrees(turn[i])), "degree") for i, axis in enumerate("xyz")]
    return measures


def _fit_rigid(places: FloatArray, moved: FloatArray, areas: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Translation at the origin and small rotation that fit (f, 3, 3) displacements of facet corners best, by area."""
    x, y, z = places.reshape(-1, 3).T
    zero, root = np.zeros(len(x)), np.sqrt(np.repeat(areas, 3))
    turning = np.stack(
        [np.stack([zero, z, -y], axis=1), np.stack([-z, zero, x], axis=1), np.stack([y, -x, zero], axis=1)], axis=1
    )  # rows: components of rotation x place, linear in the rotation
    matrix = np.concatenate([np.broadcast_to(np.eye(3), turning.shape), turning], axis=2)
    system, right = (root[:, None, None] * matrix).reshape(-1, 6), (root[:, None] * moved.reshape(-1, 3)).ravel()
    fitted = np.linalg.lstsq(system, right, rcond=None)[0]
    return fitted[:3], fitted[3:]
