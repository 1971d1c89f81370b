"""Two blocks in series, a partial fracture, a bridge and contact, against their known answers."""

from __future__ import annotations

import functools

import numpy as np
import pytest

# isort: split
from mpi4py import MPI

from tests.solved_block import KN, KT, Solved, solve

ORDERS = pytest.mark.parametrize("order", [1, 2])
PULL, PRESS, SHEAR = (0.0, 0.0, 100.0), (0.0, 0.0, -100.0), (30.0, 0.0, 0.0)
STRESS, SHEAR_STRESS = 1.0, 0.3  # MPa, on 100 mm^2


@functools.cache
def case(order: int, force: tuple[float, float, float], law: str = "linear", **block: float) -> Solved:
    return solve(MPI.COMM_SELF, order, force, law, tuple(block.items()))


@ORDERS
def test_blocks_in_series_open_by_stress_over_stiffness(order: int) -> None:
    assert case(order, PULL).opening == pytest.approx(STRESS / KN, rel=1e-8)


@ORDERS
def test_blocks_in_series_slide_by_shear_over_stiffness(order: int) -> None:
    assert case(order, SHEAR).slip[0] == pytest.approx(SHEAR_STRESS / KT, rel=1e-8)
    assert case(order, SHEAR).opening == pytest.approx(0.0, abs=1e-8)


@ORDERS
@pytest.mark.parametrize("force", [PULL, SHEAR])
def test_a_linear_model_stores_half_the_work_and_balances(order: int, force: tuple[float, float, float]) -> None:
    solution = case(order, force).solution
    assert solution.energy == pytest.approx(0.5 * solution.work, rel=1e-9)
    assert solution.imbalance < 1e-8
    assert solution.moment_imbalance < 1e-7
    assert solution.residual < 1e-9


@ORDERS
def test_a_partial_fracture_lies_between_intact_and_cut_through(order: int) -> None:
    intact, partial, full = (case(order, PULL, fracture_depth=depth).solution.work for depth in (0.0, 0.5, 1.0))
    assert intact * 1.001 < partial < full * 0.999


@ORDERS
def test_a_bridge_stiffens_a_fractured_block(order: int) -> None:
    assert case(order, PULL, bridge=0.4).solution.work < 0.9 * case(order, PULL).solution.work


@ORDERS
def test_a_bridge_through_the_whole_fracture_makes_the_block_whole(order: int) -> None:
    bridged, whole = case(order, PULL, bridge=1.0), case(order, PULL, bridge=1.0, fracture_depth=0.0)
    assert bridged.solution.work == pytest.approx(whole.solution.work, rel=1e-9)


@ORDERS
def test_contact_in_compression_closes_to_stress_over_stiffness(order: int) -> None:
    assert case(order, PRESS, "compression_only").opening == pytest.approx(-STRESS / KN, rel=1e-8)


@ORDERS
def test_contact_in_tension_keeps_only_the_open_fraction(order: int) -> None:
    assert case(order, PULL, "compression_only").opening == pytest.approx(STRESS / (KN * 1e-4), rel=1e-6)


@ORDERS
def test_the_load_scales_a_linear_model(order: int) -> None:
    double = case(order, (0.0, 0.0, 200.0)).solution.displacement.x.array
    assert np.allclose(double, 2 * case(order, PULL).solution.displacement.x.array, rtol=1e-7, atol=1e-9)
