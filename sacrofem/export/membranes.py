"""The cortex for codes whose membranes are not those of sacrofem.

CalculiX has membranes, M3D3 and M3D6, which it turns into wedges: on plane faces its M3D3 agrees with sacrofem to all printed
digits, on the curved cortex (normals are averaged between facets) displacements differed by 40 to 66 %, and its M3D6 by a
tenth even on plane faces. What is written instead is the membrane's energy itself.
"""

from __future__ import annotations

import basix
import numpy as np

from sacrofem.export.problem import Problem
from sacrofem.export.springs import Combinations
from sacrofem.mechanics.cortex import membrane_axes
from sacrofem.mesh.facets import facet_areas, facet_geometry


def combine_membranes(problem: Problem) -> Combinations:
    """The cortex as combinations of displacements, for codes whose membranes are not those of sacrofem.

    At the points of a rule that is exact (the strain is constant, or linear in quadratic elements) the three strains in the
    plane of the facet, times a root of thickness, weight and plane-stress matrix.
    """
    rule, weights = basix.make_quadrature(basix.CellType.triangle, 2 * (problem.order - 1))
    nodes = problem.membranes
    corners = problem.points[nodes[:, :3]]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    along, across, constants = membrane_axes(problem.cortex, facet_geometry(problem.points, nodes[:, :3])[1])
    frame = np.stack([along, across], axis=1)  # rows: the two directions in the plane
    flat = np.einsum("fai,fbi->fab", frame, np.stack([first, second], axis=1))
    slopes = np.linalg.inv(flat)  # rows: gradients of the second and third barycentric coordinate
    gradients = np.stack([-slopes.sum(axis=1), slopes[:, 0], slopes[:, 1]], axis=1)  # (f, 3, 2)
    a, b, c = 1.0 - rule.sum(axis=1), rule[:, 0], rule[:, 1]
    if problem.order == 1:
        shapes = np.broadcast_to(gradients[:, None], (len(nodes), len(weights), 3, 2))
    else:
        barycentric = np.column_stack([a, b, c])
        middles = [
            4
            * (
                barycentric[None, :, [i], None] * gradients[:, None, [j]]
                + barycentric[None, :, [j], None] * gradients[:, None, [i]]
            )
            for i, j in ((0, 1), (1, 2), (2, 0))
        ]
        ends = (4 * barycentric[None, :, :, None] - 1) * gradients[:, None]
        shapes = np.concatenate([ends, *middles], axis=2)  # (f, q, 6, 2)
    strains = np.stack(  # (f, q, 3 strains, k, 3 components)
        [
            np.einsum("fqk,fi->fqki", shapes[..., 0], frame[:, 0]),
            np.einsum("fqk,fi->fqki", shapes[..., 1], frame[:, 1]),
            np.einsum("fqk,fi->fqki", shapes[..., 1], frame[:, 0]) + np.einsum("fqk,fi->fqki", shapes[..., 0], frame[:, 1]),
        ],
        axis=2,
    )
    elastic = np.zeros((len(nodes), 3, 3))
    elastic[:, 0, 0], elastic[:, 1, 1], elastic[:, 2, 2] = constants[:, 0], constants[:, 1], constants[:, 3]
    elastic[:, 0, 1] = elastic[:, 1, 0] = constants[:, 2]
    root = np.linalg.cholesky(elastic).transpose(0, 2, 1)
    shares = np.asarray(weights) / np.sum(weights)
    size = np.sqrt((facet_areas(problem.points, nodes[:, :3]) * problem.thickness)[:, None] * shares)
    rows = size[:, :, None, None, None] * np.einsum("fab,fqbki->fqaki", root, strains)
    places = np.einsum("qc,fci->fqi", np.column_stack([a, b, c]), corners)
    return Combinations(
        "cortex", False, np.repeat(nodes, len(weights), axis=0), rows.reshape(-1, 3, nodes.shape[1], 3), places.reshape(-1, 3)
    )
