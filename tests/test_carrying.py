"""What carries a load, and how far it gives: load shares, stiffness, screws, joints and the gap against hand calculation."""

from __future__ import annotations

from dataclasses import replace

# isort: split
import numpy as np
import pytest
from mpi4py import MPI

from sacrofem.loads.parts import LoadPart
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mesh.facets import list_facets
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.fields import CaseFields
from sacrofem.results.gathering import gather_fields
from sacrofem.results.joints import measure_joints
from sacrofem.results.load_sharing import measure_interfragmentary_strain, measure_load_sharing, measure_screw_stress
from sacrofem.results.metrics import measure_case
from sacrofem.results.micromotion import Measure, sample_motion
from sacrofem.results.strain import cell_strain
from tests.blocks import block
from tests.solved_block import FOUNDATION, KN, YOUNG, properties

ORDERS = pytest.mark.parametrize("order", [1, 2])
AREA, LENGTH, FORCE = 100.0, 20.0, 50.0  # mm^2, mm, N
RIGID, CEMENT = 1e6, 1000.0  # MPa


def named(measures: list[Measure]) -> dict[str, float]:
    return {name: value for name, value, _ in measures}


def solve(
    mesh: ModelMesh, order: int, young: dict[str, float], load: LoadPart, **changes: object
) -> tuple[SacrumModel, CaseFields]:
    """A block without Poisson's effect under a load on its upper end; the model holds the solution's state."""
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset({"cement:bridge"}), order)
    given = replace(properties(), young=young, poisson=dict.fromkeys(young, 0.0), **changes)
    model.set_properties(given)
    model.assemble()
    solution = model.solve([load])
    fields = gather_fields(model, solution.displacement)
    assert fields
    return model, fields


def pull(size: float = FORCE) -> LoadPart:
    return LoadPart("endplate", "endplate", np.array([0.0, 0.0, size]))


@ORDERS
def test_bone_fracture_and_foundation_are_springs_in_series(order: int) -> None:
    model, fields = solve(block(), order, {"body": YOUNG, "cement:bridge": YOUNG}, pull())
    by_hand = 1.0 / (1.0 / (KN * AREA) + LENGTH / (YOUNG * AREA) + 1.0 / (FOUNDATION * AREA))
    work = model.solve([pull()]).work
    found = named([measure for _, measure in measure_case(fields, {}, np.array([0.0, 0.0, FORCE]), work)])
    assert found["stiffness"] == pytest.approx(by_hand, rel=1e-6)
    assert found["endplate_displacement"] == pytest.approx(FORCE / by_hand, rel=1e-6)
    assert found["opening_mean"] == pytest.approx(FORCE / (KN * AREA), rel=1e-6)


def columns() -> ModelMesh:
    """Between rigid plates a column of cement amid bone whose fracture it bridges."""
    mesh = block((3, 3, 8))
    middles = mesh.points[mesh.cells].mean(axis=1)
    cement = np.abs(middles[:, 1] - 5.0) < 10.0 / 6.0
    host = np.where(np.abs(middles[:, 2]) > 5.0, 2, 1)
    return replace(
        mesh,
        host_regions=host,
        regions=np.where(cement & (host == 1), 10, host),
        region_names={1: "body", 2: "ala", 10: "cement:bridge"},
    )


@ORDERS
def test_cement_and_bone_share_a_load_as_springs_in_parallel(order: int) -> None:
    """The fracture's faces are held so stiffly that bone and cement strain alike: shares as Young's moduli times areas."""
    stiff = properties().interface.model_copy(update={"normal_stiffness": 1e4, "tangential_stiffness": 1e4})
    young = {"body": YOUNG, "ala": RIGID, "cement:bridge": CEMENT}
    model, _ = solve(columns(), order, young, pull(), interface=stiff)
    (forces,) = model.solve([pull()]).section_forces.values()
    shares = named(measure_load_sharing(forces))
    cement = CEMENT / 3.0 / (CEMENT / 3.0 + YOUNG * 2.0 / 3.0)
    assert shares["load_share_cement"] == pytest.approx(cement, rel=0.01)
    # At the fracture's front bone hangs on the cement's nodes: what it carries there is counted as bone's.
    assert shares["load_share_interface"] + shares["load_share_bone"] == pytest.approx(1.0 - cement, rel=0.01)
    assert shares["load_share_interface"] > 0.3 * (1.0 - cement)
    assert shares["section_force"] == pytest.approx(FORCE, rel=1e-6)
    assert sum(share for name, share in shares.items() if name.startswith("load_share")) == pytest.approx(1.0, rel=1e-9)


def test_shares_sum_to_one_with_one_that_works_against_the_rest() -> None:
    shares = named(measure_load_sharing({"bone": np.array([0.0, -2.0, 90.0]), "screw": np.array([0.0, 2.0, -30.0])}))
    assert shares == pytest.approx({"section_force": 60.0, "load_share_bone": 1.5, "load_share_screw": -0.5})
    assert named(measure_load_sharing({"bone": np.zeros(3)})) == {"section_force": 0.0}


def strained(order: int, gradient: np.ndarray) -> CaseFields:
    """A block of one displacement gradient, its upper half a screw of titanium."""
    _, fields = solve(block(), order, {"body": YOUNG, "cement:bridge": YOUNG}, pull())
    upper = fields.points[fields.cells[:, :4]].mean(axis=1)[:, 2] > 0
    return replace(
        fields,
        displacement=fields.points @ gradient.T,
        regions=np.where(upper, 50, 1),
        young=np.where(upper, 110000.0, YOUNG),
    )


@ORDERS
def test_a_screws_stress_is_that_of_a_bar_and_of_simple_shear(order: int) -> None:
    names, poisson = {1: "body", 50: "screw:nail"}, {"body": 0.3, "screw:nail": 0.34}
    drawn = strained(order, np.diag([-0.34, -0.34, 1.0]) * 1e-3)
    found = named(measure_screw_stress(drawn, names, poisson, cell_strain(drawn)))
    assert found == pytest.approx({"screw_stress_p50": 110.0, "screw_stress_p95": 110.0})  # E times strain
    sheared = strained(order, np.array([[0.0, 0.0, 2e-3], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    stress = np.sqrt(3.0) * 110000.0 / (2.0 * 1.34) * 2e-3  # root 3 times G times the angle
    assert named(measure_screw_stress(sheared, names, poisson, cell_strain(sheared)))["screw_stress_p95"] == pytest.approx(stress)
    assert measure_screw_stress(drawn, {1: "body", 50: "ala"}, poisson, cell_strain(drawn)) == []


@ORDERS
def test_interfragmentary_strain_is_motion_over_the_gap(order: int) -> None:
    _, fields = solve(block(), order, {"body": YOUNG, "cement:bridge": YOUNG}, pull())
    upper = np.unique(fields.cells[fields.points[fields.cells[:, :4]].mean(axis=1)[:, 2] > 0])
    moved = np.zeros_like(fields.displacement)
    moved[upper] = (0.3, 0.4, 1.2)
    found = named(measure_interfragmentary_strain(sample_motion(replace(fields, displacement=moved), "gap"), 2.0))
    assert found == pytest.approx({"interfragmentary_strain_mean": 0.65, "interfragmentary_strain_p95": 0.65})


THICK, SOFT = 10.0, 10.0  # mm, MPa


@pytest.mark.parametrize("twist", [0.0, 20.0])
def test_a_joint_gives_as_its_cartilage_does(twist: float) -> None:
    """A soft layer between rigid bones: F h / (E A) along, M h / (E I) in bending."""
    mesh = block((2, 2, 4), fracture_depth=0.0)
    soft = np.abs(mesh.points[mesh.cells].mean(axis=1)[:, 2]) < THICK / 2
    inner = list_facets(mesh.cells).inner
    places = {"first": -THICK / 2, "second": THICK / 2}
    faces = {
        f"joint:disc:{name}": inner[np.abs(mesh.points[inner][:, :, 2] - z).max(axis=1) < 1e-9] for name, z in places.items()
    }
    regions = np.where(soft, 7, 1)
    mesh = replace(
        mesh,
        regions=regions,
        host_regions=regions,
        region_names={1: "body", 7: "symphysis"},
        surfaces={**mesh.surfaces, **faces},
    )
    load = LoadPart("endplate", "endplate", np.array([0.0, 0.0, 5.0]), np.array([5.0, 5.0, 10.0]), np.array([twist, 0.0, 0.0]))
    young = {"body": RIGID, "symphysis": SOFT, "cement:bridge": YOUNG}
    _, fields = solve(mesh, 2, young, load)
    found = named(measure_joints(mesh, fields))
    assert found["joint_translation_z_disc"] == pytest.approx(5.0 * THICK / (SOFT * AREA), rel=1e-3)
    inertia = 10.0**4 / 12.0
    assert found["joint_rotation_x_disc"] == pytest.approx(np.degrees(twist * THICK / (SOFT * inertia)), rel=1e-3, abs=1e-6)
    assert found["joint_rotation_disc"] == pytest.approx(abs(found["joint_rotation_x_disc"]), abs=1e-6)
