"""Every packaged entry is read, names its source, and fits into the bone it is made for."""

from __future__ import annotations

from functools import cache

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
def test_entry_is_meshed(kind: type[Entry], name: str) -> None:
    """Each entry by itself; cement and implants in the bone with the fracture they are for."""
    entry = LIBRARY.get(kind, name)
    if isinstance(entry, Implant) and entry.needs_ring:
        pytest.skip("meshed in the ring, tests/test_implants.py")
    usual = "bakker_b3_s3_bilateral" if "s3" in name else "denis1_right"
    fracture = entry if isinstance(entry, Fracture) else LIBRARY.get(Fracture, usual)
    patterns = [entry] if isinstance(entry, CementPattern) else []
    implants = [entry] if isinstance(entry, Implant) else []
    extent = "pelvic_ring" if fracture.needs_ring else "sacrum"
    mesh = build_model_mesh(LIBRARY.get(Anatomy, "female_elderly"), fracture, patterns, implants, SETTINGS, extent)
    assert mesh.measures["quality_min"] >= SETTINGS.minimum_quality
    assert len(mesh.fractures) == len(fracture_sheets(fracture)) + len(joint_breaks(fracture))
    for pattern in patterns:
        wanted = mesh.measures[f"cement_ml_wanted:{name}"]
        assert mesh.measures[f"cement_ml:{name}"] == pytest.approx(wanted, rel=0.1), pattern.name
