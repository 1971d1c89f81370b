"""The benchmark's refined mesh is the same body: volume, regions and surfaces stay, and it is conforming."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.refinement import refine
from sacrofem.mesh.facets import facet_areas, facet_keys, list_facets
from tests.blocks import block


def test_a_refined_block_is_the_same_body() -> None:
    coarse = block((2, 3, 4), bridge=0.4)
    fine = refine(coarse)
    assert len(fine.cells) == 8 * len(coarse.cells)
    assert fine.volumes().min() > 0.0
    for number in coarse.region_names:
        volumes = [mesh.volumes()[mesh.regions == number].sum() for mesh in (coarse, fine)]
        assert volumes[1] == pytest.approx(volumes[0], rel=1e-12)
    facets = list_facets(fine.cells)
    known = facet_keys(np.concatenate([facets.outer, facets.inner]), len(fine.points))
    for name, triangles in fine.surfaces.items():
        assert len(triangles) == 4 * len(coarse.surfaces[name])
        assert np.isin(facet_keys(triangles, len(fine.points)), known).all(), name
        areas = [facet_areas(mesh.points, mesh.surfaces[name]).sum() for mesh in (coarse, fine)]
        assert areas[1] == pytest.approx(areas[0], rel=1e-12)
    # Conforming: the outer facets are those of the coarse block cut in four, and no more.
    assert len(facets.outer) == 4 * len(list_facets(coarse.cells).outer)
