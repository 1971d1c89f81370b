"""The transversely isotropic cortex: plane stress against closed forms, and a membrane patch test."""

from __future__ import annotations

from dataclasses import replace

# isort: split
import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI

from sacrofem.mechanics import forms
from sacrofem.mechanics.cortex import CortexMembrane, membrane_stress, reduced_stiffness
from sacrofem.mechanics.cut_space import build_cut_space, number_copies
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.properties import TransverseCortex
from tests.blocks import block
from tests.solved_block import properties, solve_mesh
from tests.test_patch import NOTHING, facet_measure, scalar

BONE = TransverseCortex((0.0, 0.0, 1.0), 17000.0, 11500.0, 3280.0, 0.46, 0.58)
GRADIENT = np.array([[1.0, 0.4, -0.2], [0.3, -0.5, 0.6], [0.1, -0.7, 0.2]]) * 1e-3


def compliance(cortex: TransverseCortex) -> np.ndarray:
    """The (6, 6) compliance of the solid, axis 1, Voigt 11 22 33 23 13 12 with engineering shears."""
    e1, et, nu, flat = cortex.axial_modulus, cortex.transverse_modulus, cortex.poisson_ratio, cortex.transverse_poisson_ratio
    s = np.zeros((6, 6))
    s[0, 0], s[1, 1], s[2, 2] = 1 / e1, 1 / et, 1 / et
    s[0, 1] = s[1, 0] = s[0, 2] = s[2, 0] = -nu / e1
    s[1, 2] = s[2, 1] = -flat / et
    s[3, 3], s[4, 4], s[5, 5] = 2 * (1 + flat) / et, 1 / cortex.shear_modulus, 1 / cortex.shear_modulus
    return s


def test_the_reduced_stiffness_is_the_inverse_of_the_solids_compliance_in_the_plane() -> None:
    lying, standing = reduced_stiffness(BONE)
    s = compliance(BONE)
    expected = np.linalg.inv(s[np.ix_([0, 1, 5], [0, 1, 5])])  # stress in 1-2 alone
    assert [expected[0, 0], expected[1, 1], expected[0, 1], expected[2, 2]] == pytest.approx(lying)
    expected = np.linalg.inv(s[np.ix_([1, 2, 3], [1, 2, 3])])
    assert [expected[0, 0], expected[1, 1], expected[0, 1], expected[2, 2]] == pytest.approx(standing)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("axis", [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.3, 0.5, 0.8)])
def test_a_membrane_under_constant_strain_holds_the_closed_forms_energy(order: int, axis: tuple[float, float, float]) -> None:
    """Four sides of a block, 10 x 20 mm each, as plane laminae with the axis in the side, or on it."""
    cortex = replace(BONE, axis=axis)
    distributed = distribute(block(), MPI.COMM_SELF)
    domain = distributed.domain
    u = fem.Function(build_cut_space(domain, order, number_copies(distributed.source.cells, NOTHING)))
    u.interpolate(lambda x: GRADIENT @ x)
    membrane = CortexMembrane(domain)
    membrane.set(cortex)
    ds = facet_measure(distributed, "ds", "cortex")
    energy = scalar(membrane.form(u, u, fem.Constant(domain, 1.5), ds))
    strain = 0.5 * (GRADIENT + GRADIENT.T)
    expected = 0.0
    for normal in np.array([[1.0, 0, 0], [0, 1.0, 0]]):
        lying = np.array(axis) - (np.array(axis) @ normal) * normal
        if np.linalg.norm(lying) > 1e-9:
            first, q = lying / np.linalg.norm(lying), np.linalg.inv(compliance(cortex)[np.ix_([0, 1, 5], [0, 1, 5])])
        else:
            first, q = np.array([0.0, 0.0, 1.0]), np.linalg.inv(compliance(cortex)[np.ix_([1, 2, 3], [1, 2, 3])])
        second = np.cross(normal, first)
        in_plane = np.array([first @ strain @ first, second @ strain @ second, 2 * first @ strain @ second])
        expected += 2 * 200.0 * 1.5 * in_plane @ q @ in_plane
        stress = membrane_stress(cortex, normal[None], strain[None])[0]
        assert np.allclose(stress @ normal, 0.0)
        assert float((stress * strain).sum()) == pytest.approx(in_plane @ q @ in_plane)
    assert energy == pytest.approx(expected, rel=1e-10)


def test_an_isotropic_cortex_is_the_special_case() -> None:
    distributed = distribute(block(), MPI.COMM_SELF)
    domain = distributed.domain
    u = fem.Function(build_cut_space(domain, 2, number_copies(distributed.source.cells, NOTHING)))
    u.interpolate(lambda x: np.array([x[0] * x[2], x[1] ** 2 - x[2], x[0] * x[1] + x[2] ** 2]) * 1e-4)
    thickness, young, poisson = (fem.Constant(domain, value) for value in (1.5, 9000.0, 0.3))
    membrane = CortexMembrane(domain)
    membrane.set(TransverseCortex.isotropic(9000.0, 0.3))
    ds = facet_measure(distributed, "ds", "cortex")
    plain = scalar(forms.cortex_form(u, u, thickness, young, poisson, ds))
    assert scalar(membrane.form(u, u, thickness, ds)) == pytest.approx(plain, rel=1e-12)


def test_a_column_of_soft_bone_is_as_stiff_as_its_cortex_along_its_axis() -> None:
    """E_axial t U along the axis, E_transverse t U across it: the column shortens in that ratio."""
    shortened = []
    for axis in ((0.0, 0.0, 1.0), (1.0, 1.0, 0.0)):
        given = replace(properties(thickness=1.0), transverse_cortex=replace(BONE, axis=axis, poisson_ratio=0.0))
        given = replace(given, young=dict.fromkeys(given.young, 1e-3), poisson=dict.fromkeys(given.poisson, 0.0))
        mesh = block(fracture_depth=0.3)
        welded = replace(mesh, surfaces={**mesh.surfaces, "fracture:gap": mesh.surfaces["fracture:gap"][:1]})
        solved = solve_mesh(MPI.COMM_SELF, welded, 1, (0.0, 0.0, -1000.0), frozenset(), given)
        assert solved
        z = solved.fields.points[:, 2]
        top, bottom = (np.abs(z - end) < 1e-9 for end in (10.0, -10.0))
        along = solved.fields.displacement[:, 2]
        edges = np.abs(np.abs(solved.fields.points[:, :2] - 5.0) - 5.0).min(axis=1) < 1e-9
        shortened.append(float(along[bottom & edges].mean() - along[top & edges].mean()))
    assert shortened[1] / shortened[0] == pytest.approx(17000.0 / 11500.0, rel=0.05)
