"""Calibrate sacroiliac cartilage and ligaments against Miller et al. 1987, and check what was not fitted.

Miller JAA, Schultz AB, Andersson GBJ, J Orthop Res 1987;5(1):92-101, doi 10.1002/jor.1100050112: forces of 294 N and moments of
42 N m on the sacrum of cadavers of 59-74 years. Both ilia held: means as tabulated in J Healthcare Eng 2020, 5379593, Table 4,
the only data that is fitted. One ilium held: means and standard deviations of the abstract, a check.

Two factors are fitted: the modulus of the cartilage and one factor on the stiffness of all ligaments.

Run: uv run python studies/sacroiliac_calibration.py [--size 6] [--ligaments pelvic] [--axes pelvis]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace

import sacrofem.fem  # noqa: F401

# isort: split
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from sacrofem.catalogue import load_study, resolve_study
from sacrofem.catalogue.library import Library
from sacrofem.catalogue.models import Anatomy, LigamentSet, MeshSettings, Support
from sacrofem.mechanics.coupling import CoupledMatrix
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.flexibility import Flexibility
from sacrofem.mechanics.ligaments import couple_ligaments
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.patches import Patch
from sacrofem.mesh.bones import bone_regions
from sacrofem.mesh.build import mesh_features
from sacrofem.mesh.host import ring_host
from sacrofem.mesh.model import ModelMesh
from sacrofem.shapes.attachment import place_ligaments
from sacrofem.shapes.landmarks import Landmarks
from sacrofem.shapes.pelvic_ring import build_pelvic_ring
from sacrofem.study.properties import case_properties

FloatArray = NDArray[np.float64]

FORCE, MOMENT = 294.0, 42e3  # N, N mm
#: Bone is osteopenic (cadavers of 59-74 years); the result hardly depends on it.
LEVEL = "osteopenia"
#: L5 is not part of the set-up.
ABSENT = ("iliolumbar",)


@dataclass(frozen=True)
class Target:
    """One measured motion: (3,) force and moment on the sacrum, along its own axes, the component watched, and what was found.

    Attributes:
        name: Of the load.
        force: N, through the middle between the joints.
        moment: N mm.
        component: 0-2 translation, 3-5 rotation about the sacrum's x (anterior), y (superior), z (right).
        value: mm or degrees, positive along the load.
        deviation: Standard deviation; None where the source gives none.
    """

    name: str
    force: tuple[float, float, float]
    moment: tuple[float, float, float]
    component: int
    value: float
    deviation: float | None = None


#: Both ilia held. The source prints mm for all four; the rotations are taken as degrees (the moments' means with one ilium held
#: are degrees).
BOTH = (
    Target("superior", (0, FORCE, 0), (0, 0, 0), 1, 0.28),
    Target("anterior", (FORCE, 0, 0), (0, 0, 0), 0, 0.48),
    Target("flexion", (0, 0, 0), (0, 0, -MOMENT), 5, 1.31),
    Target("lateral bending", (0, 0, 0), (MOMENT, 0, 0), 3, 0.37),
)
#: The left ilium held: its joint alone carries the load. Medial is away from it, to the subject's right.
ONE = (
    Target("medial", (0, 0, FORCE), (0, 0, 0), 2, 0.76, 1.41),
    Target("anterior", (FORCE, 0, 0), (0, 0, 0), 0, 2.74, 1.07),
    Target("lateral bending", (0, 0, 0), (MOMENT, 0, 0), 3, 1.40, 0.71),
    Target("axial torsion", (0, 0, 0), (0, MOMENT, 0), 4, 6.21, 3.29),
)


class Bench:
    """A ring whose iliac wings are held, loaded and watched at its sacrum.

    Args:
        mesh: An intact ring.
        anatomy: The anatomy it was made of.
        ligaments: The set, as published.
        side: Which ilium is held.
        axes: Along which the sacrum is loaded and watched: its own (``sacrum``: y is the endplate's normal), or those of
            frame G (``pelvis``). The source of the measurements that could be read does not say; moments called lateral bending
            and axial torsion are those of a vertebra.
    """

    def __init__(self, mesh: ModelMesh, anatomy: Anatomy, ligaments: LigamentSet, side: str, axes: str = "pelvis") -> None:
        landmarks = Landmarks.of(anatomy)
        own = [landmarks.endplate_forward, landmarks.endplate_normal, np.array([0.0, 0.0, 1.0])]
        self.axes = np.stack(own, axis=1) if axes == "sacrum" else np.eye(3)
        self.anatomy, self.ligaments = anatomy, ligaments
        self.model = SacrumModel(distribute(mesh, MPI.COMM_WORLD), frozenset(), 1)
        support = Library.standard().get(Support, "both_ilia_fixed" if side == "both" else "one_ilium_fixed")
        study = load_study("ring_standing").study.model_copy(update={"bmd_levels": (LEVEL,), "ligaments": "none"})
        resolved = resolve_study(study)
        self.given = replace(case_properties(resolved, resolved.levels[0]), support=support)
        numbers = [number for number, name in mesh.region_names.items() if name in bone_regions(mesh, "sacrum")]
        cells = np.flatnonzero(np.isin(mesh.host_regions, numbers))
        self.motions = self.model.patch_motions([Patch("endplate", mesh.surfaces["endplate"]), Patch("sacrum", cells=cells)])
        middles = [
            mesh.points[np.unique(mesh.surfaces[f"joint:sacroiliac_{side}:first"])].mean(axis=0) for side in ("right", "left")
        ]
        self.centre = np.mean(middles, axis=0)
        placed = place_ligaments(ligaments, anatomy)
        self.coupling = couple_ligaments(self.model.V, mesh, placed, ligaments.tension_only)

    def condense(self, cartilage: float) -> Flexibility:
        """The bench with a modulus of the cartilage, MPa, condensed to sacrum and ligaments."""
        young = {**self.given.young, "sacroiliac_right": cartilage, "sacroiliac_left": cartilage}
        self.model.couple([self.coupling])
        self.model.set_properties(replace(self.given, young=young))
        self.model.assemble(renew=False)
        return Flexibility(self.model.coupled, self.motions.rows)

    def springs(self, factor: float) -> CoupledMatrix:
        """The ligaments with a factor on their stiffness; preloads stay."""
        assert self.coupling.rest is not None
        scaled = np.minimum(self.coupling.rest, 0.0) / factor + np.maximum(self.coupling.rest, 0.0)
        return CoupledMatrix(
            self.model.assembled, [replace(self.coupling, stiffness=factor * self.coupling.stiffness, rest=scaled)]
        )

    def measure(self, flexibility: Flexibility, factor: float, target: Target) -> float:
        """The target's motion at the middle between the joints, mm or degrees."""
        endplate, sacrum = self.motions.centres
        force = self.axes @ target.force
        moment = self.axes @ target.moment + np.cross(self.centre - endplate, force)
        forces = np.concatenate([force, moment, np.zeros(6)])
        moved, _ = flexibility.respond(forces, self.springs(factor))
        turn = moved[9:12]
        shift = moved[6:9] + np.cross(turn, self.centre - sacrum)
        motion = np.concatenate([self.axes.T @ shift, self.axes.T @ np.degrees(turn)])
        sign = np.sign(np.concatenate([target.force, target.moment])[target.component])
        return float(sign * motion[target.component])


def misfit(bench: Bench, flexibility: Flexibility, factor: float) -> float:
    """Sum of squared logarithms of computed over measured."""
    return float(sum(np.log(max(bench.measure(flexibility, factor, t), 1e-6) / t.value) ** 2 for t in BOTH))


def fit(bench: Bench) -> tuple[float, float, float]:
    """Modulus of the cartilage, MPa, factor on the ligaments, and the misfit, by nested searches over their logarithms."""
    best: dict[float, tuple[float, float]] = {}

    def over_modulus(log_modulus: float) -> float:
        flexibility = bench.condense(float(np.exp(log_modulus)))
        found = minimize_scalar(
            lambda log_factor: misfit(bench, flexibility, float(np.exp(log_factor))),
            bounds=np.log([0.005, 3.0]), method="bounded", options={"xatol": 0.01},
        )  # fmt: skip
        best[log_modulus] = (float(found.fun), float(np.exp(found.x)))
        say(f"cartilage {np.exp(log_modulus):6.2f} MPa: ligaments x {best[log_modulus][1]:.3f}, misfit {found.fun:.4f}")
        return float(found.fun)

    found = minimize_scalar(over_modulus, bounds=np.log([0.3, 12.0]), method="bounded", options={"xatol": 0.05})
    log_modulus = min(best, key=lambda key: best[key][0])
    return float(np.exp(log_modulus)), best[log_modulus][1], float(found.fun)


def tabulate(bench: Bench, targets: tuple[Target, ...], cartilage: float, factor: float) -> list[dict[str, object]]:
    """Measured and computed motion of every target."""
    flexibility = bench.condense(cartilage)
    rows = []
    for target in targets:
        got = bench.measure(flexibility, factor, target)
        rows.append({"load": target.name, "measured": target.value, "sd": target.deviation, "computed": round(got, 3)})
        spread = f" +- {target.deviation:.2f}" if target.deviation else ""
        say(f"  {target.name:16s} measured {target.value:.2f}{spread}, computed {got:.2f}")
    return rows


def say(text: str) -> None:
    """Print from rank 0, at once."""
    if MPI.COMM_WORLD.rank == 0:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def main(size: float = 6.0, name: str = "pelvic", axes: str = "pelvis", mesh: ModelMesh | None = None) -> dict[str, object]:
    """Calibrate, print the tables, and give what was found."""
    library = Library.standard()
    anatomy = library.get(Anatomy, "female_elderly")
    ligaments = library.get(LigamentSet, name)
    ligaments = ligaments.model_copy(update={"factor": 1.0})  # as published
    ligaments = ligaments.without(*(absent for absent in ABSENT if absent in {item.name for item in ligaments.ligaments}))
    if mesh is None:
        settings = MeshSettings(size=size, feature_size=3.5, joint_size=0.5 * size, sampling=1.5)
        mesh = mesh_features(ring_host(build_pelvic_ring(anatomy)), [], [], settings)
    say(f"{len(mesh.cells)} tetrahedra, {len(mesh.points)} nodes")
    bench = Bench(mesh, anatomy, ligaments, "both", axes)
    cartilage, factor, left = fit(bench)
    say(f"cartilage {cartilage:.2f} MPa, ligaments x {factor:.3f}, misfit {left:.4f}")
    say("both ilia held (fitted)")
    both = tabulate(bench, BOTH, cartilage, factor)
    say("one ilium held (check)")
    one = tabulate(Bench(mesh, anatomy, ligaments, "left", axes), ONE, cartilage, factor)
    return {"cartilage": cartilage, "factor": factor, "misfit": left, "both": both, "one": one, "cells": len(mesh.cells)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=float, default=6.0, help="mesh size, mm")
    parser.add_argument("--ligaments", default="pelvic", help="ligament set")
    parser.add_argument("--axes", default="pelvis", choices=("pelvis", "sacrum"), help="axes of loads and motions")
    given = parser.parse_args()
    say(json.dumps(main(given.size, given.ligaments, given.axes)))
