"""Influence functions: what a small error of the displacement does to the motion of a fracture (dual problem).

Q(u) is the integral of |[u]| over a fracture; its derivative, as a load, gives the dual solution z by a(v, z) = Q'(u; v),
and Q(u) - Q(u_h) = a(u - u_h, z - z_h) to first order (Becker and Rannacher 2001, Acta Numerica 10).
"""

from __future__ import annotations

from collections.abc import Sequence

import ufl
from dolfinx import fem
from dolfinx.fem import petsc
from petsc4py import PETSc

from sacrofem.mechanics import forms
from sacrofem.mechanics.model import SacrumModel

#: mm. Smooths |[u]| where the faces do not move against each other.
_SMALLEST_JUMP = 1e-9
_JIT_OPTIONS = {"timeout": 120}


def solve_duals(model: SacrumModel, displacements: Sequence[fem.Function], fracture: str) -> list[fem.Function]:
    """Solve for the influence functions of a fracture's integrated micromotion, all in one block; collective.

    Args:
        model: A linear model, assembled.
        displacements: Its solutions, mm.
        fracture: Name of the fracture.

    Returns:
        z for each on the model's space, mm^3/N: the derivative of the integral of |[u]| (mm^3) in the forces (N).
    """
    kind = fem.IntegralType.interior_facet
    entities = fem.compute_integration_domains(kind, model.domain.topology, model.cut_facets[fracture])
    measure = ufl.Measure("dS", domain=model.domain, subdomain_data=[(1, entities)], metadata={"quadrature_degree": 4})
    moved = fem.Function(model.V)
    jump = forms.jump(moved)
    size = ufl.sqrt(ufl.dot(jump, jump) + _SMALLEST_JUMP**2)
    pull = fem.form(
        ufl.dot(jump / size, forms.jump(ufl.TestFunction(model.V))) * measure(1),
        jit_options=_JIT_OPTIONS,
    )
    loads = []
    for displacement in displacements:
        moved.x.array[:] = displacement.x.array
        load = petsc.create_vector(model.V)
        petsc.assemble_vector(load, pull)
        load.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
        loads.append(load)
    duals = [fem.Function(model.V) for _ in displacements]
    model.solver.solve_together(loads, [dual.x.petsc_vec for dual in duals])  # a fracture welded all over does not move: 0
    for dual in duals:
        dual.x.scatter_forward()
    return duals
