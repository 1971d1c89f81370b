"""Traction laws of interfaces, for many points at once: tractions, tangents, stored energy and dissipation.

The jump j of the displacement is split along the normal n: opening g = j . n and sliding s = j - g n. With k the stiffness of
faces that touch and f k what is left where they part:

* pressure of a contact law: p = max(0, -(m + (1 - f) k (g + gap)) + preload), m a multiplier (augmented Lagrangian);
* friction: the stick traction q (s - s0) is returned to the circle mu p (Coulomb); s0 is the slip of earlier increments;
* beside them act, open or closed, the tissue's springs along the faces and f k (or the tissue's) across them.

Augmented Lagrangian and return map: Laursen and Simo 1993 (Int J Numer Methods Eng 36:3451), Alart and Curnier 1991 (Comput
Methods Appl Mech Eng 92:353).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sacrofem.catalogue.models import Interface

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Stick stiffness over normal stiffness where an entry gives none: G/E-like, between 1/3 (nu = 0.5) and 1/2 (nu = 0).
_STICK_SHARE = 0.3
_TINY = 1e-300


@dataclass(frozen=True)
class Law:
    """The figures of one interface. MPa/mm, MPa, mm; see the module.

    Attributes:
        closed: (1 - f) k, added where the faces touch; 0 without contact.
        across: Springs across the faces, open or closed.
        along: Springs along the faces, open or closed.
        friction: Coulomb's coefficient.
        stick: Stiffness along faces that stick.
        gap: mm to close before the faces touch.
        preload: MPa.
        augmented: Whether pressures are carried over as multipliers.
    """

    closed: float
    across: float
    along: float
    friction: float = 0.0
    stick: float = 0.0
    gap: float = 0.0
    preload: float = 0.0
    augmented: bool = False

    @classmethod
    def of(cls, interface: Interface) -> Law:
        """The figures of a catalogue entry whose tissue fills a gap of 1 mm."""
        tissue, normal = interface.tissue, interface.normal_stiffness or 0.0
        across = tissue.mean_modulus if tissue else 0.0
        along = (interface.tangential_stiffness or 0.0) + (
            tissue.mean_modulus / (2.0 * (1.0 + tissue.poisson_ratio)) if tissue else 0.0
        )
        if not interface.touches:
            return cls(closed=0.0, across=across + normal, along=along)
        open_fraction, friction = interface.open_fraction, interface.friction or 0.0
        stick = interface.stick_stiffness or _STICK_SHARE * normal
        floor = open_fraction * stick if friction else 0.0
        return cls(
            closed=(1.0 - open_fraction) * normal,
            across=across + open_fraction * normal,
            along=along + floor,
            friction=friction,
            stick=stick if friction else 0.0,
            gap=interface.gap,
            preload=interface.preload,
            augmented=interface.augmented,
        )


@dataclass(frozen=True)
class LawsAtPoints:
    """The figures of :class:`Law` at (n,) points, with the (n, 3) normals there."""

    normals: FloatArray
    closed: FloatArray
    across: FloatArray
    along: FloatArray
    friction: FloatArray
    stick: FloatArray
    gap: FloatArray
    preload: FloatArray
    augmented: BoolArray


@dataclass(frozen=True)
class Memory:
    """What points remember: (n,) multipliers of the pressure, MPa (at most 0), and of friction (n, 3), MPa."""

    pressing: FloatArray
    sticking: FloatArray

    @classmethod
    def empty(cls, count: int) -> Memory:
        """Nothing remembered."""
        return cls(np.zeros(count), np.zeros((count, 3)))


@dataclass(frozen=True)
class Response:
    """What the interfaces answer to a jump.

    Attributes:
        traction: (n, 3) MPa, conjugate to the jump: positive work where the faces are parted against springs.
        tangent: (n, 3, 3) symmetric derivative, with the friction bound held.
        coupling: (n, 3, 3) the rest of it, not symmetric: the bound grows with the pressure, and slip turns as foreseen.
        pressure: (n,) total pressure of faces that touch, MPa.
        friction: (n, 3) friction traction, MPa.
        closed: (n,) whether the faces touch.
        slipping: (n,) whether they slide at the friction bound.
    """

    traction: FloatArray
    tangent: FloatArray
    coupling: FloatArray
    pressure: FloatArray
    friction: FloatArray
    closed: BoolArray
    slipping: BoolArray


def respond(
    laws: LawsAtPoints,
    memory: Memory,
    jump: FloatArray,
    bound: FloatArray | None = None,
    foreseen: FloatArray | None = None,
) -> Response:
    """Tractions and tangents for a jump.

    Args:
        laws: Figures and normals.
        memory: Multipliers.
        jump: (n, 3) mm.
        bound: (n,) friction bound, MPa, to be held (Tresca); None: Coulomb's, from the pressure of this jump.
        foreseen: (n, 3) friction, MPa, that the last step expected here; None: that of this jump. The direction of slip turns
            all at once where slip is small, and a tangent taken at the turn overshoots; with friction as an unknown of its own
            it does not (primal-dual Newton: Chan, Golub and Mulet 1999, SIAM J Sci Comput 20:1964; for friction Hueeber, Stadler
            and Wohlmuth 2008, SIAM J Sci Comput 30:572; both RECALLED). Tractions are the same.
    """
    normals = laws.normals
    opening = np.einsum("ni,ni->n", jump, normals)
    sliding = jump - opening[:, None] * normals
    pressing = memory.pressing + laws.closed * (opening + laws.gap) - laws.preload
    touching = (laws.closed > 0) & (pressing <= 0.0)
    pressure = np.where(touching, -pressing, 0.0)
    across = laws.across * opening - pressure + laws.preload
    trial = memory.sticking + laws.stick[:, None] * sliding
    size = np.linalg.norm(trial, axis=1)
    limit = laws.friction * pressure if bound is None else bound
    slipping = ((size > limit) | ((limit <= 0.0) & ~touching)) & (laws.stick > 0)
    share = np.where(slipping, limit / np.maximum(size, _TINY), 1.0)
    friction = share[:, None] * trial
    traction = across[:, None] * normals + laws.along[:, None] * sliding + friction
    outer = np.einsum("ni,nj->nij", normals, normals)
    plane = np.eye(3) - outer
    direction = trial / np.maximum(size, _TINY)[:, None]
    along_slip = np.einsum("ni,nj->nij", direction, direction)
    tangent = (laws.across + np.where(touching, laws.closed, 0.0))[:, None, None] * outer
    tangent = tangent + (laws.along + share * laws.stick)[:, None, None] * plane
    tangent -= (slipping * share * laws.stick)[:, None, None] * along_slip
    grows = np.where(slipping & touching, laws.friction * laws.closed, 0.0)
    coupling = -grows[:, None, None] * np.einsum("ni,nj->nij", direction, normals)
    if foreseen is not None:
        length = np.linalg.norm(foreseen, axis=1)
        within = foreseen * np.minimum(1.0, limit / np.maximum(length, _TINY))[:, None]
        turn = np.where(slipping, laws.stick / np.maximum(size, _TINY), 0.0)[:, None] * (share[:, None] * trial - within)
        coupling = coupling + np.einsum("ni,nj->nij", turn, direction)
    return Response(traction, tangent, coupling, pressure, friction, touching, slipping & touching)


def stored_energy(laws: LawsAtPoints, response: Response, jump: FloatArray) -> FloatArray:
    """(n,) elastic energy by area of springs, faces that touch and faces that stick, N/mm, from the state before the load.

    Faces under a preload p0 start with p0^2 / 2 k, and the bone around them does p0 g. Multipliers store nothing.
    """
    opening = np.einsum("ni,ni->n", jump, laws.normals)
    slide = np.linalg.norm(jump - opening[:, None] * laws.normals, axis=1)
    springs = 0.5 * laws.across * opening**2 + 0.5 * laws.along * slide**2 + laws.preload * opening
    parted = np.where(laws.closed > 0, -(laws.preload**2) / (2 * np.where(laws.closed > 0, laws.closed, 1.0)), 0.0)
    pressed = np.where(response.closed, -0.5 * (response.pressure + laws.preload) * (opening + laws.gap), parted)
    sticks = laws.stick > 0
    stuck = np.where(sticks, np.sum(response.friction**2, axis=1) / (2 * np.where(sticks, laws.stick, 1.0)), 0.0)
    return np.asarray(springs + pressed + stuck)


def slip(laws: LawsAtPoints, response: Response, jump: FloatArray) -> FloatArray:
    """(n, 3) sliding that friction does not give back, mm: the sliding less the elastic part of faces that stick."""
    opening = np.einsum("ni,ni->n", jump, laws.normals)
    sliding = jump - opening[:, None] * laws.normals
    sticks = laws.stick > 0
    elastic = response.friction / np.where(sticks, laws.stick, 1.0)[:, None]
    return np.where(sticks[:, None], sliding - elastic, 0.0)
