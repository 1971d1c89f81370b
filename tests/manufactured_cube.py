"""A cube with a smooth displacement known in advance; as a script it prints the estimator's effectivity, to compare ranks."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace

# isort: split
import numpy as np
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from dolfinx.fem.petsc import LinearProblem
from mpi4py import MPI

from sacrofem.mechanics import forms
from sacrofem.mechanics.cut_space import build_cut_space, number_copies
from sacrofem.mechanics.distribution import DistributedMesh, distribute
from sacrofem.mechanics.treatment import FractureCut
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.error_estimate import Patches, StrainError, estimate_error
from sacrofem.results.fields import CaseFields
from sacrofem.results.gathering import gather_fields
from sacrofem.results.recovery import Recovery
from tests.blocks import block

DIRECT = {"ksp_type": "preonly", "pc_type": "lu", "pc_factor_mat_solver_type": "mumps"}
NOTHING = np.zeros((0, 3), dtype=np.int64)
POISSON = 0.3


@dataclass
class Cube:
    """What gathering needs of a model."""

    distributed: DistributedMesh
    domain: dmesh.Mesh
    comm: MPI.Comm
    V: fem.FunctionSpace
    young: fem.Function
    poisson: fem.Function
    regions: np.ndarray
    cuts: dict[str, FractureCut]


@dataclass(frozen=True)
class Manufactured:
    """A solved manufactured problem: its fields, and its true error and energy, N mm (both as a(., .))."""

    fields: CaseFields
    error: float
    energy: float


def distorted_cube(count: int) -> ModelMesh:
    """A unit cube, z from -1/2 to 1/2, its inner nodes moved by up to 15 % of a cell, those at z = 0 within that plane."""
    mesh = block((count, count, count), (1.0, 1.0, 1.0), fracture_depth=0.0)
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    inner = ((mesh.points > low + 1e-9) & (mesh.points < high - 1e-9)).all(axis=1)
    moves = np.random.default_rng(3).uniform(-0.15 / count, 0.15 / count, mesh.points.shape) * inner[:, None]
    moves[np.abs(mesh.points[:, 2]) < 1e-9, 2] = 0.0
    return replace(mesh, points=mesh.points + moves)


def solve_manufactured(
    order: int, count: int, stiff: float = 1.0, poisson: float = POISSON, comm: MPI.Comm = MPI.COMM_SELF
) -> Manufactured | None:
    """Solve for a smooth displacement; with ``stiff`` above 1 the half z > 0 is so many times stiffer, and stress is smooth.

    None on ranks other than 0.
    """
    mesh = distorted_cube(count)
    distributed = distribute(mesh, comm)
    domain = distributed.domain
    space = build_cut_space(domain, order, number_copies(mesh.cells, NOTHING))
    x = ufl.SpatialCoordinate(domain)
    piecewise = fem.functionspace(domain, ("DG", 0))
    young, nu = fem.Function(piecewise), fem.Function(piecewise)
    upper = mesh.points[mesh.cells].mean(axis=1)[:, 2] > 0
    young.x.array[:] = np.where(upper[distributed.original_cells], 10.0 * stiff, 10.0)
    nu.x.array[:] = poisson
    if stiff == 1.0:
        exact = ufl.as_vector([ufl.sin(3 * x[1]) * x[0], ufl.cos(2 * x[2]) * x[0], ufl.exp(x[0]) * x[1]])
    else:  # traction continuous at z = 0 for Poisson's ratio 0
        exact = ufl.as_vector([(ufl.exp(2 * x[2]) - 1.0) / young, 0.0, (ufl.sin(3 * x[2]) + x[2] ** 2) / young])
    shear, lame = young / (2 * (1 + nu)), young * nu / ((1 + nu) * (1 - 2 * nu))

    def stress(w: forms.Expression) -> forms.Expression:
        return 2 * shear * forms.strain(w) + lame * ufl.tr(forms.strain(w)) * ufl.Identity(3)

    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    dx = ufl.Measure("dx", domain=domain, metadata={"quadrature_degree": 2 * order + 3})
    edge = fem.Function(space)
    # Values from below and from above z = 0 are the same there: the displacement is continuous.
    edge.interpolate(fem.Expression(exact, space.element.interpolation_points))
    boundary = dmesh.exterior_facet_indices(domain.topology)
    solution = LinearProblem(
        forms.bulk_form(u, v, young, nu, dx),
        ufl.dot(-ufl.div(stress(exact)), v) * dx,
        bcs=[fem.dirichletbc(edge, fem.locate_dofs_topological(space, 2, boundary))],
        petsc_options_prefix="estimate_",
        petsc_options=DIRECT,
    ).solve()
    difference = solution - exact
    error, energy = (
        float(comm.allreduce(fem.assemble_scalar(fem.form(ufl.inner(stress(w), forms.strain(w)) * dx))))
        for w in (difference, exact)
    )
    fields = gather_fields(Cube(distributed, domain, comm, space, young, nu, upper.astype(np.int64), {}), solution)
    return fields and Manufactured(fields, error, energy)


def manufactured(order: int, count: int, stiff: float = 1.0, poisson: float = POISSON) -> Manufactured:
    """:func:`solve_manufactured` on this process alone."""
    found = solve_manufactured(order, count, stiff, poisson)
    assert found
    return found


def effectivity(found: Manufactured, regions: np.ndarray) -> float:
    """Estimated over true error, in the energy norm."""
    fields = found.fields
    estimate = estimate_error(StrainError.of(fields, Patches(Recovery.of(fields.points, fields.cells, regions), None)))
    return float(np.sqrt(estimate.squared / found.error))


def main() -> None:
    """Print effectivity, true error and energy from rank 0, linear and quadratic."""
    numbers: list[float] = []
    for order, count in ((1, 4), (2, 3)):
        found = solve_manufactured(order, count, comm=MPI.COMM_WORLD)
        if found:
            numbers += [effectivity(found, np.zeros_like(found.fields.regions)), found.error, found.energy]
    if numbers:
        sys.stdout.write(json.dumps(numbers) + "\n")


if __name__ == "__main__":
    main()
