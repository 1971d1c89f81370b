"""Influence functions: what a small error of the displacement does to the motion of a fracture (dual problem).

Q(u) is the integral of |[u]| over a fracture; its derivative, as a load, gives the dual solution z by a(v, z) = Q'(u; v),
and Q(u) - Q(u_h) = a(u - u_h, z - z_h) to first order (Becker and Rannacher 2001, Acta Numerica 10).
"""

from __future__ import annotations

import ufl
from dolfinx import fem
from dolfinx.fem import petsc
from petsc4py import PETSc

from sacrofem.mechanics import forms
from sacrofem.mechanics.model import SacrumModel

#: mm. Smooths |[u]| where the faces do not move against each other.
_SMALLEST_JUMP = 1e-9
_JIT_OPTIONS = {"timeout": 120}


def solve_dual(model: SacrumModel, displacement: fem.Function, fracture: str) -> fem.Function:
    """Solve for the influence function of a fracture's integrated micromotion; collective.

    Args:
        model: A linear model, assembled.
        displacement: Its solution, mm.
        fracture: Name of the fracture.

    Returns:
        z on the model's space, mm^3/N: the derivative of the integral of |[u]| (mm^3) in the forces (N).
    """
    kind = fem.IntegralType.interior_facet
    entities = fem.compute_integration_domains(kind, model.domain.topology, model.cut_facets[fracture])
    measure = ufl.Measure("dS", domain=model.domain, subdomain_data=[(1, entities)], metadata={"quadrature_degree": 4})
    jump = forms.jump(displacement)
    size = ufl.sqrt(ufl.dot(jump, jump) + _SMALLEST_JUMP**2)
    pull = ufl.dot(jump / size, forms.jump(ufl.TestFunction(model.V))) * measure(1)
    load = petsc.create_vector(model.V)
    petsc.assemble_vector(load, fem.form(pull, jit_options=_JIT_OPTIONS))
    load.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
    dual = fem.Function(model.V)
    if load.norm() > 0.0:  # a fracture welded all over does not move
        model.solver.solve(load, dual.x.petsc_vec)
        dual.x.scatter_forward()
    return dual
