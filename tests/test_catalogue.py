"""Every packaged entry is read, names its source, and fits into the bone it is made for."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sacrofem.catalogue import Library
from sacrofem.catalogue.cement import CementPattern
from sacrofem.catalogue.entry import Entry
from sacrofem.catalogue.fracture import Fracture
from sacrofem.catalogue.implant import Implant
from sacrofem.catalogue.models import Anatomy, Material, MeshSettings
from sacrofem.mesh.bodies import fit_pattern
from sacrofem.mesh.build import build_model_mesh
from sacrofem.shapes.corridor import check_corridor
from sacrofem.shapes.fracture import bruise_shape, fracture_sheets, joint_breaks
from sacrofem.shapes.implant import place_screws
from sacrofem.shapes.pelvic_ring import PelvicRing, build_pelvic_ring
from sacrofem.shapes.sacrum import Sacrum, build_sacrum

LIBRARY = Library.standard()
ENTRIES = LIBRARY.entries()
DOCS = Path(__file__).parents[1] / "docs"
SETTINGS = MeshSettings(size=6.0, feature_size=3.0, joint_size=3.0, sampling=1.5)


def of_kind(kind: type[Entry]) -> list[str]:
    return [entry.name for entry in ENTRIES if isinstance(entry, kind)]


@cache
def sacrum() -> Sacrum:
    return build_sacrum(LIBRARY.get(Anatomy, "female_elderly"))


@cache
def grid() -> np.ndarray:
    lower, upper = sacrum().bounds
    axes = [np.arange(lower[i], upper[i], 1.5) for i in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return points[sacrum().bone(points) < 0.0]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_entry_says_what_it_is_and_where_its_figures_come_from(entry: Entry) -> None:
    assert len(entry.title) > 4
    assert len(entry.source) > 10


@pytest.mark.parametrize("name", of_kind(Fracture))
def test_a_fracture_says_how_its_class_is_drawn(name: str) -> None:
    fracture = LIBRARY.get(Fracture, name)
    assert len(fracture.drawn) > 20
    assert fracture.classification.model_dump(exclude_none=True)


@pytest.mark.parametrize("kind", [Anatomy, Fracture, CementPattern, Implant], ids=lambda kind: kind.__name__)
def test_the_gallery_has_source_and_picture_of_every_entry(kind: type[Entry]) -> None:
    sections = dict(re.findall(r"(?ms)^### `(\w+)`$\n(.*?)(?=^##|\Z)", (DOCS / "gallery.md").read_text(encoding="utf-8")))
    for entry in (entry for entry in ENTRIES if isinstance(entry, kind)):
        said = sections[entry.name]
        assert " ".join(entry.source.split()) in said, entry.name
        if isinstance(entry, Fracture):
            assert " ".join(entry.drawn.split()) in said, entry.name
        (picture,) = re.findall(r"!\[.*\]\((.*)\)", said)
        assert (DOCS / picture).stat().st_size > 10_000, entry.name


def test_the_table_of_the_ffp_classification_names_every_entry_by_its_class() -> None:
    rows = re.findall(r"(?m)^\| (I\w+) \|.*\| (.*) \|$", (DOCS / "fractures.md").read_text(encoding="utf-8"))
    named = {entry: roman for roman, entries in rows for entry in re.findall(r"`(ffp_\w+)`", entries)}
    alone = {name for name in of_kind(Fracture) if name.endswith("_sacrum")}  # below the table
    assert set(named) == {name for name in of_kind(Fracture) if name.startswith("ffp_")} - alone
    for name, roman in named.items():
        assert LIBRARY.get(Fracture, name).classification.ffp == roman


@cache
def ring() -> PelvicRing:
    return build_pelvic_ring(LIBRARY.get(Anatomy, "female_elderly"))


@cache
def box() -> np.ndarray:
    lower, upper = ring().bounds
    axes = [np.arange(lower[i], upper[i], 2.0) for i in range(3)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


@pytest.mark.parametrize("name", of_kind(Fracture))
def test_fracture_breaks_bone(name: str) -> None:
    fracture = LIBRARY.get(Fracture, name)
    for sheet in fracture_sheets(fracture):
        points, spacing = (grid(), 1.5) if sheet.bone == "sacrum" else (box(), 2.0)
        near = points[sheet.away(points) < spacing / 2]
        if sheet.bone != "sacrum":
            near = near[getattr(ring(), sheet.bone)(near) < 0.0]
        # A layer of bone about the sheet, as thick as the spacing: its area is their volume over that. The inferior ramus is
        # 15 by 7 mm.
        assert len(near) * spacing**2 > (60.0 if "inferior" in sheet.name else 100.0), sheet.name
    if fracture.bruise is not None:
        bruised = bruise_shape(fracture.bruise)(grid()) < 0.0
        assert bruised.sum() * 1.5**3 > 1000.0


@pytest.mark.parametrize("name", of_kind(CementPattern))
def test_needles_stay_in_bone_and_cement_fits(name: str) -> None:
    pattern = LIBRARY.get(CementPattern, name)
    measures: dict[str, float] = {}
    fitted = fit_pattern(pattern, sacrum(), LIBRARY.get(Fracture, "denis1_right"), measures)
    assert all(0.6 < scale < 1.8 for _, scale, _ in fitted)
    assert measures[f"needle_clearance:{name}"] > 0.0
    assert measures[f"needle_clearance_openings:{name}"] > 0.0
    for place in ("fracture", "openings", "outside"):
        assert 0.0 <= measures[f"cement_leak_{place}_ml:{name}"] < 0.5 * pattern.volume
    for material in pattern.materials:
        LIBRARY.get(Material, material)


@pytest.mark.parametrize("name", of_kind(Implant))
def test_screws_have_a_corridor(name: str) -> None:
    implant = LIBRARY.get(Implant, name)
    for material in implant.materials:
        LIBRARY.get(Material, material)
    if implant.needs_ring:  # tests/test_implants.py
        return
    corridors = check_corridor(implant, sacrum())
    assert set(corridors) == {screw.name for screw in place_screws(implant)}
    for corridor in corridors.values():
        assert corridor.cortex > 0.0
        assert corridor.inside > 30.0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in (Fracture, CementPattern, Implant) for name in of_kind(kind)],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_entry_is_meshed(kind: type[Entry], name: str, record_property: Callable[[str, object], None]) -> None:
    """Each entry by itself; cement and implants in the bone with the fracture they are for.

    What is recorded goes into docs/meshes.md (benchmarks/catalogue).
    """
    entry = LIBRARY.get(kind, name)
    if isinstance(entry, Implant) and entry.needs_ring:
        pytest.skip("meshed in the ring, tests/test_implants.py")
    usual = "bakker_b3_s3_bilateral" if "s3" in name else "denis1_right"
    fracture = entry if isinstance(entry, Fracture) else LIBRARY.get(Fracture, usual)
    patterns = [entry] if isinstance(entry, CementPattern) else []
    implants = [entry] if isinstance(entry, Implant) else []
    extent = "pelvic_ring" if fracture.needs_ring else "sacrum"
    began = time.process_time()
    mesh = build_model_mesh(LIBRARY.get(Anatomy, "female_elderly"), fracture, patterns, implants, SETTINGS, extent)
    record_property("cpu_seconds", time.process_time() - began)
    record_property("entry", f"{entry.kind} {name}")
    record_property("extent", extent)
    for what in ("cells", "quality_min", f"cement_ml_wanted:{name}", f"cement_ml:{name}"):
        if what in mesh.measures:
            record_property(what.split(":")[0], mesh.measures[what])
    assert mesh.measures["quality_min"] >= SETTINGS.minimum_quality
    assert len(mesh.fractures) == len(fracture_sheets(fracture)) + len(joint_breaks(fracture))
    for pattern in patterns:
        wanted = mesh.measures[f"cement_ml_wanted:{name}"]
        assert mesh.measures[f"cement_ml:{name}"] == pytest.approx(wanted, rel=0.1), pattern.name


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "name", ["short_axis_right", "long_axis_right", "coaxial_right", "transiliac_right", "interpedicular", "balloon_right"]
)
def test_every_technique_is_meshed_with_the_largest_volume_of_a_side(name: str) -> None:
    pattern = LIBRARY.get(CementPattern, name).model_copy(update={"volume": 9.0})
    fracture = LIBRARY.get(Fracture, "denis1_right")
    mesh = build_model_mesh(LIBRARY.get(Anatomy, "female_elderly"), fracture, [pattern], [], SETTINGS)
    assert mesh.measures["quality_min"] >= SETTINGS.minimum_quality
    assert mesh.measures[f"cement_ml:{name}"] == pytest.approx(9.0 if pattern.side != "both" else 18.0, rel=0.05)
