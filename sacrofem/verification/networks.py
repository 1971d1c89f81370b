"""Networks of springs that ligaments make, beside a fracture's own springs, against statics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from mpi4py import MPI

from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.ligaments import couple_ligaments
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.model import ModelMesh
from sacrofem.shapes.attachment import PlacedEnd, PlacedSpring
from sacrofem.verification.blocks import block
from sacrofem.verification.joints import set_stiffness
from sacrofem.verification.outcome import Outcome

_AREA, _NORMAL, _FOUNDATION = 100.0, 2.0, 50.0  # mm^2, MPa/mm, MPa/mm
_UPRIGHT, _SLANTED = 40.0, 60.0  # N/mm of each spring
_FORCE, _SLACK = 60.0, 0.1  # N, mm
#: Larger than the block: a spring's patch is the whole side of its half.
_WHOLE_SIDE = 100.0
_MIDDLES = {"front": (0.0, 5.0), "back": (10.0, 5.0), "left": (5.0, 0.0), "right": (5.0, 10.0)}


def _two_bones() -> ModelMesh:
    """The broken block with its halves as two bones, since springs go from bone to bone."""
    mesh = block((4, 4, 4))
    upper = mesh.points[mesh.cells].mean(axis=1)[:, 2] > 0.0
    hosts = np.where(upper, 1, 2)
    return replace(mesh, regions=hosts, host_regions=hosts, region_names={1: "body", 2: "iliac_right"})


def _spring(name: str, upper: str, lower: str, stiffness: float, rest: float) -> PlacedSpring:
    ends = [
        PlacedEnd(bone, np.array([*_MIDDLES[side], height]), _WHOLE_SIDE)
        for bone, side, height in (("hip_right", lower, -5.0), ("sacrum", upper, 5.0))
    ]
    return PlacedSpring(name, ends[0], ends[1], stiffness, rest)


def _pull(springs: list[PlacedSpring], tension_only: bool, force: float) -> Solution:
    mesh, stiff = _two_bones(), {"body": 1e6, "iliac_right": 1e6}
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), 1)
    model.couple([couple_ligaments(model.V, mesh, springs, tension_only)])
    model.set_properties(set_stiffness(stiff, 0.0, _NORMAL, 1.0, _FOUNDATION))
    model.assemble()
    return model.solve(np.array([0.0, 0.0, force]))


def check_network() -> list[Outcome]:
    """Springs upright and slanted from half to half of a stiff block, beside the springs of the fracture between the halves.

    With e the fracture's opening, k A e + n k_u (e - s) + m k_d cos^2 e = F: s the slack of springs that pull alone, which
    are out of it under pressure and before they are taut. The patches are the whole sides, 10 mm apart in height, so that
    slanted springs have a slope of 45 degrees.
    """
    upright = [_spring("upright", side, side, _UPRIGHT, _SLACK) for side in _MIDDLES]
    slanted = [_spring("slanted", *pair, _SLANTED, 0.0) for pair in (("front", "back"), ("back", "front"))]
    base, across = _FORCE / (_FOUNDATION * _AREA), _NORMAL * _AREA
    of_slanted = 0.5 * len(slanted) * _SLANTED  # cos^2 of 45 degrees
    of_upright = len(upright) * _UPRIGHT
    taut = (_FORCE + of_upright * _SLACK) / (across + of_slanted + of_upright)
    pulled, pressed = _pull([*upright, *slanted], True, _FORCE), _pull([*upright, *slanted], True, -_FORCE)
    joined = _pull([replace(spring, rest=0.0) for spring in [*upright, *slanted]], False, -_FORCE)
    both_ways = _FORCE / (across + of_slanted + of_upright) + base
    return [
        Outcome("pulled, all taut, mm", taut + base, pulled.work / _FORCE, 1e-3),
        Outcome("tension of the upright springs, N", of_upright * (taut - _SLACK), pulled.tensions["upright"], 2e-3),
        Outcome("tension of the slanted springs, N", 2 * _SLANTED * np.sqrt(0.5) * taut, pulled.tensions["slanted"], 2e-3),
        Outcome("pressed, none taut, mm", _FORCE / across + base, pressed.work / _FORCE, 1e-3),
        Outcome("tension when pressed, N", 0.0, sum(pressed.tensions.values()), 1e-9),
        Outcome("pressed, springs that also push, mm", both_ways, joined.work / _FORCE, 1e-3),
    ]
