"""The energies of a sacrum as UFL forms: bulk, cortex, fracture interface."""

from __future__ import annotations

import ufl

type Form = ufl.Form
type Expression = ufl.core.expr.Expr

#: Vertex quadrature lets every node of a fracture open or close for itself, and keeps a spring from locking its
#: neighbours (prototype: 7-9 Newton steps against up to 22 with a Gauss rule).
VERTEX_QUADRATURE: dict[str, object] = {"quadrature_rule": "vertex", "quadrature_degree": 1}


def strain(u: Expression) -> Expression:
    """Small strain, sym(grad u)."""
    return ufl.sym(ufl.grad(u))


def bulk_form(u: Expression, v: Expression, young: Expression, poisson: Expression, dx: ufl.Measure) -> Form:
    """Isotropic small-strain elasticity, the integral of sigma(u) : eps(v).

    Args:
        u: Trial function or displacement, mm.
        v: Test function.
        young: Young's modulus, MPa.
        poisson: Poisson's ratio.
        dx: Cell measure.
    """
    shear = young / (2 * (1 + poisson))
    lame = young * poisson / ((1 + poisson) * (1 - 2 * poisson))
    return (2 * shear * ufl.inner(strain(u), strain(v)) + lame * ufl.tr(strain(u)) * ufl.tr(strain(v))) * dx


def cortex_form(
    u: Expression,
    v: Expression,
    thickness: Expression,
    young: Expression,
    poisson: Expression,
    ds: ufl.Measure,
) -> Form:
    """Elastic membrane on the bone's surface, the integral of t sigma_ps(eps_t(u)) : eps_t(v).

    eps_t = P eps P with P = I - n n^T; plane stress. Measured against a resolved shell: bending 1.09, axial 1.05.

    Args:
        u: Trial function or displacement, mm.
        v: Test function.
        thickness: mm.
        young: MPa.
        poisson: Poisson's ratio.
        ds: Measure of the cortical facets.
    """
    normal = ufl.FacetNormal(ds.ufl_domain())
    projection = ufl.Identity(3) - ufl.outer(normal, normal)

    def tangential(w: Expression) -> Expression:
        return projection * strain(w) * projection

    factor = thickness * young / (1 - poisson**2)
    trace = ufl.tr(tangential(u)) * ufl.tr(tangential(v))
    return factor * (poisson * trace + (1 - poisson) * ufl.inner(tangential(u), tangential(v))) * ds


def jump(u: Expression) -> Expression:
    """Displacement of the '+' side against the '-' side, mm."""
    return u("+") - u("-")


def opening(u: Expression, domain: ufl.Mesh) -> Expression:
    """How far a fracture gapes, mm; the same whichever side is '+'."""
    return -ufl.dot(jump(u), ufl.FacetNormal(domain)("+"))


def interface_form(u: Expression, v: Expression, normal_k: Expression, tangential_k: Expression, dS: ufl.Measure) -> Form:
    """Springs across a fracture; stiffnesses in MPa/mm, the same in opening and closing."""
    normal = ufl.FacetNormal(dS.ufl_domain())("+")
    normal_jump = ufl.dot(jump(u), normal)
    tangential = jump(u) - normal_jump * normal
    return (normal_k * normal_jump * ufl.dot(jump(v), normal) + tangential_k * ufl.dot(tangential, jump(v))) * dS
