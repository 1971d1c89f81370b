"""The patch test for stacked materials and for faces that press: even pressure stays even, whatever the cells look like."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sacrofem.mesh.model import ModelMesh
from sacrofem.verification.blocks import block
from sacrofem.verification.joints import motion_of, set_stiffness, solve_model
from sacrofem.verification.outcome import Outcome

_LOWER, _UPPER = 100.0, 5000.0  # MPa
_FORCE, _AREA, _HALF = 60.0, 100.0, 10.0  # N, mm^2, mm
_NORMAL, _FOUNDATION = 20.0, 50.0  # MPa/mm


def _distorted_stack() -> ModelMesh:
    """The broken block, soft below and stiff above; nodes inside are moved, those on the fracture within it."""
    mesh = block((4, 4, 6))
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    inner = ((mesh.points > low + 1e-9) & (mesh.points < high - 1e-9)).all(axis=1)
    moves = np.random.default_rng(2).uniform(-0.4, 0.4, mesh.points.shape) * inner[:, None]
    moves[np.abs(mesh.points[:, 2]) < 1e-9, 2] = 0.0
    regions = np.where(mesh.points[mesh.cells].mean(axis=1)[:, 2] > 0.0, 2, 1)
    names = {1: "body", 2: "ala"}
    return replace(mesh, points=mesh.points + moves, regions=regions, host_regions=regions, region_names=names)


def check_stack() -> list[Outcome]:
    """A stack of two materials with a fracture between them under even pressure: shortening, and the closing at every point."""
    pressure = _FORCE / _AREA
    closing = pressure / _NORMAL
    whole = pressure * (_HALF / _LOWER + _HALF / _UPPER + 1 / _FOUNDATION) + closing
    mesh = _distorted_stack()
    outcomes = []
    for order in (1, 2):
        for law in ("linear", "compression_only"):
            given = set_stiffness({"body": _LOWER, "ala": _UPPER}, 0.0, _NORMAL, 1.0, _FOUNDATION, law)
            model, solution = solve_model(mesh, given, (0.0, 0.0, -_FORCE), order)
            opening = motion_of(model, solution).opening
            worst = float(opening[np.argmax(np.abs(opening + closing))])
            what = f"{law.replace('_', ' ')}, order {order}"
            outcomes += [
                Outcome(f"shortening, {what}, mm", whole, solution.work / _FORCE, 1e-7),
                Outcome(f"opening where it is furthest off, {what}, mm", -closing, worst, 1e-6),
            ]
    return outcomes
