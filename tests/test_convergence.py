"""The error of the bulk against a manufactured solution falls at the rate of the polynomial order."""

from __future__ import annotations

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
from sacrofem.mechanics.distribution import distribute
from tests.blocks import block

DIRECT = {"ksp_type": "preonly", "pc_type": "lu", "pc_factor_mat_solver_type": "mumps"}


def error_of_cube(count: int, order: int) -> float:
    """L2 error on a unit cube of ``count`` cells a side."""
    mesh = block((count, count, count), (1.0, 1.0, 1.0), fracture_depth=0.0)
    domain = distribute(mesh, MPI.COMM_SELF).domain
    space = build_cut_space(domain, order, number_copies(mesh.cells, np.zeros((0, 3), dtype=np.int64)))
    x = ufl.SpatialCoordinate(domain)
    exact = ufl.as_vector([ufl.sin(3 * x[1]) * x[0], ufl.cos(2 * x[2]) * x[0], ufl.exp(x[0]) * x[1]])
    young, poisson = fem.Constant(domain, 10.0), fem.Constant(domain, 0.3)
    shear, lame = young / (2 * (1 + poisson)), young * poisson / ((1 + poisson) * (1 - 2 * poisson))
    stress = 2 * shear * forms.strain(exact) + lame * ufl.tr(forms.strain(exact)) * ufl.Identity(3)
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    dx = ufl.Measure("dx", domain=domain, metadata={"quadrature_degree": 2 * order + 2})
    edge = fem.Function(space)
    edge.interpolate(fem.Expression(exact, space.element.interpolation_points))
    boundary = dmesh.exterior_facet_indices(domain.topology)
    solution = LinearProblem(
        forms.bulk_form(u, v, young, poisson, dx),
        ufl.dot(-ufl.div(stress), v) * dx,
        bcs=[fem.dirichletbc(edge, fem.locate_dofs_topological(space, 2, boundary))],
        petsc_options_prefix="convergence_",
        petsc_options=DIRECT,
    ).solve()
    difference = solution - exact
    return float(np.sqrt(fem.assemble_scalar(fem.form(ufl.dot(difference, difference) * dx))))


@pytest.mark.parametrize(("order", "rate"), [(1, 2.0), (2, 3.0)])
def test_halving_the_cells_divides_the_error_as_the_order_promises(order: int, rate: float) -> None:
    measured = np.log2(error_of_cube(4, order) / error_of_cube(8, order))
    assert measured == pytest.approx(rate, abs=0.15)
