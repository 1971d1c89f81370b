"""The problem of the benchmarks: a pelvic ring with a fracture, untreated or with cement and screws, at any mesh size."""

from __future__ import annotations

from benchmarks.refinement import refine
from sacrofem.catalogue import resolve_study
from sacrofem.catalogue.models import MeshSettings, Study, Treatment
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.catalogue.study import Extent
from sacrofem.export.case import mesh_of
from sacrofem.mesh.model import ModelMesh

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
    """The study whose cases are solved; without ligaments and sockets, whose springs are no sparse matrix and which no peer has.

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
        support="fixed_acetabula" if extent == "pelvic_ring" else "sacroiliac_cartilage",
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
        mesh = refine(mesh)
    return resolved, mesh
