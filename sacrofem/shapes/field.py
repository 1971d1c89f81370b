"""What a shape is: a signed distance, negative inside."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

#: (n, 3) points, mm -> (n,) signed distance, mm; negative inside, near enough to a distance close to the surface.
Shape = Callable[[FloatArray], FloatArray]
