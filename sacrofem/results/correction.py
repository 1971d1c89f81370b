"""What a solution lacks of that on an infinitely fine mesh, everywhere at once, so that any figure of it gets an error bar.

For a linear functional Q with the dual solution z (a(v, z) = Q(v)) the error is Q(u) - Q(u_h) = a(u - u_h, z - z_h), and with
both strains recovered a(E u_h, E z_h), E = recovered minus computed strain (Becker and Rannacher 2001, Acta Numerica 10). E is
linear, so that the displacement c of the space with

    a(c, v) = a(E u_h, E v) for every v

has Q(c) = a(c, z_h) = a(E u_h, E z_h) for *every* Q: one solve in place of one for each figure. The load itself as Q gives the
error of its work, a(E u_h, E u_h) = eta^2. Figures that are not linear are taken of u_h + c.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray

from sacrofem.mechanics.model import SacrumModel
from sacrofem.results.error_estimate import StrainError
from sacrofem.results.gathering import spread_nodes
from sacrofem.results.recovery import EDGES, vertex_forces

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Relative residual that an error bar needs.
_ENOUGH = 1e-4


def find_missing_forces(error: StrainError) -> FloatArray:
    """The right-hand side of the correction: forces f with f . v = a(E u_h, E v) for every nodal displacement v.

    Args:
        error: E u_h.

    Returns:
        (n, 3) N.
    """
    patches, membrane = error.patches, error.membrane
    of_computed = patches.cells.recover_transposed(error.bulk_weights) - _onto_corners(error.bulk_weights, EDGES[4])
    if membrane is not None and patches.cortex is not None:
        cortex = error.cortex_weights
        tangential = patches.cortex.recover_transposed(cortex) - _onto_corners(cortex, EDGES[3])
        projection = membrane.projections(error.fields)
        owned = np.einsum("kab,kibc,kcd->kiad", projection, tangential, projection)
        np.add.at(of_computed, (membrane.cells[:, None], membrane.corners), owned)
    return vertex_forces(error.fields.points, error.fields.cells, of_computed)


def solve_corrections(model: SacrumModel, forces: Sequence[FloatArray | None]) -> list[fem.Function]:
    """Solve for corrections in one block; collective.

    Args:
        model: The model in the state of the solutions; of several, where it is linear.
        forces: Of each solution, from :func:`find_missing_forces`, on rank 0; None on the others.

    Returns:
        c of each, mm.
    """
    if not model.linear:
        model.assemble()  # for the faces as the search has left them; of friction's tangent the symmetric part
    loads = spread_nodes(model, forces)
    corrections = [fem.Function(model.V) for _ in forces]
    model.solver.solve_together(loads, [correction.x.petsc_vec for correction in corrections], _ENOUGH)
    for correction in corrections:
        correction.x.scatter_forward()
    return corrections


def _onto_corners(weights: FloatArray, ends: IntArray) -> FloatArray:
    """Weights of nodes where those on edges hold the mean of both ends, as weights of the corners."""
    corners = len(np.unique(ends))
    found = weights[:, :corners].copy()
    if weights.shape[1] > corners:
        for edge, (start, end) in enumerate(ends):
            found[:, start] += 0.5 * weights[:, corners + edge]
            found[:, end] += 0.5 * weights[:, corners + edge]
    return found
