"""The right half of a sacrum: under a symmetric load it is the whole, and its cut is what the support says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI

from sacrofem.catalogue import Library, resolve_study
from sacrofem.catalogue.fracture import Fracture
from sacrofem.catalogue.models import Anatomy, Load, MeshSettings, Study, Support, Treatment
from sacrofem.errors import ConfigError, GeometryError
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.build import build_model_mesh
from sacrofem.mesh.facets import facet_areas, facet_geometry, list_facets
from sacrofem.mesh.half import keep_right_half
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.gathering import gather_fields
from sacrofem.results.micromotion import measure_motion, sample_motion
from sacrofem.study.loads import apply_loads, as_carried
from sacrofem.study.properties import case_properties

LIBRARY = Library.standard()
SETTINGS = MeshSettings(size=7.0, feature_size=4.0, sampling=2.0)
STANDING = np.array([0.0, -390.0, 0.0])


def study(**changes: object) -> Study:
    given = Study(
        name="small",
        title="test",
        source="test",
        fracture="denis1_bilateral",
        treatments=(Treatment(name="untreated"),),
        bmd_levels=("severe",),
        loads=("standing",),
        density_law="dalstra1993",
        interface="linear",
        support="sacroiliac_cartilage",
        extent="hemisacrum",
    )
    return given.model_copy(update=changes)


def mesh_of(extent: str) -> ModelMesh:
    fracture = LIBRARY.get(Fracture, "denis1_bilateral")
    return build_model_mesh(LIBRARY.get(Anatomy, "female_elderly"), fracture, [], [], SETTINGS, extent)


@pytest.fixture(scope="module")
def half() -> ModelMesh:
    return mesh_of("hemisacrum")


@pytest.fixture(scope="module")
def whole() -> ModelMesh:
    return mesh_of("sacrum")


def solve(mesh: ModelMesh, force: np.ndarray, midplane: str = "symmetry") -> tuple[SacrumModel, Solution]:
    resolved = resolve_study(study(), LIBRARY)
    properties = case_properties(resolved, resolved.levels[0])
    support = properties.support.model_copy(update={"midplane": midplane})
    model = SacrumModel(distribute(mesh, MPI.COMM_WORLD), frozenset(), 1)
    model.set_properties(replace(properties, support=support))
    model.assemble()
    return model, model.solve(force)


def test_the_half_ends_in_a_plane_that_carries_no_cortex(half: ModelMesh) -> None:
    cut = half.surfaces["midplane"]
    assert np.array_equal(half.points[cut][:, :, 2], np.zeros((len(cut), 3)))
    assert half.points[:, 2].min() == 0.0
    _, normals = facet_geometry(half.points, cut)
    assert np.allclose(normals, [0.0, 0.0, -1.0])
    # Cortex and cut together are the whole surface.
    outer = list_facets(half.cells).outer
    areas = [facet_areas(half.points, triangles).sum() for triangles in (half.surfaces["cortex"], cut, outer)]
    assert areas[0] + areas[1] == pytest.approx(areas[2])
    assert half.fractures == ("denis1_bilateral.ala_right",)
    assert "auricular_left" not in half.surfaces


def test_the_half_holds_half_the_bone(half: ModelMesh, whole: ModelMesh) -> None:
    assert half.measures["bone_ml"] == pytest.approx(0.5 * whole.measures["bone_ml"], rel=0.01)
    assert half.measures["quality_min"] >= 0.1
    name = "fracture_area:denis1_bilateral.ala_right"
    assert half.measures[name] == pytest.approx(whole.measures[name], rel=0.02)


def test_under_a_symmetric_load_the_half_is_the_whole(half: ModelMesh, whole: ModelMesh) -> None:
    """Displacement of the endplate and motion of the fracture agree to the error of two coarse meshes, reactions to rounding."""
    found = {}
    for mesh, share in ((half, 0.5), (whole, 1.0)):
        model, solution = solve(mesh, share * STANDING)
        fields = gather_fields(model, solution.displacement)
        assert fields is not None
        name = next(name for name in fields.fractures if "right" in name)
        motion = {measure[0]: measure[1] for measure in measure_motion(sample_motion(fields, name))}
        found[share] = solution.work / share, motion["micromotion_mean"], solution.reactions["auricular_right"][1]
    (work, motion, reaction), (work_of_whole, motion_of_whole, reaction_of_whole) = found[0.5], found[1.0]
    assert work == pytest.approx(work_of_whole, rel=0.03)
    assert motion == pytest.approx(motion_of_whole, rel=0.03)
    assert reaction == pytest.approx(-0.5 * STANDING[1] * np.sign(reaction), rel=1e-4)
    assert reaction == pytest.approx(reaction_of_whole, rel=0.02)


def test_the_cut_of_a_symmetric_half_stays_in_its_plane_and_a_free_one_does_not(half: ModelMesh) -> None:
    across = {}
    for midplane in ("symmetry", "free"):
        model, solution = solve(half, 0.5 * STANDING, midplane)
        fields = gather_fields(model, solution.displacement)
        assert fields is not None
        across[midplane] = np.abs(fields.displacement[fields.points[:, 2] == 0.0, 2]).max()
        held = np.linalg.norm(solution.reactions["midplane"])
        assert held > 1.0 if midplane == "symmetry" else held == 0.0
    assert across["symmetry"] < 0.02 * across["free"]


def test_a_half_carries_half_of_a_load() -> None:
    resolved = resolve_study(study(), LIBRARY)
    carried = as_carried(apply_loads(resolved)["standing"], resolved)
    assert carried.on_endplate == pytest.approx(0.5 * STANDING)


def test_a_load_from_the_side_is_refused_on_a_plane_of_symmetry_and_taken_on_a_free_one() -> None:
    sideways = LIBRARY.get(Load, "standing").model_copy(update={"force": (0.0, -0.6, 0.1)})

    class Sideways(Library):
        def get(self, model, name, where=""):  # type: ignore[no-untyped-def]
            if model is Load:
                return sideways
            if model is Support:
                return super().get(model, name, where).model_copy(update={"midplane": self.midplane})
            return super().get(model, name, where)

    library = Sideways(LIBRARY.folders)
    library.midplane = "symmetry"
    with pytest.raises(ConfigError, match=r"(?s)plane of symmetry.*hemisacrum"):
        resolve_study(study(), library)
    library.midplane = "free"
    assert resolve_study(study(), library).loads == (sideways,)


def test_a_fracture_of_the_left_side_alone_is_refused(whole: ModelMesh) -> None:
    """On nodes of the whole moved onto the plane that its cells do not cross."""
    name = "fracture:denis1_bilateral.ala_left"
    side = whole.points[whole.cells].mean(axis=1)[:, 2] > 0.0
    facets = list_facets(whole.cells)
    between = side[facets.inner_cells]
    points = whole.points.copy()
    points[np.unique(facets.inner[between[:, 0] != between[:, 1]]), 2] = 0.0
    left = {key: faces for key, faces in whole.surfaces.items() if not key.startswith("fracture:") or key == name}
    with pytest.raises(GeometryError, match=r"(?s)Nothing of the fracture.*ala_left"):
        keep_right_half(replace(whole, points=points, surfaces=left), 1e-6)
