"""The error estimate against the true error of manufactured solutions without singularities, and what it must not see."""

from __future__ import annotations

from dataclasses import replace

# isort: split
import numpy as np
import pytest
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from mpi4py import MPI

from sacrofem.mechanics import forms
from sacrofem.mechanics.cortex import CortexMembrane
from sacrofem.mechanics.cut_space import build_cut_space, number_copies
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.loading import endplate_force
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.properties import TransverseCortex
from sacrofem.mechanics.solution import Solution
from sacrofem.results.correction import find_missing_forces, solve_corrections
from sacrofem.results.error_bars import DUAL, ENERGY, NO_ESTIMATE, OF_SHAPE, RECOVERED, error_bars
from sacrofem.results.error_estimate import Membrane, Patches, StrainError, estimate_error
from sacrofem.results.gathering import gather_fields
from sacrofem.results.metrics import measure_case
from sacrofem.results.micromotion import measure_motion, sample_motion
from sacrofem.results.recovery import Recovery, vertex_strain
from tests.blocks import block
from tests.manufactured_cube import distorted_cube, effectivity, manufactured
from tests.solved_block import properties, solve_mesh

ORDERS = pytest.mark.parametrize("order", [1, 2])


@pytest.mark.parametrize(("order", "count"), [(1, 4), (1, 8), (2, 3), (2, 6)])
def test_effectivity_on_a_smooth_solution_is_between_a_half_and_two(order: int, count: int) -> None:
    found = manufactured(order, count)
    assert 0.5 < effectivity(found, np.zeros_like(found.fields.regions)) < 2.0


@pytest.mark.parametrize(("order", "count"), [(1, 8), (2, 4)])
def test_a_jump_of_stiffness_is_no_error_where_patches_keep_to_their_material(order: int, count: int) -> None:
    found = manufactured(order, count, stiff=20.0, poisson=0.0)
    assert 0.5 < effectivity(found, found.fields.regions) < 2.0
    assert effectivity(found, np.zeros_like(found.fields.regions)) > 2.0  # patches across the border take the jump for error


@ORDERS
def test_a_displacement_that_the_elements_hold_has_no_error(order: int) -> None:
    mesh = distorted_cube(3)
    fields = manufactured(order, 3).fields
    x, y, z = fields.points.T
    linear = np.column_stack([x + 2 * y, y - z, 3 * z + x])
    squares = np.column_stack([x * x + y * z, x * z, y * y - x * z])
    field = replace(fields, displacement=linear if order == 1 else linear + squares)
    patches = Patches(Recovery.of(field.points, field.cells, np.zeros(len(mesh.cells), dtype=np.int64)), None)
    assert estimate_error(StrainError.of(field, patches)).relative < 1e-5


def test_the_strain_of_quadratic_elements_is_exact_at_their_vertices() -> None:
    fields = manufactured(2, 3).fields
    x, y, z = fields.points.T
    strain = vertex_strain(fields.points, fields.cells, np.column_stack([x * x, y * z, x * y]))
    cx, cy, cz = fields.points[fields.cells[:, :4]].transpose(2, 0, 1)
    expected = np.array([[2 * cx, 0 * cx, cy / 2], [0 * cx, cz, (cx + cy) / 2], [cy / 2, (cx + cy) / 2, 0 * cx]])
    assert np.allclose(strain, expected.transpose(2, 3, 0, 1), atol=1e-12)


@ORDERS
def test_an_open_fracture_is_no_error(order: int) -> None:
    """The upper block lifted and strained, the lower one still: patches that reached across would see a jump of strain."""
    solved = solve_mesh(MPI.COMM_SELF, block(), order, (0.0, 0.0, 1.0), frozenset(), properties())
    assert solved
    fields = solved.fields
    upper = fields.points[fields.cells].mean(axis=1)[:, 2] > 0
    moved = np.zeros_like(fields.displacement)
    nodes = np.unique(fields.cells[upper])
    moved[nodes] = 0.5 + 1e-3 * fields.points[nodes]
    membrane = Membrane.of(block(), properties(thickness=1.0))
    patches = Patches.of(fields, membrane)
    assert estimate_error(StrainError.of(replace(fields, displacement=moved), patches, membrane)).relative < 1e-4


@ORDERS
def test_the_energy_of_bone_and_cortex_is_that_of_the_forms(order: int) -> None:
    mesh = block()
    cortex = TransverseCortex((0.3, 0.5, 0.8), 10000.0, 6000.0, 2000.0, 0.4, 0.5)
    given = replace(properties(thickness=0.7), transverse_cortex=cortex)
    solved = solve_mesh(MPI.COMM_SELF, mesh, order, (20.0, 10.0, 60.0), frozenset(), given)
    assert solved
    fields = solved.fields
    estimate = estimate_error(StrainError.of(fields, Patches.of(fields, Membrane.of(mesh, given)), Membrane.of(mesh, given)))
    distributed = distribute(mesh, MPI.COMM_SELF)
    domain = distributed.domain
    space = build_cut_space(domain, order, number_copies(mesh.cells, mesh.surfaces["fracture:gap"]))
    u = fem.Function(space)
    original = domain.topology.original_cell_index
    u.x.array.reshape(-1, 3)[space.dofmap.list] = fields.displacement[fields.cells[original]]
    facets = distributed.facets["cortex"]
    tags = dmesh.meshtags(domain, 2, facets, np.ones(len(facets), dtype=np.int32))
    membrane = CortexMembrane(domain)
    membrane.set(cortex)
    form = membrane.form(u, u, fem.Constant(domain, 0.7), ufl.Measure("ds", domain=domain, subdomain_data=tags)(1))
    young, poisson = fem.Constant(domain, 100.0), fem.Constant(domain, 0.3)
    form += forms.bulk_form(u, u, young, poisson, ufl.Measure("dx", domain=domain))
    assert estimate.energy == pytest.approx(fem.assemble_scalar(fem.form(form)), rel=1e-9)


@pytest.mark.parametrize("thickness", [1e-9, 0.2, 1.0])
def test_the_error_bar_of_the_displacement_holds_that_of_a_finer_mesh(thickness: float) -> None:
    """A block on its foundation in bending, bare and in a cortex: the displacement's error is the square of that in energy.

    The cortex, 100 times stiffer than the bone, makes the coarse mesh a harder case: there the estimate sees 0.6 of the error.
    """
    found = {}
    for name, shape, order in (("coarse", (4, 4, 12), 1), ("fine", (6, 6, 18), 2)):
        whole, given = block(shape, (10.0, 10.0, 30.0)), properties(thickness=thickness)
        mesh = replace(whole, surfaces={name: s for name, s in whole.surfaces.items() if not name.startswith("fracture:")})
        force = np.array([30.0, 0.0, 0.0])
        model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), order)
        model.set_properties(given)
        model.assemble()
        solution = model.solve(force)
        fields, work = gather_fields(model, solution.displacement), solution.work
        assert fields
        measures = measure_case(fields, {}, force, work)
        estimate = estimate_error(StrainError.of(fields, Patches.of(fields, Membrane.of(mesh, given)), Membrane.of(mesh, given)))
        bars = error_bars(measures, measures, estimate.squared, work, corrected=False)
        found[name] = {metric: (value, bar) for (_, (metric, value, _)), bar in zip(measures, bars, strict=True)}
    (coarse, (percent, basis, _)), (fine, _) = (found[name]["endplate_displacement"] for name in ("coarse", "fine"))
    assert basis == ENERGY
    assert percent is not None
    true = 100.0 * (fine - coarse) / fine
    assert true > 5.0  # linear elements lock in bending
    assert 0.5 < np.sqrt(percent / true) < 2.0


PULL = (10.0, 0.0, 60.0)


def slit_block(
    shape: tuple[int, int, int], order: int, law: str = "linear", force: tuple[float, float, float] = PULL
) -> tuple[SacrumModel, Solution, StrainError]:
    """A block half slit, under a cortex, by default pulled and sheared, and what its strain misses."""
    mesh, given = block(shape, (10.0, 10.0, 30.0), fracture_depth=0.5), properties(law, thickness=0.2)
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), order)
    model.set_properties(given)
    model.assemble()
    solution = model.solve(np.array(force))
    fields = gather_fields(model, solution.displacement)
    assert fields
    membrane = Membrane.of(mesh, given)
    return model, solution, StrainError.of(fields, Patches.of(fields, membrane), membrane)


@ORDERS
def test_the_forces_of_the_correction_do_the_work_of_both_errors(order: int) -> None:
    """f . v = a(E u, E v), for a displacement v that has nothing to do with u."""
    _, _, first = slit_block((4, 2, 6), order)
    x, y, z = first.fields.points.T
    other = np.column_stack([np.sin(x + y), np.cos(0.3 * z * y), np.sin(0.2 * x * z) + y])
    second = StrainError.of(replace(first.fields, displacement=other), first.patches, first.membrane)
    expected = float((second.missing * first.bulk_weights).sum() + (second.cortex_missing * first.cortex_weights).sum())
    assert float((find_missing_forces(first) * other).sum()) == pytest.approx(expected, rel=1e-9)


@ORDERS
def test_the_load_moves_through_the_correction_by_the_error_of_its_work(order: int) -> None:
    """l(c) = a(c, u) = a(E u, E u): what the energy says of the load's work, the correction says, too."""
    model, _, error = slit_block((4, 2, 6), order)
    [correction] = solve_corrections(model, [find_missing_forces(error)])
    load = model.loading.vector(endplate_force(np.array(PULL)))
    assert load.dot(correction.x.petsc_vec) == pytest.approx(estimate_error(error).squared, rel=1e-3)


@pytest.mark.parametrize(
    ("law", "force"), [("linear", PULL), ("compression_only", (20.0, 0.0, -60.0)), ("frictional", (20.0, 0.0, -60.0))]
)
def test_the_error_bars_of_motions_hold_those_of_a_finer_mesh(law: str, force: tuple[float, float, float]) -> None:
    """Linear elements on a coarse mesh against quadratic ones on a fine one; with contact the slit is bent open on one side."""
    coarse, solution, error = slit_block((4, 2, 6), 1, law, force)
    exact = measure_motion(sample_motion(slit_block((8, 4, 12), 2, law, force)[2].fields, "gap"))
    [correction] = solve_corrections(coarse, [find_missing_forces(error)])
    corrected = gather_fields(coarse, coarse.add(solution, correction).displacement)
    assert corrected
    measured, smooth = (measure_motion(sample_motion(each, "gap")) for each in (error.fields, corrected))
    bars = error_bars(*([("gap", measure) for measure in each] for each in (measured, smooth)), 0.0, 1.0, corrected=True)
    wanted = ("micromotion_mean", "micromotion_p95", "opening_mean", "sliding_mean", "fragment_translation", "fragment_rotation")
    checked = 0
    for (metric, value, _), (_, true, _), (percent, basis, _) in zip(measured, exact, bars, strict=True):
        if metric in wanted:
            assert basis == DUAL
            assert percent is not None
            off = 100.0 * abs(true - value) / abs(true)
            assert off > 2.0  # linear elements underestimate motion at a front
            assert 0.5 * off < percent < 2.0 * off, metric
            checked += 1
    assert checked == len(wanted)


def test_every_measure_says_what_its_error_bar_rests_on() -> None:
    mesh, given = block(), properties()
    solved = solve_mesh(MPI.COMM_SELF, mesh, 1, (20.0, 10.0, 60.0), frozenset(), given)
    assert solved
    fields = solved.fields
    masks = {"body": np.ones(len(fields.cells), dtype=bool)}
    measures = measure_case(fields, masks, np.array([20.0, 10.0, 60.0]), solved.solution.work)
    estimate = estimate_error(StrainError.of(fields, Patches.of(fields, Membrane.of(mesh, given)), Membrane.of(mesh, given)))
    for scale, of_motions in ((1.0, NO_ESTIMATE), (1.01, DUAL)):
        corrected = replace(fields, displacement=scale * fields.displacement)
        finer = measure_case(corrected, masks, np.array([20.0, 10.0, 60.0]), solved.solution.work, estimate.strain)
        bars = error_bars(measures, finer, estimate.squared, solved.solution.work, corrected=True)
        basis = {metric: bar for (_, (metric, _, _)), bar in zip(measures, bars, strict=True)}
        assert basis["micromotion_mean"][1] == of_motions
        assert basis["strain_mean_body"][1] == RECOVERED
        assert basis["stiffness"][1] == ENERGY
        assert basis["fracture_area"] == (None, OF_SHAPE, None)
        assert basis["yield_volume_share_body"][1] == RECOVERED
        assert all(bar.percent is None or bar.percent >= 0.0 for bar in bars)
