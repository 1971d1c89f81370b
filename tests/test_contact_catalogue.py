"""Friction comes to rest on every fracture of the catalogue, in dense bone and in weak."""

from __future__ import annotations

from pathlib import Path

# isort: split
import numpy as np
import pytest
from mpi4py import MPI

from sacrofem.catalogue import resolve_study
from sacrofem.catalogue.library import Library
from sacrofem.catalogue.models import Fracture, MeshSettings, Study, Treatment
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mesh.cache import load_or_build_mesh
from sacrofem.study.properties import case_partings, case_properties

_SIZES = MeshSettings(size=6.0, feature_size=3.5, sampling=1.5)
_FRACTURES = sorted(e.name for e in Library.standard(Path()).entries() if isinstance(e, Fracture) and e.sheets)


@pytest.mark.slow
@pytest.mark.parametrize("fracture", _FRACTURES)
def test_faces_come_to_rest_in_fifteen_steps(fracture: str) -> None:
    study = resolve_study(
        Study(
            name="rest",
            title="Friction",
            source="made for a test",
            fracture=fracture,
            treatments=(Treatment(name="untreated"),),
            bmd_levels=("normal", "severe"),
            loads=("standing", "walking_heel_strike"),
            density_law="dalstra1993",
            interface="frictional_granulation",
            support="sacroiliac_cartilage",
            mesh=_SIZES,
        )
    )
    mesh = load_or_build_mesh(study.anatomy, study.fracture, [], [], _SIZES)
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), 1, case_partings(study))
    for level in study.levels:
        model.set_properties(case_properties(study, level))
        for load in study.loads:
            solution = model.solve(650.0 * np.array(load.force))
            assert solution.contact_steps <= 15, (level.name, load.name)
            gaping = max(face.opening for face in solution.faces.values())
            assert max(face.penetration for face in solution.faces.values()) <= max(1e-3, 0.01 * gaping)
