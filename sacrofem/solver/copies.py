"""A smoother that knows which dofs are copies of one place.

Stiff faces tie the copies of a node together: with k A far above the bone's stiffness, relaxing each copy for itself does not
move the pair, and multigrid's iterations grow with k (severe bone, 46,000 tetrahedra, k = 100 / 1000 MPa/mm: 138 / 424). Relaxing
the copies of a place as one block does away with it (35 at 100).
"""

from __future__ import annotations

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray
from petsc4py import PETSc

#: mm; copies of a node get their place from different cells, by rounding.
_SAME_PLACE = 1e-9


def find_blocks(space: fem.FunctionSpace) -> NDArray[np.int32]:
    """Sizes, in numbers, of the consecutive owned dofs of one place: 3 where a place has one copy on this rank."""
    places = space.tabulate_dof_coordinates()[: space.dofmap.index_map.size_local]
    first = np.ones(len(places), dtype=bool)
    first[1:] = (np.abs(places[1:] - places[:-1]) > _SAME_PLACE).any(axis=1)
    starts = np.append(np.flatnonzero(first), len(places))
    return (3 * np.diff(starts)).astype(np.int32)


def smooth_by_place(pc: PETSc.PC, options: PETSc.Options) -> None:
    """Let the smoother of the finest level relax all copies of a place as one block.

    Args:
        pc: A multigrid preconditioner that is set up; its matrix knows its variable blocks.
        options: With the prefix of the solver; its ``mg_levels_pc_type`` must be gone.
    """
    smoother = pc.getMGSmoother(pc.getMGLevels() - 1)
    smoother.getPC().setType("vpbjacobi")
    kind = smoother.getType()
    smoother.setType("richardson")  # a new Chebyshev smoother estimates its eigenvalues anew
    smoother.setType(kind)
    smoother.setFromOptions()
    smoother.setUp()
