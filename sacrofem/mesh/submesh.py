"""A part of a mesh worked on by itself, and put back among the cells that were left alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from sacrofem.errors import MeshError, explain
from sacrofem.mesh.model import IntArray
from sacrofem.mesh.tetrahedra import Tetrahedra
from sacrofem.shapes.field import BoolArray

#: Farthest that a node on the seam may have moved, mm: a remesher that scales its box rounds.
_SEAM_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Submesh:
    """Some cells of a mesh, numbered by themselves.

    Attributes:
        whole: The mesh.
        chosen: (m,) which of its cells are in the part.
        part: These cells.
        nodes: (k,) numbers of the part's nodes in the whole.
    """

    whole: Tetrahedra
    chosen: BoolArray
    part: Tetrahedra
    nodes: IntArray

    @classmethod
    def of(cls, mesh: Tetrahedra, chosen: BoolArray) -> Submesh:
        """The part of a mesh that some of its cells make."""
        nodes, corners = np.unique(mesh.cells[chosen], return_inverse=True)
        part = Tetrahedra(mesh.points[nodes], corners.reshape(-1, 4).astype(np.int64), mesh.references[chosen])
        return cls(mesh, chosen, part, nodes)

    def put_back(self, changed: Tetrahedra) -> Tetrahedra:
        """The whole with the part replaced.

        Args:
            changed: The part after it was worked on; its nodes on the seam are where they were.

        Raises:
            MeshError: A node on the seam is gone.
        """
        rest = np.unique(self.whole.cells[~self.chosen])
        if not len(rest):
            return changed
        on_seam = np.isin(rest, self.nodes, assume_unique=True)
        seam, alone = rest[on_seam], rest[~on_seam]
        number = np.full(len(self.whole.points), -1, dtype=np.int64)
        number[alone] = len(changed.points) + np.arange(len(alone))
        if len(seam):
            away, nearest = (np.asarray(found) for found in cKDTree(changed.points).query(self.whole.points[seam]))
            if away.max() > _SEAM_TOLERANCE:
                x, y, z = self.whole.points[seam[np.argmax(away)]]
                raise MeshError(
                    explain(
                        "The remesher moved what it was told to keep.",
                        where=f"about ({x:.1f}, {y:.1f}, {z:.1f}) mm",
                        got=f"no node within {_SEAM_TOLERANCE:g} mm",
                        allowed="the seam between remeshed cells and others as it was",
                        next_step="change mesh.size or mesh.feature_size a little",
                    )
                )
            number[seam] = nearest
        return Tetrahedra(
            np.concatenate([changed.points, self.whole.points[alone]]),
            np.concatenate([changed.cells, number[self.whole.cells[~self.chosen]]]),
            np.concatenate([changed.references, self.whole.references[~self.chosen]]),
        )
