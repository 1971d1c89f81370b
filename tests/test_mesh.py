"""What a model mesh must be: conforming, named, well shaped, with the wanted cement, the same every time."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.spatial import Delaunay

from sacrofem.catalogue.cement import Capsule, CementPattern, Needle
from sacrofem.catalogue.fracture import Classification, Fracture, FractureSheet
from sacrofem.catalogue.implant import Implant, Screw
from sacrofem.catalogue.models import Anatomy, MeshSettings
from sacrofem.errors import GeometryError, MeshError
from sacrofem.mesh import cache, remeshing
from sacrofem.mesh.build import mesh_digest, mesh_features
from sacrofem.mesh.cement_volume import fit_cement
from sacrofem.mesh.cutting import cut_cells
from sacrofem.mesh.facets import facet_areas, list_facets
from sacrofem.mesh.features import Feature, has_bit, negative_fraction
from sacrofem.mesh.labels import regions_of
from sacrofem.mesh.libraries import missing_library
from sacrofem.mesh.model import ModelMesh
from sacrofem.mesh.quality import radius_ratio, require_quality
from sacrofem.mesh.repair import lift_worst
from sacrofem.mesh.surface import Grid, contour_shape
from sacrofem.mesh.tetrahedra import Tetrahedra, tidy
from sacrofem.mesh.volume import about_solid
from sacrofem.shapes.cement import cement_body, place_needles
from sacrofem.shapes.fracture import Sheet, fracture_sheets
from sacrofem.shapes.implant import implant_body
from sacrofem.shapes.primitives import ellipsoid, tapered_capsule
from sacrofem.shapes.sacrum import ALA, BODY, Sacrum

REGULAR = np.array([[1.0, 1, 1], [-1, 1, -1], [1, -1, -1], [-1, -1, 1]])
ANATOMY = Path(__file__).parents[1] / "geometry" / "anatomies" / "female_elderly.yaml"
SETTINGS = MeshSettings(size=5.0, feature_size=3.0, sampling=1.0)
SAID = {"title": "test", "source": "test"}
NEEDLE = Needle(name="needle", entry=(0, 12, 10), target=(0, -8, 12), capsules=(Capsule(radius=(5, 4), length=16),))
PATTERN = CementPattern(name="tail", technique="long_axis", needles=(NEEDLE,), volume=1.5, material="pmma", **SAID)
SCREW = Implant(
    name="cross", screws=(Screw(name="one", entry=(0, 0, 40), tip=(0, 0, -2), diameter=7.3),), material="titanium", **SAID
)
FRACTURE = Fracture(
    name="wavy",
    classification=Classification(denis=1),
    drawn="a wavy plane",
    sheets=(FractureSheet(name="ala", through=((-5, 0, 12), (5, 0, 12)), normal=(0, 0, 1), waviness=(0.5, 20.0)),),
    **SAID,
)


def bone(points):
    """An ellipsoid with a tunnel."""
    hole = tapered_capsule(points, np.array([-40.0, -10, -10]), np.array([40.0, -10, -10]), 4.0, 4.0)
    return np.maximum(ellipsoid(points, np.zeros(3), np.array([16.0, 24.0, 30.0])), -hole)


def stand_in_bone() -> Sacrum:
    return Sacrum(
        bone=bone,
        openings=lambda p: tapered_capsule(p, np.array([-40.0, -10, -10]), np.array([40.0, -10, -10]), 4.0, 4.0),
        bounds=(np.array([-17.0, -25, -31]), np.array([17.0, 25, 31])),
        endplate=lambda centroids, normals: normals[:, 1] > 0.8,
        auricular=lambda centroids, normals, side: normals[:, 2] * (1 if side == "right" else -1) > 0.8,
        region=lambda points: np.where(np.abs(points[:, 2]) > 8, ALA, BODY),
    )


def features() -> tuple[list[Feature], list[Sheet]]:
    sacrum = stand_in_bone()
    level, _ = fit_cement(PATTERN.name, partial(cement_body, place_needles(PATTERN)[0]), bone, sacrum.bounds, PATTERN.volume)
    bodies = [
        Feature("cement:tail", level, 1, 1000 * PATTERN.volume),
        Feature("screw:cross", implant_body(SCREW), 2),
    ]
    return bodies, fracture_sheets(FRACTURE)


@pytest.fixture(scope="module")
def mesh() -> ModelMesh:
    return mesh_features(stand_in_bone(), *features(), SETTINGS)


def test_regular_tetrahedron_has_quality_one_and_inverted_one_minus_one():
    assert radius_ratio(REGULAR, np.array([[0, 1, 2, 3], [1, 0, 2, 3]])) == pytest.approx([1.0, -1.0])


def test_quality_equals_inradius_over_circumradius_of_the_corner_tetrahedron():
    corner = np.vstack([np.zeros(3), np.eye(3)])
    inradius, circumradius = 1 / (3 + np.sqrt(3)), np.sqrt(3) / 2
    assert radius_ratio(corner, np.array([[0, 1, 2, 3]]))[0] == pytest.approx(3 * inradius / circumradius)


def test_flat_cell_is_an_error_that_names_its_place():
    flat = REGULAR.copy()
    flat[3] = flat[:3].mean(axis=0) - 1e-3
    with pytest.raises(MeshError, match=r"\(0\.\d, .* mm"):
        require_quality(flat, np.array([[0, 1, 2, 3]]), 0.05)


def test_negative_fraction_of_a_plane_cut():
    corners = np.array([[-1.0, 1, 1, 1], [1, -1, -1, -1], [-1, -1, 1, 1], [1, 2, 3, 4], [-1, -2, -3, -4]])
    assert negative_fraction(corners) == pytest.approx([1 / 8, 7 / 8, 1 / 2, 0, 1], abs=1e-5)


def test_volume_is_kept(mesh):
    axes = [np.arange(low, high, 0.5) for low, high in zip((-17, -25, -31), (17, 25, 31), strict=True)]
    points = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 3)
    assert mesh.volumes().sum() == pytest.approx((bone(points) < 0).sum() * 0.125, rel=0.01)


def test_every_cell_is_positive_and_well_shaped(mesh):
    assert mesh.volumes().min() > 0
    quality = radius_ratio(mesh.points, mesh.cells).min()
    assert quality >= SETTINGS.minimum_quality
    assert mesh.measures["quality_min"] == pytest.approx(quality)


def test_a_mesh_cleaned_up_in_halves_is_as_good_and_the_same_every_time(mesh, monkeypatch):
    monkeypatch.setattr(remeshing, "HALVED_ABOVE", len(mesh.cells) // 2)
    parts, remesh = [], remeshing._remesh

    def count(part, size, smallest, kept):
        parts.append((~kept).sum())
        return remesh(part, size, smallest, kept)

    monkeypatch.setattr(remeshing, "_remesh", count)
    first, again = (mesh_features(stand_in_bone(), *features(), SETTINGS) for _ in range(2))
    assert len(parts) == 6
    seams = min(parts[:3]), min(parts[3:])
    assert 0 < seams[0] == seams[1] < 0.4 * sum(parts[:3])
    assert np.array_equal(first.points, again.points)
    assert np.array_equal(first.cells, again.cells)
    assert first.measures["quality_min"] >= SETTINGS.minimum_quality
    assert len(first.cells) == pytest.approx(len(mesh.cells), rel=0.1)
    for name, value in mesh.measures.items():
        if "_ml" in name or "area" in name:
            assert first.measures[name] == pytest.approx(value, rel=0.02), name
    assert first.measures["sheet_deviation"] < 1.0


@pytest.mark.parametrize("spacing", [0.7, 1.0])
def test_values_near_the_surface_are_sampled_and_far_ones_have_the_right_sign(spacing):
    sacrum = stand_in_bone()
    grid = Grid.over(sacrum.bounds, spacing)
    assert np.array_equal(grid.points(np.ones(np.prod(grid.dimensions), dtype=bool)), grid.points())
    exact, quick = grid.sample(bone), grid.sample_near_surface(bone)
    near = np.abs(exact) < 2.0 * spacing
    assert quick[near] == pytest.approx(exact[near], abs=1e-9)
    assert np.array_equal(quick < 0.0, exact < 0.0)


def test_every_node_is_used_once(mesh):
    assert np.array_equal(np.unique(mesh.cells), np.arange(len(mesh.points)))
    assert len(np.unique(mesh.points.round(6), axis=0)) == len(mesh.points)


def test_regions_are_named(mesh):
    assert {"body", "ala", "cement:tail", "screw:cross"} <= set(mesh.region_names.values())
    assert set(np.unique(mesh.regions)) <= set(mesh.region_names)
    assert set(np.unique(mesh.host_regions)) == {BODY, ALA}
    treated = np.isin(
        mesh.regions,
        regions_of(mesh.region_names, "cement:tail") + regions_of(mesh.region_names, "screw:cross"),
    )
    assert np.array_equal(mesh.regions[~treated], mesh.host_regions[~treated])


def test_overlap_of_cement_and_screw_belongs_to_both(mesh):
    shared = mesh.region_number("cement:tail+screw:cross")
    assert (mesh.regions == shared).any()
    assert shared in regions_of(mesh.region_names, "cement:tail")
    assert shared in regions_of(mesh.region_names, "screw:cross")


def test_cement_holds_the_wanted_volume(mesh):
    held = np.isin(mesh.regions, regions_of(mesh.region_names, "cement:tail"))
    assert mesh.volumes()[held].sum() / 1000 == pytest.approx(PATTERN.volume, rel=0.05)
    assert mesh.measures["cement_ml:tail"] == pytest.approx(PATTERN.volume, rel=0.05)


def test_cement_stays_off_the_surface(mesh):
    held = np.isin(mesh.regions, regions_of(mesh.region_names, "cement:tail"))
    assert not np.isin(mesh.cells[held], mesh.surfaces["cortex"]).any()


def test_outer_facets_are_cortex_and_face_outward(mesh):
    facets = mesh.surfaces["cortex"]
    assert len(facets) == len(list_facets(mesh.cells).outer)
    a, b, c = (mesh.points[facets[:, i]] for i in range(3))
    assert np.einsum("ij,ij->", np.cross(a, b), c) / 6 == pytest.approx(mesh.volumes().sum())


def test_sheet_separates_the_bone_also_through_cement_and_screw(mesh):
    level = fracture_sheets(FRACTURE)[0].level
    facets = list_facets(mesh.cells)
    lateral = level(mesh.points[mesh.cells].mean(axis=1)) > 0
    between = facets.inner[lateral[facets.inner_cells[:, 0]] != lateral[facets.inner_cells[:, 1]]]
    found = {tuple(f) for f in np.sort(mesh.surfaces["fracture:wavy"], axis=1)}
    crossing = {tuple(f) for f in np.sort(between, axis=1)}
    assert len(crossing - found) <= 0.01 * len(found)
    assert mesh.measures["sheet_deviation"] < 0.15 * SETTINGS.feature_size
    for body in ("cement:tail", "screw:cross"):
        held = np.isin(mesh.regions, regions_of(mesh.region_names, body))
        inside = held[facets.inner_cells].all(axis=1)
        assert any(tuple(f) in found for f in np.sort(facets.inner[inside], axis=1))


def test_fracture_area_is_that_of_the_section(mesh):
    section = np.pi * 16 * 24 * (1 - (12 / 30) ** 2)
    area = facet_areas(mesh.points, mesh.surfaces["fracture:wavy"]).sum()
    assert area == pytest.approx(section, rel=0.03)
    assert mesh.measures["fracture_area:wavy"] == pytest.approx(area)


def test_the_same_inputs_give_the_same_mesh(mesh):
    again = mesh_features(stand_in_bone(), *features(), SETTINGS)
    assert np.array_equal(again.points, mesh.points)
    assert np.array_equal(again.cells, mesh.cells)
    assert np.array_equal(again.regions, mesh.regions)


@pytest.mark.parametrize("seed", range(3))
def test_perturbed_placements_reach_the_wanted_quality(seed):
    random = np.random.default_rng(seed)

    def shifted(*points):
        step = random.uniform(-3, 3, 3)
        return [tuple(float(x) for x in np.array(p) + step + random.uniform(-0.7, 0.7, 3)) for p in points]

    entry, target = shifted(NEEDLE.entry, NEEDLE.target)
    pattern = PATTERN.model_copy(update={"needles": (NEEDLE.model_copy(update={"entry": entry, "target": target}),)})
    (one,) = SCREW.screws
    entry, tip = shifted(one.entry, one.tip)
    screw = SCREW.model_copy(update={"screws": (one.model_copy(update={"entry": entry, "tip": tip}),)})
    (ala,) = FRACTURE.sheets
    across = ala.model_copy(update={"name": "across", "through": ((0, -5, 5), (0, 6, 5)), "normal": (1, 0, 0.2)})
    moved = tuple(sheet.model_copy(update={"through": tuple(shifted(*sheet.through))}) for sheet in (ala, across))
    sheets = fracture_sheets(FRACTURE.model_copy(update={"sheets": moved}))
    sacrum = stand_in_bone()
    (placed,) = place_needles(pattern)
    level, _ = fit_cement(pattern.name, partial(cement_body, placed), bone, sacrum.bounds, pattern.volume)
    bodies = [
        Feature("cement:tail", level, 1, 1000 * pattern.volume),
        Feature("screw:cross", implant_body(screw), 2),
    ]
    settings = MeshSettings(size=6.0, feature_size=3.5, sampling=1.5)
    mesh = mesh_features(sacrum, bodies, sheets, settings)
    assert mesh.measures["quality_min"] >= 2 * settings.minimum_quality
    assert mesh.measures["cement_ml:tail"] == pytest.approx(pattern.volume, rel=0.05)
    assert mesh.measures["sheet_deviation"] < 0.15 * settings.feature_size


def test_cuts_conform_and_halve_the_volume():
    grid = stand_in_grid()
    cut = grid
    for bit, normal in enumerate(np.array([[1, 0.2, 0.1], [0.1, 1, 0.3], [0.5, 0.2, 1]])):
        cut = cut_cells(cut, cut.points @ normal, 1 << bit)
        held = has_bit(cut.references, 1 << bit) == 1
        volumes = np.abs(np.linalg.det(cut.points[cut.cells[:, 1:]] - cut.points[cut.cells[:, :1]])) / 6
        assert volumes[held].sum() == pytest.approx(0.5 * 64)
        assert volumes.sum() == pytest.approx(64)
        assert ((cut.points[cut.cells] @ normal).max(axis=1)[held] < 1e-12).all()
    outer = list_facets(cut.cells).outer
    assert facet_areas(cut.points, outer).sum() == pytest.approx(6 * 16)


@pytest.mark.parametrize("spacing", [0.7, 1.3])
def test_sizes_are_asked_in_and_about_the_solid_alone(spacing):
    def ring(points):
        return np.hypot(np.hypot(points[:, 0], points[:, 1]) - 20.0, points[:, 2]) - 5.0

    surface = contour_shape(ring, (np.array([-25.0, -25, -5]), np.array([25.0, 25, 5])), 2.0)
    grid = Grid.over((surface.points.min(axis=0), surface.points.max(axis=0)), spacing)
    asked, away = about_solid(grid, surface), ring(grid.points())
    # Whoever reads the grid in the solid reads the corners of one of its cells.
    assert asked[away < np.sqrt(3) * spacing].all()
    assert not asked[away > 5 * spacing].any()
    assert (away > 5 * spacing).sum() > 1000


def test_a_cell_is_cut_the_same_way_whatever_its_place_in_the_list():
    grid = stand_in_grid()
    level = grid.points @ np.array([1, 0.2, 0.1])
    level[np.abs(level) < 0.3] = 0.0
    together = cut_cells(grid, level, 1)
    alone = [
        part
        for cell in range(len(grid.cells))
        for part in parts_at(cut_cells(Tetrahedra(grid.points, grid.cells[[cell]], grid.references[[cell]]), level, 1))
    ]
    assert sorted(alone) == sorted(parts_at(together))
    assert len(alone) > len(grid.cells)


def parts_at(mesh: Tetrahedra) -> list[tuple[object, ...]]:
    """Every cell by the places of its corners, and its reference."""
    corners = np.round(mesh.points[mesh.cells], 9) + 0.0
    return [(sorted(map(tuple, cell.tolist())), int(ref)) for cell, ref in zip(corners, mesh.references, strict=True)]


def stand_in_grid() -> Tetrahedra:
    """A cube of edge 4 about the origin in tetrahedra."""
    axis = np.linspace(-2, 2, 4)
    points = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    cells = Delaunay(points + 0.02 * np.random.default_rng(0).normal(size=points.shape) * (np.abs(points) < 1.9)).simplices
    return tidy(Tetrahedra(points, cells.astype(np.int64), np.ones(len(cells), dtype=np.int64)))


def test_mending_keeps_regions_and_lifts_splinters():
    normal = np.array([1, 0.2, 0.1])
    grid = stand_in_grid()
    cut = cut_cells(grid, grid.points @ normal, 1)
    mended = lift_worst(cut, 0.1)
    before, after = (radius_ratio(m.points, m.cells) for m in (cut, mended))
    assert before.min() < 0.05
    assert after.min() > max(before.min(), 0.0)
    assert (after < 0.1).sum() < 0.2 * (before < 0.1).sum()
    held = np.linalg.det(mended.points[mended.cells[:, 1:]] - mended.points[mended.cells[:, :1]]) / 6
    assert held.sum() == pytest.approx(64, rel=0.02)
    assert held[mended.references == 2].sum() == pytest.approx(32, rel=0.02)


def test_too_much_cement_is_an_error_that_tells_what_fits():
    with pytest.raises(GeometryError, match=r"at most \d+\.\d+ mL"):
        fit_cement("flood", partial(cement_body, place_needles(PATTERN)[0]), bone, stand_in_bone().bounds, 200.0)


def test_fitted_cement_holds_the_volume_of_a_free_capsule():
    box = (np.full(3, -60.0), np.full(3, 60.0))
    _, scale = fit_cement("ball", partial(cement_body, place_needles(PATTERN)[0]), lambda p: np.full(len(p), -50.0), box, 4.0)
    r_tip, r_tail, length = scale * 5, scale * 4, 16
    cone = np.pi * length * (r_tip**2 + r_tip * r_tail + r_tail**2) / 3
    assert cone + 2 * np.pi * (r_tip**3 + r_tail**3) / 3 == pytest.approx(4000, rel=0.02)


def test_missing_library_names_the_debian_package():
    error = missing_library(OSError("libGLU.so.1: cannot open shared object file: No such file or directory"))
    assert "libglu1-mesa" in str(error)


def anatomy() -> Anatomy:
    return Anatomy.model_validate(YAML(typ="safe").load(ANATOMY.read_text()))


def test_digest_follows_geometry_and_not_words():
    first = mesh_digest(anatomy(), FRACTURE, [PATTERN], [SCREW], SETTINGS)
    assert first == mesh_digest(anatomy(), FRACTURE.model_copy(update={"title": "x"}), [PATTERN], [SCREW], SETTINGS)
    fuller = PATTERN.model_copy(update={"volume": 2.0})
    assert first != mesh_digest(anatomy(), FRACTURE, [fuller], [SCREW], SETTINGS)


def test_cached_mesh_is_the_built_one(tmp_path):
    axis = Screw(name="one", entry=(-10.5, -8, 62), tip=(-10.5, -8, -5), diameter=7.3)
    screw = Implant(name="is1", screws=(axis,), material="titanium", **SAID)
    sheet = FractureSheet(name="ala", through=((-10, 0, 30), (-35, -40, 28)), normal=(0, 0, 1))
    fracture = FRACTURE.model_copy(update={"name": "ala", "sheets": (sheet,)})
    coarse = MeshSettings(size=8.0, feature_size=4.0, sampling=2.0)
    built = cache.load_or_build_mesh(anatomy(), fracture, [], [screw], coarse, tmp_path)
    assert [p.suffix for p in tmp_path.iterdir()] == [".npz"]
    loaded = cache.load_or_build_mesh(anatomy(), fracture, [], [screw], coarse, tmp_path)
    assert built.digest == loaded.digest == mesh_digest(anatomy(), fracture, [], [screw], coarse)
    assert np.array_equal(built.points, loaded.points)
    assert np.array_equal(built.cells, loaded.cells)
    assert built.measures == loaded.measures
    assert all(len(built.surfaces[n]) for n in ("endplate", "auricular_right", "auricular_left", "fracture:ala"))


def test_error_in_the_worker_arrives_with_class_and_message(tmp_path):
    astray = PATTERN.model_copy(update={"needles": (NEEDLE.model_copy(update={"entry": (80.0, 0.0, 0.0)}),)})
    with pytest.raises(GeometryError, match="tail"):
        cache.load_or_build_mesh(anatomy(), FRACTURE, [astray], [], SETTINGS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_crash_of_the_worker_is_a_mesh_error_with_the_log(tmp_path, monkeypatch):
    script = tmp_path / "crash.sh"
    script.write_text("#!/bin/sh\necho last words\nkill -SEGV $$\n")
    script.chmod(0o755)
    monkeypatch.setattr(cache.sys, "executable", str(script))
    with pytest.raises(MeshError, match="last words"):
        cache.load_or_build_mesh(anatomy(), FRACTURE, [], [], SETTINGS, tmp_path / "meshes")
