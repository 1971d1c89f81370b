"""The cortex as a membrane on a solid against the same layer meshed as solid cells, in bending and in torsion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sacrofem.loads.parts import LoadPart
from sacrofem.mesh.model import FloatArray, ModelMesh
from sacrofem.verification.grids import Chooser, assemble_mesh, extrude, nowhere, on_plane, rectangle
from sacrofem.verification.joints import set_stiffness, solve_model
from sacrofem.verification.outcome import Outcome

_WIDTH, _LENGTH = 10.0, 60.0  # mm
_CORE, _SHELL, _POISSON = 500.0, 12000.0, 0.3  # MPa: soft bone and cortex
_FOUNDATION = 1e4  # MPa/mm, under either bar
_BEND = np.array([0.0, 10.0, 0.0])  # N on the free end
_TWIST = np.array([0.0, 0.0, 500.0])  # N mm about the axis


def _on_sides(reach: float) -> Chooser:
    """Facets on the four long sides of a bar of half-width ``reach``."""
    return lambda corners: (np.abs(np.abs(corners[:, :, :2]) - reach) < 1e-9).all(axis=1).any(axis=1)


def _bar(places: FloatArray, layer: float) -> ModelMesh:
    """A square bar about the z axis, held at z = 0; cells in the outermost ``layer`` mm are a region of their own."""
    points, cells = extrude(rectangle(places, places), np.linspace(0.0, _LENGTH, 17))
    outermost = np.abs(points[cells].mean(axis=1)[:, :2]).max(axis=1) > places[-1] - layer
    ends = {"auricular_left": on_plane(2, 0.0), "auricular_right": nowhere(), "endplate": on_plane(2, _LENGTH)}
    surfaces = {"cortex": _on_sides(float(places[-1])), **ends}
    return assemble_mesh((points, cells), surfaces, np.where(outermost, 2, 1), {1: "body", 2: "ala"})


def _yield_to_loads(mesh: ModelMesh, thickness: float) -> tuple[float, float]:
    """Deflection (mm) and twist (radian) of the free end, with a membrane of a thickness on the sides."""
    given = set_stiffness({"body": _CORE, "ala": _SHELL}, _POISSON, foundation=_FOUNDATION, cortex=(thickness, _SHELL))
    given = replace(given, cortical_poisson_ratio=_POISSON)
    model, bent = solve_model(mesh, given, tuple(_BEND), 2)
    twisted = model.solve([LoadPart("twist", "endplate", np.zeros(3), moment=_TWIST)])
    return bent.work / float(_BEND[1]), twisted.work / float(_TWIST[2])


def check_layered_shell() -> list[Outcome]:
    """A square bar of soft bone in a stiff shell: a membrane in the shell's middle surface against the shell itself, meshed.

    Under the membrane there is half a thickness more of soft bone than under the shell, and the membrane itself does not
    bend: both differences go with the thickness.
    """
    outcomes = []
    for thickness, tolerance in ((0.4, 0.05), (0.2, 0.02)):
        half = 0.5 * _WIDTH
        inner = np.linspace(-(half - 0.5 * thickness), half - 0.5 * thickness, 5)
        layered = _bar(np.concatenate([[-half - 0.5 * thickness], inner, [half + 0.5 * thickness]]), thickness)
        thick = _yield_to_loads(layered, 1e-9)
        thin = _yield_to_loads(_bar(np.linspace(-half, half, 5), 0.0), thickness)
        outcomes += [
            Outcome(f"{what}, shell of {thickness} mm, {unit}", expected, got, tolerance)
            for what, unit, expected, got in zip(("deflection", "twist"), ("mm", "radian"), thick, thin, strict=True)
        ]
    return outcomes
