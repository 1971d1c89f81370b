"""Blocks with known answers: springs in series, equilibrium, energy, contact, bridging, symmetry."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

# isort: split
from mpi4py import MPI

from tests.blocks import block
from tests.solved_block import FOUNDATION, KN, KT, YOUNG, Solved, properties, solve_mesh

ORDERS = pytest.mark.parametrize("order", [1, 2])
PULL, PRESS, SHEAR = (0.0, 0.0, 100.0), (0.0, 0.0, -100.0), (30.0, 0.0, 0.0)
AREA, LENGTH = 100.0, 20.0  # mm^2, mm
STRESS, SHEAR_STRESS = 1.0, 0.3  # MPa


@functools.cache
def case(
    order: int,
    force: tuple[float, float, float],
    law: str = "linear",
    thickness: float = 1e-9,
    injected: bool = True,
    **given: Any,
) -> Solved:
    active = frozenset({"cement:bridge"} if given.get("bridge") and injected else ())
    solved = solve_mesh(MPI.COMM_SELF, block(**given), order, force, active, properties(law, thickness))
    assert solved
    return solved


@ORDERS
def test_blocks_in_series_open_by_stress_over_stiffness(order: int) -> None:
    assert case(order, PULL).opening == pytest.approx(STRESS / KN, rel=1e-8)


@ORDERS
def test_blocks_in_series_slide_by_shear_over_stiffness(order: int) -> None:
    assert case(order, SHEAR).slide == pytest.approx([SHEAR_STRESS / KT, 0.0, 0.0], abs=1e-8)
    assert case(order, SHEAR).opening == pytest.approx(0.0, abs=1e-8)


@ORDERS
def test_blocks_in_series_stretch_as_springs_in_series(order: int) -> None:
    """Foundation, bone and fracture: u = F (1 / k_f A + L / E A + 1 / k_n A), as stress is uniform."""
    compliance = (1 / FOUNDATION + LENGTH / YOUNG + 1 / KN) / AREA
    assert case(order, PULL).solution.work == pytest.approx(100.0**2 * compliance, rel=0.02)


@ORDERS
@pytest.mark.parametrize("force", [PULL, SHEAR, (10.0, 20.0, -70.0)])
def test_a_linear_model_stores_half_the_work_and_balances(order: int, force: tuple[float, float, float]) -> None:
    solution = case(order, force).solution
    assert solution.energy == pytest.approx(0.5 * solution.work, rel=1e-8)
    assert solution.reaction == pytest.approx(force, abs=1e-5)
    assert solution.imbalance < 1e-7
    assert solution.moment_imbalance < 1e-6
    assert solution.residual < 1e-8


@ORDERS
def test_a_partial_fracture_lies_between_intact_and_cut_through(order: int) -> None:
    intact, partial, full = (case(order, PULL, fracture_depth=depth).solution.work for depth in (0.0, 0.5, 1.0))
    assert intact * 1.001 < partial < full * 0.999


@ORDERS
def test_a_bridge_holds_the_fracture_only_where_cement_was_injected(order: int) -> None:
    bridged, absent = case(order, PULL, bridge=0.4), case(order, PULL, bridge=0.4, injected=False)
    assert bridged.solution.work < 0.9 * absent.solution.work
    assert bridged.opening < 0.5 * absent.opening
    assert absent.solution.work == pytest.approx(case(order, PULL).solution.work, rel=1e-7)
    assert np.all(bridged.motion.jump[bridged.motion.welded] == 0.0)


@ORDERS
def test_a_bridge_through_the_whole_fracture_makes_the_block_whole(order: int) -> None:
    bridged, whole = case(order, PULL, bridge=1.0), case(order, PULL, bridge=1.0, fracture_depth=0.0)
    assert bridged.solution.work == pytest.approx(whole.solution.work, rel=1e-7)


@ORDERS
def test_contact_in_compression_closes_to_stress_over_stiffness(order: int) -> None:
    assert case(order, PRESS, "compression_only").opening == pytest.approx(-STRESS / KN, rel=1e-7)


@ORDERS
def test_contact_in_tension_keeps_only_the_open_fraction(order: int) -> None:
    assert case(order, PULL, "compression_only").opening == pytest.approx(STRESS / (KN * 1e-4), rel=1e-6)


@ORDERS
def test_a_fracture_bent_half_open_presses_over_three_times_the_distance_to_the_edge(order: int) -> None:
    """A joint without tension under an eccentric force presses over 3 (b/2 - e) (rigid blocks): 7.5 of 10 mm here."""
    eccentricity = 10.0 * 10.0 / 40.0  # the shear acts 10 mm above the fracture
    solved = case(order, (10.0, 0.0, -40.0), "compression_only", shape=(8, 3, 8))
    pressed = solved.motion.opening < 0
    share = solved.motion.areas[pressed].sum() / AREA
    assert share == pytest.approx(3 * (0.5 - eccentricity / 10.0), abs=0.08)
    assert solved.motion.places[~pressed, 0].mean() < 2.5 < solved.motion.places[pressed, 0].mean()
    assert solved.solution.contact_steps <= 10
    assert solved.solution.imbalance < 1e-7
    assert solved.solution.energy == pytest.approx(0.5 * solved.solution.work, rel=1e-7)
    assert solved.slide[0] == pytest.approx(0.1 / KT, rel=1e-3)  # tissue resists sliding, open or closed


@ORDERS
def test_the_load_scales_a_linear_model(order: int) -> None:
    double = case(order, (0.0, 0.0, 200.0)).fields.displacement
    assert np.allclose(double, 2 * case(order, PULL).fields.displacement, rtol=1e-7, atol=1e-8)


def test_a_cortex_stiffens_as_springs_beside_the_core() -> None:
    """A membrane with Poisson's ratio 0 carries t E times the perimeter beside the bone's E A."""
    soft, stiff = (case(1, PULL, thickness=t, fracture_depth=0.0).solution.work for t in (1e-9, 0.005))
    foundation = 100.0**2 / (FOUNDATION * AREA)
    core, shell = YOUNG * AREA, 0.005 * 10000.0 * 40.0
    assert (stiff - foundation) / (soft - foundation) == pytest.approx(core / (core + shell), rel=0.03)


@ORDERS
def test_the_mirrored_block_under_the_mirrored_load_moves_as_the_mirror_image(order: int) -> None:
    """Mirrored in x, with a fracture that breaks the symmetry: the jump's x component turns its sign."""
    mesh, force = block(fracture_depth=0.67), (12.0, -5.0, 80.0)
    flip = np.array([-1.0, 1.0, 1.0])
    turned = {name: facets[:, [0, 2, 1]] for name, facets in mesh.surfaces.items()}
    image = replace(mesh, points=mesh.points * flip, cells=mesh.cells[:, [0, 2, 1, 3]], surfaces=turned)
    direct = solve_mesh(MPI.COMM_SELF, mesh, order, force, frozenset(), properties())
    mirrored = solve_mesh(MPI.COMM_SELF, image, order, (-12.0, -5.0, 80.0), frozenset(), properties())
    assert direct
    assert mirrored
    assert mirrored.opening == pytest.approx(direct.opening, rel=1e-6)
    assert mirrored.slide == pytest.approx(direct.slide * flip, rel=1e-6, abs=1e-9)
    assert mirrored.solution.work == pytest.approx(direct.solution.work, rel=1e-8)
