"""Building the one mesh that all treatments of a study share."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sacrofem.catalogue.models import Anatomy, CementPattern, Extent, Fracture, Implant, MeshSettings
from sacrofem.errors import GeometryError, MeshError, explain
from sacrofem.fingerprint import fingerprint_code
from sacrofem.mesh.bodies import collect_bodies, place_implants
from sacrofem.mesh.features import Feature, clean_up, size_field, split
from sacrofem.mesh.finishing import label_mesh
from sacrofem.mesh.half import keep_right_half, midplane_feature
from sacrofem.mesh.host import (
    Host,
    JointCuts,
    joint_size,
    ring_host,
    sacrum_host,
    with_implants,
    within_bone,
)
from sacrofem.mesh.model import MIDPLANE, ModelMesh
from sacrofem.mesh.polish import polish
from sacrofem.mesh.quality import radius_ratio, require_quality
from sacrofem.mesh.repair import lift_worst
from sacrofem.mesh.sheets import SheetFeature, cut_sheets, number_sheets
from sacrofem.mesh.surface import SizeField, contour_shape, remesh_surface
from sacrofem.mesh.tetrahedra import Tetrahedra, require_connected, rings_around
from sacrofem.mesh.volume import fill_surface
from sacrofem.shapes.displacement import displaced_ring
from sacrofem.shapes.field import BoolArray
from sacrofem.shapes.following import require_own_places
from sacrofem.shapes.fracture import JointBreak, Sheet, fracture_sheets, joint_breaks
from sacrofem.shapes.pelvic_ring import build_pelvic_ring
from sacrofem.shapes.sacrum import Sacrum, build_sacrum

logger = logging.getLogger(__name__)

#: What the log says of a stage's end: its name, and the seconds it took.
STAGE_MESSAGE = "mesh: %s in %.1f s"
#: Cells flatter than this many times the required quality are mended after the remeshing.
QUALITY_GOAL_FACTOR = 4.0
#: Smallest edges allowed, as a share of the size at features.
SMALLEST_EDGE_SHARE = 0.5
#: In the ring, cells whose wanted size is this share of the largest are left as Gmsh made them. Not in the sacrum alone: it
#: would save a third of the time, but the mean radius ratio falls from 0.76 to 0.64 and cells from 74,000 to 46,000.
_FAR_SHARE = 0.98
#: Unless they are flatter than this, or within so many rings of cells around one that is.
_GOOD, _RINGS = 0.12, 1
#: As :data:`QUALITY_GOAL_FACTOR`, for the ring, where flat cells are remeshed too.
RING_GOAL_FACTOR = 2.0
#: Factors on all sizes of one attempt after the other, until a mesh is good: other nodes, other splinters.
ATTEMPTS = (1.0, 0.94, 1.06, 0.88)
#: What of an implant does not go into a mesh.
_NOT_MESHED_OF_IMPLANTS: dict[str, Any] = {
    **dict.fromkeys(("drawn_on", "title", "source", "material", "thread_metal", "anchors"), True),
    "screws": {"__all__": {"pretension"}},
}


def mesh_digest(
    anatomy: Anatomy,
    fracture: Fracture,
    patterns: Sequence[CementPattern],
    implants: Sequence[Implant],
    settings: MeshSettings,
    extent: Extent = "sacrum",
) -> str:
    """sha256 of everything that goes into a mesh: entries (but for titles and sources), code, Gmsh and MMG."""
    words = {"title", "source", "drawn_on"}
    content = {
        "code": fingerprint_code(("shapes", "mesh"), ("gmsh", "mmgpy")),
        "extent": extent,
        # The cortex is a membrane of the model, not of the mesh.
        "anatomy": anatomy.model_dump(
            mode="json", exclude={**dict.fromkeys(sorted(words), True), "variation": {"cortical_thickness_factor"}}
        ),
        "fracture": fracture.model_dump(mode="json", exclude=words | {"classification", "drawn"}),
        "patterns": [pattern.model_dump(mode="json", exclude=words | {"material"}) for pattern in patterns],
        "implants": [implant.model_dump(mode="json", exclude=_NOT_MESHED_OF_IMPLANTS) for implant in implants],
        "settings": settings.model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def build_model_mesh(
    anatomy: Anatomy,
    fracture: Fracture,
    patterns: Sequence[CementPattern],
    implants: Sequence[Implant],
    settings: MeshSettings,
    extent: Extent = "sacrum",
) -> ModelMesh:
    """Mesh a sacrum, alone or in the pelvic ring, with its fracture and the bodies of all treatments.

    Args:
        anatomy: The sacrum, and the hip bone for the ring.
        fracture: The fracture.
        patterns: Cement patterns of all treatments.
        implants: Implants of all treatments.
        settings: Mesh sizes, mm.
        extent: What is modelled of the pelvis.

    Returns:
        The mesh with named regions and surfaces.

    Raises:
        GeometryError: A needle leaves the bone, cement does not fit, or a corridor is too narrow.
        MeshError: No mesh, or none of the required quality.
    """
    for entry in (fracture, *patterns, *implants):
        require_own_places(entry, anatomy)
    host, sheets = _build_host(anatomy, fracture, extent)
    with stage("cement fitted, corridors measured"):
        placed = place_implants(implants, host.ring)
        bodies, measures = collect_bodies(host.sacrum, fracture, patterns, placed, host.ring)
        host = with_implants(host, placed) if host.ring else host
    mesh = mesh_features(host, bodies, sheets, settings, joint_breaks(fracture))
    return ModelMesh(
        points=mesh.points,
        cells=mesh.cells,
        regions=mesh.regions,
        region_names=mesh.region_names,
        host_regions=mesh.host_regions,
        surfaces=mesh.surfaces,
        measures=measures | mesh.measures,
        digest=mesh_digest(anatomy, fracture, patterns, implants, settings, extent),
    )


def _build_host(anatomy: Anatomy, fracture: Fracture, extent: Extent) -> tuple[Host, list[Sheet]]:
    """What is meshed, its displaced fragments moved, and the fracture's sheets in it."""
    if extent == "pelvic_ring":
        ring, sheets = displaced_ring(build_pelvic_ring(anatomy), fracture)
        return ring_host(ring), sheets
    if fracture.needs_ring:
        raise GeometryError(
            explain(
                "The fracture breaks more of the pelvis than the sacrum.",
                where=f"fracture {fracture.name!r}",
                got="a mesh of the sacrum alone",
                allowed="extent: pelvic_ring",
                next_step="mesh the pelvic ring",
            )
        )
    return sacrum_host(build_sacrum(anatomy), halved=extent == "hemisacrum"), fracture_sheets(fracture)


def mesh_features(
    given: Sacrum | Host,
    bodies: Sequence[Feature],
    sheets: Sequence[Sheet],
    settings: MeshSettings,
    breaks: Sequence[JointBreak] = (),
) -> ModelMesh:
    """Mesh bones so that they conform to bodies and fracture sheets; see :func:`build_model_mesh`.

    Args:
        given: What is meshed.
        bodies: Bruises, cement (inside bone) and screws (cut off by the bone), with bits 1, 2, 4, ...
        sheets: Fracture sheets.
        settings: Mesh sizes, mm.
        breaks: Joints that are torn.

    Returns:
        The mesh; its digest is empty.
    """
    host = sacrum_host(given) if isinstance(given, Sacrum) else given
    joints = JointCuts(host.ring, 1 << len(bodies)) if host.ring else None
    next_bit = joints.next_bit if joints else 1 << len(bodies)
    # The midplane is cut in like a body, but names no region.
    middle = [midplane_feature(next_bit)] if host.halved else []
    numbered = number_sheets(sheets, next_bit << len(middle))
    mesh = best_attempt(host, joints, [*bodies, *middle], numbered, settings)
    quality = require_quality(mesh.points, mesh.cells, settings.minimum_quality)
    whole = label_mesh(mesh, quality, host, joints, bodies, numbered, breaks)
    return keep_right_half(whole, settings.minimum_quality) if host.halved else whole


def best_attempt(
    host: Host,
    joints: JointCuts | None,
    bodies: Sequence[Feature],
    sheets: Sequence[SheetFeature],
    settings: MeshSettings,
) -> Tetrahedra:
    """Mesh at the wanted sizes, and at slightly others only where that fails or leaves a cell too flat.

    Args:
        host: What is meshed.
        joints: The joints of the ring.
        bodies: Bruises, cement bodies and screws, which are cut in first, in this order.
        sheets: Fracture sheets with their bits.
        settings: Mesh sizes, mm.

    Returns:
        The first mesh of the required quality, else the best.

    Raises:
        MeshError: No attempt made a mesh.
    """
    best: tuple[float, Tetrahedra] | None = None
    failure: MeshError | None = None
    for factor in ATTEMPTS:
        sizes = {name: factor * getattr(settings, name) for name in ("size", "feature_size", "joint_size")}
        try:
            mesh = attempt(host, joints, bodies, sheets, settings.model_copy(update=sizes))
        except MeshError as error:
            failure = failure or error
            logger.warning("mesh: no mesh at %.2f times the sizes: %s", factor, str(error).splitlines()[0])
            continue
        worst = float(radius_ratio(mesh.points, mesh.cells).min())
        if best is None or worst > best[0]:
            best = worst, mesh
        if worst >= settings.minimum_quality:
            break
        logger.warning("mesh: smallest quality %.4f at %.2f times the sizes", worst, factor)
    if best is None:
        assert failure
        raise failure
    return best[1]


def attempt(
    host: Host,
    joints: JointCuts | None,
    bodies: Sequence[Feature],
    sheets: Sequence[SheetFeature],
    settings: MeshSettings,
) -> Tetrahedra:
    """One run through all stages, from the bones' surface to the mended mesh."""
    shaped = [body for body in bodies if body.name != MIDPLANE]
    seen = [*shaped, *(replace(sheet.level, level=within_bone(sheet.sheet, host)) for sheet in sheets)]
    seen += [Feature(hold.name, hold.distance, 0) for hold in host.holds]
    size = size_field(seen, settings.size, settings.feature_size)
    smallest = SMALLEST_EDGE_SHARE * settings.feature_size
    if host.ring:
        size = joint_size(host.ring, size, settings.joint_size)
        smallest = SMALLEST_EDGE_SHARE * min(settings.feature_size, settings.joint_size)
    with stage("surface sampled and remeshed"):
        surface = remesh_surface(contour_shape(host.solid, host.bounds, settings.sampling), size, smallest)
    with stage("volume filled"):
        mesh = fill_surface(surface, size)
    if joints:
        with stage("joints cut in"):
            mesh = joints.cut(mesh, settings.joint_size)
    for feature in bodies:
        with stage(f"{feature.name} cut in"):
            mesh = split(mesh, feature, settings.feature_size)
    with stage("fracture cut in"):
        mesh = cut_sheets(mesh, sheets, settings.feature_size, joints.are_of if joints else None)
    with stage("cleaned up"):
        mesh = clean_up(mesh, size, smallest, _far(mesh, size, settings) if joints else None)
    with stage("flat cells mended"):
        if joints:
            mesh = polish(mesh, size, smallest, RING_GOAL_FACTOR * settings.minimum_quality)
        else:
            mesh = lift_worst(mesh, QUALITY_GOAL_FACTOR * settings.minimum_quality)
    require_connected(mesh)
    return mesh


def _far(mesh: Tetrahedra, size: SizeField, settings: MeshSettings) -> BoolArray:
    """Cells far from all that was cut in, where Gmsh's mesh is good; without its few flat cells."""
    far: BoolArray = size(mesh.points[mesh.cells].mean(axis=1)) > _FAR_SHARE * settings.size
    return far & ~rings_around(mesh, radius_ratio(mesh.points, mesh.cells) < _GOOD, _RINGS)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Log how long a stage of meshing took."""
    began = time.perf_counter()
    yield
    logger.info(STAGE_MESSAGE, name, time.perf_counter() - began)
