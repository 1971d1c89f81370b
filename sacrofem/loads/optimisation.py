"""Muscle forces from equilibrium: of all that balance, those with the least sum of powers of stress."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, linprog, minimize

FloatArray = NDArray[np.float64]

#: Stress below which a muscle counts as silent, as a share of the largest.
_SILENT = 1e-7
_NEWTON_STEPS = 60
#: Relative size at which stationarity and equilibrium count as reached.
_CLOSE = 1e-10


@dataclass(frozen=True)
class Recruitment:
    """Muscle stresses that balance.

    Attributes:
        stress: (n,) MPa.
        residual: Largest absolute residual of the balance, in the rows' unit over their scale.
        optimality: Largest violation of the optimality conditions over the largest gradient (0: optimal).
    """

    stress: FloatArray
    residual: float
    optimality: float


def recruit(
    balance: FloatArray,
    wanted: FloatArray,
    exponent: float,
    most: float,
    limits: FloatArray | None = None,
    margins: FloatArray | None = None,
) -> Recruitment | None:
    """Solve: minimise sum s_i^p subject to B s = w, G s >= m and 0 <= s_i <= most.

    Convex for p > 1 and strictly so: the minimum is one (Crowninshield and Brand 1981, *J Biomech* 14:793, p = 3, RECALLED). A
    linear programme (least largest stress) finds whether there is a balance at all and where to begin; sequential quadratic
    programming goes on; Newton's method on the muscles and limits then known to act ends it at rounding errors.

    Args:
        balance: (m, n) B: what a stress of 1 MPa in each muscle does to each balance.
        wanted: (m,) w.
        exponent: p > 1.
        most: Largest stress, MPa.
        limits: (k, n) G; None: no limits.
        margins: (k,) m.

    Returns:
        The stresses, or None where no stresses up to ``most`` balance.
    """
    count = balance.shape[1]
    limits = np.zeros((0, count)) if limits is None else limits
    margins = np.zeros(len(limits)) if margins is None else margins
    scale = np.maximum(np.abs(balance).max(axis=1), 1e-12)
    rows, goal = balance / scale[:, None], wanted / scale
    rows, goal = _independent(rows, goal)
    size = np.maximum(np.abs(limits).max(axis=1, initial=0.0), 1e-12)
    limits, margins = limits / size[:, None], margins / size
    # The least largest stress t: s_i <= t.
    first = linprog(
        np.append(np.zeros(count), 1.0),
        A_ub=np.block([[np.eye(count), -np.ones((count, 1))], [-limits, np.zeros((len(limits), 1))]]),
        b_ub=np.concatenate([np.zeros(count), -margins]),
        A_eq=np.column_stack([rows, np.zeros(len(rows))]),
        b_eq=goal,
        bounds=[(0.0, most)] * (count + 1),
    )
    if first.x is None:
        return None
    level = max(float(first.x[-1]), 1e-9)
    start = np.clip(first.x[:-1], 0.0, most) / level

    def cost(s: FloatArray) -> float:
        return float(np.sum(np.maximum(s, 0.0) ** exponent))

    def slope(s: FloatArray) -> FloatArray:
        return exponent * np.maximum(s, 0.0) ** (exponent - 1)

    constraints = [LinearConstraint(rows, goal / level, goal / level)]
    if len(limits):
        constraints.append(LinearConstraint(limits, margins / level, np.inf))
    found = minimize(
        cost,
        start,
        jac=slope,
        method="SLSQP",
        bounds=[(0.0, most / level)] * count,
        constraints=constraints,
        options={"maxiter": 500, "ftol": 1e-13},
    )
    stress = _polish(np.clip(found.x, 0.0, None), rows, goal / level, limits, margins / level, exponent, most / level)
    optimality = _violation(stress, rows, limits, margins / level, exponent, most / level)
    residual = float(np.abs(rows @ stress - goal / level).max(initial=0.0)) * level
    return Recruitment(stress * level, residual, optimality)


def _independent(rows: FloatArray, goal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows that say the same twice (a symmetric body) would make the constraints singular: keep an orthonormal set."""
    left, sizes, right = np.linalg.svd(rows, full_matrices=False)
    kept = sizes > 1e-10 * sizes[0]
    return sizes[kept, None] * right[kept], (left.T @ goal)[kept]


def _polish(
    stress: FloatArray,
    rows: FloatArray,
    goal: FloatArray,
    limits: FloatArray,
    margins: FloatArray,
    exponent: float,
    most: float,
) -> FloatArray:
    """Newton's method on the optimality conditions, written in the multipliers y: s = (C^T y / p)_+^(1/(p-1)), capped at most.

    The dual -sum (p-1)(C^T y/p)_+^(p/(p-1)) + y . d is concave, its gradient d - C s(y); limits have y >= 0.
    """
    held = limits @ stress < margins + 1e-6
    for _ in range(len(limits) + 1):
        conditions, values = np.vstack([rows, limits[held]]), np.concatenate([goal, margins[held]])
        active = stress > _SILENT * max(stress.max(), 1e-12)
        gradient = exponent * stress[active & (stress < most)] ** (exponent - 1)
        duals = np.linalg.lstsq(conditions[:, active & (stress < most)].T, gradient, rcond=None)[0]
        polished, duals = _climb(duals, conditions, values, exponent, most)
        if polished is None:
            return stress
        of_limits = duals[len(rows) :]
        if (of_limits >= -_CLOSE).all() and (limits @ polished >= margins - 1e-9).all():
            return polished
        released = np.flatnonzero(held)[of_limits < -_CLOSE]
        if len(released):
            held[released] = False
        else:
            held |= limits @ polished < margins - 1e-9
    return stress


def _climb(
    duals: FloatArray, conditions: FloatArray, values: FloatArray, exponent: float, most: float
) -> tuple[FloatArray | None, FloatArray]:
    power = 1.0 / (exponent - 1.0)

    def respond(y: FloatArray) -> FloatArray:
        return np.minimum((np.maximum(conditions.T @ y, 0.0) / exponent) ** power, most)

    def value(y: FloatArray) -> float:
        s = respond(y)
        return float(y @ values - (y @ conditions) @ s + np.sum(s**exponent))

    y = duals
    for _ in range(_NEWTON_STEPS):
        s = respond(y)
        rest = values - conditions @ s
        if np.abs(rest).max() <= _CLOSE * 1e-3 * max(1.0, float(np.abs(values).max())):
            return s, y
        free = (s > 0.0) & (s < most)
        softness = np.where(free, power * s / np.maximum(conditions.T @ y, 1e-300), 0.0)
        curve = (conditions * softness) @ conditions.T
        step = np.linalg.lstsq(curve + 1e-14 * np.trace(curve) * np.eye(len(curve)), rest, rcond=None)[0]
        length, here = 1.0, value(y)
        while length > 1e-8 and value(y + length * step) < here + 1e-4 * length * float(rest @ step) - 1e-13 * abs(here):
            length /= 2
        y = y + length * step
    s = respond(y)
    good = np.abs(values - conditions @ s).max() <= 1e-9 * max(1.0, float(np.abs(values).max()))
    return (s if good else None), y


def _violation(
    stress: FloatArray, rows: FloatArray, limits: FloatArray, margins: FloatArray, exponent: float, most: float
) -> float:
    """How far the optimality conditions of Karush, Kuhn and Tucker fail, over the largest gradient."""
    gradient = exponent * stress ** (exponent - 1)
    largest = max(float(gradient.max()), 1e-300)
    held = limits @ stress < margins + 1e-7
    conditions = np.vstack([rows, limits[held]])
    between = (stress > _SILENT * stress.max()) & (stress < most * (1 - 1e-9))
    duals = np.linalg.lstsq(conditions[:, between].T, gradient[between], rcond=None)[0]
    rest = gradient - conditions.T @ duals
    wrong = [np.abs(rest[between]).max(initial=0.0), np.maximum(-rest[stress <= _SILENT * stress.max()], 0.0).max(initial=0.0)]
    wrong += [
        np.maximum(rest[stress >= most * (1 - 1e-9)], 0.0).max(initial=0.0),
        np.maximum(-duals[len(rows) :], 0.0).max(initial=0.0),
    ]
    return float(max(wrong)) / largest
