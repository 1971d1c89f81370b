"""The cortex as a transversely isotropic membrane on the bone's surface.

Plane stress of a material with its axis 1 in the surface, 2 across it in the surface and 3 along the normal. With no stress on
the surface (sigma_33 = sigma_13 = sigma_23 = 0) the in-plane part of the compliance is all that is left:

    eps_11 = sigma_11 / E_1 - nu_12 sigma_22 / E_1,   eps_22 = -nu_12 sigma_11 / E_1 + sigma_22 / E_2,   gamma_12 = sigma_12 / G,

and its inverse, with nu_21 = nu_12 E_2 / E_1 and D = 1 - nu_12 nu_21, is Q_11 = E_1 / D, Q_22 = E_2 / D, Q_12 = nu_12 E_2 / D,
Q_66 = G (Jones, Mechanics of Composite Materials, section 2.4: the reduced stiffnesses of a lamina). Where the axis is the
normal, the surface is the plane of isotropy: E_1 = E_2 = E_t, nu_12 = nu_t, G = E_t / (2 (1 + nu_t)).
"""

from __future__ import annotations

import numpy as np
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from numpy.typing import NDArray

from sacrofem.mechanics.forms import Expression, Form, strain
from sacrofem.mechanics.properties import TransverseCortex

FloatArray = NDArray[np.float64]

#: The axis stands on the surface where its projection is shorter than this: within 10 degrees of the normal.
STANDING = float(np.sin(np.radians(10.0)))


def reduced_stiffness(cortex: TransverseCortex) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(Q_11, Q_22, Q_12, Q_66), MPa, of a membrane with its axis in the surface, and of one with its axis on the normal."""
    axial, transverse, nu = cortex.axial_modulus, cortex.transverse_modulus, cortex.poisson_ratio
    determinant = 1.0 - nu**2 * transverse / axial
    lying = (axial / determinant, transverse / determinant, nu * transverse / determinant, cortex.shear_modulus)
    flat = cortex.transverse_poisson_ratio
    plane = transverse / (1.0 - flat**2)
    return lying, (plane, plane, flat * plane, transverse / (2.0 * (1.0 + flat)))


class CortexMembrane:
    """The stiffness of the cortex, with constants that change without compiling anew.

    Args:
        domain: The mesh.
    """

    def __init__(self, domain: dmesh.Mesh) -> None:
        self._axis = fem.Constant(domain, np.array([0.0, 1.0, 0.0]))
        self._lying, self._standing = (fem.Constant(domain, np.ones(4)) for _ in range(2))

    def set(self, cortex: TransverseCortex) -> None:
        """Give the membrane its stiffness."""
        axis = np.array(cortex.axis)
        self._axis.value = axis / np.linalg.norm(axis)
        self._lying.value, self._standing.value = reduced_stiffness(cortex)

    def form(self, u: Expression, v: Expression, thickness: Expression, ds: ufl.Measure) -> Form:
        """The integral of t sigma(eps_t(u)) : eps_t(v), bilinear in u and v.

        Args:
            u: Trial function or displacement, mm.
            v: Test function.
            thickness: mm.
            ds: Measure of the cortical facets.
        """
        normal = ufl.FacetNormal(ds.ufl_domain())
        projected = self._axis - ufl.dot(self._axis, normal) * normal
        length = ufl.sqrt(ufl.dot(projected, projected))
        lies = ufl.ge(length, STANDING)
        # Any direction in the surface will do where the axis stands on it: there the stiffness is isotropic.
        spare = ufl.as_vector([normal[1], -normal[0], 0.0]) + ufl.as_vector([0.0, normal[2], -normal[1]])
        spare = ufl.conditional(ufl.lt(ufl.dot(spare, spare), 1e-3), ufl.as_vector([normal[2], 0.0, -normal[0]]), spare)
        along = ufl.conditional(lies, projected, spare)
        along = along / ufl.sqrt(ufl.dot(along, along))
        across = ufl.cross(normal, along)
        q = [ufl.conditional(lies, self._lying[i], self._standing[i]) for i in range(4)]

        def parts(w: Expression) -> tuple[Expression, Expression, Expression]:
            pulled = ufl.dot(strain(w), along)
            return ufl.dot(along, pulled), ufl.dot(across, ufl.dot(strain(w), across)), ufl.dot(across, pulled)

        (a1, a2, a3), (b1, b2, b3) = parts(u), parts(v)
        return thickness * (q[0] * a1 * b1 + q[1] * a2 * b2 + q[2] * (a1 * b2 + a2 * b1) + 4.0 * q[3] * a3 * b3) * ds


def membrane_axes(cortex: TransverseCortex, normals: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(k, 3) directions along and across the axis in the surface, and (k, 4) Q_11, Q_22, Q_12, Q_66, of membranes.

    Args:
        cortex: Its constants.
        normals: (k, 3) unit normals.
    """
    axis = np.array(cortex.axis) / np.linalg.norm(cortex.axis)
    projected = axis - (normals @ axis)[:, None] * normals
    lies = np.linalg.norm(projected, axis=1) >= STANDING
    helper = np.eye(3)[np.argmin(np.abs(normals), axis=1)]
    along = np.where(lies[:, None], projected, np.cross(normals, helper))
    along = along / np.linalg.norm(along, axis=1)[:, None]
    lying, standing = (np.array(q) for q in reduced_stiffness(cortex))
    return along, np.cross(normals, along), np.where(lies[:, None], lying, standing)


def membrane_stress(cortex: TransverseCortex, normals: FloatArray, strains: FloatArray) -> FloatArray:
    """Stress of membranes in their surface, in plain arrays, of :meth:`CortexMembrane.form`.

    Args:
        cortex: Its constants.
        normals: (k, 3) unit normals.
        strains: (k, ..., 3, 3) small strains at points of each membrane.

    Returns:
        (k, ..., 3, 3) MPa.
    """
    along, across, constants = membrane_axes(cortex, normals)
    shape = (-1,) + (1,) * (strains.ndim - 3)
    q = [constants[:, i].reshape(shape) for i in range(4)]
    first = np.einsum("k...ij,ki,kj->k...", strains, along, along)
    second = np.einsum("k...ij,ki,kj->k...", strains, across, across)
    shear = np.einsum("k...ij,ki,kj->k...", strains, along, across)
    stress = np.einsum("k...,ki,kj->k...ij", q[0] * first + q[2] * second, along, along)
    stress += np.einsum("k...,ki,kj->k...ij", q[2] * first + q[1] * second, across, across)
    sheared = np.einsum("k...,ki,kj->k...ij", 2.0 * q[3] * shear, along, across)
    whole: FloatArray = stress + sheared + np.swapaxes(sheared, -1, -2)
    return whole
