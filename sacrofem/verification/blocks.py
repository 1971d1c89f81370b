"""Boxes of tetrahedra with a fracture, as model meshes: small models with known answers."""

from __future__ import annotations

import numpy as np

from sacrofem.mesh.facets import facet_geometry, list_facets
from sacrofem.mesh.model import ModelMesh

_SIX_TETRAHEDRA = np.array([[0, 1, 3, 7], [0, 1, 7, 5], [0, 5, 7, 4], [0, 3, 2, 7], [0, 6, 4, 7], [0, 2, 6, 7]])


def block(
    shape: tuple[int, int, int] = (3, 3, 4),
    size: tuple[float, float, float] = (10.0, 10.0, 20.0),
    fracture_depth: float = 1.0,
    bridge: float = 0.0,
) -> ModelMesh:
    """A box [0, x] x [0, y] x [-z/2, z/2] with a fracture at z = 0 and its lower end on the foundation.

    Args:
        shape: Cells along x, y, z (z even).
        size: mm.
        fracture_depth: Share of the x extent that the fracture covers, from x = 0.
        bridge: Share of the y extent, from y = 0, that is a cement body through the fracture.

    Returns:
        Surfaces: cortex (sides), auricular_left (lower end), auricular_right (none), endplate (upper end), fracture:gap.
    """
    axes = [np.linspace(0, size[i], shape[i] + 1) for i in range(2)] + [np.linspace(-0.5, 0.5, shape[2] + 1) * size[2]]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    nodes = np.arange(len(points)).reshape([n + 1 for n in shape])
    corners = [
        nodes[i : i + shape[0], j : j + shape[1], k : k + shape[2]].ravel() for i in (0, 1) for j in (0, 1) for k in (0, 1)
    ]
    cells = np.concatenate([np.stack([corners[c] for c in tet], axis=1) for tet in _SIX_TETRAHEDRA])
    edges = points[cells[:, 1:]] - points[cells[:, :1]]
    flipped = np.linalg.det(edges) < 0
    cells[flipped] = cells[flipped][:, [0, 2, 1, 3]]
    found = list_facets(cells)
    facets, outer = found.inner, found.outer
    centres, normals = facet_geometry(points, facets)
    facets = np.where(normals[:, [2]] > 0, facets, facets[:, [0, 2, 1]])  # "lateral" is up
    on_sheet = (np.abs(points[facets][:, :, 2]).max(axis=1) < 1e-9) & (centres[:, 0] < fracture_depth * size[0])
    z = points[outer][:, :, 2]
    top, bottom = (z > size[2] / 2 - 1e-9).all(axis=1), (z < -size[2] / 2 + 1e-9).all(axis=1)
    inside_bridge = points[cells].mean(axis=1)[:, 1] < bridge * size[1]
    regions = np.where(inside_bridge, 10, 1).astype(np.int64)
    return ModelMesh(
        points=points,
        cells=cells.astype(np.int64),
        regions=regions,
        region_names={1: "body", 10: "cement:bridge"},
        host_regions=np.ones(len(cells), dtype=np.int64),
        surfaces={
            "cortex": outer[~top & ~bottom],
            "auricular_left": outer[bottom],
            "auricular_right": np.zeros((0, 3), dtype=np.int64),
            "endplate": outer[top],
            "fracture:gap": facets[on_sheet],
        },
    )
