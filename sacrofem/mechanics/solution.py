"""What a solved load case says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray

from sacrofem.mechanics.interface import Status
from sacrofem.mechanics.pretension import Tightened

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Solution:
    """One solved load case.

    Attributes:
        displacement: Displacement on the cut space, mm; from before the tightening of lag screws.
        iterations: Krylov iterations, over all contact steps.
        residual: Relative residual of the last linear solve.
        seconds: Wall time.
        contact_steps: Newton steps until the fracture's open and closed parts came to rest (1 where linear).
        work: Work of the load, N mm.
        energy: Elastic energy, N mm; half the work for a linear model. With lag screws: what the load adds to it.
        dissipated: Work of friction under the load, N mm.
        section_forces: Fracture -> what carries force through its section -> (3,) N.
        faces: Fracture, or body whose faces may part -> how they stand.
        reaction: (3,) force on the supports, N.
        imbalance: |applied force - reaction| / sum of |applied forces|.
        moment_imbalance: |applied moment - reaction moment| about the origin / (sum of |forces| * 1 mm), mm.
        reactions: Supported surface -> (3,) force on its springs, N.
        flexion_moments: Socket -> moment it passes about the axis through both hips, N mm; empty without hips.
        tensions: Ligament -> sum of the tensions of its springs, preload included, N; other couplings are left out.
        axial_forces: Lag screw -> force in the middle of its free shaft, N; positive in tension.
        tightened: The state after tightening, before the load; None without lag screws.
        energy_imbalance: |work of the loads - work of the internal forces through the displacement| / work.
    """

    displacement: fem.Function
    iterations: int
    residual: float
    seconds: float
    contact_steps: int
    work: float
    energy: float
    dissipated: float
    faces: dict[str, Status]
    section_forces: Mapping[str, dict[str, FloatArray]]
    reaction: tuple[float, float, float]
    imbalance: float
    moment_imbalance: float
    reactions: dict[str, tuple[float, float, float]]
    flexion_moments: dict[str, float]
    tensions: dict[str, float]
    axial_forces: Mapping[str, float]
    tightened: Tightened | None
    energy_imbalance: float
