"""Hips as ball-and-socket joints, and the motion of joints, on a bar whose ends are spherical sockets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

# isort: split
import ufl
from mpi4py import MPI
from pydantic import ValidationError

from sacrofem.catalogue.models import Support
from sacrofem.errors import ModelError
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.posedness import require_well_posed
from sacrofem.mechanics.solution import Solution
from sacrofem.mechanics.supports import fit_sphere
from sacrofem.mesh.facets import facet_geometry, list_facets
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.gathering import gather_fields
from sacrofem.results.joints import measure_joints
from tests.blocks import block
from tests.solved_block import properties

RADIUS, WIDTH, LENGTH = 12.0, 10.0, 80.0
SAID = {"title": "", "source": ""}
HIPS = Support(name="hips", acts_on="acetabulum", normal_stiffness=500, tangential_stiffness=0, flexion_stiffness=1e6, **SAID)
FIXED = Support(name="potted", acts_on="acetabulum", normal_stiffness=1e4, tangential_stiffness=1e4, **SAID)


def bar(depth: float = 0.0) -> ModelMesh:
    """A bar along z with spherical sockets in its ends, loaded on its upper side (y); ``depth`` of a fracture amid it."""
    mesh = block(shape=(4, 4, 24), size=(WIDTH, WIDTH, LENGTH), fracture_depth=depth)
    points = mesh.points - np.array([WIDTH / 2, WIDTH / 2, 0.0])
    hollow = RADIUS - np.sqrt(RADIUS**2 - points[:, 0] ** 2 - points[:, 1] ** 2)
    points[:, 2] *= 1.0 - 2.0 * hollow / LENGTH
    centres, normals = facet_geometry(points, list_facets(mesh.cells).outer)
    upper = (normals[:, 1] > 0.99) & (np.abs(centres[:, 2]) < 10.0)
    surfaces = {"cortex": mesh.surfaces["cortex"], "endplate": list_facets(mesh.cells).outer[upper]}
    surfaces |= {"acetabulum_right": mesh.surfaces["endplate"], "acetabulum_left": mesh.surfaces["auricular_left"]}
    if depth:
        surfaces["fracture:gap"] = mesh.surfaces["fracture:gap"]
    return replace(mesh, points=points, surfaces=surfaces)


def solve(support: Support, force: tuple[float, float, float]) -> tuple[SacrumModel, Solution]:
    model = SacrumModel(distribute(bar(), MPI.COMM_SELF), frozenset(), 1)
    model.set_properties(replace(properties(), support=support))
    model.assemble()
    return model, model.solve(np.array(force))


def test_a_sphere_is_found_from_a_part_of_it() -> None:
    directions = np.random.default_rng(0).normal(size=(50, 3)) * [0.3, 0.3, 1.0]
    directions = directions[directions[:, 2] > 0] / np.linalg.norm(directions[directions[:, 2] > 0], axis=1)[:, None]
    assert fit_sphere(5.0 * directions + [1.0, 2.0, 3.0]) == pytest.approx([1.0, 2.0, 3.0])


@pytest.mark.parametrize("support", [HIPS, FIXED])
@pytest.mark.parametrize("force", [(0.0, -100.0, 0.0), (30.0, -100.0, 20.0)])
def test_force_and_moment_balance(support: Support, force: tuple[float, float, float]) -> None:
    _, solution = solve(support, force)
    assert solution.reaction == pytest.approx(force, abs=1e-5)
    assert solution.imbalance < 1e-6
    assert solution.moment_imbalance < 1e-5
    assert solution.energy == pytest.approx(0.5 * solution.work, rel=1e-7)


def test_each_hip_takes_half_of_a_load_amid_them() -> None:
    _, solution = solve(HIPS, (0.0, -100.0, 0.0))
    assert solution.reactions["acetabulum_right"][1] == pytest.approx(-50.0, abs=0.5)
    assert solution.reactions["acetabulum_left"][1] == pytest.approx(-50.0, abs=0.5)


def test_the_torsion_springs_carry_the_moment_about_the_axis_through_both_hips() -> None:
    """A force along x, WIDTH / 2 above the axis: the sockets' radial springs have no moment about it."""
    _, solution = solve(HIPS, (100.0, 0.0, 0.0))
    assert sum(solution.flexion_moments.values()) == pytest.approx(-100.0 * WIDTH / 2, rel=1e-3)


def levers(model: SacrumModel, solution: Solution, support: Support) -> list[float]:
    """Moment of each socket's springs about its centre over its force, mm."""
    model.supports.set(support)
    found = []
    for name, centre in model.supports._centres.items():
        arm = ufl.SpatialCoordinate(model.domain) - ufl.as_vector(centre.tolist())
        turn = ufl.cross(arm, model.supports.traction(name, solution.displacement))
        moment = [model.integrate(turn[i] * model.supports.measures[name]) for i in range(3)]
        found.append(float(np.linalg.norm(moment) / np.linalg.norm(solution.reactions[name])))
    return found


def test_a_frictionless_ball_and_socket_passes_no_moment_and_a_fixed_one_does() -> None:
    """Its torsion spring, which stands for muscles, aside."""
    force = (30.0, -100.0, 20.0)
    assert max(levers(*solve(HIPS, force), HIPS.model_copy(update={"flexion_stiffness": None}))) < 1e-6
    assert min(levers(*solve(FIXED, force), FIXED)) > 1.0


def test_one_socket_held_on_a_bench_takes_all() -> None:
    _, solution = solve(FIXED.model_copy(update={"side": "left"}), (0.0, -100.0, 0.0))
    assert set(solution.reactions) == {"acetabulum_left"}
    assert solution.imbalance < 1e-6
    assert solution.moment_imbalance < 1e-5


def test_a_frictionless_hip_yields_more_than_a_fixed_one() -> None:
    assert solve(HIPS, (0.0, -100.0, 0.0))[1].work > 1.02 * solve(FIXED, (0.0, -100.0, 0.0))[1].work


def test_one_socket_alone_holds_nothing() -> None:
    mesh = bar()
    single = replace(mesh, surfaces={**mesh.surfaces, "acetabulum_left": np.zeros((0, 3), dtype=np.int64)})
    require_well_posed(mesh, mesh.host_regions, properties().interface, HIPS)
    with pytest.raises(ModelError, match="1 of 1 fragments have no springs to both"):
        require_well_posed(single, mesh.host_regions, properties().interface, HIPS)
    require_well_posed(single, mesh.host_regions, properties().interface, FIXED)


def test_halves_hang_on_one_another_by_the_fracture() -> None:
    mesh, gap = bar(1.0), properties("compression_only").interface
    require_well_posed(mesh, mesh.host_regions, gap, HIPS)
    with pytest.raises(ModelError, match="2 of 2 fragments"):
        require_well_posed(mesh, mesh.host_regions, gap.model_copy(update={"open_fraction": 0.0}), HIPS)


def test_a_support_of_another_extent_is_refused() -> None:
    with pytest.raises(ModelError, match="acts_on"):
        require_well_posed(bar(), bar().host_regions, properties().interface, properties().support)


def test_a_support_that_leaves_a_rotation_free_is_no_entry() -> None:
    with pytest.raises(ValidationError, match="leaves a rotation free"):
        Support(name="loose", acts_on="acetabulum", normal_stiffness=5, tangential_stiffness=0, **SAID)
    with pytest.raises(ValidationError, match="one socket alone"):
        Support(name="half", acts_on="acetabulum", side="left", normal_stiffness=5, tangential_stiffness=0,
                flexion_stiffness=1, **SAID)  # fmt: skip
    with pytest.raises(ValidationError, match="acetabulum"):
        Support(name="odd", normal_stiffness=5, tangential_stiffness=1, flexion_stiffness=1, **SAID)


def test_the_motion_of_a_joint_is_that_of_its_faces() -> None:
    mesh = bar()
    facets = list_facets(mesh.cells)
    middles = mesh.points[facets.inner].mean(axis=1)
    flat = np.ptp(mesh.points[facets.inner][:, :, 2], axis=1) < 1.0
    faces = {
        f"joint:disc:{place}": facets.inner[flat & (np.abs(middles[:, 2] - z) < 1.0)]
        for place, z in (("first", 0), ("second", 10))
    }
    mesh = replace(mesh, surfaces={**mesh.surfaces, **faces})
    model, solution = solve(HIPS, (0.0, -100.0, 0.0))
    fields = gather_fields(model, solution.displacement)
    assert fields
    middle = mesh.points[np.unique(np.concatenate(list(faces.values())))].mean(axis=0)
    beyond = fields.points[:, 2] > 6.0
    shift, turn = np.array([0.1, -0.2, 0.3]), np.array([0.01, -0.02, 0.03])
    moved = np.where(beyond[:, None], shift + np.cross(turn, fields.points - middle), 0.0)
    found = {name: value for name, value, _ in measure_joints(mesh, replace(fields, displacement=moved))}
    assert [found[f"joint_translation_{axis}_disc"] for axis in "xyz"] == pytest.approx(shift)
    assert found["joint_rotation_disc"] == pytest.approx(np.degrees(np.linalg.norm(turn)))
    assert [found[f"joint_rotation_{axis}_disc"] for axis in "xyz"] == pytest.approx(np.degrees(turn))
