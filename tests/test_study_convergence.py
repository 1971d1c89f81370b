"""Extrapolation over meshes: known orders are found, noise is owned up to, and a small block converges."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

# isort: split
import numpy as np
import pandas as pd
import pytest
from mpi4py import MPI
from rich.console import Console

from sacrofem.catalogue.models import Study
from sacrofem.catalogue.resolution import load_study
from sacrofem.errors import ConfigError
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.report.convergence import print_convergence
from sacrofem.study.convergence import (
    converge_study,
    describe_changing_bodies,
    extrapolate,
    read_factors,
    read_orders,
    refine_study,
    single_case,
    tabulate_convergence,
)
from tests.blocks import block
from tests.solved_block import properties

QUICKSTART = Path(__file__).parents[1] / "studies" / "quickstart.yaml"


@pytest.mark.parametrize(
    ("order", "sizes"),
    [(order, sizes) for order in (1.0, 2.0, 4.0) for sizes in ((4.0, 2.0, 1.0), (5.0, 3.5, 2.6))] + [(0.5, (4.0, 2.0, 1.0))],
)
def test_the_order_and_the_limit_of_a_power_law_are_found(order: float, sizes: tuple[float, ...]) -> None:
    found = extrapolate(sizes, [3.0 - 0.2 * h**order for h in sizes])
    assert found.order == pytest.approx(order)
    assert found.value == pytest.approx(3.0)
    assert found.uncertainty == pytest.approx(1.25 * 0.2 * sizes[-1] ** order)


@pytest.mark.parametrize("values", [[1.0, 1.2, 1.1], [1.0, 1.1, 1.3], [1.0, 1.2]])
def test_without_an_order_the_spread_is_the_uncertainty(values: list[float]) -> None:
    found = extrapolate([3.0, 2.0, 1.4][: len(values)], values)
    assert np.isnan(found.order)
    assert found.value == values[-1]
    assert found.uncertainty == pytest.approx(3.0 * (max(values) - min(values)))


def test_a_limit_far_beyond_what_the_meshes_show_is_not_believed() -> None:
    """Three meshes that hardly differ in size: fragment translation of a cemented sacrum, mm, as it was computed."""
    found = extrapolate([3.466, 2.955, 2.655], [0.1146, 0.0925, 0.0801])
    assert np.isnan(found.order)
    assert found.value == 0.0801


def test_one_mesh_gives_its_figure_and_no_uncertainty() -> None:
    found = extrapolate([2.0], [0.3])
    assert found.value == 0.3
    assert np.isnan([found.order, found.uncertainty]).all()


def block_displacement(count: int, order: int) -> float:
    """Displacement of the loaded end of a slit block in bending, mm."""
    mesh = block((count, count, 3 * count - count % 2), (10.0, 10.0, 30.0), fracture_depth=0.5)
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), order)
    model.set_properties(properties())
    model.assemble()
    return model.solve(np.array([20.0, 0.0, 0.0])).work / 20.0


def test_linear_and_quadratic_elements_of_a_block_run_to_one_value() -> None:
    setting = {"fracture": "gap", "treatment": "none", "bmd_level": "weak", "load": "bend", "unit": "mm", "error_percent": 0.0}
    rows = [
        {**setting, "metric": "u", "order": order, "factor": 1 / n, "size": 10.0 / n, "value": block_displacement(n, order)}
        for order, counts in ((1, (4, 6, 8)), (2, (2, 4, 6)))
        for n in counts
    ]
    table = tabulate_convergence(pd.DataFrame(rows))
    limits = table.groupby("order").richardson.first()
    linear = table[table.order == 1]
    own = extrapolate(linear["size"].tolist(), linear["value"].tolist())
    assert abs(own.value - limits[2]) < own.uncertainty < 0.15 * limits[2]  # the band about linear elements holds the limit
    errors = table[table.order == 1].error_percent.abs().tolist()
    assert errors == sorted(errors, reverse=True)
    assert table[table.order == 1].error_percent.max() < 0.0  # displacement elements are too stiff
    assert 1.0 < table[table.order == 1].observed_order.iloc[0] < 3.0
    console = Console(width=200, record=True, file=StringIO())
    print_convergence(table, console)
    said = console.export_text()
    assert "P1, 0.25 x" in said
    assert "reference" in said


def test_refining_scales_sizes_and_not_the_geometry() -> None:
    study = load_study(QUICKSTART).study
    fine = refine_study(study, 0.5, 2)
    assert (fine.mesh.size, fine.mesh.feature_size, fine.order) == (2.5, 1.5, 2)
    assert fine.mesh.sampling == study.mesh.sampling


def test_one_case_of_a_study_is_chosen_and_an_unknown_one_refused() -> None:
    study = load_study(QUICKSTART).study
    case = single_case(study, None, "walking_push_off")
    assert (case.bmd_levels, case.loads) == (("severe",), ("walking_push_off",))
    with pytest.raises(ConfigError, match="osteopenia"):
        single_case(study, "osteopenic", None)


def test_a_screw_that_coarse_meshes_cut_short_is_named() -> None:
    meshes = {2.0: {"screw_ml:s1": 0.95, "cement_ml:long": 4.0}, 1.0: {"screw_ml:s1": 3.3, "cement_ml:long": 4.04}}
    (line,) = describe_changing_bodies(meshes)
    assert "screw s1" in line
    assert "0.95 mL at 2 x" in line


def test_options_are_read_or_refused() -> None:
    assert read_factors("1.5, 1") == [1.5, 1.0]
    assert read_orders("1,2") == [1, 2]
    for text in ("1.5;1", "0", ""):
        with pytest.raises(ConfigError, match="--factors"):
            read_factors(text)
    with pytest.raises(ConfigError, match="--orders"):
        read_orders("1.5")


@pytest.mark.slow
def test_a_study_converges_from_its_file(tmp_path: Path) -> None:
    file = load_study(QUICKSTART)
    coarse: Study = file.study.model_copy(
        update={
            "treatments": file.study.treatments[:1],
            "mesh": file.study.mesh.model_copy(update={"size": 7.0, "feature_size": 4.0}),
        }
    )
    path = tmp_path / "quickstart.yaml"
    path.write_text(coarse.model_dump_json())
    table, folder = converge_study(path, output=tmp_path / "out", factors=(1.2, 1.0), orders=(1,))
    assert (folder / "convergence.csv").exists()
    assert set(table.factor) == {1.2, 1.0}
    assert (table[table.metric == "stiffness"].zz_error_percent > 0.0).all()
