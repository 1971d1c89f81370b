"""Hips as ball-and-socket joints, and the motion of joints, on a bar whose ends are spherical sockets."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from sacrofem.catalogue.models import Support
from sacrofem.errors import ModelError
from sacrofem.mechanics.posedness import require_well_posed
from sacrofem.mechanics.supports import fit_sphere
from sacrofem.mesh.facets import facet_areas, facet_geometry, list_facets
from sacrofem.results.gathering import gather_fields
from sacrofem.results.joints import measure_joints
from tests.socketed_bar import FIXED, HIPS, SAID, WIDTH, bar, levers, solve
from tests.solved_block import properties
from tests.test_mpi import run_on_ranks


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


@pytest.mark.parametrize("loaded_at", [0.0, 25.0])
@pytest.mark.parametrize("order", [1, 2])
def test_a_frictionless_ball_and_socket_passes_no_moment_and_a_fixed_one_does(loaded_at: float, order: int) -> None:
    """Not either where one hip is loaded more than the other.

    A hundred-thousandth of the torsion spring acts on the surfaces: less than friction of 0.01 on a radius of 12 mm would.
    """
    force = (0.0, -100.0, 20.0)
    model, solution = solve(HIPS, force, loaded_at, order)
    assert max(levers(model, solution)) < 0.1
    assert solution.flexion_moments["acetabulum_right"] == pytest.approx(solution.flexion_moments["acetabulum_left"], abs=5.0)
    assert min(levers(*solve(FIXED, force, loaded_at, order))) > 1.0


def test_hips_share_a_load_by_its_lever() -> None:
    """25 mm from the middle of a beam on two ball joints: statics alone, whatever bends.

    The couple of both hips is that of the load about the axis through them, in equal parts.
    """
    model, solution = solve(HIPS, (40.0, -100.0, 0.0), 25.0)
    right, left = (model.supports._centres[f"acetabulum_{side}"] for side in ("right", "left"))
    source = model.distributed.source
    middles, _ = facet_geometry(source.points, source.surfaces["endplate"])
    place = np.average(middles[:, 2], weights=facet_areas(source.points, source.surfaces["endplate"]))
    share = (place - left[2]) / (right[2] - left[2])
    assert solution.reactions["acetabulum_right"][1] == pytest.approx(-100.0 * share, rel=2e-3)
    assert solution.reactions["acetabulum_right"][0] == pytest.approx(40.0 * share, rel=2e-3)
    for moment in solution.flexion_moments.values():
        assert moment == pytest.approx(-40.0 * WIDTH / 4, rel=0.02)


def test_one_rank_and_two_hold_the_hips_alike() -> None:
    alone, shared = (json.loads(run_on_ranks(ranks, "tests.socketed_bar")) for ranks in (1, 2))
    assert shared == pytest.approx(alone, rel=1e-6, abs=1e-6)
    assert [alone[place] for place in (10, 11, 22, 23)] == [True] * 4  # force and moment balance


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
    with pytest.raises(ValidationError, match="side: both"):
        Support(name="half", acts_on="acetabulum", side="left", normal_stiffness=5, tangential_stiffness=1,
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
