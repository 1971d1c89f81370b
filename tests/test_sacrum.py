"""The sacrum as a whole, intact and fractured, with and without cement: what the literature says of its stiffness."""

from __future__ import annotations

from dataclasses import replace

# isort: split
import numpy as np
import pytest
from mpi4py import MPI

from sacrofem.catalogue import ResolvedStudy, load_study, resolve_study
from sacrofem.catalogue.models import BmdLevel, MeshSettings
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mesh.cache import load_or_build_mesh
from sacrofem.mesh.facets import facet_areas
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import CaseFields
from sacrofem.results.gathering import gather_fields
from sacrofem.study.properties import case_properties

STANDING = np.array([0.0, -390.0, 0.0])  # N
NORMAL, SEVERE = 0, 3
CEMENT = frozenset({"cement:long_axis_right"})


@pytest.fixture(scope="module")
def study() -> ResolvedStudy:
    return resolve_study(load_study("quickstart"))


@pytest.fixture(scope="module")
def fractured(study: ResolvedStudy) -> ModelMesh:
    bodies = list(study.patterns.values()), list(study.implants.values())
    settings = MeshSettings(size=6.0, feature_size=3.5, sampling=1.5)
    return load_or_build_mesh(study.anatomy, study.fracture, *bodies, settings)


@pytest.fixture(scope="module")
def intact(fractured: ModelMesh) -> ModelMesh:
    """The same mesh, its fracture healed."""
    return replace(fractured, surfaces={n: f for n, f in fractured.surfaces.items() if not n.startswith("fracture:")})


def stand(
    study: ResolvedStudy, mesh: ModelMesh, level: BmdLevel, active: frozenset[str] = frozenset()
) -> tuple[float, CaseFields]:
    """Stiffness (N/mm) and fields in standing."""
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), active, 1)
    model.set_properties(case_properties(study, level))
    model.assemble()
    solution = model.solve(STANDING)
    fields = gather_fields(model, solution.displacement)
    assert fields
    return float(STANDING @ STANDING) / solution.work, fields


@pytest.mark.parametrize("rank", [NORMAL, SEVERE])
def test_cement_changes_the_stiffness_of_unbroken_bone_by_a_few_per_cent(
    study: ResolvedStudy, intact: ModelMesh, rank: int
) -> None:
    """Anderson and Cotton 2007 (doi 10.1016/j.medengphy.2006.03.008), one mesh with and without cement: +1 to +4 %."""
    level = study.levels[rank]
    ratio = stand(study, intact, level, CEMENT)[0] / stand(study, intact, level)[0]
    assert 1.005 < ratio < 1.04


@pytest.mark.parametrize("rank", [NORMAL, SEVERE])
def test_cement_gives_back_a_part_of_the_stiffness_that_the_fracture_took(
    study: ResolvedStudy, fractured: ModelMesh, intact: ModelMesh, rank: int
) -> None:
    level = study.levels[rank]
    broken, treated, whole = (
        stand(study, mesh, level, active)[0]
        for mesh, active in ((fractured, frozenset()), (fractured, CEMENT), (intact, frozenset()))
    )
    assert broken < treated < 0.9 * whole


def test_an_unbroken_sacrum_bears_alike_on_both_joints(study: ResolvedStudy, intact: ModelMesh) -> None:
    """Anatomy and load are symmetric, the mesh is not: both joint surfaces move alike to a few per cent, z mirrored."""
    fields = stand(study, intact, study.levels[NORMAL])[1]
    moved = np.empty_like(intact.points)
    moved[intact.cells] = fields.displacement[fields.cells]
    means = []
    for side in ("right", "left"):
        facets = intact.surfaces[f"auricular_{side}"]
        areas = facet_areas(intact.points, facets)
        means.append(areas @ moved[facets].mean(axis=1) / areas.sum())
    right, left = means
    assert left == pytest.approx(right * [1.0, 1.0, -1.0], abs=0.03 * float(np.linalg.norm(right)))
