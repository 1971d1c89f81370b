"""Moving a node to where the worst cell around it is best.

A node inside a region moves freely. A node on an interface slides in it, a node on a curve along it; off them
only by a small allowance, so that volumes and fracture planes keep their places.
"""

from __future__ import annotations

import numpy as np

from sacrofem.mesh.model import FloatArray
from sacrofem.mesh.patch import Bounds, Patch, curve_neighbours, node_stratum
from sacrofem.mesh.quality import corner_radius_ratio

#: Farthest a node may leave the interface or curve it slides in, and farthest sliding may move an interface, mm.
SURFACE_ALLOWANCE = 0.15
#: Farthest an inner node may be moved in one trial, as a share of the mean edge length around it.
FREE_REACH = 0.3
#: Trial positions of a node, beside those in its interface.
TRIALS = 60
#: How far a node slides toward another place of its interface in one trial, as a share of the way.
SLIDES = np.array([0.08, 0.2, 0.4])
#: Smallest cosine of the angle a facet of an interface may be turned by.
SMALLEST_COSINE = 0.8


def lift_node(patch: Patch, node: int, homes: dict[int, FloatArray], random: np.random.Generator) -> bool:
    """Move one node to the best of some trial positions.

    Args:
        patch: The mesh; its points are changed.
        node: The node.
        homes: Where nodes on interfaces would be without their allowance; kept from call to call.
        random: Source of the trial directions.

    Returns:
        Whether a better position was found.
    """
    points = patch.points
    place = points[node]
    star = np.array([patch.nodes(cell) for cell in patch.star(node)])
    corners, here = points[star], star == node
    bounds = patch.bounds_at(node)
    reach = FREE_REACH * float(np.linalg.norm(corners - place, axis=2).sum() / (3 * len(star)))
    if bounds:
        reach = min(reach, SURFACE_ALLOWANCE)
    steps = random.normal(size=(TRIALS, 3))
    steps *= (reach * random.random(TRIALS) / np.linalg.norm(steps, axis=1))[:, None]
    places, bases = np.concatenate([place[None], place + steps]), None
    if bounds:
        home = homes.setdefault(node, place.copy())
        slid = _slides(points, node, home, bounds)
        bases = np.concatenate([np.broadcast_to(home, places.shape), slid])
        places = np.concatenate([places, slid])
        near = np.linalg.norm(places - bases, axis=1) <= SURFACE_ALLOWANCE + 1e-12
        places, bases = places[near], bases[near]
    trials = np.repeat(corners[None], len(places), axis=0)
    trials[:, here] = places[:, None]
    quality = corner_radius_ratio(trials).min(axis=1)
    best = int(np.argmax(quality))
    if quality[best] <= quality[0] + 1e-4:
        return False
    points[node] = places[best]
    if bases is not None:
        homes[node] = bases[best]
    return True


def _slides(points: FloatArray, node: int, home: FloatArray, bounds: Bounds) -> FloatArray:
    """(k, 3) places in the interface or on the curve of a node, about its home."""
    stratum = node_stratum(bounds, node)
    if stratum == 0:
        return np.zeros((0, 3))
    facets = [[n for n in facet if n != node] for facet in bounds]
    if stratum == 1:
        goals = points[curve_neighbours(bounds, node)]
    else:
        pairs = points[np.array(facets)]
        goals = np.concatenate([points[sorted({n for pair in facets for n in pair})], pairs.mean(axis=1)])
    slid = (home + SLIDES[:, None, None] * (goals - home)).reshape(-1, 3)
    # The facets after the move must lie near where they were before: the place they leave is near them still.
    p, q = (points[[pair[i] for pair in facets]] for i in range(2))
    before = np.cross(p - home, q - home)
    after = np.cross(p - slid[:, None], q - slid[:, None])
    length = np.linalg.norm(after, axis=2)
    off = np.abs(np.einsum("kfi,kfi->kf", home - slid[:, None], after))
    turn = np.einsum("kfi,fi->kf", after, before)
    kept = (off <= SURFACE_ALLOWANCE * length) & (turn >= SMALLEST_COSINE * length * np.linalg.norm(before, axis=1))
    if stratum == 1:
        # On a curve the facets may turn (the interfaces bend there); the curve itself must not.
        kept = off <= SURFACE_ALLOWANCE * length
    return slid[kept.all(axis=1)]
