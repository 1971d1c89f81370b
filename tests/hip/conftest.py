"""The female template's hip bone and ring, built once; a report of what was measured (shown by ``pytest -s``)."""

from __future__ import annotations

import sys

import pytest

from sacrofem.catalogue.library import Library
from sacrofem.catalogue.models import Anatomy
from sacrofem.mesh.surface import Surface, contour_shape
from sacrofem.shapes.hip.parameters import HipParameters
from sacrofem.shapes.pelvic_ring import PelvicRing, build_pelvic_ring


@pytest.fixture(scope="session")
def anatomy() -> Anatomy:
    return Library.standard().get(Anatomy, "female_elderly")


@pytest.fixture(scope="session")
def given(anatomy: Anatomy) -> dict:
    assert anatomy.hip
    return anatomy.hip.model_dump(mode="json")


@pytest.fixture(scope="session")
def parameters(anatomy: Anatomy) -> HipParameters:
    assert anatomy.hip
    return HipParameters.of(anatomy.hip, anatomy.landmarks)


@pytest.fixture(scope="session")
def ring(anatomy: Anatomy) -> PelvicRing:
    return build_pelvic_ring(anatomy)


@pytest.fixture(scope="session")
def surface(ring: PelvicRing) -> Surface:
    return contour_shape(ring.hip_right, ring.right.bounds, 1.25)


@pytest.fixture(scope="module")
def report():
    """Collect measured values; shown by `pytest -s`."""
    rows: list[tuple[str, float, str]] = []
    yield lambda name, value, expected: rows.append((name, float(value), expected))
    sys.stdout.write("\n" + "\n".join(f"| {n} | {v:.1f} | {e} |" for n, v, e in rows) + "\n")
