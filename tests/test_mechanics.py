"""Blocks with known answers: springs in series, equilibrium, energy, contact, bridging, any number of ranks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.mechanics_cases import (
    AREA,
    NORMAL,
    TANGENTIAL,
    mean_jump,
    mean_opening,
    properties,
    solve_block,
)

BRIDGE = frozenset({"cement:bridge"})


@pytest.mark.parametrize("order", [1, 2])
def test_two_blocks_in_series_open_by_traction_over_stiffness(order: int) -> None:
    model, solution = solve_block(order, (0.0, 0.0, 100.0))
    assert mean_opening(model, solution) == pytest.approx(100.0 / AREA / NORMAL, rel=1e-8)


@pytest.mark.parametrize("order", [1, 2])
def test_two_blocks_in_series_slide_by_traction_over_stiffness(order: int) -> None:
    model, solution = solve_block(order, (40.0, 0.0, 0.0))
    assert mean_jump(model, solution, 0) == pytest.approx(40.0 / AREA / TANGENTIAL, rel=1e-7)


@pytest.mark.parametrize("force", [(0.0, 0.0, -100.0), (30.0, 0.0, 0.0), (10.0, 20.0, -70.0)])
def test_supports_balance_the_load_and_work_is_twice_the_energy(force: tuple[float, float, float]) -> None:
    _, solution = solve_block(1, force)
    assert solution.reaction == pytest.approx(force, abs=1e-6)
    assert solution.imbalance < 1e-8
    assert solution.moment_imbalance < 1e-6
    assert solution.work == pytest.approx(2 * solution.energy, rel=1e-8)


def test_a_partial_fracture_lies_between_intact_and_broken() -> None:
    work = [solve_block(1, (0.0, 0.0, 100.0), depth)[1].work for depth in (0.0, 0.7, 1.0)]
    assert work[0] < work[1] < work[2]


def test_faces_that_only_press_open_freely_and_close_against_their_stiffness() -> None:
    given = properties("compression_only")
    pressed = solve_block(1, (0.0, 0.0, -100.0), given=given)
    assert mean_opening(*pressed) == pytest.approx(-100.0 / AREA / NORMAL, rel=1e-6)
    pulled = solve_block(1, (0.0, 0.0, 1.0), given=given)
    assert mean_opening(*pulled) == pytest.approx(1.0 / AREA / (NORMAL * given.interface.open_fraction), rel=1e-4)


def test_cement_bridges_the_fracture_only_where_it_was_injected() -> None:
    force = (0.0, 0.0, 100.0)
    untreated, untreated_solution = solve_block(1, force, bridge=0.34)
    treated, treated_solution = solve_block(1, force, bridge=0.34, active=BRIDGE)
    assert mean_opening(treated, treated_solution) < 0.5 * mean_opening(untreated, untreated_solution)
    assert untreated_solution.work == pytest.approx(solve_block(1, force)[1].work, rel=1e-9)


def test_a_cortex_stiffens_as_springs_beside_the_core() -> None:
    """A membrane with Poisson's ratio 0 carries t E times the perimeter beside the bone's E A."""
    soft = solve_block(1, (0.0, 0.0, 100.0), depth=0.0)[1].work
    stiff = solve_block(1, (0.0, 0.0, 100.0), depth=0.0, given=properties(thickness=0.005))[1].work
    foundation = 100.0**2 / (50.0 * AREA)
    core, shell = 100.0 * AREA, 0.005 * 10000.0 * 40.0
    assert (stiff - foundation) / (soft - foundation) == pytest.approx(core / (core + shell), rel=0.03)


@pytest.mark.parametrize("order", [1, 2])
def test_two_ranks_give_the_numbers_of_one(order: int, tmp_path: Path) -> None:
    alone, together = (_numbers(ranks, order, tmp_path) for ranks in (1, 2))
    np.testing.assert_allclose(together, alone, rtol=1e-8, atol=1e-10)


def _numbers(ranks: int, order: int, folder: Path) -> list[float]:
    launcher = Path(sys.executable).with_name("mpiexec")
    done = subprocess.run(
        [str(launcher), "-n", str(ranks), sys.executable, "-m", "tests.mechanics_cases", str(order)],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    numbers: list[float] = json.loads(done.stdout.splitlines()[-1])
    return numbers
