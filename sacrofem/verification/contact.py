"""Contact against closed forms: a joint that lifts, and a sphere on a plane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from mpi4py import MPI

from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mesh.model import FloatArray, ModelMesh
from sacrofem.results.micromotion import Motion
from sacrofem.verification.blocks import block
from sacrofem.verification.grids import assemble_mesh, extrude, graded, nowhere, on_plane, sector
from sacrofem.verification.joints import motion_of, set_stiffness, solve_model
from sacrofem.verification.outcome import Outcome

_BODY, _GROUND = 1, 2
_SPOKES = 20


def check_lifting_joint() -> list[Outcome]:
    """Contact with a part that lifts: a stiff block on a joint that bears no tension, pressed out of its middle third.

    Statics alone gives the answer (as under a wall): pressed at a distance c from its edge, it bears on 3 c, and the edge is
    pressed with 2 F / (3 c b), so that it closes by that over the stiffness.
    """
    width, depth, force, stiffness = 12.0, 10.0, 100.0, 5.0
    mesh = block((24, 2, 4), (width, depth, 8.0))
    strip = mesh.points[mesh.surfaces["endplate"]][:, :, 0].max(axis=1) < 4.0 + 1e-9
    surfaces = mesh.surfaces | {"endplate": mesh.surfaces["endplate"][strip]}  # pressed on x < 4: c = 2
    mesh = ModelMesh(mesh.points, mesh.cells, mesh.regions, mesh.region_names, mesh.host_regions, surfaces)
    given = set_stiffness({"body": 1e5, "cement:bridge": 1e5}, 0.0, stiffness, 1e-3, law="compression_only")
    model, solution = solve_model(mesh, given, (0.0, 0.0, -force))
    motion = motion_of(model, solution)
    arm = 2.0
    reach = float(motion.areas[motion.opening < 0].sum()) / depth
    return [
        Outcome("length that bears, mm", 3 * arm, reach, 0.06),
        Outcome("closing at the edge, mm", 2 * force / (3 * arm * depth) / stiffness, _edge_closing(motion), 0.02),
        Outcome("bearing force, N", force, float(-motion.areas @ (stiffness * np.minimum(motion.opening, 0.0))), 0.02),
    ]


def _edge_closing(motion: Motion) -> float:
    """Closing at x = 0 by a straight line through the samples that are pressed."""
    pressed = motion.opening < -0.2 * np.abs(motion.opening.min())
    slope, at_edge = np.polyfit(motion.places[pressed, 0], motion.opening[pressed], 1)
    return float(-at_edge) if slope else 0.0


def check_hertz() -> list[Outcome]:
    """A half-space and a rigid sphere, by the gap r^2 / 2 R between plane faces of which one is rigid; without friction.

    Hertz: a^3 = 3 F R / 4 E*, p0 = 3 F / 2 pi a^2, p = p0 sqrt(1 - r^2 / a^2), E* = E / (1 - nu^2). The body is a cylinder of
    eight contact radii across and deep, which leaves a curvature of order (a / 8 a)^3 of its own. Radius and peak are fitted to
    the pressures within 0.9 a: p^2 is a straight line over r^2.
    """
    radius, size, young, poisson = 200.0, 10.0, 1000.0, 0.3
    modulus = young / (1.0 - poisson**2)
    force = 4.0 * modulus * size**3 / (3.0 * radius)
    places, pressures, weights = press_sphere(radius, force, size, young, poisson)
    away = np.hypot(places[:, 0], places[:, 1])
    within = away < 0.9 * size
    slope, square = np.polyfit(away[within] ** 2, pressures[within] ** 2, 1, w=np.sqrt(weights[within]))
    return [
        Outcome("radius of the contact, mm", size, float(np.sqrt(-square / slope)), 0.02),
        Outcome("peak pressure, MPa", 1.5 * force / (np.pi * size**2), float(np.sqrt(square)), 0.03),
        Outcome("force of the pressures, N", force, float(weights @ pressures), 1e-3),
        Outcome("pressure beyond 1.2 contact radii, MPa", 0.0, float(pressures[away > 1.2 * size].max()), 1e-12),
    ]


def press_sphere(
    radius: float, force: float, size: float, young: float, poisson: float, comm: MPI.Comm = MPI.COMM_SELF
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Press a cylinder of 8 ``size`` on a plane with the gap r^2 / 2 R.

    Args:
        radius: R, mm.
        force: N.
        size: Expected radius of the contact, which the mesh resolves with ten rings, mm.
        young: MPa.
        poisson: Poisson's ratio.
        comm: Communicator.

    Returns:
        (p, 3) places of this rank's points, (p,) pressures, MPa, and (p,) weights, mm^2.
    """
    fine = np.arange(1, 15) * 0.1 * size
    rings = np.concatenate([fine, fine[-1] + graded(8.0 * size - fine[-1], 8, 1.5)[1:]])
    disk = sector(rings, np.linspace(0.0, 2 * np.pi, _SPOKES + 1)[:-1], closed=True)
    top = 8.0 * size
    points, cells = extrude(disk, np.concatenate([[-0.5 * size], graded(top, 14, 1.35)]))
    ground = points[cells].mean(axis=1)[:, 2] < 0.0
    surfaces = {
        "cortex": nowhere(),
        "auricular_left": on_plane(2, -0.5 * size),
        "auricular_right": nowhere(),
        "endplate": on_plane(2, top),
        "fracture:gap": on_plane(2, 0.0),
    }
    mesh = assemble_mesh((points, cells), surfaces, np.where(ground, _GROUND, _BODY), {_BODY: "body", _GROUND: "ala"})
    stiff = {"body": young, "ala": 1e4 * young}
    given = set_stiffness(stiff, poisson, 500.0 * young / size, 1e-6 * young / size, law="compression_only")
    model = SacrumModel(distribute(mesh, comm), frozenset(), 1)
    model.interfaces.separate("gap", lambda places: np.sum(places[:, :2] ** 2, axis=1) / (2.0 * radius))
    # Faces that gape keep so little that it carries less than a thousandth of the force: the body floats until it touches.
    interface = given.interface.model_copy(update={"open_fraction": 1e-8})
    model.set_properties(replace(given, interface=interface))
    model.solve(np.array([0.0, 0.0, -force]))
    faces = model.interfaces
    return faces.points.places, faces.response.pressure, faces.points.weights.ravel()
