"""Beams and frames against textbook results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sacrofem.mechanics.frame import Beam, Frame, flat_section, rigid_motion, round_section

YOUNG, POISSON = 110_000.0, 0.3
ROUND = round_section(6.0)
SLENDER = replace(ROUND, shear=np.inf)


def line(*points: tuple[float, float, float]) -> np.ndarray:
    return np.array(points)


@pytest.mark.parametrize("direction", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 2, -2)])
def test_a_cantilever_bends_by_force_times_length_cubed_over_three(direction: tuple[float, float, float]) -> None:
    """w = F l^3 / 3 EI + F l / k G A (Timoshenko), the slope F l^2 / 2 EI; in whichever direction it lies."""
    along, length, force = np.array(direction) / np.linalg.norm(direction), 80.0, 50.0
    across = np.cross(along, [0.3, -0.5, 0.8])
    across /= np.linalg.norm(across)
    nodes = np.array([np.zeros(3), length * along])
    frame = Frame(nodes, [Beam("rod", 0, 1, ROUND, YOUNG, POISSON)], [0])
    motion = frame.motion(np.zeros(6), {1: np.r_[force * across, 0, 0, 0]})[1]
    bending, shear = YOUNG * np.pi * 6**4 / 64, 0.89 * YOUNG / 2.6 * np.pi * 9
    assert motion[:3] @ across == pytest.approx(force * length**3 / (3 * bending) + force * length / shear, rel=1e-9)
    assert motion[3:] @ np.cross(along, across) == pytest.approx(force * length**2 / (2 * bending), rel=1e-9)
    assert frame.stresses(np.vstack([np.zeros(6), motion]))["rod"] == pytest.approx(force * length * 3 / (bending / YOUNG))


def test_a_portal_frame_sways_as_by_hand() -> None:
    """Fixed feet, columns of height h, beam of length b, both EI, H at the beam: the beam sways.

    Slope-deflection with k = (EI / b) / (EI / h): w = H h^3 (3 k + 2) / (12 EI (6 k + 1)), axial strain left out.
    """
    height, breadth, force = 100.0, 60.0, 30.0
    stiff_axis = replace(SLENDER, area=1e6 * SLENDER.area)
    nodes = line((0, 0, 0), (0, height, 0), (breadth, height, 0), (breadth, 0, 0))
    beams = [Beam("frame", i, i + 1, stiff_axis, YOUNG, POISSON) for i in range(3)]
    motion = Frame(nodes, beams, [0, 3]).motion(np.zeros(12), {1: np.r_[force, 0, 0, 0, 0, 0]})
    k = height / breadth
    wanted = force * height**3 * (3 * k + 2) / (12 * YOUNG * SLENDER.about_z * (6 * k + 1))
    assert motion[1, 0] == pytest.approx(wanted, rel=1e-4)


def test_a_bar_stretches_and_twists() -> None:
    frame = Frame(line((0, 0, 0), (0, 0, 50)), [Beam("bar", 0, 1, ROUND, YOUNG, POISSON)], [0])
    motion = frame.motion(np.zeros(6), {1: np.array([0, 0, 100.0, 0, 0, 1000.0])})[1]
    assert motion[2] == pytest.approx(100 * 50 / (YOUNG * np.pi * 9))
    assert motion[5] == pytest.approx(1000 * 50 / (YOUNG / 2.6 * np.pi * 6**4 / 32))


def test_a_flat_plate_is_stiff_across_its_width() -> None:
    """About the two axes as width squared to thickness squared; torsion of a thin strip w t^3 / 3."""
    section = flat_section(10.0, 3.0)
    nodes = line((0, 0, 0), (200, 0, 0))
    beam = Beam("plate", 0, 1, replace(section, shear=np.inf), YOUNG, POISSON, across=np.array([0.0, 0.0, 1.0]))
    frame = Frame(nodes, [beam], [0])
    soft = frame.motion(np.zeros(6), {1: np.array([0, 1.0, 0, 0, 0, 0])})[1, 1]
    hard = frame.motion(np.zeros(6), {1: np.array([0, 0, 1.0, 0, 0, 0])})[1, 2]
    assert soft / hard == pytest.approx((10 / 3) ** 2)
    assert flat_section(1000.0, 1.0).torsion == pytest.approx(1000 / 3, rel=1e-3)


def test_condensed_to_its_ends_a_frame_resists_no_rigid_motion() -> None:
    rng = np.random.default_rng(2)
    nodes = rng.normal(0, 40, (5, 3))
    beams = [Beam("rod", i, i + 1, ROUND, YOUNG, POISSON) for i in range(4)]
    condensed = Frame(nodes, beams, [0, 2, 4]).condensed
    body = np.vstack([rigid_motion(nodes[i]) for i in (0, 2, 4)])
    assert np.abs(condensed @ body).max() < 1e-7 * np.abs(condensed).max()
    assert np.linalg.eigvalsh(condensed)[6:].min() > 0.0


def test_a_load_on_a_free_node_arrives_at_the_bone_whole() -> None:
    """Forces passed on have the resultant and the moment of the load."""
    nodes = line((0, 0, 0), (30, 10, 0), (60, 0, 5))
    frame = Frame(nodes, [Beam("rod", i, i + 1, ROUND, YOUNG, POISSON) for i in range(2)], [0, 2])
    passed = frame.passed_on(1).reshape(2, 6, 6)
    for axis in range(6):
        force, moment = passed[:, :3, axis].sum(axis=0), passed[:, 3:, axis].sum(axis=0)
        moment = moment + np.cross(nodes[0] - nodes[1], passed[0, :3, axis]) + np.cross(nodes[2] - nodes[1], passed[1, :3, axis])
        assert np.r_[force, moment] == pytest.approx(np.eye(6)[axis], abs=1e-9)


def test_a_rigid_body_on_a_spring_and_two_rods_moves_as_one() -> None:
    """Two rods as columns under a rigid plate, a spring beside them: stiffnesses add; nodes fixed to the body keep their arms."""
    nodes = line((10, 0, 0), (-10, 0, 0), (10, 50, 0), (-10, 50, 0), (0, 0, 0), (0, 0, 0))
    beams = [Beam("rod", 0, 2, ROUND, YOUNG, POISSON), Beam("rod", 1, 3, ROUND, YOUNG, POISSON)]
    spring = np.diag([100.0, 700.0, 100.0, 1e4, 1e4, 1e4])
    frame = Frame(nodes, beams, [0, 1, 4], rigid={2: 5, 3: 5}, springs=[(4, 5, spring)])
    motion = frame.motion(np.zeros(18), {5: np.array([0, -390.0, 0, 0, 0, 0])})
    assert motion[5, 1] == pytest.approx(-390 / (700 + 2 * YOUNG * np.pi * 9 / 50))
    turned = frame.motion(np.zeros(18), {5: np.array([0, 0, 0, 0, 0, 5000.0])})
    assert turned[2, :3] - turned[5, :3] == pytest.approx(np.cross(turned[5, 3:], nodes[2] - nodes[5]))
