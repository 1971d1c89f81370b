"""Building the one mesh that all treatments of a study share."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from sacrofem.catalogue.models import Anatomy, CementPattern, Extent, Fracture, Implant, MeshSettings
from sacrofem.errors import GeometryError, MeshError, explain
from sacrofem.fingerprint import fingerprint_code
from sacrofem.mesh.bodies import collect_bodies, place_implants
from sacrofem.mesh.cement_volume import CUBIC_MM_PER_ML
from sacrofem.mesh.facets import facet_areas, list_facets
from sacrofem.mesh.features import Feature, clean_up, has_bit, size_field, split
from sacrofem.mesh.holds import hold_surfaces
from sacrofem.mesh.host import (
    CARTILAGE_LEFT,
    CARTILAGE_RIGHT,
    RING_REGION_NAMES,
    SOFT_REGIONS,
    Host,
    JointCuts,
    joint_size,
    open_cells,
    ring_host,
    ring_surfaces,
    sacrum_host,
    with_implants,
    within_sacrum,
)
from sacrofem.mesh.labels import name_regions, regions_of, require_facets, sacrum_surfaces
from sacrofem.mesh.model import FloatArray, IntArray, ModelMesh
from sacrofem.mesh.polish import polish, rings_around
from sacrofem.mesh.quality import radius_ratio, require_quality
from sacrofem.mesh.repair import lift_worst
from sacrofem.mesh.sheets import SheetFeature, cut_sheets, number_sheets, sheet_facets
from sacrofem.mesh.surface import SizeField, contour_shape, remesh_surface
from sacrofem.mesh.tetrahedra import Tetrahedra, require_connected
from sacrofem.mesh.volume import fill_surface
from sacrofem.shapes.field import BoolArray
from sacrofem.shapes.fracture import Sheet, fracture_sheets
from sacrofem.shapes.pelvic_ring import build_pelvic_ring
from sacrofem.shapes.sacrum import REGION_NAMES, Sacrum, build_sacrum

logger = logging.getLogger(__name__)

#: Cells flatter than this many times the required quality are mended after the remeshing.
QUALITY_GOAL_FACTOR = 4.0
#: Smallest edges allowed, as a share of the size at features.
SMALLEST_EDGE_SHARE = 0.5
#: In the ring, cells whose wanted size is this share of the largest are left as Gmsh made them.
_FAR_SHARE = 0.98
#: Unless they are flatter than this, or within so many rings of cells around one that is.
_GOOD, _RINGS = 0.12, 1
#: As :data:`QUALITY_GOAL_FACTOR`, for the ring, where flat cells are remeshed too.
RING_GOAL_FACTOR = 2.0
#: Factors on all sizes of one attempt after the other, until a mesh is good: other nodes, other splinters.
ATTEMPTS = (1.0, 0.94, 1.06, 0.88)
#: What of an implant does not go into a mesh.
_NOT_MESHED_OF_IMPLANTS = {"title", "source", "material", "thread_metal", "anchors"}


def mesh_digest(
    anatomy: Anatomy,
    fracture: Fracture,
    patterns: Sequence[CementPattern],
    implants: Sequence[Implant],
    settings: MeshSettings,
    extent: Extent = "sacrum",
) -> str:
    """sha256 of everything that goes into a mesh: entries (but for titles and sources), code, Gmsh and MMG."""
    words = {"title", "source"}
    content = {
        "code": fingerprint_code(("shapes", "mesh"), ("gmsh", "mmgpy")),
        "extent": extent,
        # The cortex is a membrane of the model, not of the mesh.
        "anatomy": anatomy.model_dump(
            mode="json", exclude={**dict.fromkeys(words, True), "variation": {"cortical_thickness_factor"}}
        ),
        "fracture": fracture.model_dump(mode="json", exclude=words),
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
    host = sacrum_host(build_sacrum(anatomy)) if extent == "sacrum" else ring_host(build_pelvic_ring(anatomy))
    with stage("cement fitted, corridors measured"):
        placed = place_implants(implants, host.ring)
        bodies, measures = collect_bodies(host.sacrum, fracture, patterns, placed, host.ring)
        host = with_implants(host, placed) if host.ring else host
    mesh = mesh_features(host, bodies, fracture_sheets(fracture), settings)
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


def mesh_features(given: Sacrum | Host, bodies: Sequence[Feature], sheets: Sequence[Sheet], settings: MeshSettings) -> ModelMesh:
    """Mesh bones so that they conform to bodies and fracture sheets; see :func:`build_model_mesh`.

    Args:
        given: What is meshed.
        bodies: Bruises, cement (inside bone) and screws (cut off by the bone), with bits 1, 2, 4, ...
        sheets: Fracture sheets, through the sacrum.
        settings: Mesh sizes, mm.

    Returns:
        The mesh; its digest is empty.
    """
    host = sacrum_host(given) if isinstance(given, Sacrum) else given
    joints = JointCuts(host.ring, 1 << len(bodies)) if host.ring else None
    numbered = number_sheets(sheets, joints.next_bit if joints else 1 << len(bodies))
    mesh = best_attempt(host, joints, bodies, numbered, settings)
    quality = require_quality(mesh.points, mesh.cells, settings.minimum_quality)
    return label_mesh(mesh, quality, host, joints, bodies, numbered)


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
    seen = [*bodies, *(replace(sheet.level, level=within_sacrum(sheet.sheet.away, host)) for sheet in sheets)]
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
        mesh = cut_sheets(mesh, sheets, settings.feature_size, joints.are_sacral if joints else None)
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
    """Cells far from all that was cut in, where Gmsh's mesh is good and most of the ring lies; without its few flat cells."""
    far: BoolArray = size(mesh.points[mesh.cells].mean(axis=1)) > _FAR_SHARE * settings.size
    return far & ~rings_around(mesh, radius_ratio(mesh.points, mesh.cells) < _GOOD, _RINGS)


def label_mesh(
    mesh: Tetrahedra,
    quality: FloatArray,
    host: Host,
    joints: JointCuts | None,
    bodies: Sequence[Feature],
    sheets: Sequence[SheetFeature],
) -> ModelMesh:
    """Name regions and surfaces of a finished mesh, and measure it."""
    facets = list_facets(mesh.cells)
    if joints:
        centroids = mesh.points[mesh.cells].mean(axis=1)
        bone = joints.regions(mesh)
        between = open_cells(centroids, host)
        bone[between] = np.where(centroids[between, 2] > 0.0, CARTILAGE_RIGHT, CARTILAGE_LEFT)
        surfaces = ring_surfaces(mesh, facets, bone, joints.ring)
    else:
        bone = np.asarray(host.sacrum.region(mesh.points[mesh.cells].mean(axis=1)), dtype=np.int64)
        surfaces = sacrum_surfaces(mesh, facets, host.sacrum)
    surfaces |= hold_surfaces(mesh, facets, host.holds, bodies)
    broken = np.isin(bone, list(REGION_NAMES))
    surfaces |= {sheet.name: sheet_facets(mesh, facets, sheet, broken) for sheet in sheets}
    regions, bone, names = name_regions(mesh, bone, host.names, bodies)
    require_facets(surfaces)
    labelled = ModelMesh(mesh.points, mesh.cells, regions, names, bone, surfaces)
    volumes = labelled.volumes()
    soft = [number for number, name in names.items() if name in SOFT_REGIONS]
    measures = {
        "cells": float(len(mesh.cells)),
        "points": float(len(mesh.points)),
        "quality_min": float(quality.min()),
        "quality_p001": float(np.quantile(quality, 0.001)),
        "bone_ml": float(volumes[~np.isin(bone, soft)].sum()) / CUBIC_MM_PER_ML,
    }
    if joints:
        for number, name in RING_REGION_NAMES.items():
            measures[f"region_ml:{name}"] = float(volumes[bone == number].sum()) / CUBIC_MM_PER_ML
    for body in bodies:
        held = has_bit(mesh.references, body.bit) == 1 if body.name.startswith("bruise:") else None
        mine = np.isin(regions, regions_of(names, body.name)) if held is None else held
        volume = float(volumes[mine].sum()) / CUBIC_MM_PER_ML
        if volume == 0.0:
            raise GeometryError(
                explain(
                    f"{body.name} lies wholly outside the bone.",
                    where=body.name,
                    got="0 mL inside bone",
                    allowed="a body that meets the bone",
                    next_step="check its points (frame G, mm: x anterior, y superior, z to the right)",
                )
            )
        kind, name = body.name.split(":", 1)
        measures[f"{kind}_ml:{name}"] = volume
    for feature in sheets:
        sheet, triangles = feature.sheet, surfaces[feature.name]
        measures[f"fracture_area:{sheet.name}"] = float(facet_areas(mesh.points, triangles).sum())
        measures["sheet_deviation"] = max(measures.get("sheet_deviation", 0.0), _deviation(mesh.points, triangles, sheet))
    return ModelMesh(mesh.points, mesh.cells, regions, names, bone, surfaces, measures)


def _deviation(points: FloatArray, triangles: IntArray, sheet: Sheet) -> float:
    """Largest distance of a fracture's nodes from its sheet, mm."""
    return float(np.abs(sheet.level(points[np.unique(triangles)])).max())


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Log how long a stage of meshing took."""
    began = time.perf_counter()
    yield
    logger.info("mesh: %s in %.1f s", name, time.perf_counter() - began)
