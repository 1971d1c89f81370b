"""Rods on a block: the load passes through them and the lumbosacral joint whole, and the more through the stiffer way."""

from __future__ import annotations

import json
from dataclasses import replace

# isort: split
import numpy as np
import pytest
from mpi4py import MPI

from sacrofem.mechanics.construct import build_construct
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from tests.blocks import block
from tests.constructed_blocks import FORCE, IMPLANT, METAL, held_block, hold, joint
from tests.solved_block import YOUNG, properties
from tests.test_mpi import run_on_ranks

METALS = {"metal": METAL}


def test_a_load_on_the_vertebra_reaches_the_supports_whole_about_the_endplate_centre() -> None:
    """Force and moment balance as if the force acted on the endplate itself."""
    solution = hold(MPI.COMM_SELF, 1, 1000.0).solution
    assert solution.imbalance < 1e-7
    assert solution.moment_imbalance < 1e-6
    assert solution.reaction == pytest.approx(FORCE, rel=1e-6)
    assert solution.energy == pytest.approx(0.5 * solution.work, rel=1e-6)


def test_rods_carry_the_more_the_softer_the_joint_is() -> None:
    shares = [hold(MPI.COMM_SELF, 1, stiffness).measures["load_share_rods"] for stiffness in (1e-3, 1e2, 1e4)]
    assert shares[0] == pytest.approx(1.0, abs=1e-3)
    assert shares[0] > shares[1] > shares[2] > 0.0


def test_a_rod_past_the_fracture_makes_the_block_stiffer() -> None:
    assert hold(MPI.COMM_SELF, 1, 1e5).solution.work < hold(MPI.COMM_SELF, 1, None).solution.work


def test_the_frame_of_an_implant_resists_no_rigid_motion_of_the_bone() -> None:
    mesh = held_block()
    construct = build_construct(mesh, [IMPLANT], METALS, joint(1000.0))
    assert construct
    assert [patch.name for patch in construct.patches] == ["endplate", "hold:imp.low"]
    turn, shift = np.array([0.3, -0.2, 0.5]), np.array([1.0, 2.0, 3.0])
    centres = [patch.measure(mesh)[1] for patch in construct.patches]
    body = np.concatenate([np.r_[shift + np.cross(turn, centre), turn] for centre in centres])
    forces = construct.frame.condensed @ body
    assert np.abs(forces).max() < 1e-8 * np.abs(construct.frame.condensed).max() * np.abs(body).max()


def test_a_stress_in_the_rod_follows_from_the_share_it_carries() -> None:
    """With a joint that gives no way at all the neck carries the whole force, and its lever."""
    found = hold(MPI.COMM_SELF, 1, 1e-6).measures
    straight = abs(FORCE[0]) / (np.pi * 2.5**2)
    assert found["member_stress_max:imp.low"] > straight
    assert set(found) == {"member_stress_max:imp.low", "member_stress_max:imp.rod", "load_share_rods"}


def test_a_thread_zone_is_as_many_times_as_stiff_as_the_bone_it_is_in_and_does_not_weld() -> None:
    mesh = block(bridge=0.4)
    mesh = replace(mesh, region_names={1: "body", 10: "thread:imp"})
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset({"thread:imp"}), 1)
    given = properties()
    model.set_properties(replace(given, poisson={**given.poisson, "thread:imp": 0.3}, stiffened={"thread:imp": 1.25}))
    local = model.regions[model.distributed.original_cells]
    assert model.young.x.array[local == 10] == pytest.approx(1.25 * YOUNG)
    assert model.young.x.array[local == 1] == pytest.approx(YOUNG)
    assert not model.cuts["gap"].welded.any()


@pytest.mark.parametrize("order", [1, 2])
def test_one_rank_and_two_agree(order: int) -> None:
    one, two = (json.loads(run_on_ranks(ranks, "tests.constructed_blocks", str(order))) for ranks in (1, 2))
    assert two == pytest.approx(one, rel=1e-6)
