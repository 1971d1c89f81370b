"""Screws and cement that may part from bone, in a real sacrum: they come to rest, and hold less than bonded ones."""

from __future__ import annotations

import functools
from collections.abc import Callable

# isort: split
import numpy as np
import pytest
from mpi4py import MPI

from sacrofem.catalogue import resolve_study
from sacrofem.catalogue.models import MeshSettings, Study, Treatment
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.solution import Solution
from sacrofem.mesh.cache import load_or_build_mesh
from sacrofem.study.cases import active_regions
from sacrofem.study.properties import case_partings, case_properties

_SIZES = MeshSettings(size=6.0, feature_size=3.5, sampling=1.5)
_MOST_STEPS = 15

Property = Callable[[str, object], None]


@functools.cache
def solve(arm: str, interface: str, fracture_interface: str = "granulation", level: str = "severe") -> Solution:
    """One arm under a heel strike, its body's faces after a law."""
    arms = {"cement": Treatment(name="cement", cement=("long_axis_right",))}
    arms["screw"] = Treatment(name="screw", implants=("trans_sacral_s1",))
    study = resolve_study(
        Study(
            name="bodies",
            title="Bodies that part",
            source="made for a test",
            fracture="denis1_right",
            treatments=tuple(arms.values()),
            bmd_levels=(level,),
            loads=("walking_heel_strike",),
            density_law="dalstra1993",
            interface=fracture_interface,
            **{"screw": {"implant_interface": interface}, "cement": {"cement_interface": interface}}[arm],
            support="sacroiliac_cartilage",
            mesh=_SIZES,
        )
    )
    bodies = list(study.patterns.values()), list(study.implants.values())
    mesh = load_or_build_mesh(study.anatomy, study.fracture, *bodies, _SIZES)
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), active_regions(arms[arm]), 1, case_partings(study))
    model.set_properties(case_properties(study, study.levels[0]))
    model.assemble()
    return model.solve(650.0 * np.array(study.loads[0].force))


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["cement", "screw"])
@pytest.mark.parametrize("interface", ["interdigitated", "unilateral", "frictional"])
def test_bodies_come_to_rest_and_hold_less_than_bonded_ones(arm: str, interface: str, record_property: Property) -> None:
    solution, bonded = solve(arm, interface), solve(arm, "bonded")
    record_property("steps", solution.contact_steps)
    record_property("compliance against bonded", solution.work / bonded.work)
    record_property("faces", solution.faces)
    assert solution.contact_steps <= _MOST_STEPS
    assert solution.work > bonded.work
    assert solution.imbalance < 1e-6
    body = next(status for name, status in solution.faces.items() if name.startswith(f"{arm}:"))
    assert body.area > 100.0
    if interface != "interdigitated":
        assert 0.0 < body.open < 1.0
        assert body.penetration <= max(1e-3, 0.01 * max(face.opening for face in solution.faces.values()))


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["cement", "screw"])
def test_bodies_and_fracture_rub_together(arm: str, record_property: Property) -> None:
    solution = solve(arm, "frictional", "frictional_granulation")
    record_property("steps", solution.contact_steps)
    record_property("faces", solution.faces)
    assert solution.contact_steps <= _MOST_STEPS
    assert solution.dissipated > 0.0
