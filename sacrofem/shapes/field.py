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


def unite(shapes: Sequence[Shape]) -> Shape:
    """The union of one or more shapes."""
    if len(shapes) == 1:
        return shapes[0]

    def distance(points: FloatArray) -> FloatArray:
        nearest: FloatArray = np.minimum.reduce([shape(points) for shape in shapes])
        return nearest

    return distance
