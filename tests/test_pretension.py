"""Lag screws: a force in balance with itself, given in N, that presses the faces together before the load comes."""

from __future__ import annotations

import json
from dataclasses import replace

# isort: split
import numpy as np
import pytest
from pydantic import ValidationError

from sacrofem.catalogue.models import Implant
from sacrofem.results.gathering import gather_fields
from sacrofem.results.lag_screws import gather_lag_fields, measure_compression, measure_lag_screws
from sacrofem.results.load_sharing import measure_screw_stress
from sacrofem.results.micromotion import sample_motion
from sacrofem.results.strain import cell_strain
from tests.lagged_bar import RUBBING, SHAFT, TISSUE, bar, implant, model, solve
from tests.test_mpi import run_on_ranks

SCREW = "lag.s1"
NONE = (0.0, 0.0, -1e-3)
PULL = (10.0, 0.0, 60.0)
LAWS = pytest.mark.parametrize("law", ["bonded", "tissue", "touching", "rubbing"])


@LAWS
def test_tightening_adds_no_reaction(law: str) -> None:
    """What head and thread do to the bone is in balance, in force and in moment."""
    solution = solve(100.0, law, PULL)
    assert np.array(solution.reaction) == pytest.approx(np.array(PULL), abs=1e-5)
    assert solution.moment_imbalance < 1e-4


@pytest.mark.parametrize(("law", "order"), [("bonded", 1), ("tissue", 1), ("tissue", 2), ("touching", 1), ("rubbing", 1)])
def test_the_screw_carries_the_force_it_was_tightened_to(law: str, order: int) -> None:
    """Tightened, and still when a load of nothing has been searched for with the screw's own stiffness."""
    solution = solve(100.0, law, NONE, order)
    assert solution.tightened is not None
    assert solution.tightened.axial_forces[SCREW] == pytest.approx(100.0, rel=1e-3)
    assert solution.axial_forces[SCREW] == pytest.approx(100.0, rel=1e-3)


@LAWS
def test_what_lies_between_is_pressed_with_the_force_in_the_screw(law: str) -> None:
    """Through the fracture's section, screw and everything else hold each other."""
    tightened = solve(100.0, law, NONE).tightened
    assert tightened is not None
    forces = tightened.section_forces["gap"]
    assert np.sum(list(forces.values()), axis=0) == pytest.approx(np.zeros(3), abs=1e-4)
    assert -forces["screw"][2] == pytest.approx(100.0, rel=1e-3)
    rest = forces["bone"] + forces["interface"]
    assert rest[2] == pytest.approx(100.0, rel=1e-3)


def test_touching_faces_are_pressed_all_over() -> None:
    tightened = solve(100.0, "touching", NONE).tightened
    assert tightened is not None
    assert tightened.faces["gap"].open == 0.0
    # The rest goes through the rim of the screw's hole, whose nodes belong to both sides.
    assert tightened.section_forces["gap"]["interface"][2] > 85.0


@pytest.mark.parametrize("law", ["bonded", "tissue"])
def test_linear_faces_answer_in_proportion(law: str) -> None:
    """Twice the force moves twice as far; a load on top does what it does without pretension."""
    one, two, without = (solve(force, law, PULL) for force in (100.0, 200.0, 0.0))
    assert one.tightened is not None
    assert two.tightened is not None
    first, second = (found.tightened.start.displacement.x.array for found in (one, two))  # type: ignore[union-attr]
    assert second == pytest.approx(2.0 * first, rel=1e-6, abs=1e-9)
    assert one.displacement.x.array - first == pytest.approx(without.displacement.x.array, abs=1e-9)
    assert one.work == pytest.approx(without.work, rel=1e-8)
    assert one.energy == pytest.approx(0.5 * one.work, rel=1e-6)


def test_a_pull_opens_only_faces_that_were_pressed_too_little() -> None:
    """The bolted joint: faces gape once the load has taken away what pressed them."""
    held, parted, loose = (solve(force, "touching", (0.0, 0.0, 60.0)) for force in (100.0, 10.0, 0.0))
    assert held.faces["gap"].open == 0.0
    assert parted.faces["gap"].open > 0.5
    assert held.work < loose.work  # the joint is stiffer
    # Faces that press share the pull; a screw alone gets nearly all of it.
    added = held.axial_forces[SCREW] - 100.0
    assert 0.0 < added < -loose.section_forces["gap"]["screw"][2]


def test_friction_remembers_the_tightening() -> None:
    """Faces that were pressed first hold a shear; the work of friction counts from the tightened state."""
    pressed, loose = (solve(force, "rubbing", (20.0, 0.0, 10.0)) for force in (100.0, 0.0))
    assert pressed.work < loose.work
    assert pressed.energy + pressed.dissipated == pytest.approx(0.5 * pressed.work, rel=0.02)


def test_a_second_load_begins_from_the_tightened_state_too() -> None:
    """Friction's slip under one load is not carried to the next."""
    shared = model(100.0, RUBBING)
    first = shared.solve(np.array([20.0, 0.0, 10.0]))
    shared.solve(np.array([-30.0, 0.0, 20.0]))
    again = shared.solve(np.array([20.0, 0.0, 10.0]))
    assert again.work == pytest.approx(first.work, rel=1e-6)
    assert again.dissipated == pytest.approx(first.dissipated, rel=1e-5, abs=1e-9)


def test_one_rank_and_two_agree() -> None:
    one, two = (json.loads(run_on_ranks(ranks, "tests.lagged_bar")) for ranks in (1, 2))
    assert two == pytest.approx(one, rel=1e-5, abs=1e-6)
    assert one[4] > 0.0  # faces slide, so that there is something to agree on


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"thread_length": None, "shaft_diameter": None}, "free shaft"),
        ({"washer": None}, "washer"),
        ({"through": True}, "thread in bone"),
        ({"thread_length": 34.0}, "between washer and thread"),
    ],
)
def test_screws_that_cannot_press_are_refused(change: dict[str, object], says: str) -> None:
    given = implant(100.0).model_dump(mode="json")
    given["screws"][0] |= change
    with pytest.raises(ValidationError, match=says) as error:
        Implant.model_validate(given)
    assert error.value.errors()[0]["loc"][:2] == ("screws", 0)


def test_measures_count_motion_from_the_tightened_state_and_stress_from_before() -> None:
    """Under next to no load: the shaft has its pretension over its section, the fracture is pressed with it, nothing moves."""
    shared = model(100.0, TISSUE)
    solution = shared.solve(np.array(NONE))
    fields, lag = gather_fields(shared, solution.displacement), gather_lag_fields(shared, solution)
    assert fields is not None
    assert lag is not None
    assert shared.pretension is not None
    screw = shared.pretension.screws[0]
    assert screw.section == pytest.approx(np.pi * SHAFT**2, rel=0.12)  # a polygon of eight sides
    shaft = replace(fields, regions=np.where(np.isin(np.arange(len(fields.cells)), screw.cells), 50, 1))
    median = measure_screw_stress(shaft, {50: "screw:lag"}, {"screw:lag": 0.3}, cell_strain(fields) - lag.locked)[0]
    assert median[:2] == ("screw_stress_p50", pytest.approx(100.0 / screw.section, rel=1e-3))
    forces = {name: value for name, value, _ in measure_lag_screws(solution)}
    assert forces == {f"screw_tension{when}:{SCREW}": pytest.approx(100.0, rel=1e-3) for when in ("_before", "")}
    pressed = {name: value for _, (name, value, _) in measure_compression(bar(), solution)}
    assert pressed == {"compression_before": pytest.approx(100.0, rel=1e-3), "compression": pytest.approx(100.0, rel=1e-3)}
    assert np.abs(sample_motion(lag.moved, "gap").jump).max() < 1e-4 * np.abs(sample_motion(fields, "gap").jump).max()
