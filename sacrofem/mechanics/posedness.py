"""Before any solve: whether every fragment of bone is held, and whether the load has a surface to act on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from sacrofem.catalogue.models import Interface, Support
from sacrofem.errors import ModelError, explain
from sacrofem.mechanics.facets import facets_of
from sacrofem.mechanics.supports import held_surfaces, support_surfaces
from sacrofem.mechanics.treatment import find_body_cuts, find_cuts
from sacrofem.mesh.facets import Facets, facet_keys, find_inner
from sacrofem.mesh.model import ModelMesh

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Fragment:
    """A piece of the model that no fracture divides.

    Attributes:
        regions: Names of its regions as solved, ascending.
        volume: mm^3.
        centroid: (3,) mm, frame G.
        fractures: Names of the fractures, and of the bodies whose faces may part, that bound it.
        supported_facets: Supported surface -> number of the fragment's facets on it, without those it has none on.
        group: Fragments of one group are joined by interface springs.
    """

    regions: tuple[str, ...]
    volume: float
    centroid: FloatArray
    fractures: tuple[str, ...]
    supported_facets: dict[str, int]
    group: int


def find_fragments(
    mesh: ModelMesh,
    regions: IntArray,
    joined_when_open: bool,
    support: Support | None = None,
    bodies: Mapping[str, bool] | None = None,
    bonded: bool = False,
) -> list[Fragment]:
    """Find the pieces into which the fractures divide a model; serial, plain arrays.

    Cells are joined through facets. Pieces that touch in an edge or a vertex alone are two fragments: such a
    hinge leaves a rotation free.

    Args:
        mesh: The model mesh.
        regions: (m,) region numbers as solved, bone where a treatment is absent; a fracture facet between two
            cells that are not bone is welded.
        joined_when_open: Whether an open fracture still carries stiffness, so that its springs hold a
            fragment.
        support: Decides which surfaces are supported; None: one of the usual kind.
        bodies: Kinds of bodies (``cement``, ``screw``) whose faces against bone may part -> whether parted faces still
            carry stiffness.
        bonded: Whether fractures never part.

    Returns:
        The fragments, the largest first.
    """
    facets = facets_of(mesh.cells)
    cuts = find_cuts(mesh, regions, bonded)
    body_cuts = find_body_cuts(mesh, regions, bodies or {})
    still_joined = dict.fromkeys(cuts, joined_when_open) | {name: (bodies or {})[name.split(":")[0]] for name in body_cuts}
    cuts |= body_cuts
    joined = np.ones(len(facets.inner), dtype=bool)
    for cut in cuts.values():
        joined[find_inner(facets, cut.movable)] = False
    count, piece = _components(facets.inner_cells[joined], len(mesh.cells))
    beside = {name: piece[cut.sides[~cut.welded]] for name, cut in cuts.items()}
    springs = np.concatenate(
        [np.zeros((0, 2), dtype=np.int64), *(pieces for name, pieces in beside.items() if still_joined[name])]
    )
    _, group = _components(springs, count)
    supports = _supported_cells(mesh, facets, support)
    volumes = np.abs(mesh.volumes())
    centroids = mesh.points[mesh.cells].mean(axis=1)
    fragments = []
    for number in range(count):
        inside = piece == number
        fragments.append(
            Fragment(
                regions=tuple(sorted(mesh.region_names[int(r)] for r in np.unique(regions[inside]))),
                volume=float(volumes[inside].sum()),
                centroid=np.average(centroids[inside], axis=0, weights=volumes[inside]),
                fractures=tuple(name for name, pieces in beside.items() if (pieces == number).any()),
                supported_facets={
                    name: held for name, cells in supports.items() if (held := int(np.count_nonzero(piece[cells] == number)))
                },
                group=int(group[number]),
            )
        )
    return sorted(fragments, key=lambda fragment: -fragment.volume)


def require_well_posed(
    mesh: ModelMesh,
    regions: IntArray,
    interface: Interface,
    support: Support | None = None,
    body_interfaces: Mapping[str, Interface] | None = None,
) -> None:
    """Refuse a model that has a floating fragment or nothing to load.

    A foundation with normal and tangential stiffness over one facet holds all six rigid motions, and so do interface springs
    over one facet; thus a fragment is held if springs lead from it to a supported facet. A frictionless socket holds a point:
    only both together, with their torsion springs, hold a fragment.

    Args:
        mesh: The model mesh.
        regions: (m,) region numbers as solved.
        interface: Law of the fractures.
        support: Springs on the supported surfaces (None: a foundation with tangential stiffness).
        body_interfaces: Kind of body -> law of its faces against bone, where they may part.

    Raises:
        ModelError: names the surface that is missing, or the regions, volume and place of every fragment
            that floats.
    """
    surfaces = held_surfaces(mesh, support)
    there = [name for name, facets in support_surfaces(mesh).items() if len(facets)]
    if support is not None and not set(surfaces) & set(there):
        raise ModelError(
            explain(
                "The support does not fit what is modelled.",
                where=f"support {support.name!r}, acts_on",
                got=f"{support.acts_on}, side {support.side}",
                allowed=" or ".join(name for name, facets in support_surfaces(mesh).items() if len(facets))
                or "a surface of the mesh",
                next_step="name a support for this extent: `sacrofem list` shows them",
            )
        )
    if not len(mesh.surfaces.get("endplate", ())):
        raise ModelError(
            explain(
                "The load has no surface to act on.",
                where="surface endplate",
                got="no facets",
                allowed="at least one facet",
                next_step="check the anatomy's S1 landmarks, or use a smaller mesh.size",
            )
        )
    bodies = {kind: law.holds_when_open for kind, law in (body_interfaces or {}).items() if law.law != "bonded"}
    fragments = find_fragments(mesh, regions, interface.holds_when_open, support, bodies, interface.law == "bonded")
    needed = 2 if support is not None and support.tangential_stiffness == 0.0 else 1
    reached: dict[int, set[str]] = {}
    for fragment in fragments:
        reached.setdefault(fragment.group, set()).update(fragment.supported_facets)
    floating = [fragment for fragment in fragments if len(reached[fragment.group]) < needed]
    if floating:
        raise ModelError(
            explain(
                "A part of the model is not supported: it can move without deforming.",
                where="; ".join(_describe(fragment) for fragment in floating),
                got=f"{len(floating)} of {len(fragments)} fragments have no springs to {'a support' if needed == 1 else 'both'}",
                allowed=f"each has facets on {(' and ' if needed > 1 else ' or ').join(surfaces)}, or springs to one that has",
                next_step="support it, or give its interface tissue, or an open_fraction (say 1e-4) and tangential_stiffness",
            )
        )


def _describe(fragment: Fragment) -> str:
    place = ", ".join(f"{coordinate:.1f}" for coordinate in fragment.centroid)
    bounds = f", bounded by {', '.join(fragment.fractures)}" if fragment.fractures else ""
    return f"fragment of {' and '.join(fragment.regions)}, {fragment.volume:.0f} mm^3 about ({place}) mm{bounds}"


def _components(pairs: IntArray, size: int) -> tuple[int, IntArray]:
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    count, label = connected_components(graph, directed=False)
    return int(count), label.astype(np.int64)


def _supported_cells(mesh: ModelMesh, facets: Facets, support: Support | None) -> dict[str, IntArray]:
    """Supported surface -> the cell behind each of its facets."""
    surfaces = support_surfaces(mesh)
    return {
        name: facets.outer_cells[np.isin(facets.outer_keys, facet_keys(surfaces[name], facets.count))]
        for name in held_surfaces(mesh, support)
        if len(surfaces[name])
    }
