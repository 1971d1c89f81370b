"""Implants in the pelvic ring: heads on the outer surface, corridors, rods clear of bone, and what a wrong entry is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from pydantic import ValidationError

from sacrofem.catalogue import Library, resolve_study
from sacrofem.catalogue.implant import Anchor, Implant, Rod
from sacrofem.catalogue.models import Anatomy, Fracture, MeshSettings, Study, Treatment
from sacrofem.errors import ConfigError, GeometryError
from sacrofem.mesh.build import build_model_mesh
from sacrofem.shapes.corridor import check_corridor
from sacrofem.shapes.implant import PlacedImplant, seat_implant
from sacrofem.shapes.pelvic_ring import PelvicRing, build_pelvic_ring
from sacrofem.study.cases import active_regions
from sacrofem.study.properties import case_properties

LIBRARY = Library.standard()
NAMES = [entry.name for entry in LIBRARY.entries() if isinstance(entry, Implant)]
COARSE = MeshSettings(size=6.0, feature_size=3.0, joint_size=3.0, sampling=1.5)


@cache
def ring() -> PelvicRing:
    return build_pelvic_ring(LIBRARY.get(Anatomy, "female_elderly"))


def implant(name: str) -> Implant:
    return LIBRARY.get(Implant, name)


def seat(entry: Implant) -> PlacedImplant:
    return seat_implant(entry, ring().solid)


def moved(given: Implant, /, **change: object) -> Implant:
    """An implant whose first screw is changed."""
    return given.model_copy(update={"screws": (given.screws[0].model_copy(update=change), *given.screws[1:])})


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_sits_on_the_ring_and_has_its_corridor(name: str) -> None:
    placed = seat(implant(name))
    for corridor in check_corridor(placed, ring()).values():
        assert corridor.cortex > 0.0
        assert corridor.inside > 40.0
        assert corridor.gap < 4.0
    ends = [screw.entry for screw in placed.screws] + [screw.tip for screw in placed.screws if screw.screw.through]
    ends += [hole.near for hole in placed.holes] + [hole.far for hole in placed.holes if hole.far is not None]
    assert np.abs(ring().solid(np.array(ends))).max() < 0.15


def test_heads_lie_on_the_outer_tables_and_a_trans_sacral_screw_goes_from_one_to_the_other() -> None:
    screw = seat(implant("trans_sacral_s1")).screws[0]
    assert screw.length == pytest.approx(140.0, abs=6.0)  # outer tables 140 apart on this axis in the template
    assert screw.entry * [1, 1, -1] == pytest.approx(screw.tip, abs=0.05)
    beyond = screw.entry + np.arange(1.0, 30.0)[:, None] * screw.outward
    assert (ring().solid(beyond) > 0.0).all()


@pytest.mark.parametrize("entry", [(-10.5, -8.0, 90.0), (-10.5, -8.0, 60.0)])
def test_a_head_given_outside_or_inside_bone_comes_to_the_same_place(entry: tuple[float, float, float]) -> None:
    given = implant("trans_sacral_s1")
    assert seat(moved(given, entry=entry)).screws[0].entry == pytest.approx(seat(given).screws[0].entry, abs=0.02)


def test_a_thread_keeps_its_length_where_the_head_moves() -> None:
    screw = seat(implant("iliosacral_s1_partly_threaded_right")).screws[0]
    thread, shaft = screw.cylinders
    assert np.linalg.norm(thread.end - thread.start) == pytest.approx(32.0)
    assert np.linalg.norm(shaft.end - shaft.start) == pytest.approx(screw.length - 32.0)
    assert [2 * piece.radius for piece in screw.metal] == [4.5, 4.8]


def test_a_screw_with_a_core_has_metal_within_a_thread_zone_and_a_washer_on_the_outer_table() -> None:
    placed = seat(implant("iliosacral_s1_right"))
    screw, solid = placed.screws[0], ring().solid
    threads, washers = placed.threads, placed.washers(solid)
    assert threads
    assert washers
    across = np.cross(screw.outward, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    middle = 0.5 * (screw.entry + screw.tip)
    for away, in_metal, in_thread in ((0.0, True, True), (3.0, False, True), (4.0, False, False)):
        point = (middle + away * across)[None]
        assert (placed.metal(point)[0] < 0.0) == in_metal
        assert (threads(point)[0] < 0.0) == in_thread
    rng = np.random.default_rng(1)
    near = screw.entry + rng.uniform(-12.0, 12.0, (4000, 3))
    steel = near[(washers(near) < 0.0) & (solid(near) < 0.0)]
    assert len(steel) > 20
    assert (-solid(steel)).max() <= 1.5 + 1e-9
    away = steel - screw.entry
    assert np.linalg.norm(away - (away @ screw.outward)[:, None] * screw.outward, axis=1).max() < 6.5


def test_a_posterior_plate_holds_both_ilia_and_passes_behind_the_sacrum() -> None:
    outer, inner, opposite, _ = (hole.near for hole in seat(implant("posterior_plate")).holes)
    assert outer[2] < inner[2] < -40.0
    assert opposite == pytest.approx(inner * [1.0, 1.0, -1.0], abs=0.1)
    between = inner + np.linspace(0.1, 0.9, 50)[:, None] * (opposite - inner)
    assert ring().solid(between).min() > 3.2


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (
            "trans_sacral_s1",
            {"diameter": 16.0},
            r"(?s)too narrow.*'trans_sacral_s1', screw 's1', at \(.*in anatomy 'female_elderly'.*through the cortex",
        ),
        ("spinopelvic", {"diameter": 16.0}, r"(?s)too narrow.*'spinopelvic', screw 'iliac_right', at \(.*outside of the bone"),
        ("ramus_screw_right", {"tip": (28.0, -71.0, 78.0)}, r"(?s)too narrow.*'ramus_screw_right', screw 'ramus', at \("),
        (
            "trans_sacral_s1",
            {"entry": (-10.5, 90.0, 70.0), "tip": (-10.5, 90.0, -70.0)},
            r"(?s)misses the bone.*'trans_sacral_s1'",
        ),
    ],
)
def test_a_screw_without_a_corridor_is_refused_by_name_and_place(name: str, change: dict[str, object], said: str) -> None:
    with pytest.raises(GeometryError, match=said):
        check_corridor(moved(implant(name), **change), ring())


def test_two_screws_of_one_construct_that_cross_are_refused_naming_both_and_the_place() -> None:
    given = implant("iliosacral_s1_two_right")
    with pytest.raises(GeometryError, match=r"(?s)cross.*'iliosacral_s1_two_right', screws 'ventral' and 'dorsal', at \(.* mm"):
        check_corridor(moved(given, entry=(-19.0, -10.5, 70.0)), ring())


def test_a_rod_through_bone_is_refused_by_name_and_place() -> None:
    given = implant("transiliac_internal_fixator")
    low = Anchor(name="low", at=(-45.0, -10.0, 0.0))
    rod = Rod(name="rod", through=("iliac_right", "low", "iliac_left"), diameter=6.0, material="titanium")
    with pytest.raises(GeometryError, match=r"(?s)rod runs through bone.*'transiliac_internal_fixator', rod 'rod', at \("):
        check_corridor(given.model_copy(update={"anchors": (low,), "rods": (rod,)}), ring())


def test_a_construct_of_the_ring_is_refused_for_the_sacrum_alone() -> None:
    study = Study(
        name="small",
        title="",
        source="",
        fracture="denis1_right",
        treatments=(Treatment(name="untreated"), Treatment(name="rods", implants=("spinopelvic",))),
        bmd_levels=("severe",),
        loads=("standing",),
        density_law="dalstra1993",
        interface="linear",
        support="sacroiliac_cartilage",
    )
    with pytest.raises(ConfigError, match=r"(?s)spinopelvic with extent sacrum.*pelvic_ring"):
        resolve_study(study, LIBRARY)


def test_metal_is_metal_and_a_thread_zone_is_bone_with_a_fifth_of_metal() -> None:
    """Reuss: 1 / (1 - 0.2) times the bone."""
    study = Study(
        name="small",
        title="",
        source="",
        fracture="denis1_right",
        treatments=(Treatment(name="untreated"), Treatment(name="screw", implants=("iliosacral_s1_right",))),
        bmd_levels=("severe",),
        loads=("standing",),
        density_law="dalstra1993",
        interface="linear",
        support="sacroiliac_cartilage",
    )
    resolved = resolve_study(study, LIBRARY)
    found = case_properties(resolved, resolved.levels[0])
    assert found.young["screw:iliosacral_s1_right"] == found.young["washer:iliosacral_s1_right"] == 110_000.0
    assert found.stiffened == {"thread:iliosacral_s1_right": pytest.approx(1.25)}
    assert {f"{part}:iliosacral_s1_right" for part in ("thread", "screw", "washer")} == active_regions(study.treatments[1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rods": [{"name": "rod", "through": ["iliac_right", "nowhere"], "diameter": 6, "material": "titanium"}]}, "nowhere"),
        ({"anchors": [{"name": "lost", "at": [0, 0, 0]}]}, "no rod runs through lost"),
        ({"screws": [], "rods": []}, "at least one of screws or plates"),
    ],
)
def test_a_construct_that_does_not_hang_together_is_refused(change: dict[str, object], said: str) -> None:
    given = implant("transiliac_internal_fixator").model_dump()
    with pytest.raises(ValidationError, match=said):
        Implant.model_validate(given | change)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_meshed_in_the_ring(name: str, record_property: Callable[[str, object], None]) -> None:
    """With core, thread zone and washer as regions of their own and surfaces for what rods and plates hold.

    What is recorded goes into docs/meshes.md (benchmarks/catalogue).
    """
    entry = implant(name)
    fracture = LIBRARY.get(Fracture, "denis1_right")
    began = time.process_time()
    mesh = build_model_mesh(LIBRARY.get(Anatomy, "female_elderly"), fracture, [], [entry], COARSE, "pelvic_ring")
    record_property("cpu_seconds", time.process_time() - began)
    record_property("entry", f"{entry.kind} {name}")
    record_property("extent", "pelvic_ring")
    for what in ("cells", "quality_min"):
        record_property(what, mesh.measures[what])
    assert mesh.measures["quality_min"] >= COARSE.minimum_quality
    placed = seat(entry)
    if placed.screws:
        wanted = sum(piece.volume_within(ring().solid) for screw in placed.screws for piece in screw.metal)
        assert mesh.measures[f"screw_ml:{name}"] * 1000 == pytest.approx(wanted, rel=0.15)
    if placed.threads:
        assert mesh.measures[f"thread_ml:{name}"] > 0.0
    washed = [(screw.washer, len(screw.names)) for screw in entry.screws if screw.washer]
    discs = sum(
        np.pi / 4 * (washer.diameter**2 - 4.5**2) * washer.thickness * screws * (2 if washer.ends == "both" else 1)
        for washer, screws in washed
    )
    if washed:
        assert mesh.measures[f"washer_ml:{name}"] * 1000 == pytest.approx(discs, rel=0.5)
    held = {end for rod in entry.rods for end in rod.through} - {anchor.name for anchor in entry.anchors}
    assert {f"hold:{name}.{end}" for end in held} <= set(mesh.surfaces)
