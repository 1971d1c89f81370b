"""The product's whole model against closed forms: springs, thin layers, a screw-like core, sandwich faces."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

from sacrofem.catalogue.models import Interface, Support
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.properties import Properties
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.model import ModelMesh
from sacrofem.results.gathering import gather_fields
from sacrofem.results.micromotion import Motion, sample_motion
from sacrofem.verification.blocks import block
from sacrofem.verification.grids import assemble_mesh, extrude, nowhere, on_plane, sector
from sacrofem.verification.outcome import Outcome

_RIGID = 1e6  # MPa/mm: support springs that do not show
_NO_CORTEX = 1e-9  # mm


def set_stiffness(
    young: dict[str, float],
    poisson: float,
    normal: float = 1.0,
    tangential: float = 1.0,
    foundation: float = _RIGID,
    law: str = "linear",
    cortex: tuple[float, float] = (_NO_CORTEX, 1.0),
) -> Properties:
    """Properties of a check: moduli (MPa), springs (MPa/mm), thickness (mm) and modulus (MPa) of the cortex."""
    given = {"law": law, "normal_stiffness": normal, "tangential_stiffness": tangential}
    interface = Interface.model_validate({"name": "gap", "title": "", "source": "", **given})
    return Properties(
        young=young,
        poisson=dict.fromkeys(young, poisson),
        cortical_thickness=cortex[0],
        cortical_modulus=cortex[1],
        cortical_poisson_ratio=0.0,
        interface=interface,
        support=Support(name="base", title="", source="", normal_stiffness=foundation, tangential_stiffness=foundation),
    )


def solve_model(
    mesh: ModelMesh, given: Properties, force: tuple[float, float, float], order: int = 1, active: frozenset[str] = frozenset()
) -> tuple[SacrumModel, Solution]:
    """Solve a mesh as the product does: model, properties, assembly, solve."""
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), active, order)
    model.set_properties(given)
    model.assemble()
    return model, model.solve(np.asarray(force))


def motion_of(model: SacrumModel, solution: Solution) -> Motion:
    """The motion of the fracture called ``gap``."""
    fields = gather_fields(model, solution.displacement)
    assert fields is not None
    return sample_motion(fields, "gap")


def _endplate_motion(solution: Solution, force: tuple[float, float, float]) -> float:
    """Mean displacement of the endplate along the force, mm."""
    return solution.work / float(np.linalg.norm(force))


def check_springs() -> list[Outcome]:
    """Springs in a row and side by side: a bar on its foundation, with a fracture across it, and with half of it bridged."""
    area, length, young, normal, foundation = 100.0, 20.0, 1e5, 2.0, 50.0
    stiff = {"body": young, "cement:bridge": young}
    bar = set_stiffness(stiff, 0.0, normal, 0.5, foundation)
    force = (0.0, 0.0, 60.0)
    row = force[2] / area * (1 / normal + 1 / foundation + length / young)
    along = force[2] / area * (1 / 0.5 + 1 / foundation)
    _, solution = solve_model(block(), bar, force)
    sheared, slid = solve_model(block(size=(10.0, 10.0, 0.2)), bar, (60.0, 0.0, 0.0))
    return [
        Outcome("in a row, mm", row, _endplate_motion(solution, force), 1e-6),
        Outcome("in a row along the fracture, mm", along, _endplate_motion(slid, (60.0, 0.0, 0.0)), 1e-3),
        Outcome("slide of the fracture, mm", 60.0 / area / 0.5, _mean_slide(sheared, slid), 1e-3),
        Outcome("reaction of the foundation, N", force[2], solution.reaction[2], 1e-7),
    ]


def _mean_slide(model: SacrumModel, solution: Solution) -> float:
    motion = motion_of(model, solution)
    return float(motion.areas @ motion.sliding / motion.areas.sum())


def check_thin_layer() -> list[Outcome]:
    """A soft layer of thickness t against an interface of stiffness E/t across and G/t along: they meet as t goes to 0."""
    young, soft, force = 1000.0, 2.0, (20.0, 0.0, 60.0)
    interface = []
    layered = []
    for thickness in (0.4, 0.1):
        below = np.linspace(-10.0, -0.5 * thickness, 6)
        grid_heights = np.concatenate([below, -below[::-1]])
        flat = block((4, 4, 2), (10.0, 10.0, 2.0), fracture_depth=0.0)
        plan = flat.points[np.abs(flat.points[:, 2] + 1.0) < 1e-9][:, :2]
        triangles = _triangles(5)
        points, cells = extrude((plan, triangles), grid_heights)
        middle = np.abs(points[cells].mean(axis=1)[:, 2]) < 0.5 * thickness
        surfaces = {
            "cortex": nowhere(),
            "auricular_left": on_plane(2, -10.0),
            "auricular_right": nowhere(),
            "endplate": on_plane(2, 10.0),
        }
        mesh = assemble_mesh((points, cells), surfaces, np.where(middle, 2, 1), {1: "body", 2: "ala"})
        _, solution = solve_model(mesh, set_stiffness({"body": young, "ala": soft}, 0.0), force)
        layered.append(_endplate_motion(solution, force))
        given = set_stiffness({"body": young, "cement:bridge": young}, 0.0, soft / thickness, 0.5 * soft / thickness)
        _, solution = solve_model(block((4, 4, 10)), given, force)
        interface.append(_endplate_motion(solution, force))
    return [
        Outcome(f"motion of the endplate, layer of {thickness} mm, mm", thick, thin, tolerance)
        for thickness, thick, thin, tolerance in zip((0.4, 0.1), layered, interface, (0.03, 0.01), strict=True)
    ]


def _triangles(count: int) -> np.ndarray:
    node = np.arange(count * count).reshape(count, count)
    a, b, c, d = (part.ravel() for part in (node[:-1, :-1], node[1:, :-1], node[1:, 1:], node[:-1, 1:]))
    return np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])


def check_core() -> list[Outcome]:
    """A cantilever of bone with a titanium core, as a screw in a bar: bending and stretch stiffness of the composite section."""
    radius, core, length, soft, stiff = 5.0, 2.0, 50.0, 300.0, 110000.0
    rings = np.array([0.5 * core, core, 0.5 * (core + radius), radius])
    disk = sector(rings, np.linspace(0.0, 2 * np.pi, 13)[:-1], closed=True)
    points, cells = extrude(disk, np.linspace(0.0, length, 17))
    centroids = points[cells].mean(axis=1)
    regions = np.where(np.hypot(centroids[:, 0], centroids[:, 1]) < 0.98 * core, 50, 1)
    surfaces = {
        "cortex": nowhere(),
        "auricular_left": on_plane(2, 0.0),
        "auricular_right": nowhere(),
        "endplate": on_plane(2, length),
    }
    mesh = assemble_mesh((points, cells), surfaces, regions, {1: "body", 50: "screw:core"})
    given = set_stiffness({"body": soft, "screw:core": stiff}, 0.3)
    # Sections are polygons of 12 sides: area n/2 r^2 sin(a), second moment n/24 r^4 (2 sin a + sin 2a / 2), a = 2 pi / n.
    angle = 2 * np.pi / 12
    area, moment = 6 * np.sin(angle), 12 / 48 * (4 * np.sin(angle) + np.sin(2 * angle))
    bending = moment * (soft * (radius**4 - core**4) + stiff * core**4)
    stretching = area * (soft * (radius**2 - core**2) + stiff * core**2)
    outcomes = []
    bend, pull = (10.0, 0.0, 0.0), (0.0, 0.0, 1000.0)
    model, solution = solve_model(mesh, given, bend, 2, frozenset({"screw:core"}))
    outcomes.append(Outcome("deflection, mm", 10.0 * length**3 / (3 * bending), _endplate_motion(solution, bend), 0.03))
    solution = model.solve(np.asarray(pull))
    outcomes.append(
        Outcome("stretch of the core, mm", 1000.0 * length / stretching, _core_stretch(model, solution, length), 0.03)
    )
    return outcomes


def _core_stretch(model: SacrumModel, solution: Solution, length: float) -> float:
    """Stretch of the axis over the middle half, for the whole length (the load reaches the core over the end's quarter)."""
    places, values = model.V.tabulate_dof_coordinates(), solution.displacement.x.array.reshape(-1, 3)

    def along(height: float) -> float:
        return float(values[np.argmin(np.linalg.norm(places - np.array([0.0, 0.0, height]), axis=1)), 2])

    return 2 * (along(0.75 * length) - along(0.25 * length))


def check_sandwich() -> list[Outcome]:
    """A cantilever whose faces are membranes: bending stiffness of core and faces."""
    width, height, length, soft, stiff, thickness = 10.0, 10.0, 200.0, 1000.0, 12000.0, 0.5
    mesh = block((2, 4, 32), (width, height, length), fracture_depth=0.0)
    sides = mesh.points[mesh.surfaces["cortex"]][:, :, 1]
    faces = (np.ptp(sides, axis=1) < 1e-9) & ((sides[:, 0] < 1e-9) | (sides[:, 0] > height - 1e-9))
    surfaces = mesh.surfaces | {"cortex": mesh.surfaces["cortex"][faces]}
    mesh = ModelMesh(mesh.points, mesh.cells, mesh.regions, mesh.region_names, mesh.host_regions, surfaces)
    given = set_stiffness({"body": soft, "cement:bridge": soft}, 0.0, cortex=(thickness, stiff))
    force = (0.0, 10.0, 0.0)
    _, solution = solve_model(mesh, given, force, 2)
    bending = soft * width * height**3 / 12 + 2 * stiff * thickness * width * (0.5 * height) ** 2
    shearing = 5 / 6 * 0.5 * soft * width * height
    expected = force[1] * length**3 / (3 * bending) + force[1] * length / shearing
    return [Outcome("deflection, mm", expected, _endplate_motion(solution, force), 0.01)]
