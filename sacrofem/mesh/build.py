"""Building the one mesh that all treatments of a study share."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np

from sacrofem.catalogue.models import Anatomy, CementPattern, Fracture, Implant, MeshSettings
from sacrofem.errors import GeometryError, MeshError, explain
from sacrofem.fingerprint import fingerprint_code
from sacrofem.mesh.cement_volume import CUBIC_MM_PER_ML, fit_cement
from sacrofem.mesh.facets import facet_areas, list_facets
from sacrofem.mesh.features import Feature, clean_up, has_bit, size_field, split
from sacrofem.mesh.labels import name_regions, name_surfaces
from sacrofem.mesh.model import FloatArray, IntArray, ModelMesh
from sacrofem.mesh.quality import radius_ratio, require_quality
from sacrofem.mesh.repair import lift_worst
from sacrofem.mesh.surface import contour_shape, remesh_surface
from sacrofem.mesh.tetrahedra import Tetrahedra, require_connected
from sacrofem.mesh.volume import fill_surface
from sacrofem.shapes.cement import cement_body, check_needle_path
from sacrofem.shapes.fracture import Sheet, fracture_sheet
from sacrofem.shapes.sacrum import Sacrum, build_sacrum
from sacrofem.shapes.screw import screw_body

logger = logging.getLogger(__name__)

#: Cells flatter than this many times the required quality are mended after the remeshing.
QUALITY_GOAL_FACTOR = 4.0
#: Smallest edges allowed, as a share of the size at features.
SMALLEST_EDGE_SHARE = 0.5
#: Factors on both sizes of one attempt after the other, until a mesh is good: other nodes, other splinters.
ATTEMPTS = (1.0, 0.94, 1.06, 0.88)


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
        fracture: The fracture sheet.
        patterns: Cement patterns of all treatments.
        implants: Screws of all treatments.
        settings: Mesh sizes, mm.

    Returns:
        The mesh with named regions and surfaces.

    Raises:
        GeometryError: A needle leaves the bone, cement does not fit, or a screw misses the bone.
        MeshError: No mesh, or none of the required quality.
    """
    sacrum = build_sacrum(anatomy)
    bodies: list[Feature] = []
    measures: dict[str, float] = {}
    with stage("cement fitted"):
        for pattern in patterns:
            check_needle_path(pattern, sacrum)
            level, scale = fit_cement(pattern.name, partial(cement_body, pattern), sacrum.bone, sacrum.bounds, pattern.volume)
            wanted = pattern.volume * CUBIC_MM_PER_ML
            bodies.append(Feature(f"cement:{pattern.name}", level, 1 << len(bodies), wanted))
            measures[f"cement_ml_wanted:{pattern.name}"] = pattern.volume
            measures[f"cement_scale:{pattern.name}"] = scale
    bodies += [
        Feature(f"screw:{implant.name}", screw_body(implant), 1 << (len(bodies) + i)) for i, implant in enumerate(implants)
    ]
    mesh = mesh_features(sacrum, bodies, [fracture_sheet(fracture)], settings)
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
        bodies: Cement (inside bone) and screws (cut off by the bone), with bits 1, 2, 4, ...
        sheets: Fracture sheets.
        settings: Mesh sizes, mm.

    Returns:
        The mesh; its digest is empty.
    """
    # The positive side of a sheet is lateral; the bit marks the medial, negative side.
    pairs = [(s, Feature(f"fracture:{s.name}", s.level, 1 << (len(bodies) + i))) for i, s in enumerate(sheets)]
    features = [*bodies, *(feature for _, feature in pairs)]
    mesh = best_attempt(sacrum, features, settings)
    quality = require_quality(mesh.points, mesh.cells, settings.minimum_quality)
    return label_mesh(mesh, quality, sacrum, bodies, pairs)


def best_attempt(sacrum: Sacrum, features: Sequence[Feature], settings: MeshSettings) -> Tetrahedra:
    """Mesh at the wanted sizes, and at slightly others only where that fails or leaves a cell too flat.

    Args:
        sacrum: The bone.
        features: All that is cut in, in this order.
        settings: Mesh sizes, mm.

    Returns:
        The first mesh of the required quality, else the best.

    Raises:
        MeshError: No attempt made a mesh.
    """
    best: tuple[float, Tetrahedra] | None = None
    failure: MeshError | None = None
    for factor in ATTEMPTS:
        sizes = {"size": factor * settings.size, "feature_size": factor * settings.feature_size}
        try:
            mesh = attempt(sacrum, features, settings.model_copy(update=sizes))
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


def attempt(sacrum: Sacrum, features: Sequence[Feature], settings: MeshSettings) -> Tetrahedra:
    """One run through all stages, from the bone's surface to the mended mesh."""
    size = size_field(features, settings.size, settings.feature_size)
    smallest = SMALLEST_EDGE_SHARE * settings.feature_size
    with stage("surface sampled and remeshed"):
        surface = remesh_surface(contour_shape(sacrum.bone, sacrum.bounds, settings.sampling), size, smallest)
    with stage("volume filled"):
        mesh = fill_surface(surface, size)
    for feature in features:
        with stage(f"{feature.name} cut in"):
            mesh = split(mesh, feature, settings.feature_size)
    with stage("cleaned up"):
        mesh = clean_up(mesh, size, smallest)
    with stage("flat cells mended"):
        mesh = lift_worst(mesh, QUALITY_GOAL_FACTOR * settings.minimum_quality)
    require_connected(mesh)
    return mesh


def label_mesh(
    mesh: Tetrahedra,
    quality: FloatArray,
    sacrum: Sacrum,
    bodies: Sequence[Feature],
    sheets: Sequence[tuple[Sheet, Feature]],
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
    for sheet, feature in sheets:
        triangles = surfaces[feature.name]
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
