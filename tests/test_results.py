"""What is measured of a case whose displacement is known."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

# isort: split
import numpy as np
import pytest
import pyvista as pv
from mpi4py import MPI
from rich.console import Console

from sacrofem.mesh.host import HIP_RIGHT
from sacrofem.report.terminal import print_comparison
from sacrofem.results.fields import EDGE_BETWEEN, CaseFields
from sacrofem.results.metrics import measure_case
from sacrofem.results.micromotion import fit_rigid_motion, measure_motion, sample_motion
from sacrofem.results.strain import cell_strain, measure_strain, neighbourhoods
from sacrofem.results.table import tabulate_rows
from sacrofem.results.weighting import triangle_rule, weighted_quantile
from sacrofem.results.writing import write_case_fields
from tests.blocks import block
from tests.solved_block import properties, solve_mesh

ORDERS = pytest.mark.parametrize("order", [1, 2])
AREA = 100.0  # mm^2


def fields_of(order: int, **given: Any) -> CaseFields:
    """A block's fields; tests put a displacement of their own in."""
    active = frozenset({"cement:bridge"} if "bridge" in given else ())
    solved = solve_mesh(MPI.COMM_SELF, block(**given), order, (0.0, 0.0, 1.0), active, properties())
    assert solved
    return solved.fields


def lift(fields: CaseFields, translation: np.ndarray, rotation: np.ndarray, centre: np.ndarray) -> CaseFields:
    """The upper block moved rigidly, the lower one still."""
    upper = fields.points[fields.cells].mean(axis=1)[:, 2] > 0
    moved = np.zeros_like(fields.displacement)
    nodes = np.unique(fields.cells[upper])
    moved[nodes] = translation + np.cross(rotation, fields.points[nodes] - centre)
    return replace(fields, displacement=moved)


def measures_of(fields: CaseFields) -> dict[str, float]:
    return {name: value for name, value, _ in measure_motion(sample_motion(fields, "gap"))}


@ORDERS
def test_a_lifted_block_opens_and_slides_by_its_translation(order: int) -> None:
    motion = measures_of(lift(fields_of(order), np.array([0.3, 0.4, 1.2]), np.zeros(3), np.zeros(3)))
    assert motion["opening_mean"] == pytest.approx(1.2)
    assert [motion["sliding_mean"], motion["sliding_max"]] == pytest.approx([0.5, 0.5])
    assert motion["micromotion_p95"] == pytest.approx(1.3)
    assert motion["closing_max"] == 0.0
    assert motion["micromotion_area_share_above_0.2_mm"] == pytest.approx(1.0)
    assert motion["fracture_area"] == pytest.approx(AREA)


@ORDERS
def test_pressing_faces_together_is_closing_not_opening(order: int) -> None:
    motion = measures_of(lift(fields_of(order), np.array([0.0, 0.0, -0.1]), np.zeros(3), np.zeros(3)))
    assert motion["opening_max"] == pytest.approx(-0.1)
    assert motion["closing_max"] == pytest.approx(0.1)


@ORDERS
def test_the_rigid_motion_of_the_fragment_is_found(order: int) -> None:
    translation, rotation = np.array([0.1, -0.2, 0.3]), np.array([0.01, -0.02, 0.03])
    motion = sample_motion(lift(fields_of(order), translation, rotation, np.array([5.0, 5.0, 0.0])), "gap")
    found = fit_rigid_motion(motion)
    assert found[0] == pytest.approx(translation)
    assert found[1] == pytest.approx(rotation)


def test_a_hinge_opens_at_one_edge_and_closes_at_the_other() -> None:
    motion = measures_of(lift(fields_of(2, shape=(12, 3, 4)), np.zeros(3), np.array([0.0, 0.02, 0.0]), np.array([5.0, 5.0, 0.0])))
    assert motion["opening_mean"] == pytest.approx(0.0, abs=1e-12)
    assert motion["micromotion_mean"] == pytest.approx(0.02 * 10.0 / 4, rel=0.02)  # mean of |x| over [-5, 5] is 2.5
    assert motion["opening_p95"] == pytest.approx(0.02 * 4.5, rel=0.03)  # 95 % of the width lies below 4.5 mm
    assert motion["fragment_rotation"] == pytest.approx(np.degrees(0.02))


@ORDERS
def test_a_bridged_part_counts_with_zero_motion(order: int) -> None:
    shape = {"bridge": 1 / 3}
    motion = measures_of(lift(fields_of(order, **shape), np.array([0.0, 0.0, 1.0]), np.zeros(3), np.zeros(3)))
    assert motion["bridged_area_share"] == pytest.approx(1 / 3)
    assert 0.5 - 1e-9 < motion["opening_mean"] < 2 / 3  # the row of facets next to the bridge opens from zero


@ORDERS
def test_strain_of_a_linear_displacement_is_exact(order: int) -> None:
    gradient = np.array([[1.0, 0.4, -0.2], [0.3, -0.5, 0.6], [0.1, -0.7, 0.2]]) * 1e-3
    fields = fields_of(order)
    strain = cell_strain(replace(fields, displacement=fields.points @ gradient.T))
    assert np.allclose(strain, 0.5 * (gradient + gradient.T), atol=1e-15)


def test_strain_of_a_quadratic_displacement_is_its_value_at_the_centroid() -> None:
    fields = fields_of(2)
    x, y, z = fields.points.T
    strain = cell_strain(replace(fields, displacement=1e-4 * np.column_stack([x * x, y * z, x * y])))
    cx, cy, cz = fields.points[fields.cells[:, :4]].mean(axis=1).T
    expected = 1e-4 * np.array([[2 * cx, 0 * cx, cy / 2], [0 * cx, cz, (cx + cy) / 2], [cy / 2, (cx + cy) / 2, 0 * cx]])
    assert np.allclose(strain, expected.transpose(2, 0, 1), atol=1e-15)


def test_strain_measures_are_those_of_uniform_strain() -> None:
    strain = np.tile(np.diag([-0.009, 0.001, 0.0005]), (4, 1, 1))
    found = {name: value for name, value, _ in measure_strain(strain, np.ones(4), {"ala": np.array([True, True, False, False])})}
    assert found["strain_max_p95_ala"] == pytest.approx(1000.0)
    assert found["strain_min_p05_ala"] == pytest.approx(-9000.0)
    assert found["strain_mean_ala"] == pytest.approx(9000.0)
    assert found["yield_volume_share_ala"] == 1.0


def test_neighbourhoods_hold_bone_alone() -> None:
    mesh = block(shape=(3, 6, 8), size=(10.0, 20.0, 40.0), bridge=1 / 3)
    masks = neighbourhoods(mesh)
    centroids = mesh.points[mesh.cells].mean(axis=1)
    assert set(masks) == {"body", "near_fracture", "near_cement"}
    assert not any((mask & (mesh.regions == 10)).any() for mask in masks.values())
    assert np.abs(centroids[masks["near_fracture"], 2]).max() < 6.0
    assert centroids[masks["near_cement"], 1].max() < 20 / 3 + 5.0


def test_in_the_ring_the_sacral_part_of_the_bone_near_a_screw_is_told_apart() -> None:
    mesh = block(shape=(3, 6, 8), size=(10.0, 20.0, 40.0), bridge=1 / 3)
    iliac = mesh.points[mesh.cells].mean(axis=1)[:, 2] > 0.0
    hosts = np.where(iliac, HIP_RIGHT, mesh.host_regions)
    names = {**mesh.region_names, 10: "screw:s1", HIP_RIGHT: "hip_right"}
    ring = replace(mesh, host_regions=hosts, regions=np.where(mesh.regions == 10, 10, hosts), region_names=names)
    masks = neighbourhoods(ring)
    assert (masks["near_screw"] & iliac).any()
    assert np.array_equal(masks["near_screw_sacrum"], masks["near_screw"] & ~iliac)
    washers = neighbourhoods(replace(ring, region_names={**names, 10: "washer:s1"}))
    assert "near_screw" not in washers
    assert np.array_equal(washers["near_washer"], masks["near_screw"])


@ORDERS
def test_stiffness_is_force_over_the_endplates_displacement(order: int) -> None:
    found = {name: value for _, (name, value, _) in measure_case(fields_of(order), {}, np.array([0.0, -300.0, 400.0]), 250.0)}
    assert found["endplate_displacement"] == pytest.approx(0.5)
    assert found["stiffness"] == pytest.approx(1000.0)


def test_a_quantile_goes_by_weight() -> None:
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 8.0, 1.0])
    assert [weighted_quantile(values, weights, share) for share in (0.5, 0.8, 0.85, 0.95)] == [1.0, 1.0, 2.0, 3.0]


def test_the_triangle_rule_is_exact_to_degree_five() -> None:
    """The mean of a^i b^j over a triangle in barycentric coordinates is 2 i! j! / (i + j + 2)!."""
    places, weights = triangle_rule()
    assert weights @ (places[:, 0] ** 3 * places[:, 1] ** 2) == pytest.approx(2 * 6 * 2 / 5040)
    assert weights @ places[:, 2] ** 5 == pytest.approx(2 * 120 / 5040)


def test_the_change_is_against_the_reference_in_the_same_setting() -> None:
    setting = {"case": "c", "anatomy": "a", "fracture": "f", "load": "l", "metric": "m", "unit": "mm"}
    figures = [("none", "weak", 2.0), ("none", "dense", 1.0), ("screw", "weak", 1.0), ("screw", "dense", 0.9)]
    rows = [{**setting, "treatment": treatment, "bmd_level": level, "value": value} for treatment, level, value in figures]
    assert tabulate_rows(rows, "none").change_percent.tolist() == pytest.approx([0.0, 0.0, -50.0, -10.0])
    assert tabulate_rows(rows, None).change_percent.isna().all()


@ORDERS
def test_files_hold_the_opened_block(order: int, tmp_path: Path) -> None:
    fields = lift(fields_of(order), np.array([0.0, 0.0, 1.0]), np.zeros(3), np.zeros(3))
    write_case_fields(tmp_path, "case", fields, {1: "body"})
    grid = pv.read(tmp_path / "case.vtu")
    assert grid.n_cells == len(fields.cells)
    assert grid.compute_cell_sizes()["Volume"].sum() == pytest.approx(2000.0)
    assert grid.warp_by_vector("displacement").bounds[5] == pytest.approx(11.0)
    if order == 2:
        corners, edges = grid.cells.reshape(-1, 11)[:, 1:5], grid.cells.reshape(-1, 11)[:, 5:]
        ends = corners[:, [[0, 1], [1, 2], [0, 2], [0, 3], [1, 3], [2, 3]]]  # the edges of VTK_QUADRATIC_TETRA
        assert np.allclose(grid.points[edges], grid.points[ends].mean(axis=2))
    face = pv.read(tmp_path / "case_fracture.vtp")
    assert face.area == pytest.approx(AREA)
    assert np.allclose(face["opening"], 1.0, atol=1e-6)
    assert np.allclose(face["jump"], [0.0, 0.0, 1.0], atol=1e-6)
    assert not face["welded"].any()


def test_local_edges_are_those_of_dolfinx() -> None:
    for edge, (a, b) in enumerate([(2, 3), (1, 3), (1, 2), (0, 3), (0, 2), (0, 1)]):
        assert EDGE_BETWEEN[a, b] == EDGE_BETWEEN[b, a] == edge


def test_the_comparison_names_its_unit_and_the_change() -> None:
    setting = {"case": "c", "anatomy": "a", "fracture": "f", "bmd_level": "weak", "load": "standing", "unit": "mm"}
    figures = [("none", 0.2), ("cement", 0.05)]
    rows = [{**setting, "metric": "micromotion_mean", "treatment": arm, "value": value} for arm, value in figures]
    console = Console(width=100, record=True, file=StringIO())
    print_comparison(tabulate_rows(rows, "none"), console)
    said = console.export_text()
    for words in ("standing: micromotion, mean [mm]", "0.2000", "0.0500 (-75 %)"):
        assert words in said
