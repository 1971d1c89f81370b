"""A finished mesh becomes a model mesh: regions and surfaces named, volumes and areas measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sacrofem.errors import GeometryError, explain
from sacrofem.mesh.cement_volume import CUBIC_MM_PER_ML
from sacrofem.mesh.facets import facet_areas
from sacrofem.mesh.features import Feature, has_bit
from sacrofem.mesh.holds import hold_surfaces
from sacrofem.mesh.host import (
    BONES,
    CARTILAGE_LEFT,
    CARTILAGE_RIGHT,
    RING_REGION_NAMES,
    SOFT_REGIONS,
    Host,
    JointCuts,
    open_cells,
    ring_surfaces,
    torn_facets,
)
from sacrofem.mesh.labels import name_regions, regions_of, require_facets, sacrum_surfaces
from sacrofem.mesh.model import FloatArray, IntArray, ModelMesh
from sacrofem.mesh.sheets import SheetFeature, sheet_facets
from sacrofem.mesh.tetrahedra import Tetrahedra
from sacrofem.shapes.fracture import JointBreak, Sheet


def label_mesh(
    mesh: Tetrahedra,
    quality: FloatArray,
    host: Host,
    joints: JointCuts | None,
    bodies: Sequence[Feature],
    sheets: Sequence[SheetFeature],
    breaks: Sequence[JointBreak] = (),
) -> ModelMesh:
    """Name regions and surfaces of a finished mesh, and measure it."""
    facets = mesh.facets
    if joints:
        bone = joints.regions(mesh)
        centroids = mesh.points[mesh.cells].mean(axis=1)
        between = open_cells(centroids, host)
        bone[between] = np.where(centroids[between, 2] > 0.0, CARTILAGE_RIGHT, CARTILAGE_LEFT)
        surfaces = ring_surfaces(mesh, facets, bone, joints.ring)
    else:
        bone = np.asarray(host.sacrum.region(mesh.points[mesh.cells].mean(axis=1)), dtype=np.int64)
        surfaces = sacrum_surfaces(mesh, facets, host.sacrum)
    surfaces |= hold_surfaces(mesh, facets, host.holds, bodies)
    for feature in sheets:
        surfaces[feature.name] = sheet_facets(mesh, facets, feature, np.isin(bone, BONES[feature.sheet.bone]))
    surfaces |= {f"fracture:{torn.name}": torn_facets(facets, bone, torn) for torn in breaks}
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
        mine = has_bit(mesh.references, body.bit) == 1
        if body.name.startswith("thread:"):  # without the core
            mine = np.isin(regions, regions_of(names, body.name))
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
    for torn in breaks:
        measures[f"fracture_area:{torn.name}"] = float(facet_areas(mesh.points, surfaces[f"fracture:{torn.name}"]).sum())
    return ModelMesh(mesh.points, mesh.cells, regions, names, bone, surfaces, measures)


def _deviation(points: FloatArray, triangles: IntArray, sheet: Sheet) -> float:
    """Largest distance of a fracture's nodes from its sheet, mm."""
    return float(np.abs(sheet.level(points[np.unique(triangles)])).max())
