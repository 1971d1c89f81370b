"""Fractures, cement and screws drawn on one bone lie at the same place of any other."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from sacrofem.catalogue import Library, resolve_study
from sacrofem.catalogue.cement import CementPattern
from sacrofem.catalogue.entry import Drawn, Part, Point, Vector
from sacrofem.catalogue.fracture import Fracture
from sacrofem.catalogue.implant import Implant
from sacrofem.catalogue.models import Anatomy, MeshSettings, Study, Treatment
from sacrofem.catalogue.variation import Variation
from sacrofem.errors import GeometryError
from sacrofem.mesh.build import build_model_mesh, mesh_digest
from sacrofem.shapes.cement import check_needle_path
from sacrofem.shapes.corridor import check_corridor
from sacrofem.shapes.following import follow_entry, map_places
from sacrofem.shapes.fracture import bruise_shape, fracture_sheets
from sacrofem.shapes.pelvic_ring import build_pelvic_ring
from sacrofem.shapes.sacrum import Sacrum, build_sacrum
from sacrofem.shapes.turning import turn_matrix
from sacrofem.shapes.variation import vary_anatomy
from sacrofem.study.fit import require_fit
from sacrofem.study.placement import place_entries

LIBRARY = Library.standard()
TEMPLATE = LIBRARY.get(Anatomy, "female_elderly")
ENTRIES = [entry for entry in LIBRARY.entries() if isinstance(entry, Drawn)]
POINTS = np.random.default_rng(4).uniform(-60, 60, (200, 3))
#: Six individuals at the ends of every parameter: each end three times.
ENDS: tuple[dict[str, float], ...] = (
    {"size": 0.75, "breadth": 0.8, "pelvic_incidence": -20, "sacral_slope": 30, "curvature": 0.5, "alar_dysmorphism": 0},
    {"size": 1.3, "breadth": 1.25, "pelvic_incidence": 20, "sacral_slope": -30, "curvature": 1.5, "alar_dysmorphism": 0},
    {"size": 0.75, "breadth": 1.25, "pelvic_incidence": 20, "sacral_slope": 30, "curvature": 0.5, "alar_dysmorphism": 1},
    {"size": 1.3, "breadth": 0.8, "pelvic_incidence": -20, "sacral_slope": -30, "curvature": 1.5, "alar_dysmorphism": 1},
    {"size": 0.75, "breadth": 1.25, "pelvic_incidence": -20, "sacral_slope": -30, "curvature": 1.5, "alar_dysmorphism": 0},
    {"size": 1.3, "breadth": 0.8, "pelvic_incidence": 20, "sacral_slope": 30, "curvature": 0.5, "alar_dysmorphism": 1},
)


def varied(**parameters: float) -> Anatomy:
    return TEMPLATE.model_copy(update={"variation": Variation(**parameters)})


@cache
def individual(number: int) -> tuple[Anatomy, Sacrum]:
    anatomy = varied(**ENDS[number])
    return anatomy, build_sacrum(anatomy)


def followed[Kind: Drawn](kind: type[Kind], name: str, anatomy: Anatomy) -> Kind:
    return follow_entry(LIBRARY.get(kind, name), TEMPLATE, anatomy)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_on_the_bone_it_is_drawn_on_an_entry_stays_as_it_is(entry: Drawn) -> None:
    assert LIBRARY.drawn_on(entry) == TEMPLATE
    assert follow_entry(entry, TEMPLATE, TEMPLATE) is entry
    assert follow_entry(entry, TEMPLATE, varied(cortical_thickness_factor=1.5)) is entry


def test_places_in_a_similar_bone_are_the_affine_image() -> None:
    assert np.allclose(map_places(TEMPLATE, TEMPLATE)(POINTS), POINTS, atol=1e-9)
    place = map_places(TEMPLATE, varied(breadth=1.1, size=0.9, sacral_slope=7))
    assert np.allclose(place(POINTS), 0.9 * POINTS * [1, 1, 1.1] @ turn_matrix(7.0).T, atol=1e-6)


def test_landmarks_follow_to_landmarks_and_mirror_images_to_mirror_images() -> None:
    man = LIBRARY.get(Anatomy, "male_adult")
    place = map_places(TEMPLATE, man)
    names = [*TEMPLATE.landmarks]
    at, there = (np.array([anatomy.landmarks[name] for name in names]) for anatomy in (TEMPLATE, man))
    assert np.allclose(place(at), man.scale * there, atol=1e-6)
    mirror = np.array([1.0, 1.0, -1.0])
    assert np.allclose(place(POINTS * mirror), place(POINTS) * mirror, atol=1e-8)
    assert np.array_equal(place(POINTS * [1, 1, 0])[:, 2], np.zeros(len(POINTS)))


@pytest.mark.parametrize("name", [entry.name for entry in ENTRIES if isinstance(entry, Fracture)])
def test_in_a_bone_that_stands_otherwise_a_fracture_is_the_turned_one(name: str) -> None:
    """Sheets, limits and bruises: a turn of the bone is a turn of all of them."""
    fracture, turned = LIBRARY.get(Fracture, name), followed(Fracture, name, varied(sacral_slope=25))
    there = POINTS @ turn_matrix(25.0).T
    for before, after in zip(fracture_sheets(fracture), fracture_sheets(turned), strict=True):
        assert np.allclose(after.level(there), before.level(POINTS), atol=1e-5)
        assert np.allclose(after.overrun(there), before.overrun(POINTS), atol=1e-5)
    if fracture.bruise is not None:
        assert turned.bruise
        assert np.allclose(bruise_shape(turned.bruise)(there), bruise_shape(fracture.bruise)(POINTS), atol=1e-5)


@pytest.mark.parametrize("number", range(6))
def test_a_transforaminal_fracture_goes_through_the_foramina_of_an_individual(number: int) -> None:
    anatomy, _ = individual(number)
    own = vary_anatomy(anatomy)
    (before,), (after,) = (fracture_sheets(each) for each in (LIBRARY.get(Fracture, "denis2_right"),) * 2)
    (after,) = fracture_sheets(followed(Fracture, "denis2_right", anatomy))
    for landmark, (_, width) in zip(("FV1", "FV2", "FV3"), own.ventral_foramen_size, strict=False):
        there = own.scale * np.array([own.landmarks[landmark]])
        here = np.array([TEMPLATE.landmarks[landmark]])
        assert abs(after.level(there)[0]) < max(0.75 * own.scale * width, abs(before.level(here)[0]) + 1.0), landmark


@pytest.mark.parametrize("number", range(6))
def test_needles_and_screws_lie_in_the_bone_of_an_individual(number: int) -> None:
    anatomy, sacrum = individual(number)
    for name in ("long_axis_right", "short_axis_right", "coaxial_right", "balloon_right"):
        for clearance in check_needle_path(followed(CementPattern, name, anatomy), sacrum).values():
            assert clearance.openings > 0.0, name
    for name in ("trans_sacral_s2", "iliosacral_s2_right"):
        check_corridor(followed(Implant, name, anatomy), sacrum)


#: Their iliac screws come 0.5 mm through the man's outer table: they have to be aimed anew in him.
TIGHT_IN_THE_MAN = ("spinopelvic", "spinopelvic_right", "transiliac_internal_fixator", "triangular_bilateral", "triangular_right")


@pytest.mark.parametrize("name", TIGHT_IN_THE_MAN)
def test_iliac_screws_that_breach_the_mans_table_are_refused(name: str) -> None:
    anatomy = LIBRARY.get(Anatomy, "male_adult")
    with pytest.raises(GeometryError, match=r"(?s)iliac.*0\.5 mm through the cortex"):
        check_corridor(followed(Implant, name, anatomy), build_pelvic_ring(anatomy))


@pytest.mark.parametrize(
    "entry",
    [e for e in ENTRIES if not isinstance(e, Fracture) and e.name not in TIGHT_IN_THE_MAN],
    ids=lambda e: f"{e.kind}-{e.name}",
)
def test_every_other_needle_and_screw_fits_the_man(entry: Drawn) -> None:
    anatomy = LIBRARY.get(Anatomy, "male_adult")
    sacrum = _man()
    moved = follow_entry(entry, TEMPLATE, anatomy)
    if isinstance(moved, CementPattern):
        check_needle_path(moved, sacrum)
    if isinstance(moved, Implant):
        corridors = check_corridor(moved, build_pelvic_ring(anatomy) if moved.needs_ring else sacrum)
        assert {name for screw in moved.screws for name in screw.names} == set(corridors)
        assert all(corridor.inside > 30.0 for corridor in corridors.values())


@cache
def _man() -> Sacrum:
    return build_sacrum(LIBRARY.get(Anatomy, "male_adult"))


def test_a_screw_keeps_its_diameter_and_a_needle_its_volume() -> None:
    large = varied(size=1.2)
    before, after = (LIBRARY.get(Implant, "trans_sacral_s1").screws[0], followed(Implant, "trans_sacral_s1", large).screws[0])
    assert after.diameter == before.diameter
    assert np.linalg.norm(np.subtract(after.tip, after.entry)) == pytest.approx(1.2 * 140.0)
    pattern = followed(CementPattern, "long_axis_right", large)
    assert pattern.volume == 4.0
    assert pattern.needles[0].approach == pytest.approx(1.2 * 6.0)


def test_optional_places_and_vectors_of_parts_follow_too() -> None:
    """A vector turns with the bone and keeps its length; a place that is not given stays so."""

    class Piece(Part):
        at: Point | None = None
        ends: tuple[Point, ...] = ()
        offset: Vector = (0.0, 0.0, 0.0)

    class Sketch(Drawn):
        kind: str = "sketch"
        first: Piece
        second: Piece

    pieces = Piece(at=(1.0, 2.0, 3.0), ends=((-20.0, 5.0, 30.0),), offset=(3.0, 0.0, 4.0)), Piece()
    sketch = Sketch(name="sketch", title="test", source="test", first=pieces[0], second=pieces[1])
    turned = follow_entry(sketch, TEMPLATE, varied(sacral_slope=20, size=1.1))
    turn = turn_matrix(20.0)
    assert turned.first.at == pytest.approx(1.1 * turn @ [1.0, 2.0, 3.0], abs=1e-6)
    assert turned.first.ends[0] == pytest.approx(1.1 * turn @ [-20.0, 5.0, 30.0], abs=1e-6)
    assert turned.first.offset == pytest.approx(turn @ [3.0, 0.0, 4.0], abs=1e-6)
    assert turned.second == Piece()


def test_a_narrow_corridor_refuses_the_screw_that_follows_into_it() -> None:
    dysmorphic = varied(alar_dysmorphism=1.0)
    with pytest.raises(GeometryError, match=r"(?s)too narrow.*'trans_sacral_s1'"):
        check_corridor(followed(Implant, "trans_sacral_s1", dysmorphic), build_sacrum(dysmorphic))


def study() -> Study:
    arms = (Treatment(name="untreated"), Treatment(name="both", cement=("long_axis_right",), implants=("trans_sacral_s1",)))
    return Study(
        name="small",
        title="test",
        source="test",
        fracture="denis1_right",
        treatments=arms,
        bmd_levels=("severe",),
        loads=("standing",),
        density_law="dalstra1993",
        interface="linear",
        support="sacroiliac_cartilage",
    )


def test_a_study_places_its_entries_once_and_checks_them_there() -> None:
    resolved = resolve_study(study(), LIBRARY)
    assert set(resolved.templates) == {"fracture denis1_right", "cement long_axis_right", "implant trans_sacral_s1"}
    placed = place_entries(resolved)
    assert placed.fracture.sheets == resolved.fracture.sheets
    dysmorphic = replace(resolved, anatomy=varied(alar_dysmorphism=1.0))
    placed = place_entries(dysmorphic)
    assert placed.implants["trans_sacral_s1"].screws != resolved.implants["trans_sacral_s1"].screws
    assert place_entries(placed) == placed
    for each in (dysmorphic, placed):
        with pytest.raises(GeometryError, match=r"(?s)too narrow.*'trans_sacral_s1'"):
            require_fit(each)


def test_places_given_as_they_stand_do_not_follow() -> None:
    entry = LIBRARY.get(Implant, "trans_sacral_s1").model_copy(update={"drawn_on": None})
    assert LIBRARY.drawn_on(entry) is None
    assert follow_entry(entry, None, varied(size=1.2)) is entry


def test_a_mesh_of_another_bone_is_refused_until_the_fracture_is_placed() -> None:
    fracture = LIBRARY.get(Fracture, "denis1_right")
    with pytest.raises(GeometryError, match=r"(?s)'denis1_right', drawn_on.*follow_entry"):
        build_model_mesh(varied(size=1.2), fracture, [], [], MeshSettings())


def test_what_an_entry_is_drawn_on_is_no_other_mesh() -> None:
    fracture, settings = LIBRARY.get(Fracture, "denis1_right"), MeshSettings()
    as_it_stands = fracture.model_copy(update={"drawn_on": None})
    assert mesh_digest(TEMPLATE, fracture, [], [], settings) == mesh_digest(TEMPLATE, as_it_stands, [], [], settings)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(6))
def test_an_individual_at_the_ends_of_every_parameter_is_meshed_with_all_that_follows(number: int) -> None:
    anatomy, sacrum = individual(number)
    fracture = followed(Fracture, "denis1_right", anatomy)
    pattern = followed(CementPattern, "long_axis_right", anatomy).model_copy(update={"volume": 2.0})
    screw = followed(Implant, "trans_sacral_s2", anatomy)
    check_needle_path(pattern, sacrum)
    # Walls between canal and foramina are as much thinner as a bone is smaller.
    small = min(1.0, ENDS[number]["size"])
    settings = MeshSettings(size=6.0 * small, feature_size=3.0 * small, sampling=1.5 * small)
    mesh = build_model_mesh(anatomy, fracture, [pattern], [screw], settings)
    assert mesh.measures["quality_min"] >= settings.minimum_quality
    assert mesh.measures["cement_ml:long_axis_right"] == pytest.approx(2.0, rel=0.1)
    assert mesh.measures["screw_ml:trans_sacral_s2"] > small  # as thick in every bone, and as long as the bone is wide
    assert mesh.measures["fracture_area:denis1_right"] > 300.0
