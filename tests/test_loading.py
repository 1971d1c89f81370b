"""Load vectors do the work of the wanted force and moment, on one rank and on two; pressure in sockets; superposition."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

# isort: split
from mpi4py import MPI

from sacrofem.errors import ModelError
from sacrofem.loads.parts import LoadPart
from sacrofem.mechanics.loading import find_pressure
from tests.loaded_bar import model_of, parts, wrench_of
from tests.test_mpi import LAUNCHER
from tests.test_ring_supports import FIXED


def sphere_cap(radius: float, opening: float, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of a spherical cap about +z, of half the opening angle in degrees."""
    polar = np.radians(opening) * np.linspace(0.02, 1.0, count)
    around = np.linspace(0, 2 * np.pi, 2 * count, endpoint=False)
    p, a = np.meshgrid(polar, around, indexing="ij")
    points = radius * np.stack([np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)], axis=-1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(count - 1), np.arange(2 * count), indexing="ij")
    at = lambda k, m: (k * 2 * count + m % (2 * count)).ravel()  # noqa: E731
    corners = at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)
    return points, np.concatenate([np.stack([corners[k] for k in tri], axis=1) for tri in ((0, 1, 2), (0, 2, 3))])


def test_a_ball_presses_on_a_half_sphere_as_worked_out_by_hand() -> None:
    """Pressure q cos(angle) over a half sphere carries q R^2 2 pi / 3 along its axis."""
    points, triangles = sphere_cap(24.0, 90.0)
    q, _ = find_pressure(points, triangles, np.zeros(3), LoadPart("head", "acetabulum_right", np.array([0.0, 0.0, 1000.0])))
    assert q[:2] == pytest.approx([0.0, 0.0], abs=1e-6)
    assert q[2] == pytest.approx(1000.0 * 3 / (2 * np.pi * 24.0**2), rel=0.01)


def test_a_force_out_of_the_socket_is_refused() -> None:
    points, triangles = sphere_cap(24.0, 70.0)
    for force in ([0.0, 0.0, -100.0], [100.0, 0.0, 0.0]):
        with pytest.raises(ModelError, match="does not press"):
            find_pressure(points, triangles, np.zeros(3), LoadPart("head", "acetabulum_right", np.array(force)))


@pytest.mark.parametrize("order", [1, 2])
def test_every_part_has_exactly_its_force_and_moment(order: int) -> None:
    model = model_of(MPI.COMM_SELF, order)
    for part in parts():
        if part.point is None:
            continue
        wanted = np.concatenate([part.force, part.moment + np.cross(part.point, part.force)])
        assert wrench_of(model, (part,)) == pytest.approx(wanted, abs=1e-8), part.name


def test_force_without_a_point_acts_at_the_middle_and_evenly() -> None:
    model = model_of(MPI.COMM_SELF, 1)
    even = LoadPart("even", "endplate", np.array([0.0, -5.0, 0.0]))
    carrier = model.loading.carrier(even)
    assert wrench_of(model, (even,)) == pytest.approx(
        np.concatenate([even.force, np.cross(carrier.centre, even.force)]), abs=1e-9
    )
    assert model.solve(np.array([0.0, -5.0, 0.0])).work == pytest.approx(model.solve((even,)).work, rel=1e-12)


def test_one_rank_and_two_agree_on_all_kinds_of_parts() -> None:
    assert LAUNCHER
    numbers = []
    for ranks in (1, 2):
        command = [LAUNCHER, "-n", str(ranks), sys.executable, "-m", "tests.loaded_bar", "1"]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr
        numbers.append(json.loads(done.stdout.splitlines()[-1]))
    assert numbers[1] == pytest.approx(numbers[0], rel=1e-6, abs=1e-7)
    force = np.sum([part.force for part in parts()], axis=0)
    assert numbers[1][:3] == pytest.approx(force, abs=1e-9)
    assert numbers[1][8:11] == pytest.approx(force, abs=1e-5)
    assert numbers[1][11] == 1.0


def test_reactions_balance_any_load() -> None:
    solution = model_of(MPI.COMM_SELF, 1).solve(parts())
    assert solution.imbalance < 1e-7
    assert solution.moment_imbalance < 1e-6
    assert solution.energy == pytest.approx(0.5 * solution.work, rel=1e-7)
    assert solution.reaction == pytest.approx(np.sum([part.force for part in parts()], axis=0), abs=1e-5)


def test_superposed_loads_are_those_solved_directly() -> None:
    """Two loads are solved, and carry their sum without a solve; a third one with a new part needs one."""
    model = model_of(MPI.COMM_SELF, 1, FIXED)
    top = parts()[0]
    forces = [replace(top, force=np.array(f), moment=np.zeros(3), point=None) for f in ([3.0, 0.0, 0.0], [0.0, -50.0, 7.0])]
    one, other = (model.solve([force]) for force in forces)
    both = model.solve(forces)
    assert min(one.iterations, other.iterations) > 3
    assert both.iterations <= 2
    sum_of_both = one.displacement.x.array + other.displacement.x.array
    assert np.allclose(both.displacement.x.array, sum_of_both, atol=1e-8 * np.abs(sum_of_both).max())
    whole = model.solve([*forces, parts()[3]])
    assert whole.iterations > 3
    alone = model_of(MPI.COMM_SELF, 1, FIXED).solve([*forces, parts()[3]])
    difference = whole.displacement.x.array - alone.displacement.x.array
    assert np.abs(difference).max() < 1e-8 * np.abs(alone.displacement.x.array).max()


def test_a_moment_alone_is_balanced() -> None:
    model = model_of(MPI.COMM_SELF, 1, FIXED)
    solution = model.solve([LoadPart("turn", "endplate", np.zeros(3), None, np.array([0.0, 0.0, -500.0]))])
    assert np.linalg.norm(solution.reaction) < 1e-6
    assert solution.work > 0.0
    assert solution.moment_imbalance < 1e-5


def test_a_part_on_a_surface_that_is_not_there_is_refused() -> None:
    model = model_of(MPI.COMM_SELF, 1)
    with pytest.raises(ModelError, match="no surface"):
        model.solve([LoadPart("nowhere", "auricular_right", np.array([1.0, 0.0, 0.0]))])
