"""Bulk elasticity against exact solutions: patch, manufactured solution, Boussinesq, Lame, two materials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from sacrofem.mesh.model import FloatArray, ModelMesh
from sacrofem.verification.bench import Bench, Bond, everywhere_outside, plane
from sacrofem.verification.blocks import block
from sacrofem.verification.grids import assemble_mesh, extrude, octant, sector, sweep
from sacrofem.verification.outcome import Outcome

_GRADIENT = np.array([[1.0, 0.4, -0.2], [0.3, -0.5, 0.6], [0.1, -0.7, 0.2]]) * 1e-3
_YOUNG, _POISSON = 100.0, 0.3


def distort(mesh: ModelMesh, share: float) -> ModelMesh:
    """Move inner nodes at random, by up to ``share`` mm along each axis; the seed is fixed."""
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    inner = ((mesh.points > low + 1e-9) & (mesh.points < high - 1e-9)).all(axis=1)
    moves = np.random.default_rng(1).uniform(-share, share, mesh.points.shape)
    return replace(mesh, points=mesh.points + inner[:, None] * moves)


def check_patch() -> list[Outcome]:
    """Constant strain on a distorted mesh is exact, and so is its stress across two materials in confined compression."""
    outcomes = []
    for order in (1, 2):
        mesh = distort(block(fracture_depth=0.0), 0.6)
        bench = Bench(mesh, order, {"body": _YOUNG, "cement:bridge": _YOUNG}, {"body": _POISSON, "cement:bridge": _POISSON})
        outside = everywhere_outside(mesh.points.min(axis=0), mesh.points.max(axis=0))
        found = bench.solve([Bond(outside, (0, 1, 2), lambda x: x @ _GRADIENT.T)], 1e-12)
        error = bench.error(found, lambda x: x @ _GRADIENT.T)
        outcomes.append(Outcome(f"L2 error of constant strain, order {order}", 0.0, error, 1e-9))
    return outcomes


def _manufactured(x: FloatArray) -> FloatArray:
    return np.column_stack([np.sin(3 * x[:, 1]) * x[:, 0], np.cos(2 * x[:, 2]) * x[:, 0], np.exp(x[:, 0]) * x[:, 1]])


def _manufactured_load(young: float, poisson: float, x: FloatArray) -> FloatArray:
    """-div sigma = -(mu laplace u + (lambda + mu) grad div u) of the manufactured displacement, whose divergence is sin 3y."""
    shear, lame = young / (2 * (1 + poisson)), young * poisson / ((1 + poisson) * (1 - 2 * poisson))
    laplace = np.column_stack([-9 * x[:, 0] * np.sin(3 * x[:, 1]), -4 * x[:, 0] * np.cos(2 * x[:, 2]), x[:, 1] * np.exp(x[:, 0])])
    slope = np.zeros_like(x)
    slope[:, 1] = 3 * np.cos(3 * x[:, 1])
    return -(shear * laplace + (lame + shear) * slope)


def _manufactured_error(count: int, order: int) -> float:
    mesh = block((count, count, count), (1.0, 1.0, 1.0), fracture_depth=0.0)
    bench = Bench(mesh, order, {"body": 10.0, "cement:bridge": 10.0}, {"body": 0.3, "cement:bridge": 0.3})
    bench.fill(bench.body, partial(_manufactured_load, 10.0, 0.3))
    outside = everywhere_outside(mesh.points.min(axis=0), mesh.points.max(axis=0))
    return bench.error(bench.solve([Bond(outside, (0, 1, 2), _manufactured)]), _manufactured)


def check_manufactured() -> list[Outcome]:
    """The L2 error against a manufactured solution falls by 2^2 (order 1) and 2^3 (order 2) when the cells are halved."""
    return [
        Outcome(
            f"observed order in L2, order {order}",
            order + 1.0,
            float(np.log2(_manufactured_error(coarse, order) / _manufactured_error(2 * coarse, order))),
            0.06,
        )
        for order, coarse in ((1, 6), (2, 4))
    ]


def check_boussinesq() -> list[Outcome]:
    """A point force on a half-space: the settlement of its free surface, on a box beside the force."""
    young, poisson, force = 100.0, 0.3, 50.0
    shear = young / (2 * (1 + poisson))

    def exact(x: FloatArray) -> FloatArray:
        """Boussinesq's displacement for a force along +z at the origin of the half-space z >= 0."""
        z, distance = x[:, 2], np.linalg.norm(x, axis=1)
        factor = force / (4 * np.pi * shear)
        across = z / distance**3 - (1 - 2 * poisson) / (distance * (distance + z))
        along = z**2 / distance**3 + 2 * (1 - poisson) / distance
        return factor * np.column_stack([across * x[:, 0], across * x[:, 1], along])

    def solve(count: int) -> tuple[float, float]:
        mesh = block((count, count, count), (1.0, 1.0, 1.0), fracture_depth=0.0)
        mesh = replace(mesh, points=mesh.points + np.array([1.0, -0.5, 0.5]))  # [1, 2] x [-0.5, 0.5] x [0, 1]
        bench = Bench(mesh, 2, {"body": young, "cement:bridge": young}, {"body": poisson, "cement:bridge": poisson})
        low, high = np.array([1.0, -0.5, -9.0]), np.array([2.0, 0.5, 1.0])  # the face z = 0 is free
        found = bench.solve([Bond(everywhere_outside(low, high), (0, 1, 2), exact)])
        return bench.error(found, exact), float(bench.value(found, (1.5, 0.0, 0.0))[0, 2])

    coarse, (fine, settlement) = solve(2)[0], solve(4)
    expected = float(exact(np.array([[1.5, 0.0, 0.0]]))[0, 2])
    return [
        Outcome("settlement of the free surface, mm", expected, settlement, 1e-3),
        Outcome("observed order in L2, order 2", 3.0, float(np.log2(coarse / fine)), 0.1),
    ]


def layered_sphere(
    inner: float, outer: float, pressure: float, materials: list[tuple[float, float, float]]
) -> Callable[[float], float]:
    """Radial displacement of a sphere of concentric layers under internal pressure (Lame in each layer, joined).

    u = A r + B / r^2 and sigma_r = 3 K A - 4 G B / r^3 in each layer; u and sigma_r are continuous between them.

    Args:
        inner: Inner radius, mm.
        outer: Outer radius, mm.
        pressure: MPa.
        materials: (outer radius, Young's modulus, Poisson's ratio) of each layer, from the inside.
    """
    count = len(materials)
    matrix, right = np.zeros((2 * count, 2 * count)), np.zeros(2 * count)

    def stress(layer: int, r: float) -> tuple[float, float]:
        _, young, poisson = materials[layer]
        return young / (1 - 2 * poisson), -2 * young / (1 + poisson) / r**3

    matrix[0, :2], right[0] = stress(0, inner), -pressure
    for i in range(count - 1):
        r = materials[i][0]
        matrix[2 * i + 1, 2 * i : 2 * i + 4] = (r, r**-2, -r, -(r**-2))
        a, b = stress(i, r), stress(i + 1, r)
        matrix[2 * i + 2, 2 * i : 2 * i + 4] = (*a, -b[0], -b[1])
    matrix[-1, -2:] = stress(count - 1, outer)
    constants = np.linalg.solve(matrix, right).reshape(-1, 2)

    def displacement(r: float) -> float:
        layer = next(i for i, (reach, _, _) in enumerate(materials) if r <= reach + 1e-9)
        return float(constants[layer] @ (r, r**-2))

    return displacement


def sphere_mesh(radii: FloatArray, count: int, change: float | None = None) -> ModelMesh:
    """An octant of a hollow sphere.

    Args:
        radii: Of its layers of nodes; the first face is ``pressed``, the last ``membrane``.
        count: Triangles along an edge of the octant.
        change: Radius beyond which cells are ``cement:shell``.
    """
    points, triangles = octant(count)
    grid = sweep(np.stack([radius * points for radius in radii]), triangles)

    def near(radius: float) -> Callable[[FloatArray], np.ndarray]:
        return lambda corners: (np.abs(np.linalg.norm(corners, axis=2) - radius) < 1e-9).all(axis=1)

    regions = np.ones(len(grid[1]), dtype=np.int64)
    if change is not None:
        layer = np.repeat(np.arange(len(radii) - 1), len(grid[1]) // (len(radii) - 1))
        regions[0.5 * (radii[1:] + radii[:-1])[layer] > change] = 10
    surfaces = {"pressed": near(radii[0]), "membrane": near(radii[-1])}
    return assemble_mesh(grid, surfaces, regions, {1: "body", 10: "cement:shell"})


SYMMETRIC = [Bond(plane(axis, 0.0), (axis,)) for axis in range(3)]


def check_thick_sphere() -> list[Outcome]:
    """A thick-walled sphere under internal pressure (Lame)."""
    young, poisson, pressure = 1000.0, 0.3, 10.0
    exact = layered_sphere(1.0, 2.0, pressure, [(2.0, young, poisson)])
    bench = Bench(sphere_mesh(np.geomspace(1.0, 2.0, 9), 16), 2, *_both(young, poisson))
    bench.pressure.value = pressure
    found = bench.solve(SYMMETRIC)
    return [
        Outcome(f"radial displacement at r = {radius:g}, mm", exact(radius), bench.value(found, (radius, 0.0, 0.0))[0, 0], 0.01)
        for radius in (1.0, 2.0)
    ]


def _both(young: float, poisson: float) -> tuple[dict[str, float], dict[str, float]]:
    return {"body": young, "cement:shell": young}, {"body": poisson, "cement:shell": poisson}


def check_thick_cylinder() -> list[Outcome]:
    """A thick-walled cylinder under internal pressure, plane strain (Lame)."""
    young, poisson, pressure, inner, outer = 1000.0, 0.3, 10.0, 1.0, 2.0
    angles = np.linspace(0.0, 0.5 * np.pi, 13)
    plane_points, triangles = sector(np.geomspace(inner, outer, 7), angles)
    ring = plane_points[1:], triangles[(triangles > 0).all(axis=1)] - 1
    grid = extrude(ring, np.array([0.0, 0.3]))

    def bore(corners: FloatArray) -> np.ndarray:
        return (np.abs(np.hypot(corners[:, :, 0], corners[:, :, 1]) - inner) < 1e-9).all(axis=1)

    bench = Bench(assemble_mesh(grid, {"pressed": bore}), 2, {"body": young}, {"body": poisson})
    bench.pressure.value = pressure
    found = bench.solve([*SYMMETRIC, Bond(plane(2, 0.3), (2,))])
    a = pressure * inner**2 / (outer**2 - inner**2)

    def exact(r: float) -> float:
        return (1 + poisson) / young * a * ((1 - 2 * poisson) * r + outer**2 / r)

    hoop = a * (1 + outer**2 / inner**2)
    return [
        Outcome("radial displacement at the bore, mm", exact(inner), bench.value(found, (inner, 0.0, 0.0))[0, 0], 0.01),
        Outcome("radial displacement outside, mm", exact(outer), bench.value(found, (outer, 0.0, 0.0))[0, 0], 0.01),
        Outcome("hoop stress at the bore, MPa", hoop, bench.stress(found, (inner, 0.0, 0.0))[1, 1], 0.03),
    ]


def check_two_materials() -> list[Outcome]:
    """A sphere of two layers, the inner fifty times softer: continuity of displacement and traction at their interface."""
    soft, stiff, pressure = (1.5, 100.0, 0.2), (2.0, 5000.0, 0.35), 5.0
    radii = np.concatenate([np.linspace(1.0, 1.5, 5), np.linspace(1.5, 2.0, 4)[1:]])
    exact = layered_sphere(1.0, 2.0, pressure, [soft, stiff])
    bench = Bench(
        sphere_mesh(radii, 16, change=1.5),
        2,
        {"body": soft[1], "cement:shell": stiff[1]},
        {"body": soft[2], "cement:shell": stiff[2]},
    )
    bench.pressure.value = pressure
    found = bench.solve(SYMMETRIC)
    return [
        Outcome(f"radial displacement at r = {radius:g}, mm", exact(radius), bench.value(found, (radius, 0.0, 0.0))[0, 0], 0.02)
        for radius in (1.0, 1.5, 2.0)
    ]


def check_membrane() -> list[Outcome]:
    """The cortex: a membrane on a sphere against the same shell resolved by Lame's solution of two layers.

    On a faceted sphere the corners of a membrane are stiffer than its faces (the deviation at a corner falls with the cell
    size, from 21 % at 8 to 6 % at 32 cells along a quarter circle), so that the mean over all corners is compared.
    """
    bone, shell, thickness, pressure = (2.0, 100.0, 0.3), (10000.0, 0.3), 0.02, 5.0
    exact = layered_sphere(1.0, 2.0 + thickness, pressure, [bone, (2.0 + thickness, *shell)])
    alone = layered_sphere(1.0, 2.0, pressure, [bone])
    bench = Bench(sphere_mesh(np.geomspace(1.0, 2.0, 15), 24), 1, *_both(*bone[1:]), membrane=(thickness, *shell))
    bench.pressure.value = pressure
    found = bench.solve(SYMMETRIC)
    places, values = bench.V.tabulate_dof_coordinates(), found.x.array.reshape(-1, 3)
    radii = np.linalg.norm(places, axis=1)
    outside = np.abs(radii - 2.0) < 1e-6
    outward = float((values * places).sum(axis=1)[outside].mean() / 2.0)
    return [
        Outcome("radial displacement at the bore, mm", exact(1.0), float(bench.value(found, (1.0, 0.0, 0.0))[0, 0]), 0.02),
        Outcome("mean radial displacement outside, mm", exact(2.0), outward, 0.02),
        Outcome("share of the bare sphere's expansion", exact(2.0) / alone(2.0), outward / alone(2.0), 0.02),
    ]
