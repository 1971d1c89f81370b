"""What a shape is: a signed distance, negative inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

#: (n, 3) points, mm -> (n,) signed distance, mm; negative inside, near enough to a distance close to the surface.
Shape = Callable[[FloatArray], FloatArray]

#: Farther than this from a shape no cell is cut by it, and edges have grown to full size, mm.
CONFINED_REACH = 25.0


def unite(shapes: Sequence[Shape]) -> Shape:
    """The union of one or more shapes."""
    if len(shapes) == 1:
        return shapes[0]

    def distance(points: FloatArray) -> FloatArray:
        nearest: FloatArray = np.minimum.reduce([shape(points) for shape in shapes])
        return nearest

    return distance


def confine(shape: Shape, bone: Shape, margin: float = 0.0) -> Shape:
    """The part of a shape that lies in a bone, at least ``margin`` mm below its surface.

    The bone is evaluated only within :data:`CONFINED_REACH` of the shape.
    """

    def level(points: FloatArray) -> FloatArray:
        inner = shape(points)
        near = np.flatnonzero(inner < CONFINED_REACH)
        inner[near] = np.maximum(inner[near], bone(points[near]) + margin)
        return inner

    return level
