"""Bone strain: principal strains of every cell, and their percentiles in named neighbourhoods."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sacrofem.mesh.host import BONES, HIP_RIGHT, SOFT_REGIONS
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import EDGE_BETWEEN, CaseFields, barycentric_slopes
from sacrofem.results.micromotion import Measure
from sacrofem.results.weighting import weighted_quantile

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MICROSTRAIN = 1e6
#: Yield strains of human vertebral trabecular bone in tension and compression (Kopperdahl and Keaveny 1998).
TENSILE_YIELD, COMPRESSIVE_YIELD = 0.0078, 0.0084
#: How far a neighbourhood reaches from its fracture, cement or screw, mm: some two cells at usual sizes, and the
#: shell around the cement in which Anderson and Cotton 2007 saw strains fall.
REACH = 5.0


def cell_strain(fields: CaseFields) -> FloatArray:
    """Strain at the centroid of every cell: its constant strain (P1), its mean strain (P2).

    Args:
        fields: The solved case.

    Returns:
        (m, 3, 3) small strain.
    """
    slopes = barycentric_slopes(fields.points, fields.cells)
    values = fields.displacement[fields.cells]
    if fields.order == 1:
        gradient = np.einsum("mia,mib->mab", values, slopes)
    else:
        # At the centroid the vertex functions are flat, and that of the edge i-j has the slope of i plus that of j.
        edges = np.empty((len(slopes), 6, 3))
        for i, j in combinations(range(4), 2):
            edges[:, EDGE_BETWEEN[i, j]] = slopes[:, i] + slopes[:, j]
        gradient = np.einsum("mia,mib->mab", values[:, 4:], edges)
    strain: FloatArray = 0.5 * (gradient + gradient.transpose(0, 2, 1))
    return strain


def neighbourhoods(mesh: ModelMesh) -> dict[str, BoolArray]:
    """Cells that are bone in every treatment, by place, so that treatments are compared over the same bone.

    Args:
        mesh: The mesh that all treatments share.

    Returns:
        Name -> (m,) mask: the bone regions, ``near_fracture``, and ``near_cement``, ``near_screw`` and ``near_washer``
        where the study has any; in the ring ``near_screw_sacrum``, too: the part of ``near_screw`` that is not iliac.
    """
    soft = [number for number, name in mesh.region_names.items() if name in SOFT_REGIONS]
    bone = (mesh.regions == mesh.host_regions) & ~np.isin(mesh.host_regions, soft)
    centroids = mesh.points[mesh.cells].mean(axis=1)
    masks = {mesh.region_names[int(n)]: bone & (mesh.host_regions == n) for n in np.unique(mesh.host_regions)}
    facets = [mesh.surfaces[f"fracture:{name}"] for name in mesh.fractures]
    if facets:
        middles = mesh.points[np.concatenate(facets)].mean(axis=1)
        masks["near_fracture"] = bone & _within_reach(centroids, middles)
    for kind in ("cement", "screw", "washer"):
        numbers = [n for n, name in mesh.region_names.items() if any(part.startswith(f"{kind}:") for part in name.split("+"))]
        filled = np.isin(mesh.regions, numbers)
        if filled.any():
            masks[f"near_{kind}"] = bone & _within_reach(centroids, centroids[filled])
    if "near_screw" in masks and HIP_RIGHT in mesh.region_names:
        masks["near_screw_sacrum"] = masks["near_screw"] & np.isin(mesh.host_regions, BONES["sacrum"])
    return {name: mask for name, mask in masks.items() if mask.any()}


def _within_reach(centroids: FloatArray, targets: FloatArray) -> BoolArray:
    distances = cKDTree(targets).query(centroids, distance_upper_bound=REACH)[0]
    return np.asarray(distances) <= REACH


def measure_strain(strain: FloatArray, volumes: FloatArray, masks: dict[str, BoolArray]) -> list[Measure]:
    """Principal strains by neighbourhood, as volume percentiles: a peak at a front has no limit under refinement.

    Args:
        strain: (m, 3, 3) strain of every cell.
        volumes: (m,) mm^3.
        masks: From :func:`neighbourhoods`.

    Returns:
        (metric, value, unit): 95th percentile of the largest principal strain (tension), 5th percentile of the
        smallest (compression), mean of the larger of both in size, and the volume share beyond yield.
    """
    principal = np.linalg.eigvalsh(strain)
    smallest, largest = principal[:, 0], principal[:, 2]
    size = np.maximum(largest, -smallest)
    yielded = (largest > TENSILE_YIELD) | (smallest < -COMPRESSIVE_YIELD)
    measures: list[Measure] = []
    for place, mask in masks.items():
        weights = volumes[mask]
        measures += [
            (f"strain_max_p95_{place}", MICROSTRAIN * weighted_quantile(largest[mask], weights, 0.95), "microstrain"),
            (f"strain_min_p05_{place}", MICROSTRAIN * weighted_quantile(smallest[mask], weights, 0.05), "microstrain"),
            (f"strain_mean_{place}", MICROSTRAIN * float(weights @ size[mask]) / float(weights.sum()), "microstrain"),
            (f"yield_volume_share_{place}", float(weights[yielded[mask]].sum()) / float(weights.sum()), "1"),
        ]
    return measures
