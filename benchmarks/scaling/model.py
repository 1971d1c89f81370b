"""Time of a solve on many ranks, by a stated model: what memory, network and the coarse levels allow.

Every rank does its share of the work at one core's measured speed. In every iteration and on each of L levels a rank exchanges
the surface of its part with its neighbours four times (three smoothing products and a residual) and takes part in the reductions:

    T(n, p) = s n / p + i(n) (4 L (m a + f(n / p) / b) + 3 a log2 p) + c(p)

s: measured seconds per dof of set-up and solve on one rank; i(n) = i_0 (n / n_0)^g with g measured from sizes; L = log(n / 400) /
log(q), q the measured coarsening; a: latency, b: bandwidth of the network, m: neighbours; f: bytes of the surface of a part,
8 (n / p / 3)^(2/3) 6 faces single-precision 3-vectors; c(p): the coarsest dense system, 6 dofs for each rank at least because
aggregates stay within a rank, whose replicated inverse costs 2/3 (6 p)^3 operations once and (6 p)^2 an iteration, shared by p.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: A cluster's network, RECALLED as usual for InfiniBand: latency, s, and bandwidth, bytes/s, of one rank; neighbours of a part.
LATENCY, BANDWIDTH, NEIGHBOURS = 2e-6, 1e9, 14.0
#: Dense operations of one core, 1/s (RECALLED, a cautious figure).
_DENSE = 1e10
#: Dofs of the coarsest level.
_COARSEST = 400.0


@dataclass(frozen=True)
class Measured:
    """What the model is fitted to, on one rank.

    Attributes:
        dofs: Of the case.
        setup: s.
        solve: s.
        iterations: Of the solve.
        growth: Exponent of the iterations in the number of dofs.
        coarsening: How many times fewer dofs each level has.
    """

    dofs: float
    setup: float
    solve: float
    iterations: float
    growth: float
    coarsening: float


def predict_seconds(measured: Measured, dofs: float, ranks: float) -> tuple[float, float, float]:
    """Seconds of set-up and of one solve, and iterations."""
    iterations = measured.iterations * (dofs / measured.dofs) ** measured.growth
    levels = max(1.0, math.log(dofs / _COARSEST) / math.log(measured.coarsening))
    part = dofs / ranks
    surface = 6.0 * (part / 3.0) ** (2.0 / 3.0) * 3.0 * 4.0
    exchange = 0.0 if ranks == 1 else NEIGHBOURS * LATENCY + surface / BANDWIDTH
    reductions = 3.0 * LATENCY * math.log2(ranks)
    coarse = max(_COARSEST, 6.0 * ranks)
    work = measured.solve / (measured.dofs * measured.iterations) * part
    solve = iterations * (work + 4.0 * levels * exchange + reductions + 2.0 * coarse**2 / ranks / _DENSE)
    setup = measured.setup / measured.dofs * part + 2.0 / 3.0 * coarse**3 / _DENSE + 20.0 * levels * exchange
    return setup, solve, iterations
