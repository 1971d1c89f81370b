"""What is refused before a solve: floating fragments and loads without a surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sacrofem.catalogue.models import Interface
from sacrofem.errors import ModelError
from sacrofem.mechanics.posedness import find_fragments, require_well_posed
from sacrofem.mesh.model import ModelMesh
from tests.blocks import block


def law(name: str = "linear", open_fraction: float = 1e-4) -> Interface:
    return Interface(
        name="gap",
        title="",
        source="",
        law=name,
        normal_stiffness=2.0,
        tangential_stiffness=0.5,
        open_fraction=open_fraction,
    )


def without(mesh: ModelMesh, surface: str) -> ModelMesh:
    return replace(mesh, surfaces={**mesh.surfaces, surface: np.zeros((0, 3), dtype=np.int64)})


def test_a_full_fracture_makes_two_fragments_of_half_the_block() -> None:
    fragments = find_fragments(block(), block().host_regions, joined_when_open=True)
    assert [f.volume for f in fragments] == pytest.approx([1000.0, 1000.0])
    assert sorted(f.centroid[2] for f in fragments) == pytest.approx([-5.0, 5.0])
    assert all(f.fractures == ("gap",) and f.regions == ("body",) for f in fragments)


def test_interface_springs_join_the_fragments_into_one_group() -> None:
    assert len({f.group for f in find_fragments(block(), block().host_regions, joined_when_open=True)}) == 1
    assert len({f.group for f in find_fragments(block(), block().host_regions, joined_when_open=False)}) == 2


def test_a_partial_fracture_leaves_one_fragment() -> None:
    assert len(find_fragments(block(fracture_depth=0.5), block().host_regions, joined_when_open=False)) == 1


def test_active_cement_bridges_the_fracture_and_absent_cement_does_not() -> None:
    mesh = block(bridge=0.4)
    (whole,) = find_fragments(mesh, mesh.regions, joined_when_open=False)
    assert whole.regions == ("body", "cement:bridge")
    untreated = find_fragments(mesh, mesh.host_regions, joined_when_open=False)
    assert [f.regions for f in untreated] == [("body",), ("body",)]


@pytest.mark.parametrize("interface", [law(), law("compression_only")])
def test_a_fragment_held_by_springs_is_well_posed(interface: Interface) -> None:
    require_well_posed(block(), block().host_regions, interface)


def test_a_fragment_that_floats_when_the_fracture_opens_is_named() -> None:
    with pytest.raises(ModelError, match=r"1000 mm\^3 about \(5\.0, 5\.0, 5\.0\) mm, bounded by gap") as caught:
        require_well_posed(block(), block().host_regions, law("compression_only", open_fraction=0.0))
    assert "fragment of body" in str(caught.value)
    assert "1 of 2 fragments" in str(caught.value)


def test_a_bridged_fragment_needs_no_springs() -> None:
    require_well_posed(block(bridge=0.4), block(bridge=0.4).regions, law("compression_only", open_fraction=0.0))


def test_a_body_without_support_is_named() -> None:
    with pytest.raises(ModelError, match="not supported") as caught:
        require_well_posed(without(block(fracture_depth=0.0), "auricular_left"), block().host_regions, law())
    assert "2000 mm^3" in str(caught.value)


def test_a_load_without_a_surface_is_refused() -> None:
    with pytest.raises(ModelError, match="endplate"):
        require_well_posed(without(block(), "endplate"), block().host_regions, law())
