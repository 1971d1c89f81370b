"""The calibration of cartilage and ligaments, run coarse, and what cutting ligaments does; minutes."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

# isort: split
import numpy as np
import pytest
from mpi4py import MPI

from sacrofem.catalogue import load_study, resolve_study
from sacrofem.catalogue.library import Library
from sacrofem.catalogue.models import Anatomy, LigamentSet, Material, MeshSettings, Study
from sacrofem.mechanics.coupling import CoupledMatrix
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.flexibility import Flexibility
from sacrofem.mechanics.ligaments import couple_ligaments
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.patches import Patch
from sacrofem.mesh.build import mesh_features
from sacrofem.mesh.host import ring_host
from sacrofem.mesh.model import ModelMesh
from sacrofem.shapes.attachment import place_ligaments
from sacrofem.shapes.pelvic_ring import build_pelvic_ring
from sacrofem.study.properties import case_properties

SCRIPT = Path(__file__).parents[1] / "studies" / "sacroiliac_calibration.py"
LIBRARY = Library.standard()
ANATOMY, LIGAMENTS = LIBRARY.get(Anatomy, "female_elderly"), LIBRARY.get(LigamentSet, "pelvic")
CARTILAGE = LIBRARY.get(Material, "sacroiliac_cartilage_calibrated").young_modulus
COARSE = MeshSettings(size=6.0, feature_size=3.5, joint_size=3.0, sampling=1.5)


@pytest.fixture(scope="module")
def mesh() -> ModelMesh:
    return mesh_features(ring_host(build_pelvic_ring(ANATOMY)), [], [], COARSE)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sacroiliac_calibration", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_ring_is_calibrated_by_default() -> None:
    assert Study.model_fields["cartilage"].default == "sacroiliac_cartilage_calibrated"
    resolved = resolve_study(load_study("ring_standing").study.model_copy(update={"ligaments": "default"}))
    assert resolved.ligaments == LIGAMENTS
    assert LIGAMENTS.factor != 1.0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_packaged_figures_fit_as_well_as_the_best(script: ModuleType, mesh: ModelMesh) -> None:
    """The valley of the misfit is flat; packaged figures must lie in it, and most checks within 2 SD of the measurement."""
    found = script.main(mesh=mesh)
    bare = LIGAMENTS.model_copy(update={"factor": 1.0}).without("iliolumbar")
    bench = script.Bench(mesh, ANATOMY, bare, "both")
    assert script.misfit(bench, bench.condense(CARTILAGE), LIGAMENTS.factor) < found["misfit"] + 0.05
    assert 1.0 < found["cartilage"] < 6.0
    assert 0.1 < found["factor"] < 2.0
    for row in found["both"]:
        assert row["measured"] / 2.0 < row["computed"] < row["measured"] * 2.0
    inside = [abs(row["computed"] - row["measured"]) < 2.0 * row["sd"] for row in found["one"]]
    assert sum(inside) >= 3


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xfail(strict=True, reason="sacrospinous and sacrotuberous ligaments matter most here: docs/ligaments.md")
def test_posterior_ligaments_matter_more_than_sacrospinous_and_sacrotuberous_ones(mesh: ModelMesh) -> None:
    """Orthopedics 1995;18:271, 13 cadavers: by the work of the load in standing, each group cut by itself."""
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), 1)
    resolved = resolve_study(load_study("ring_standing"))
    coupling = couple_ligaments(model.V, mesh, place_ligaments(LIGAMENTS, ANATOMY), LIGAMENTS.tension_only)
    model.couple([coupling])
    model.set_properties(case_properties(resolved, resolved.levels[0]))
    model.assemble(renew=False)
    rows = model.patch_motions([Patch("endplate", mesh.surfaces["endplate"])]).rows
    condensed, force = Flexibility(model.coupled, rows), np.array([0.0, -390.0, 0.0, 0.0, 0.0, 0.0])

    def work(*cut: str) -> float:
        kept = np.array([0.0 if label.rsplit("_", 1)[0] in cut else 1.0 for label in coupling.labels])
        springs = CoupledMatrix(model.assembled, [replace(coupling, stiffness=coupling.stiffness * kept)])
        return float(force @ condensed.respond(force, springs)[0])

    low = work("sacrospinous", "sacrotuberous") / work() - 1.0
    posterior = work("interosseous_sacroiliac", "posterior_sacroiliac_short", "posterior_sacroiliac_long") / work() - 1.0
    assert posterior > low
