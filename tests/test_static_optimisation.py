"""Static optimisation against hand solutions, its optimality, and what cannot be balanced."""

from __future__ import annotations

import numpy as np
import pytest

from sacrofem.loads.optimisation import recruit

#: Moment arms of three muscles about a hinge, mm; the third pulls the other way.
ARMS = np.array([[40.0, 20.0, -30.0]])


@pytest.mark.parametrize("exponent", [2.0, 3.0, 4.0])
def test_a_hinge_is_shared_as_the_arms_to_the_power_of_one_over_p_minus_one(exponent: float) -> None:
    """Lagrange: p s_i^(p-1) = y a_i, so s_i is as a_i^(1/(p-1)); the antagonist is silent."""
    found = recruit(ARMS, np.array([1000.0]), exponent, 1e6)
    assert found is not None
    shape = np.array([40.0, 20.0]) ** (1.0 / (exponent - 1.0))
    by_hand = 1000.0 / (ARMS[0, :2] @ shape) * shape
    assert found.stress == pytest.approx([*by_hand, 0.0], rel=1e-9, abs=1e-9)
    assert found.residual < 1e-9 * 1000.0
    assert found.optimality < 1e-9


def test_a_planar_body_on_one_leg_is_solved_as_by_hand() -> None:
    """Pauwels' balance: W d = F a with one abductor, and with two of areas A_i (stress s_i = F_i / A_i), p = 2."""
    weight, away = 0.84, 100.0
    alone = recruit(np.array([[50.0]]), np.array([weight * away]), 3.0, 1e6)
    assert alone is not None
    assert alone.stress[0] == pytest.approx(weight * away / 50.0, rel=1e-12)
    areas, arms = np.array([2.0, 1.0]), np.array([50.0, 45.0])
    two = recruit((areas * arms)[None, :], np.array([weight * away]), 2.0, 1e6)
    assert two is not None
    weighted = areas * arms  # dL/ds_i = 2 s_i - y A_i a_i
    assert two.stress == pytest.approx(weight * away * weighted / (weighted @ weighted), rel=1e-10)


def test_a_muscle_at_its_strength_hands_the_rest_on() -> None:
    found = recruit(np.array([[40.0, 20.0]]), np.array([1000.0]), 2.0, 18.0)
    assert found is not None
    assert found.stress == pytest.approx([18.0, (1000.0 - 18.0 * 40.0) / 20.0], rel=1e-9)
    assert found.optimality < 1e-8


def test_a_limit_on_a_contact_force_recruits_the_antagonist() -> None:
    """The sum of the tensions, which presses the joint, must reach 60: by hand, min s1^2 + s2^2 + s3^2 with two conditions."""
    limits, margins = np.ones((1, 3)), np.array([60.0])
    found = recruit(ARMS, np.array([1000.0]), 2.0, 1e6, limits, margins)
    conditions = np.vstack([ARMS, limits])
    by_hand = conditions.T @ np.linalg.solve(conditions @ conditions.T, [1000.0, 60.0])
    assert (by_hand > 0).all()
    assert found is not None
    assert found.stress == pytest.approx(by_hand, rel=1e-8)
    assert found.optimality < 1e-8
    assert recruit(ARMS, np.array([1000.0]), 2.0, 1e6, limits, np.array([10.0])) is not None


def test_conditions_that_say_the_same_twice_do_no_harm() -> None:
    once = recruit(ARMS, np.array([1000.0]), 3.0, 1e6)
    twice = recruit(np.vstack([ARMS, 2 * ARMS]), np.array([1000.0, 2000.0]), 3.0, 1e6)
    assert once is not None
    assert twice is not None
    assert twice.stress == pytest.approx(once.stress, rel=1e-8, abs=1e-8)


def test_muscles_that_are_too_weak_or_pull_the_wrong_way_find_no_balance() -> None:
    assert recruit(ARMS, np.array([1000.0]), 3.0, 10.0) is None
    assert recruit(np.array([[40.0, 20.0]]), np.array([-1.0]), 3.0, 10.0) is None


def test_no_other_balance_has_a_smaller_sum() -> None:
    generator = np.random.default_rng(3)
    balance, goal = generator.normal(size=(4, 12)), generator.normal(size=4)
    found = recruit(balance, goal, 3.0, 1e3)
    assert found is not None
    least = np.sum(found.stress**3)
    free = np.linalg.svd(balance)[2][4:]
    for _ in range(200):
        other = found.stress + 0.05 * found.stress.max() * free.T @ generator.normal(size=len(free))
        if (other >= 0).all():
            assert np.sum(other**3) >= least * (1 - 1e-12)
    assert np.abs(balance @ found.stress - goal).max() < 1e-10
    assert found.optimality < 1e-8
