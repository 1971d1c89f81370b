"""Building the one mesh that all treatments of a study share."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from sacrofem.catalogue.models import Anatomy, CementPattern, Fracture, Implant, MeshSettings
from sacrofem.errors import GeometryError, explain
from sacrofem.fingerprint import fingerprint_code
from sacrofem.mesh.bodies import collect_bodies
from sacrofem.mesh.cement_volume import CUBIC_MM_PER_ML
from sacrofem.mesh.facets import facet_areas, list_facets
from sacrofem.mesh.features import Feature, clean_up, has_bit, size_field, split
from sacrofem.mesh.labels import name_regions, name_surfaces
from sacrofem.mesh.model import FloatArray, IntArray, ModelMesh
from sacrofem.mesh.quality import require_quality
from sacrofem.mesh.sheets import SheetFeature, cut_sheets, number_sheets
from sacrofem.mesh.smoothing import lift_worst
from sacrofem.mesh.surface import contour_shape, remesh_surface
from sacrofem.mesh.tetrahedra import Tetrahedra, require_connected
from sacrofem.mesh.volume import fill_surface
from sacrofem.shapes.fracture import Sheet, fracture_sheets
from sacrofem.shapes.sacrum import Sacrum, build_sacrum

logger = logging.getLogger(__name__)

#: Cells flatter than this many times the required quality are worked on after the remeshing.
QUALITY_GOAL_FACTOR = 2.0
#: Smallest edges allowed, as a share of the size at features.
SMALLEST_EDGE_SHARE = 0.5


def mesh_digest(
    anatomy: Anatomy,
    fracture: Fracture,
    patterns: Sequence[CementPattern],
    implants: Sequence[Implant],
    settings: MeshSettings,
) -> str:
    """sha256 of everything that goes into a mesh: entries (but for titles and sources), code, Gmsh and MMG."""
    words = {"title", "source"}
    content = {
        "code": fingerprint_code(("shapes", "mesh"), ("gmsh", "mmgpy")),
        "anatomy": anatomy.model_dump(mode="json", exclude=words),
        "fracture": fracture.model_dump(mode="json", exclude=words),
        "patterns": [pattern.model_dump(mode="json", exclude=words | {"material"}) for pattern in patterns],
        "implants": [implant.model_dump(mode="json", exclude=words | {"material"}) for implant in implants],
        "settings": settings.model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def build_model_mesh(
    anatomy: Anatomy,
    fracture: Fracture,
    patterns: Sequence[CementPattern],
    implants: Sequence[Implant],
    settings: MeshSettings,
) -> ModelMesh:
    """Mesh a sacrum with its fracture and the bodies of all treatments.

    Args:
        anatomy: The sacrum.
        fracture: The fracture.
        patterns: Cement patterns of all treatments.
        implants: Implants of all treatments.
        settings: Mesh sizes, mm.

    Returns:
        The mesh with named regions and surfaces.

    Raises:
        GeometryError: A needle leaves the bone, cement does not fit, or a corridor is too narrow.
        MeshError: No mesh, or none of the required quality.
    """
    sacrum = build_sacrum(anatomy)
    with stage("cement fitted, corridors measured"):
        bodies, measures = collect_bodies(sacrum, fracture, patterns, implants)
    mesh = mesh_features(sacrum, bodies, fracture_sheets(fracture), settings)
    return ModelMesh(
        points=mesh.points,
        cells=mesh.cells,
        regions=mesh.regions,
        region_names=mesh.region_names,
        host_regions=mesh.host_regions,
        surfaces=mesh.surfaces,
        measures=measures | mesh.measures,
        digest=mesh_digest(anatomy, fracture, patterns, implants, settings),
    )


def mesh_features(sacrum: Sacrum, bodies: Sequence[Feature], sheets: Sequence[Sheet], settings: MeshSettings) -> ModelMesh:
    """Mesh a bone so that it conforms to bodies and fracture sheets; see :func:`build_model_mesh`.

    Args:
        sacrum: The bone.
        bodies: Bruises, cement (inside bone) and screws (cut off by the bone), with bits 1, 2, 4, ...
        sheets: Fracture sheets.
        settings: Mesh sizes, mm.

    Returns:
        The mesh; its digest is empty.
    """
    numbered = number_sheets(sheets, 1 << len(bodies))
    features = [*bodies, *(sheet.level for sheet in numbered)]
    size = size_field(features, settings.size, settings.feature_size)
    smallest = SMALLEST_EDGE_SHARE * settings.feature_size
    with stage("surface sampled and remeshed"):
        surface = remesh_surface(contour_shape(sacrum.bone, sacrum.bounds, settings.sampling), size, smallest)
    with stage("volume filled"):
        mesh = fill_surface(surface, size)
    for body in bodies:
        with stage(f"{body.name} cut in"):
            mesh = split(mesh, body, settings.feature_size)
    with stage("fracture cut in"):
        mesh = cut_sheets(mesh, numbered, settings.feature_size)
    with stage("cleaned up"):
        mesh = clean_up(mesh, size, smallest)
    with stage("worst cells lifted"):
        mesh = lift_worst(mesh, QUALITY_GOAL_FACTOR * settings.minimum_quality)
    require_connected(mesh)
    quality = require_quality(mesh.points, mesh.cells, settings.minimum_quality)
    return label_mesh(mesh, quality, sacrum, bodies, numbered)


def label_mesh(
    mesh: Tetrahedra,
    quality: FloatArray,
    sacrum: Sacrum,
    bodies: Sequence[Feature],
    sheets: Sequence[SheetFeature],
) -> ModelMesh:
    """Name regions and surfaces of a finished mesh, and measure it."""
    regions, host, names = name_regions(mesh, sacrum, bodies)
    surfaces = name_surfaces(mesh, list_facets(mesh.cells), sacrum, sheets)
    labelled = ModelMesh(mesh.points, mesh.cells, regions, names, host, surfaces)
    volumes = labelled.volumes()
    measures = {
        "cells": float(len(mesh.cells)),
        "points": float(len(mesh.points)),
        "quality_min": float(quality.min()),
        "quality_p001": float(np.quantile(quality, 0.001)),
        "bone_ml": float(volumes.sum()) / CUBIC_MM_PER_ML,
    }
    for body in bodies:
        volume = float(volumes[has_bit(mesh.references, body.bit) == 1].sum()) / CUBIC_MM_PER_ML
        if volume == 0.0:
            raise GeometryError(
                explain(
                    f"{body.name} lies wholly outside the bone.",
                    where=body.name,
                    got="0 mL inside the sacrum",
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
    return ModelMesh(mesh.points, mesh.cells, regions, names, host, surfaces, measures)


def _deviation(points: FloatArray, triangles: IntArray, sheet: Sheet) -> float:
    """Largest distance of a fracture's nodes from its sheet, mm."""
    return float(np.abs(sheet.level(points[np.unique(triangles)])).max())


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Log how long a stage of meshing took."""
    began = time.perf_counter()
    yield
    logger.info("mesh: %s in %.1f s", name, time.perf_counter() - began)
