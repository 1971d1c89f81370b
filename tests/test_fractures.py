"""Fractures of several sheets: fronts in bone, junctions, both sides, bruises."""

from __future__ import annotations

from dataclasses import replace

# isort: split
import numpy as np
import pytest
from mpi4py import MPI
from pydantic import ValidationError

from sacrofem.catalogue.fracture import (
    Bruise,
    Classification,
    Ellipsoid,
    Fracture,
    FractureSheet,
    HalfSpace,
    Limits,
    SheetSide,
)
from sacrofem.catalogue.models import Interface, MeshSettings, Support
from sacrofem.errors import MeshError
from sacrofem.mechanics.cut_space import number_copies
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.posedness import find_fragments
from sacrofem.mechanics.properties import Properties
from sacrofem.mesh.build import mesh_features
from sacrofem.mesh.facets import facet_areas
from sacrofem.mesh.features import Feature
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.gathering import gather_fields
from sacrofem.results.metrics import measure_case
from sacrofem.results.strain import neighbourhoods
from sacrofem.shapes.fracture import bruise_shape, fracture_sheets
from sacrofem.shapes.sacrum import Sacrum
from tests.test_mesh import stand_in_bone

SETTINGS = MeshSettings(size=5.0, feature_size=3.0, sampling=1.0)
VERTICAL = FractureSheet(name="vertical", side="both", through=((-5, 0, 12), (5, 0, 12)), normal=(0, 0, 1))
BETWEEN = Limits(sheets=(SheetSide(sheet="vertical_right"), SheetSide(sheet="vertical_left")))
CROSS = FractureSheet(name="cross", through=((0, 3, -5), (0, 3, 5)), normal=(0, -1, 0), limits=BETWEEN)
ABOVE = Limits(sheets=(SheetSide(sheet="cross"),))


def fracture(*sheets: FractureSheet, name: str = "test") -> Fracture:
    return Fracture(
        name=name, title="test", source="test", classification=Classification(shape="H"), drawn="for a test", sheets=sheets
    )


H = fracture(VERTICAL, CROSS, name="h")
U = fracture(VERTICAL.model_copy(update={"limits": ABOVE}), CROSS, name="u")
T = fracture(
    VERTICAL.model_copy(update={"name": "vertical_right", "side": "right"}),
    CROSS.model_copy(update={"limits": Limits(sheets=(SheetSide(sheet="vertical_right"),))}),
    name="t",
)


@pytest.fixture(scope="module")
def meshes() -> dict[str, ModelMesh]:
    return {given.name: mesh_features(stand_in_bone(), [], fracture_sheets(given), SETTINGS) for given in (H, U, T)}


def area(mesh: ModelMesh, name: str) -> float:
    return float(facet_areas(mesh.points, mesh.surfaces[f"fracture:{name}"]).sum())


@pytest.mark.parametrize(("name", "pieces"), [("h", 4), ("u", 2), ("t", 3)])
def test_sheets_divide_the_bone_into_their_fragments(name: str, pieces: int, meshes: dict[str, ModelMesh]) -> None:
    mesh = meshes[name]
    assert len(find_fragments(mesh, mesh.regions, joined_when_open=True)) == pieces
    assert mesh.measures["quality_min"] > SETTINGS.minimum_quality


def test_surfaces_carry_the_names_of_fracture_and_sheet(meshes: dict[str, ModelMesh]) -> None:
    assert meshes["h"].fractures == ("h.cross", "h.vertical_left", "h.vertical_right")


def test_limbs_have_the_area_of_the_section_they_cut(meshes: dict[str, ModelMesh]) -> None:
    section = np.pi * 16 * 24 * (1 - (12 / 30) ** 2)
    # The tunnel along x takes a strip out of the left one.
    assert area(meshes["h"], "h.vertical_right") == pytest.approx(section, rel=0.03)
    tunnel = 2 * np.sqrt(4**2 - 2**2) * 2 * 16 * np.sqrt(1 - (10 / 24) ** 2 - (12 / 30) ** 2)
    assert area(meshes["h"], "h.vertical_left") == pytest.approx(section - tunnel, rel=0.04)
    # Between the vertical limbs, 24 mm apart, the cross limb is a strip of the ellipse at y = 3.
    z = np.linspace(-12, 12, 2001)
    width = 2 * 16 * np.sqrt(1 - (3 / 24) ** 2 - (z / 30) ** 2)
    strip = float(np.trapezoid(width, z))
    for name in ("h", "u"):
        assert area(meshes[name], f"{name}.cross") == pytest.approx(strip, rel=0.03)
    assert area(meshes["t"], "t.cross") > 1.2 * strip


def test_a_limb_ends_where_the_other_crosses(meshes: dict[str, ModelMesh]) -> None:
    mesh = meshes["u"]
    for side in ("right", "left"):
        corners = mesh.points[mesh.surfaces[f"fracture:u.vertical_{side}"]]
        assert corners[:, :, 1].min() > 3.0 - 0.5
    copies = number_copies(mesh.cells, np.concatenate([mesh.surfaces[f"fracture:{name}"] for name in mesh.fractures]))
    assert copies.vertices.max() == 1


def test_three_fans_of_cells_meet_in_the_junctions_of_an_h(meshes: dict[str, ModelMesh]) -> None:
    mesh = meshes["h"]
    copies = number_copies(mesh.cells, np.concatenate([mesh.surfaces[f"fracture:{name}"] for name in mesh.fractures]))
    triple = np.unique(mesh.cells[copies.cells][copies.vertices == 2])
    assert len(triple) >= 8
    assert np.abs(np.abs(mesh.points[triple, 2]) - 12).max() < 0.5
    assert np.abs(mesh.points[triple, 1] - 3).max() < 0.5


def test_the_front_of_a_partial_sheet_is_a_clean_line() -> None:
    limits = Limits(half_spaces=(HalfSpace(point=(0, 2, 0), outward=(0, -1, 0)),))
    sheet = VERTICAL.model_copy(update={"side": "right", "limits": limits})
    mesh = mesh_features(stand_in_bone(), [], fracture_sheets(fracture(sheet)), SETTINGS)
    facets = mesh.surfaces["fracture:test"]
    edges = np.sort(np.concatenate([facets[:, [0, 1]], facets[:, [1, 2]], facets[:, [2, 0]]]), axis=1)
    rim, counts = np.unique(edges, axis=0, return_counts=True)
    outer = np.unique(mesh.surfaces["cortex"])
    front = rim[(counts == 1) & ~np.isin(rim, outer).all(axis=1)]
    assert len(front) >= 6
    assert np.abs(mesh.points[front][:, :, 1] - 2.0).max() < 0.5
    assert len(find_fragments(mesh, mesh.regions, joined_when_open=True)) == 1


def test_a_patch_within_an_ellipsoid_has_its_area() -> None:
    limits = Limits(ellipsoids=(Ellipsoid(centre=(0, 8, 12), semi_axes=(8, 8, 8)),))
    sheet = VERTICAL.model_copy(update={"side": "right", "limits": limits})
    mesh = mesh_features(stand_in_bone(), [], fracture_sheets(fracture(sheet)), SETTINGS)
    assert area(mesh, "test") == pytest.approx(np.pi * 64, rel=0.1)


def test_an_h_is_solved_and_its_block_sinks(meshes: dict[str, ModelMesh]) -> None:
    regions = ("body", "ala")
    model = SacrumModel(distribute(meshes["h"], MPI.COMM_SELF), frozenset(), 1)
    model.set_properties(
        Properties(
            young=dict.fromkeys(regions, 100.0),
            poisson=dict.fromkeys(regions, 0.2),
            cortical_thickness=1.0,
            cortical_modulus=8000.0,
            cortical_poisson_ratio=0.3,
            interface=Interface(name="i", title="", source="", law="linear", normal_stiffness=1.5, tangential_stiffness=0.5),
            support=Support(name="s", title="", source="", normal_stiffness=4.0, tangential_stiffness=5.0),
        )
    )
    model.assemble()
    force = np.array([0.0, -300.0, 0.0])
    solution = model.solve(force)
    assert solution.imbalance < 1e-6
    fields = gather_fields(model, solution.displacement)
    assert fields
    rows = measure_case(fields, neighbourhoods(meshes["h"]), force, solution.work)
    motion = {name: measure[1] for name, measure in rows if measure[0] == "micromotion_mean"}
    limbs = ("h.cross", "h.vertical_left", "h.vertical_right")
    assert set(motion) == {*limbs, "h"}
    assert min(motion.values()) > 0.0
    weighted = sum(area(meshes["h"], name) * motion[name] for name in limbs)
    assert motion["h"] == pytest.approx(weighted / sum(area(meshes["h"], name) for name in limbs))
    # Three limbs bound more than one fragment: as a whole they have no rigid motion.
    assert {name for name, measure in rows if measure[0] == "fragment_translation"} == set(limbs)


def ring_of_bone() -> Sacrum:
    """A torus about z, 20 mm from the axis to the middle of its section of 6 mm radius."""

    def bone(points: np.ndarray) -> np.ndarray:
        distance: np.ndarray = np.hypot(np.hypot(points[:, 0], points[:, 1]) - 20.0, points[:, 2]) - 6.0
        return distance

    reach = np.array([27.0, 27.0, 7.0])
    return replace(stand_in_bone(), bone=bone, bounds=(-reach, reach))


def ramus(name: str, x: float, y: float, normal: tuple[float, float, float]) -> FractureSheet:
    """A sheet through the torus at (x, y)."""
    return FractureSheet(name=name, through=((x, y, -4), (x, y, 4)), normal=normal, reach=14.0)


@pytest.mark.parametrize("count", [1, 2])
def test_a_sheet_with_a_reach_breaks_one_of_the_places_that_its_plane_crosses(count: int) -> None:
    """The plane x = 0 cuts a torus in two places; one break leaves it whole, a second elsewhere halves it."""
    breaks = [ramus("upper", 0, 20, (1, 0, 0)), ramus("right", 20, 0, (0, 1, 0))][:count]
    mesh = mesh_features(ring_of_bone(), [], fracture_sheets(fracture(*breaks)), SETTINGS)
    names = ["test"] if count == 1 else ["test.upper", "test.right"]
    for name in names:
        assert area(mesh, name) == pytest.approx(np.pi * 6**2, rel=0.06)
    upper = mesh.points[mesh.surfaces[f"fracture:{names[0]}"]]
    assert upper[:, :, 1].min() > 13.0
    assert np.abs(upper[:, :, 0]).max() < 0.3
    assert len(find_fragments(mesh, mesh.regions, joined_when_open=True)) == count
    assert mesh.measures["quality_min"] > SETTINGS.minimum_quality


def test_a_sheet_that_runs_on_beyond_its_reach_is_refused() -> None:
    """The plane of the torus cuts it all around."""
    along = ramus("flat", 20, 0, (0, 0, 1)).model_copy(update={"through": ((20, -4, 0), (20, 4, 0))})
    with pytest.raises(MeshError, match="beyond its reach") as caught:
        mesh_features(ring_of_bone(), [], fracture_sheets(fracture(along)), SETTINGS)
    assert "test, about (20.0, 0.0, 0.0) mm" in str(caught.value)


def test_a_bruise_is_softened_bone_without_a_surface() -> None:
    place = Ellipsoid(centre=(0, 5, 0), semi_axes=(9, 9, 9))
    bruise = Feature("bruise:a1", bruise_shape(Bruise(place=place, stiffness_factor=0.5)), 1)
    mesh = mesh_features(stand_in_bone(), [bruise], [], SETTINGS)
    bruised = [number for number, name in mesh.region_names.items() if name.startswith("bruised_")]
    held = np.isin(mesh.host_regions, bruised)
    assert np.array_equal(mesh.regions, mesh.host_regions)
    assert mesh.volumes()[held].sum() == pytest.approx(4 / 3 * np.pi * 9**3, rel=0.1)
    assert mesh.fractures == ()


def test_the_left_sheet_mirrors_the_right_with_its_limits() -> None:
    ends = HalfSpace(point=(0, 0, 20), outward=(0, 0.5, 1))
    sheet = FractureSheet(
        name="ala", side="both", through=((0, -10, 12), (4, 5, 14)), normal=(0.1, 0, 1), waviness=(0.8, 15.0),
        limits=Limits(half_spaces=(ends,)),
    )  # fmt: skip
    right, left = fracture_sheets(fracture(sheet))
    points = np.random.default_rng(1).uniform(-25, 25, (200, 3))
    mirror = points * np.array([1, 1, -1])
    assert right.level(points) == pytest.approx(left.level(mirror))
    assert right.overrun(points) == pytest.approx(left.overrun(mirror))


@pytest.mark.parametrize(
    ("sheets", "said"),
    [
        ((), "at least one sheet, a disruption or a bruise"),
        ((CROSS,), "vertical_right"),
        ((VERTICAL, VERTICAL), "two sheets have one name"),
    ],
)
def test_a_wrong_fracture_says_what_is_wrong(sheets: tuple[FractureSheet, ...], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        fracture(*sheets)
