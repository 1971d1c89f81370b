"""Ligaments: springs that only pull, by hand; their places on a bone; their balance."""

from __future__ import annotations

from dataclasses import replace

# isort: split
import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI
from pydantic import ValidationError

from sacrofem.catalogue.library import Library
from sacrofem.catalogue.ligament import LigamentSet
from sacrofem.catalogue.models import Anatomy
from sacrofem.catalogue.resolution import load_study, resolve_study
from sacrofem.catalogue.variation import Variation
from sacrofem.errors import ConfigError, ModelError
from sacrofem.mechanics.coupling import Coupling
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.flexibility import Flexibility
from sacrofem.mechanics.ligaments import couple_ligaments
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.patches import Patch
from sacrofem.shapes.attachment import PlacedEnd, PlacedSpring, individual_landmarks, place_ligaments
from tests.blocks import block
from tests.coupled_blocks import GAP, LENGTH, STIFFNESS, Pulled, pull, two_blocks
from tests.solved_block import FOUNDATION, properties

SPRING, FORCE = 500.0, 60.0  # N/mm, N
#: Ligaments across the faces of a fracture, and which way each pulls.
SIDES = (("before", 1.0), ("behind", -1.0))
LIBRARY = Library.standard()
TEMPLATE = LIBRARY.get(Anatomy, "female_elderly")
SETS = [entry for entry in LIBRARY.entries() if isinstance(entry, LigamentSet)]


def pull_only(force: float, rest: float = 0.0) -> Pulled:
    return pull(MPI.COMM_SELF, 1, SPRING, force, rest=rest, tension_only=True)


def elongation(force: float, tension: float) -> float:
    """Of the gap between the blocks, where the spring resists with ``tension``: u1 - u2 = (F - s) / K - s / K."""
    return (force - 2.0 * tension) / STIFFNESS


def test_a_ligament_pulls_as_a_spring() -> None:
    found, spring = pull_only(FORCE), pull(MPI.COMM_SELF, 1, SPRING, FORCE)
    assert found.elongation == pytest.approx(spring.elongation, rel=1e-6)
    assert found.tension == pytest.approx(SPRING * found.elongation, rel=1e-6)


def test_a_ligament_is_slack_in_compression() -> None:
    found = pull_only(-FORCE)
    assert found.elongation == pytest.approx(-FORCE / STIFFNESS, rel=1e-6)
    assert found.tension == 0.0
    assert found.energy == pytest.approx(0.5 * FORCE**2 / STIFFNESS, rel=1e-6)


def test_slack_is_taken_up_before_a_ligament_pulls() -> None:
    slack = 0.05
    found = pull_only(FORCE, rest=slack)
    tension = SPRING * (FORCE / STIFFNESS - slack) / (1.0 + 2.0 * SPRING / STIFFNESS)
    assert found.tension == pytest.approx(tension, rel=1e-6)
    assert found.elongation == pytest.approx(elongation(FORCE, tension), rel=1e-6)
    assert pull_only(FORCE, rest=10.0).tension == 0.0


@pytest.mark.parametrize("preload", [5.0, 100.0])
def test_a_preloaded_ligament_lets_go_when_its_preload_is_used_up(preload: float) -> None:
    """The shape at rest is in equilibrium with the preload: it loads nothing, and a small shortening only lowers it."""
    found = pull_only(-FORCE, rest=-preload / SPRING)
    held = SPRING * -FORCE / STIFFNESS / (1.0 + 2.0 * SPRING / STIFFNESS)  # what a spring would carry
    expected = max(held, -preload)
    assert found.elongation == pytest.approx(elongation(-FORCE, expected), rel=1e-6)
    assert found.tension == pytest.approx(preload + expected, abs=1e-6)


@pytest.mark.parametrize(("force", "rest"), [(FORCE, 0.0), (-FORCE, -0.01), (FORCE, 0.05)])
def test_the_energy_is_that_of_blocks_and_spring(force: float, rest: float) -> None:
    found = pull_only(force, rest)
    preload = SPRING * max(-rest, 0.0)
    resisting = found.tension - preload
    blocks = ((force - resisting) ** 2 + resisting**2) / (2.0 * STIFFNESS)
    spring = (found.tension**2 - preload**2) / (2.0 * SPRING) - preload * found.elongation
    assert found.energy == pytest.approx(blocks + spring, rel=1e-6)


def test_a_ligament_holds_a_fracture_that_opens() -> None:
    """Pulled apart, the faces carry next to nothing; a spring from end to end carries the load. Pressed, it is slack."""
    mesh = block()
    law = properties("compression_only").interface.model_copy(update={"open_fraction": 1e-6, "tangential_stiffness": 0.5})
    for force, tension in ((FORCE, FORCE), (-FORCE, 0.0)):
        model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), 1)
        motions = model.patch_motions([Patch(name, mesh.surfaces[name]) for name in ("endplate", "auricular_left")])
        rows = motions.rows[[2]] - motions.rows[[8]]
        model.couple([Coupling("spring", rows, np.array([[SPRING]]), labels=("spring",), tension_only=True)])
        model.set_properties(replace(properties("compression_only"), interface=law))
        model.assemble()
        solution = model.solve(np.array([0.0, 0.0, force]))
        assert solution.tensions["spring"] == pytest.approx(tension, abs=0.01 * FORCE)
        assert solution.reaction[2] == pytest.approx(force, rel=1e-6)


def test_of_two_ligaments_across_faces_that_slide_one_takes_what_friction_leaves() -> None:
    """One search finds which faces gape, stick and slide and which ligament is slack; force times way is kept or rubbed."""
    mesh = block(shape=(8, 3, 8))
    given = properties("frictional")
    law = given.interface.model_copy(update={"friction": 0.3, "normal_stiffness": 1000.0, "tangential_stiffness": 0.5})
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), 1)
    motions = model.patch_motions([Patch(name, mesh.surfaces[name]) for name in ("endplate", "auricular_left")])
    along = motions.rows[[0]] - motions.rows[[6]]
    soft = np.array([[20.0]])
    model.couple([Coupling(name, sign * along, soft, labels=(name,), tension_only=True) for name, sign in SIDES])
    model.set_properties(replace(given, interface=law))
    load = np.array([60.0, 0.0, -60.0])
    solution = model.solve(load)
    assert model.solve(load, increments=4).tensions == pytest.approx(solution.tensions, rel=1e-3)
    faces, carried = solution.faces["gap"], solution.section_forces["gap"]["interface"]
    assert 0.1 < faces.open < 0.9
    assert faces.slipping > 0.1
    assert solution.tensions["behind"] == 0.0
    assert solution.tensions["before"] > 5.0
    assert carried == pytest.approx([solution.tensions["before"] - 60.0, 0.0, 60.0], abs=1e-3)
    assert solution.dissipated > 1e-3 * solution.energy
    assert 0.5 * solution.work == pytest.approx(solution.energy + solution.dissipated, rel=1e-6)
    assert solution.contact_steps <= 15


def test_the_condensed_model_is_the_model() -> None:
    """Motion of the loaded end and tension by flexibility, for a spring that is taut and one that is slack."""
    mesh = two_blocks()
    for force in (FORCE, -FORCE):
        model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), 1)
        motions = model.patch_motions([Patch(name, mesh.surfaces[name]) for name in ("upper_face", "lower_face")])
        rows = motions.rows[[2]] - motions.rows[[8]]
        model.couple([Coupling("spring", rows, np.array([[SPRING]]), labels=("spring",), tension_only=True)])
        model.set_properties(properties())
        model.assemble()
        solution = model.solve(np.array([0.0, 0.0, force]))
        condensed = Flexibility(model.coupled, motions.rows[:6])
        moved, stretch = condensed.respond(np.array([0.0, 0.0, force, 0.0, 0.0, 0.0]), model.coupled)
        assert force * moved[2] == pytest.approx(solution.work, rel=1e-6)
        assert model.coupled.tensions(stretch)[0] == pytest.approx(solution.tensions["spring"], rel=1e-6, abs=1e-9)


def test_ligament_forces_balance_in_force_and_moment() -> None:
    """No rigid motion stretches a spring, whether its ends are patches or the vertebra above the endplate."""
    mesh = two_blocks()
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), 1)
    low = PlacedEnd("sacrum", np.array([2.0, 3.0, 10.0]), 4.0)
    ends = [PlacedEnd("sacrum", np.array([8.0, 2.0, 10.0 + GAP]), 3.0), PlacedEnd("l5", np.array([30.0, -20.0, 40.0]), 5.0)]
    springs = [PlacedSpring("band", low, end, 100.0, 0.0) for end in ends]
    coupling = couple_ligaments(model.V, mesh, springs, tension_only=True)
    for motion in np.eye(6):
        moved = fem.Function(model.V)
        moved.interpolate(lambda x, m=motion: m[:3, None] + np.cross(m[3:], x.T).T)
        assert coupling.rows @ moved.x.petsc_vec.array == pytest.approx([0.0, 0.0], abs=1e-9)
    stretched = fem.Function(model.V)
    stretched.interpolate(lambda x: np.where(x[2] > LENGTH, 1.0, 0.0) * np.array([[0.0], [0.0], [1.0]]))
    assert (coupling.rows @ stretched.x.petsc_vec.array > 0.5).all()


def test_ends_that_coincide_are_refused() -> None:
    mesh = block(fracture_depth=0.0)
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), 1)
    end = PlacedEnd("sacrum", np.array([2.0, 3.0, 10.0]), 4.0)
    with pytest.raises(ModelError, match="ligament band, between sacrum and sacrum"):
        couple_ligaments(model.V, mesh, [PlacedSpring("band", end, end, 100.0, 0.0)], tension_only=True)


@pytest.mark.parametrize("ligaments", SETS, ids=lambda ligaments: ligaments.name)
@pytest.mark.parametrize("anatomy", ["female_elderly", "male_adult"])
def test_ligaments_of_both_sides_are_mirror_images(ligaments: LigamentSet, anatomy: str) -> None:
    springs = place_ligaments(ligaments, LIBRARY.get(Anatomy, anatomy))
    for ligament in ligaments.ligaments:
        whole = [spring for spring in springs if spring.ligament in (ligament.name, f"{ligament.name}_right")]
        assert sum(spring.stiffness for spring in whole) == pytest.approx(ligaments.factor * ligament.stiffness)
        assert -sum(min(s.rest, 0.0) * s.stiffness for s in whole) == pytest.approx(ligament.preload)
        others = [spring for spring in springs if spring.ligament == f"{ligament.name}_left"]
        assert len(others) == (len(whole) if ligament.paired else 0)
        for one, other in zip(whole, others, strict=False):
            for end in ("origin", "insertion"):
                assert getattr(one, end).place * [1, 1, -1] == pytest.approx(getattr(other, end).place)


def test_ligaments_follow_the_individual() -> None:
    """Broader and larger: every place goes where the landmarks go; turned in posture: the springs turn along."""
    ligaments = LIBRARY.get(LigamentSet, "pelvic")
    before = place_ligaments(ligaments, TEMPLATE)
    larger = place_ligaments(ligaments, TEMPLATE.model_copy(update={"variation": Variation(size=1.1, breadth=1.2)}))
    turned = place_ligaments(ligaments, TEMPLATE.model_copy(update={"variation": Variation(sacral_slope=10.0)}))
    for one, big, tilted in zip(before, larger, turned, strict=True):
        # Springs share a line evenly by its length, which a broader pelvis shifts a little.
        assert big.origin.place == pytest.approx(one.origin.place * 1.1 * np.array([1.0, 1.0, 1.2]), abs=0.5)
        assert big.origin.radius == pytest.approx(1.1 * one.origin.radius)
        length = np.linalg.norm(one.origin.place - one.insertion.place)
        assert np.linalg.norm(tilted.origin.place - tilted.insertion.place) == pytest.approx(length)


def test_a_set_that_an_anatomy_cannot_hold_is_refused() -> None:
    bare = TEMPLATE.model_copy(update={"hip": None})
    assert "IschialSpine" not in individual_landmarks(bare)
    with pytest.raises(ConfigError, match="IschialSpine"):
        place_ligaments(LIBRARY.get(LigamentSet, "pelvic"), bare)
    sacrum = load_study("quickstart").study
    assert resolve_study(sacrum).ligaments is None
    with pytest.raises(ConfigError, match="there are none"):
        resolve_study(sacrum.model_copy(update={"ligaments": "pelvic"}))


def test_cut_ligaments_are_gone_and_unknown_ones_named() -> None:
    ligaments = LIBRARY.get(LigamentSet, "pelvic")
    cut = ligaments.without("sacrospinous", "sacrotuberous")
    assert {item.name for item in ligaments.ligaments} - {item.name for item in cut.ligaments} == {
        "sacrospinous",
        "sacrotuberous",
    }
    with pytest.raises(ValueError, match="no ligament cruciate"):
        ligaments.without("cruciate")


def test_a_study_cuts_ligaments() -> None:
    ring = load_study("ring_standing").study
    cut = resolve_study(ring.model_copy(update={"cut_ligaments": ("sacrospinous", "sacrotuberous")})).ligaments
    assert cut == LIBRARY.get(LigamentSet, "pelvic").without("sacrospinous", "sacrotuberous")
    with pytest.raises(ConfigError, match="no ligament cruciate"):
        resolve_study(ring.model_copy(update={"cut_ligaments": ("cruciate",)}))
    with pytest.raises(ConfigError, match="no ligaments to cut"):
        resolve_study(ring.model_copy(update={"ligaments": "none", "cut_ligaments": ("sacrospinous",)}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tension_only": False, "slack": 1.0}, "slack needs tension_only"),
        ({"slack": 1.0, "preload": 5.0}, "not both"),
        ({"line": [{"PSIS": 0.5}]}, "must sum to 1"),
    ],
)
def test_sets_that_make_no_sense_are_no_entries(change: dict[str, object], said: str) -> None:
    ligament = {
        "name": "band", "stiffness": 10.0, "slack": change.get("slack", 0.0), "preload": change.get("preload", 0.0),
        "origin": {"bone": "sacrum", "line": change.get("line", ["PSIS"])}, "insertion": {"bone": "hip", "line": ["PSIS"]},
    }  # fmt: skip
    with pytest.raises(ValidationError, match=said):
        LigamentSet.model_validate(
            {
                "name": "odd",
                "title": "",
                "source": "",
                "tension_only": change.get("tension_only", True),
                "ligaments": [ligament],
            }
        )


def test_the_foundation_is_no_part_of_the_answer_by_hand() -> None:
    """The blocks' stiffness used above, from the model itself."""
    free = pull(MPI.COMM_SELF, 1, 1e-9, FORCE)
    assert free.elongation == pytest.approx(FORCE / STIFFNESS, rel=1e-6)
    assert STIFFNESS < FOUNDATION * 100.0
