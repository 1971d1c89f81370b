"""Contact and friction against closed forms: pressures, the friction limit, energy, gaps, preload, bodies that part."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import Any

# isort: split
import numpy as np
import pytest
from mpi4py import MPI

from sacrofem.catalogue.models import Interface
from sacrofem.errors import ModelError
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.posedness import require_well_posed
from sacrofem.mechanics.solution import Solution
from sacrofem.mechanics.treatment import Partings
from tests.blocks import block
from tests.sliding_block import FIGURES, PRESSED, TISSUE, WIDTH, slide
from tests.solved_block import properties
from tests.test_mpi import run_on_ranks

AREA, FRICTION = 100.0, 0.4
ORDERS = pytest.mark.parametrize("order", [1, 2])


def law(name: str = "frictional", **given: Any) -> Interface:
    figures: dict[str, Any] = {"normal_stiffness": 1000.0, "tangential_stiffness": 0.0}
    if name == "frictional":
        figures["friction"] = FRICTION
    return Interface.model_validate({"name": "gap", "title": "", "source": "", "law": name, **figures, **given})


@functools.cache
def solve(
    interface: Interface,
    force: tuple[float, float, float],
    order: int = 1,
    increments: int = 1,
    body: Interface | None = None,
    **given: Any,
) -> Solution:
    bodies = frozenset({"cement"} if body else ())
    active = frozenset({"cement:bridge"} if given.get("bridge") else ())
    mesh = distribute(block(**given), MPI.COMM_SELF)
    model = SacrumModel(mesh, active, order, Partings(interface.law != "bonded", bodies))
    given_properties = properties()
    poisson = dict.fromkeys(given_properties.poisson, 0.0)  # so that a pressed block keeps its width, and pressure is even
    bodies_laws = {"cement": body} if body else {}
    model.set_properties(replace(given_properties, poisson=poisson, interface=interface, body_interfaces=bodies_laws))
    if model.linear:
        model.assemble()
    return model.solve(np.array(force), increments)


@ORDERS
def test_a_block_pressed_flat_transmits_the_pressure_everywhere(order: int) -> None:
    """The patch test of contact: penetration is pressure over stiffness, all of it closed and at rest."""
    faces = solve(law(tangential_stiffness=0.1), (0.0, 0.0, -100.0), order).faces["gap"]
    assert faces.penetration == pytest.approx(1.0 / 1000.0, rel=1e-3)
    assert faces.open == 0.0
    assert faces.area == pytest.approx(AREA)


@ORDERS
@pytest.mark.parametrize(("share", "slips"), [(0.8, False), (1.2, True)])
def test_a_block_slides_beyond_the_friction_limit_and_not_below(order: int, share: float, slips: bool) -> None:
    """Rigid-plastic: what friction does not hold, the tissue beside it does, and the block moves."""
    tissue, pressed = 0.5, 200.0
    shear = share * FRICTION * pressed
    solution = solve(law(tangential_stiffness=tissue, open_fraction=1e-7), (shear, 0.0, -pressed), order, size=(40.0, 40.0, 4.0))
    faces = solution.faces["gap"]
    assert faces.open == 0.0
    assert solution.section_forces["gap"]["interface"] == pytest.approx([-shear, 0.0, pressed], abs=1e-3)
    assert faces.slipping == pytest.approx(1.0 if slips else 0.0, abs=0.02)
    assert solution.contact_steps <= 15
    if slips:
        slid = (shear - FRICTION * pressed) / (tissue * 40.0 * 40.0)
        assert solution.dissipated == pytest.approx(0.5 * FRICTION * pressed * slid, rel=0.03)
    else:
        assert solution.dissipated == pytest.approx(0.0, abs=1e-6)


def test_the_load_does_what_springs_keep_and_friction_takes() -> None:
    """Faces without gap answer a growing load in proportion: half of force times way = stored + dissipated."""
    solution = solve(law(tangential_stiffness=0.5), (18.0, 0.0, -60.0), shape=(8, 3, 8))
    assert 0.1 < solution.faces["gap"].open < 0.9
    assert solution.dissipated > 1e-3 * solution.energy  # a thousand times what the balance below would forgive
    assert 0.5 * solution.work == pytest.approx(solution.energy + solution.dissipated, rel=1e-6)
    assert solution.imbalance < 1e-7


def test_multipliers_drive_the_penetration_down() -> None:
    """Soft faces of 2 MPa/mm under 1 MPa would pass 0.5 mm through each other."""
    soft = law("compression_only", normal_stiffness=2.0, tangential_stiffness=0.5)
    hard = soft.model_copy(update={"augmented": True})
    assert solve(soft, (0.0, 0.0, -100.0)).faces["gap"].penetration == pytest.approx(0.5, rel=1e-6)
    assert solve(hard, (0.0, 0.0, -100.0)).faces["gap"].penetration < 1e-3


def test_faces_apart_move_by_their_gap_before_they_press() -> None:
    apart = law("compression_only", gap=0.05, open_fraction=1e-5, tangential_stiffness=0.1)
    together = law("compression_only", open_fraction=1e-5, tangential_stiffness=0.1)
    first, second = (solve(interface, (0.0, 0.0, -100.0)) for interface in (apart, together))
    assert (first.work - second.work) / 100.0 == pytest.approx(0.05, rel=1e-3)
    few = solve(apart, (0.0, 0.0, -0.01))
    assert few.faces["gap"].open == 1.0


def test_preloaded_faces_part_only_beyond_the_preload() -> None:
    """1 MPa of pressure beforehand over 100 mm^2 holds a pull of 90 N and not one of 110 N."""
    pressed = law("compression_only", preload=1.0, open_fraction=1e-3, tangential_stiffness=0.1)
    held, parted = (solve(pressed, (0.0, 0.0, force)).faces["gap"] for force in (90.0, 110.0))
    assert held.open == 0.0
    assert held.opening == pytest.approx(0.9 / 1000.0, rel=1e-3)
    assert parted.open == 1.0


def test_a_bonded_fracture_is_whole_bone() -> None:
    bonded, whole = law("bonded", normal_stiffness=None, tangential_stiffness=None), law()
    load = (10.0, 0.0, 60.0)
    assert solve(bonded, load).work == pytest.approx(solve(whole, load, fracture_depth=0.0).work, rel=1e-8)


def test_what_carries_the_load_sums_to_the_load() -> None:
    """Half fractured and a bridge of cement: bone, cortex, cement and faces together hold the force on the end."""
    load = (20.0, 10.0, 60.0)
    carried = solve(law("linear", normal_stiffness=2.0, tangential_stiffness=0.5), load, bridge=0.4, fracture_depth=0.6)
    forces = carried.section_forces["gap"]
    assert np.sum(list(forces.values()), axis=0) == pytest.approx([-x for x in load], abs=1e-5)
    assert min(-forces[name][2] for name in ("bone", "cement", "interface")) > 0.5
    assert forces["cement"][2] < forces["interface"][2]


def test_a_body_with_springs_around_it_bears_less_than_a_bonded_one() -> None:
    load = (0.0, 0.0, 60.0)
    fracture = law("linear", normal_stiffness=2.0, tangential_stiffness=0.5)
    soft = law("linear", normal_stiffness=5.0, tangential_stiffness=2.0)
    bonded, sprung = (solve(fracture, load, bridge=0.4, body=body) for body in (None, soft))
    stiff = solve(fracture, load, bridge=0.4, body=law("linear", normal_stiffness=1e6, tangential_stiffness=1e6))
    assert -bonded.section_forces["gap"]["cement"][2] > -sprung.section_forces["gap"]["cement"][2] > 0
    assert stiff.work == pytest.approx(bonded.work, rel=1e-3)
    assert sprung.work > bonded.work


def test_a_body_that_nothing_holds_when_its_faces_part_is_named() -> None:
    mesh = block(bridge=1 / 3)
    loose = law("compression_only", open_fraction=0.0)
    with pytest.raises(ModelError, match="cement:bridge"):
        require_well_posed(
            replace(mesh, surfaces={**mesh.surfaces, "auricular_left": mesh.surfaces["auricular_left"][:0]}),
            mesh.regions,
            law("linear", normal_stiffness=1.0, tangential_stiffness=1.0),
            None,
            {"cement": loose},
        )


def test_blocks_slide_alike_on_one_rank_and_on_two() -> None:
    """Rest below the friction limit, slip beyond it: friction holds mu N, the tissue the rest, and the energies add up."""
    one, two = (json.loads(run_on_ranks(ranks, "tests.sliding_block")) for ranks in (1, 2))
    for (rests, slides, wedged, held), rel in ((one, 1e-6), (two, 1e-6)):
        at = dict(zip(FIGURES, rests, strict=True))
        assert at["share slipping"] < 0.02
        assert at["dissipated"] == pytest.approx(0.0, abs=1e-6)
        at = dict(zip(FIGURES, slides, strict=True))
        slid = 0.2 * FRICTION * PRESSED / (TISSUE * WIDTH**2)
        assert at["share slipping"] > 0.98
        assert at["along"] == pytest.approx(-1.2 * FRICTION * PRESSED, rel=rel)
        assert at["dissipated"] == pytest.approx(0.5 * FRICTION * PRESSED * slid, rel=0.03)
        assert 0.5 * at["work"] == pytest.approx(at["energy"] + at["dissipated"], rel=rel)
        assert max(at["steps"], wedged[-1], held[-1]) <= 15
        at = dict(zip(FIGURES, held, strict=True))  # a ligament takes a part, the other is slack
        assert FRICTION * PRESSED < -at["along"] < 1.15 * FRICTION * PRESSED
        assert 0.5 * at["work"] == pytest.approx(at["energy"] + at["dissipated"], rel=rel)
    for first, second in zip(one, two, strict=True):
        assert second[:-1] == pytest.approx(first[:-1], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    "interface",
    [
        law("compression_only", augmented=True, tangential_stiffness=0.5, open_fraction=0.001),
        law("frictional", augmented=True),
    ],
    ids=["smooth", "rough"],
)
def test_a_wavy_fracture_does_not_lock_with_either_element_order(interface: Interface) -> None:
    """Pushed over its waves it rests on as much of its area, after at most fifteen steps, with linear and quadratic elements."""
    flat = block((8, 8, 10), (10.0, 10.0, 30.0))
    x, y, z = flat.points.T
    wave = 0.6 * np.sin(2.0 * np.pi * x / 5.0) * np.cos(2.0 * np.pi * y / 7.0) * (1.0 - np.abs(z) / 15.0)
    mesh = replace(flat, points=flat.points + wave[:, None] * np.array([0.0, 0.0, 1.0]))
    found = {}
    for order in (1, 2):
        model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), order, Partings(True, frozenset()))
        model.set_properties(replace(properties(), interface=interface))
        solution = model.solve(np.array([25.0, 0.0, -60.0]))
        assert solution.contact_steps <= 15
        found[order] = solution.faces["gap"].open
    assert 0.5 < found[1] < 0.95
    assert found[2] == pytest.approx(found[1], rel=0.06)


def test_the_tip_of_a_spike_presses_along_its_axis() -> None:
    """All facets about it are more than 60 degrees off: six normals would be six wedges in one place."""
    flat = block((6, 6, 10), (10.0, 10.0, 30.0))
    tip = np.array([5.0, 5.0, 2.9])
    at_tip = np.linalg.norm(flat.points - tip * (1.0, 1.0, 0.0), axis=1) < 1e-9
    mesh = replace(flat, points=np.where(at_tip[:, None], tip, flat.points))
    points = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), 1, Partings(True, frozenset())).interfaces.points
    there = np.linalg.norm(points.places - tip, axis=1) < 1e-9
    facets = np.repeat(points.normals, 3, axis=0)[there]
    assert len(facets) == 6
    assert np.degrees(np.arccos(np.abs(facets[:, 2]))).min() > 60.0
    axes = points.nodal_normals.reshape(-1, 3)[there]
    assert np.abs(axes[:, 2]) == pytest.approx(1.0, abs=1e-6)


def test_a_wedge_is_closed_by_tilting() -> None:
    """Pressed in the middle, a stiff block tilts until the gap has closed all over: its middle moves by half the wide end."""
    wedge = 0.01
    wide, none = slide(0.0, wedge), slide(0.0)
    assert wide.faces["gap"].open == 0.0
    assert (wide.work - none.work) / PRESSED == pytest.approx(wedge / 2, rel=1e-3)
