"""The problem of the benchmarks: a pelvic ring with a fracture, untreated or with cement and screws, at any mesh size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sacrofem.catalogue import resolve_study
from sacrofem.catalogue.models import MeshSettings, Study, Treatment
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.catalogue.study import Extent
from sacrofem.export.case import mesh_of
from sacrofem.mesh.model import ModelMesh

IntArray = NDArray[np.int64]

#: Mesh sizes, mm, by the thousands of nodes they give.
_17K = {"size": 8.0, "feature_size": 6.0, "joint_size": 6.0, "sampling": 2.0}
_38K = {"size": 4.0, "feature_size": 2.0, "joint_size": 2.5, "sampling": 1.5}
_65K = {"size": 2.6, "feature_size": 1.5, "joint_size": 2.4, "sampling": 1.5}
_148K = {"size": 1.75, "feature_size": 1.2, "joint_size": 1.75, "sampling": 1.5}
#: Name -> mesh sizes and how often every tetrahedron is cut into eight.
MESHES: dict[str, tuple[dict[str, float], int]] = {
    "17k": (_17K, 0),
    "38k": (_38K, 0),
    "65k": (_65K, 0),
    "150k": (_148K, 0),
    "100k": (_17K, 1),
    "300k": (_38K, 1),
    "1M": (_148K, 1),
}
TREATMENTS = ("untreated", "cement_and_screw")
LEVEL, LOAD = "severe", "standing"


def describe_study(settings: MeshSettings, order: int = 1, extent: Extent = "pelvic_ring") -> Study:
    """The study whose cases are solved; without ligaments, which are no sparse matrix and which no peer has.

    Args:
        settings: Mesh sizes.
        order: Polynomial order.
        extent: ``pelvic_ring``, or ``sacrum`` for tests.
    """
    return Study(
        name="benchmark",
        title="Benchmark of the linear solve",
        source="A problem to measure time with, not to publish",
        extent=extent,
        fracture="denis1_right",
        treatments=(
            Treatment(name="untreated"),
            Treatment(name="cement_and_screw", cement=("long_axis_right",), implants=("trans_sacral_s1",)),
        ),
        bmd_levels=("normal", LEVEL),
        loads=(LOAD,),
        density_law="dalstra1993",
        interface="linear",
        support="ball_and_socket" if extent == "pelvic_ring" else "sacroiliac_cartilage",
        ligaments="none",
        order=order,
        mesh=settings,
    )


def prepare(size: str, order: int = 1) -> tuple[ResolvedStudy, ModelMesh]:
    """The study at one of the sizes of :data:`MESHES`, and its mesh from the cache or made anew."""
    settings, cuts = MESHES[size]
    resolved = resolve_study(describe_study(MeshSettings(**settings), order))
    mesh = mesh_of(resolved)
    for _ in range(cuts):
        mesh = refine_uniformly(mesh)
    return resolved, mesh


def refine_uniformly(mesh: ModelMesh) -> ModelMesh:
    """Cut every tetrahedron into eight at the middles of its edges, and every facet of a surface into four.

    The octahedron in the middle is cut along its diagonal 02-13, as in Bey, Computing 55 (1995) 355, whose cells stay within
    three classes of shape (RECALLED).

    Args:
        mesh: The mesh; its regions and surfaces are kept.
    """
    count = len(mesh.points)
    ends = np.sort(mesh.cells[:, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]], axis=2).reshape(-1, 2)
    keys, place = np.unique(ends[:, 0] * count + ends[:, 1], return_inverse=True)
    middles = 0.5 * (mesh.points[keys // count] + mesh.points[keys % count])
    corner = mesh.cells.T
    ab, ac, ad, bc, bd, cd = count + place.reshape(-1, 6).T
    a, b, c, d = corner
    children = (
        *((a, ab, ac, ad), (ab, b, bc, bd), (ac, bc, c, cd), (ad, bd, cd, d)),
        *((ab, ac, ad, bd), (ab, ac, bd, bc), (ac, ad, bd, cd), (ac, bd, bc, cd)),
    )
    cells = np.stack([np.stack(child, axis=1) for child in children], axis=1).reshape(-1, 4)
    points = np.concatenate([mesh.points, middles])
    edges = points[cells[:, 1:]] - points[cells[:, :1]]
    negative = np.linalg.det(edges) < 0
    cells[negative] = cells[negative][:, [0, 2, 1, 3]]

    def cut_facets(triangles: IntArray) -> IntArray:
        def middle(i: int, j: int) -> IntArray:
            pair = np.sort(triangles[:, [i, j]], axis=1)
            found: IntArray = count + np.searchsorted(keys, pair[:, 0] * count + pair[:, 1])
            return found

        p, q, r = triangles.T
        pq, qr, rp = middle(0, 1), middle(1, 2), middle(2, 0)
        small = ((p, pq, rp), (pq, q, qr), (rp, qr, r), (pq, qr, rp))
        return np.stack([np.stack(facet, axis=1) for facet in small], axis=1).reshape(-1, 3)

    return replace(
        mesh,
        points=points,
        cells=cells,
        regions=np.repeat(mesh.regions, 8),
        host_regions=np.repeat(mesh.host_regions, 8),
        surfaces={name: cut_facets(triangles) for name, triangles in mesh.surfaces.items()},
        digest=f"{mesh.digest}-refined",
    )
