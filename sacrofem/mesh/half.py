"""The right half of a sacrum, cut at the midplane from the mesh of the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sacrofem.errors import GeometryError, MeshError, explain
from sacrofem.mesh.cement_volume import CUBIC_MM_PER_ML
from sacrofem.mesh.facets import facet_areas, facet_geometry, list_facets
from sacrofem.mesh.features import Feature
from sacrofem.mesh.labels import regions_of, require_facets
from sacrofem.mesh.model import MIDPLANE, IntArray, ModelMesh
from sacrofem.mesh.quality import radius_ratio, require_quality
from sacrofem.mesh.tetrahedra import Tetrahedra, tidy

#: Farthest that the clean-up may have moved a node of the cut off the plane, mm; such nodes go back onto it.
_OFF_PLANE = 0.3


def midplane_feature(bit: int) -> Feature:
    """The midplane as something the mesh conforms to; the right half does not hold the bit."""
    return Feature(MIDPLANE, lambda points: points[:, 2], bit)


def keep_right_half(whole: ModelMesh, minimum_quality: float) -> ModelMesh:
    """The cells right of the midplane, with a surface ``midplane`` that carries no cortex.

    Args:
        whole: The whole sacrum, conforming to the midplane.
        minimum_quality: Smallest radius ratio wanted.

    Returns:
        The half; sheets of the left side are left out, volumes and areas are those of the half.

    Raises:
        GeometryError: no sheet of the fracture, or nothing of a body, lies in the right half.
        MeshError: the mesh does not conform to the midplane, or is not good enough.
    """
    right = whole.points[whole.cells].mean(axis=1)[:, 2] > 0.0
    cut = _facets_between(whole, right)
    points = whole.points.copy()
    nodes = np.unique(cut)
    off = float(np.abs(points[nodes, 2]).max(initial=0.0))
    if not len(cut) or off > _OFF_PLANE:
        raise MeshError(
            explain(
                "The mesh does not conform to the midplane.",
                where="extent hemisacrum",
                got=f"{len(cut)} facets between the halves, up to {off:.2f} mm off the plane",
                allowed=f"facets within {_OFF_PLANE:g} mm of z = 0",
                next_step="change mesh.size or mesh.feature_size a little",
            )
        )
    points[nodes, 2] = 0.0
    used = np.unique(whole.cells[right])
    number = np.full(len(points), -1, dtype=np.int64)
    number[used] = np.arange(len(used))
    mesh = tidy(Tetrahedra(points[used], number[whole.cells[right]], whole.regions[right]))
    surfaces = {name: _kept(triangles, number) for name, triangles in whole.surfaces.items()}
    surfaces[MIDPLANE] = _outward(mesh, number[cut])
    surfaces = {name: triangles for name, triangles in surfaces.items() if len(triangles)}
    if whole.fractures and not any(name.startswith("fracture:") for name in surfaces):
        raise GeometryError(
            explain(
                "Nothing of the fracture lies in the half that is modelled.",
                where="extent hemisacrum",
                got=", ".join(whole.fractures),
                allowed="a fracture with a sheet right of the midplane",
                next_step="take the fracture's right-sided entry, or extent: sacrum",
            )
        )
    require_facets({name: surfaces.get(name, np.zeros((0, 3), np.int64)) for name in ("cortex", "endplate", "auricular_right")})
    quality = require_quality(mesh.points, mesh.cells, minimum_quality)
    half = replace(
        whole,
        points=mesh.points,
        cells=mesh.cells,
        regions=whole.regions[right],
        host_regions=whole.host_regions[right],
        surfaces=surfaces,
    )
    return replace(half, measures=_measures(whole, half, quality))


def _facets_between(mesh: ModelMesh, right: np.ndarray) -> IntArray:
    facets = list_facets(mesh.cells)
    sides = right[facets.inner_cells]
    between: IntArray = facets.inner[sides[:, 0] != sides[:, 1]]
    return between


def _kept(triangles: IntArray, number: IntArray) -> IntArray:
    """Facets whose nodes are all in the half, by its numbers."""
    renumbered = number[triangles]
    return renumbered[(renumbered >= 0).all(axis=1)]


def _outward(mesh: Tetrahedra, cut: IntArray) -> IntArray:
    """The facets of the cut, ordered so that their normals point to the left."""
    _, normals = facet_geometry(mesh.points, cut)
    return np.where((normals[:, 2] < 0.0)[:, None], cut, cut[:, [0, 2, 1]])


def _measures(whole: ModelMesh, half: ModelMesh, quality: np.ndarray) -> dict[str, float]:
    """Measures of the whole with those of the mesh taken anew."""
    volumes = half.volumes() / CUBIC_MM_PER_ML
    measures = {name: value for name, value in whole.measures.items() if not name.startswith("fracture_area:")}
    measures |= {
        "cells": float(len(half.cells)),
        "points": float(len(half.points)),
        "quality_min": float(np.min(radius_ratio(half.points, half.cells))),
        "quality_p001": float(np.quantile(quality, 0.001)),
        "bone_ml": float(volumes.sum()),
    }
    for name in half.fractures:
        measures[f"fracture_area:{name}"] = float(facet_areas(half.points, half.surfaces[f"fracture:{name}"]).sum())
    for body in whole.region_names.values():
        kind, _, entry = body.partition(":")
        if not entry or "+" in body:
            continue
        held = float(volumes[np.isin(half.regions, regions_of(half.region_names, body))].sum())
        if held == 0.0:
            raise GeometryError(
                explain(
                    f"{body} lies wholly outside the half that is modelled.",
                    where="extent hemisacrum",
                    got="0 mL right of the midplane",
                    allowed="a body that meets the right half",
                    next_step="take the entry of the right side, or extent: sacrum",
                )
            )
        measures[f"{kind}_ml:{entry}"] = held
    return measures
