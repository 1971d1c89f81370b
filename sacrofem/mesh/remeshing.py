"""The clean-up of a cut mesh by MMG: at once, or where much is to change in two halves side by side and then along their seam."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import mmgpy
import numpy as np
from scipy.spatial import cKDTree

from sacrofem.mesh.submesh import Submesh
from sacrofem.mesh.surface import RIDGE_ANGLE, SizeField
from sacrofem.mesh.tetrahedra import Tetrahedra, rings_around, tidy
from sacrofem.shapes.field import BoolArray

#: Largest distance of interfaces and bone surface from the split ones after the clean-up, mm.
CLEAN_DEVIATION = 0.25
#: Largest ratio of neighbouring edge lengths in the clean-up.
CLEAN_GRADATION = 1.6
#: More cells to change than this are remeshed in two halves. Halved always, not only where there are two cores, so that the
#: mesh is the same everywhere.
HALVED_ABOVE = 100_000
#: Rings of cells about those between the halves that are remeshed with them.
SEAM_RINGS = 2
#: A node nearer than this to a former one is that one, mm: MMG scales its box and rounds.
_SAME_PLACE = 1e-6


def clean_up(mesh: Tetrahedra, size: SizeField, smallest: float, kept: BoolArray | None = None) -> Tetrahedra:
    """Remesh to a size field, keeping all interfaces between references.

    Args:
        mesh: The cut mesh.
        size: Wanted edge length, mm.
        smallest: Smallest edge length allowed, mm.
        kept: (m,) cells that stay as they are, far from all that was cut (None: none). The remesher sees of them only those
            that touch others; it would take its time for each.

    Raises:
        MeshError: The remesher moved what it was to keep.
    """
    kept = np.zeros(len(mesh.cells), dtype=np.bool_) if kept is None else kept
    if kept.all():
        return mesh
    if (~kept).sum() > HALVED_ABOVE:
        return _clean_halves(mesh, size, smallest, ~kept)
    near = rings_around(mesh, ~kept, 1)
    part = Submesh.of(mesh, near)
    return tidy(part.put_back(_remesh(part.part, size, smallest, kept[near])))


def _clean_halves(mesh: Tetrahedra, size: SizeField, smallest: float, free: BoolArray) -> Tetrahedra:
    """Remesh the free cells: both sides of a plane across their longest extent at once, then the layer between them."""
    centroids = mesh.points[mesh.cells].mean(axis=1)
    about = centroids[free] - np.median(centroids[free], axis=0)
    along = np.linalg.eigh(about.T @ about)[1][:, -1]
    along *= np.sign(along[np.argmax(np.abs(along))])  # an eigenvector's sign is arbitrary
    height = (centroids - np.median(centroids[free], axis=0)) @ along
    upper = free & (height > 0.0)
    near_upper = rings_around(mesh, upper, 1)
    # So far apart that no cell that one remeshing sees touches one that the other sees.
    lower = free & ~rings_around(mesh, near_upper, 1)
    near_lower = rings_around(mesh, lower, 1)
    parts = Submesh.of(mesh, near_lower), Submesh.of(mesh, near_upper)
    held = ~lower[near_lower], ~upper[near_upper]
    with ThreadPoolExecutor(2) as threads:  # MMG lets go of the interpreter's lock
        done = list(threads.map(lambda part, kept: _remesh(part.part, size, smallest, kept), parts, held))
    first = parts[0].put_back(done[0])
    # What was not in the first part follows the remeshed cells in its old order.
    chosen = np.zeros(len(first.cells), dtype=np.bool_)
    chosen[len(done[0].cells) :] = near_upper[~near_lower]
    both = tidy(Submesh.of(first, chosen).put_back(done[1]))
    between = mesh.points[np.unique(mesh.cells[free & ~upper & ~lower])]
    of_seam = np.asarray(cKDTree(between).query(both.points, distance_upper_bound=_SAME_PLACE)[0]) < _SAME_PLACE
    seam = of_seam[both.cells].all(axis=1)
    if not seam.any():
        return both
    return clean_up(both, size, smallest, ~rings_around(both, seam, SEAM_RINGS))


def _remesh(part: Tetrahedra, size: SizeField, smallest: float, kept: BoolArray) -> Tetrahedra:
    """MMG's remeshing of a part, without the ``kept`` (m,) cells."""
    worker = mmgpy.MmgMesh3D()
    worker.set_mesh_size(vertices=len(part.points), tetrahedra=len(part.cells))
    worker.set_vertices(part.points)
    worker.set_tetrahedra(part.cells.astype(np.int32), part.references)
    if kept.any():
        worker.set_required_tetrahedra(np.flatnonzero(kept).astype(np.int32))
    worker.set_field("metric", size(part.points).reshape(-1, 1))
    worker.remesh(hmin=smallest, hausd=CLEAN_DEVIATION, hgrad=CLEAN_GRADATION, ar=RIDGE_ANGLE, verbose=-1)
    cells, references = worker.get_tetrahedra_with_refs()
    return tidy(
        Tetrahedra(
            np.asarray(worker.get_vertices(), dtype=np.float64),
            np.asarray(cells, dtype=np.int64),
            np.asarray(references, dtype=np.int64),
        )
    )
