"""What the forms reproduce exactly: constant strain, rigid motion, the membrane's stiffness."""

from __future__ import annotations

from dataclasses import replace

# isort: split
import numpy as np
import pytest
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from dolfinx.fem.petsc import LinearProblem
from mpi4py import MPI

from sacrofem.mechanics import forms
from sacrofem.mechanics.cut_space import build_cut_space, number_copies
from sacrofem.mechanics.distribution import DistributedMesh, distribute
from sacrofem.mesh.model import ModelMesh
from tests.blocks import block

YOUNG, POISSON = 100.0, 0.3
GRADIENT = np.array([[1.0, 0.4, -0.2], [0.3, -0.5, 0.6], [0.1, -0.7, 0.2]]) * 1e-3
NOTHING = np.zeros((0, 3), dtype=np.int64)
DIRECT = {"ksp_type": "preonly", "pc_type": "lu", "pc_factor_mat_solver_type": "mumps"}


def distorted() -> ModelMesh:
    """A block whose inner nodes are moved at random, by up to a fifth of a cell."""
    mesh = block()
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    inner = ((mesh.points > low + 1e-9) & (mesh.points < high - 1e-9)).all(axis=1)
    moves = np.random.default_rng(1).uniform(-0.6, 0.6, mesh.points.shape)
    moved = replace(mesh, points=mesh.points + inner[:, None] * moves)
    assert moved.volumes().min() > 0
    return moved


def scalar(form: ufl.Form) -> float:
    return float(fem.assemble_scalar(fem.form(form)))


def facet_measure(distributed: DistributedMesh, kind: str, surface: str) -> ufl.Measure:
    facets = distributed.facets[surface]
    tags = dmesh.meshtags(distributed.domain, 2, facets, np.full(len(facets), 1, dtype=np.int32))
    return ufl.Measure(kind, domain=distributed.domain, subdomain_data=tags)(1)


@pytest.mark.parametrize("order", [1, 2])
def test_constant_strain_is_exact_on_a_distorted_mesh(order: int) -> None:
    mesh = distorted()
    domain = distribute(mesh, MPI.COMM_SELF).domain
    space = build_cut_space(domain, order, number_copies(mesh.cells, NOTHING))
    exact = fem.Function(space)
    exact.interpolate(lambda x: GRADIENT @ x)
    boundary = dmesh.exterior_facet_indices(domain.topology)
    fixed = fem.dirichletbc(exact, fem.locate_dofs_topological(space, 2, boundary))
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    dx = ufl.Measure("dx", domain=domain)
    stiffness = forms.bulk_form(u, v, fem.Constant(domain, YOUNG), fem.Constant(domain, POISSON), dx)
    load = ufl.dot(fem.Constant(domain, np.zeros(3)), v) * dx
    problem = LinearProblem(stiffness, load, bcs=[fixed], petsc_options_prefix="patch_", petsc_options=DIRECT)
    solution = problem.solve()
    assert np.allclose(solution.x.array, exact.x.array, rtol=0, atol=1e-13)


@pytest.mark.parametrize("order", [1, 2])
def test_a_rigid_motion_of_a_fractured_block_costs_no_energy(order: int) -> None:
    mesh = block()
    distributed = distribute(mesh, MPI.COMM_SELF)
    domain = distributed.domain
    space = build_cut_space(domain, order, number_copies(mesh.cells, mesh.surfaces["fracture:gap"]))
    u = fem.Function(space)
    u.interpolate(lambda x: np.array([1 - 2 * x[1] + x[2], 2 * x[0] - 3 * x[2], -1 - x[0] + 3 * x[1]]))
    young, poisson, one = (fem.Constant(domain, value) for value in (YOUNG, POISSON, 1.0))
    cortex, gap = facet_measure(distributed, "ds", "cortex"), facet_measure(distributed, "dS", "fracture:gap")
    bulk = forms.bulk_form(u, u, young, poisson, ufl.Measure("dx", domain=domain))
    assert scalar(bulk) == pytest.approx(0.0, abs=1e-18)
    assert scalar(forms.cortex_form(u, u, one, young, poisson, cortex)) == pytest.approx(0.0, abs=1e-18)
    assert scalar(forms.interface_form(u, u, one("+"), one("+"), gap)) == pytest.approx(0.0, abs=1e-18)


def test_the_cortex_adds_its_sections_axial_stiffness() -> None:
    mesh = block()
    distributed = distribute(mesh, MPI.COMM_SELF)
    domain = distributed.domain
    space = build_cut_space(domain, 1, number_copies(mesh.cells, NOTHING))
    strain, thickness, modulus, perimeter, length = 1e-3, 1.5, 12000.0, 40.0, 20.0
    u = fem.Function(space)
    u.interpolate(lambda x: np.array([0 * x[0], 0 * x[1], strain * x[2]]))
    given = (fem.Constant(domain, value) for value in (thickness, modulus, 0.0))
    energy = 0.5 * scalar(forms.cortex_form(u, u, *given, facet_measure(distributed, "ds", "cortex")))
    assert energy == pytest.approx(0.5 * modulus * thickness * perimeter * length * strain**2, rel=1e-12)
