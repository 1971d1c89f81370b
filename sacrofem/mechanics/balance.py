"""Whether what holds a model carries what loads it, in force and in moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray

from sacrofem.errors import SolveError, explain
from sacrofem.mechanics.forms import Form
from sacrofem.mechanics.supports import SupportSprings

FloatArray = NDArray[np.float64]

#: Shares of the load and of its work that a solve at a relative residual of 1e-8 may leave unbalanced; measured ones are below
#: 1e-7, and a wrong solve leaves far more.
_MOST_LEFT = 1e-5


@dataclass(frozen=True)
class Balance:
    """Reactions, and what they leave of the load.

    Attributes:
        reactions: Supported surface -> (3,) force on its springs, N.
        reaction: (3,) their sum, N.
        imbalance: |applied force - reaction| / sum of |applied forces|.
        moment_imbalance: |applied moment - reaction moment| about the origin / (sum of |forces| * 1 mm), mm.
    """

    reactions: dict[str, tuple[float, float, float]]
    reaction: tuple[float, float, float]
    imbalance: float
    moment_imbalance: float


def measure_balance(
    supports: SupportSprings,
    integrate: Callable[[Form], float],
    u: fem.Function,
    force: FloatArray,
    moment: FloatArray,
    size: float,
) -> Balance:
    """Integrate the springs' tractions and compare them with the load; collective.

    Args:
        supports: The springs.
        integrate: Value of a form without arguments, over all ranks.
        u: Displacement, mm.
        force: (3,) applied, N.
        moment: (3,) applied about the origin, N mm.
        size: Sum of the sizes of all applied forces, N; 0 for a moment alone, which counts as its pair of forces 100 mm apart.
    """
    x = ufl.SpatialCoordinate(u.function_space.mesh)
    reactions, turning = {}, np.zeros(3)
    for name in supports.held:
        ds, traction = supports.measures[name], supports.traction(name, u)
        pull = [integrate(traction[i] * ds) for i in range(3)]
        reactions[name] = (pull[0], pull[1], pull[2])
        turning += [integrate(ufl.cross(x, traction)[i] * ds) for i in range(3)]
    if moment_of_hips := supports.mean_moment(u):
        turning += moment_of_hips * supports.axis
    total = np.sum(list(reactions.values()), axis=0)
    size = size or float(np.linalg.norm(moment)) / 100.0
    return Balance(
        reactions,
        (float(total[0]), float(total[1]), float(total[2])),
        float(np.linalg.norm(total - force)) / size,
        float(np.linalg.norm(turning - moment)) / size,
    )


def compare_works(external: float, internal: float) -> float:
    """|difference| of the works of the load and of the internal forces through one displacement, as a share of the larger."""
    largest = max(abs(external), abs(internal))
    return abs(external - internal) / largest if largest else 0.0


def require_balance(force: float, energy: float) -> None:
    """Refuse a displacement in which the load is not carried.

    Args:
        force: |applied force - reaction|, as a share of the applied forces; not a number where there are none.
        energy: See :func:`compare_works`.

    Raises:
        SolveError: force or energy is not in balance.
    """
    for what, share in (("force on the supports", force), ("work of the internal forces", energy)):
        if share > _MOST_LEFT:
            raise SolveError(
                explain(
                    f"The solution is not in balance: the {what} is not that of the load.",
                    where="the solved displacement",
                    got=f"{share:.1e} of it is missing",
                    allowed=f"{_MOST_LEFT:.0e}",
                    next_step="solve again with --solver direct --reuse none, and report it",
                )
            )
