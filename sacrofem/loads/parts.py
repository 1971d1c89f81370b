"""A load as forces and moments on surfaces, in newtons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_ZERO: FloatArray = np.zeros(3)
#: Mirrors places and forces; moments keep the other components.
_MIRROR: FloatArray = np.array([1.0, 1.0, -1.0])


@dataclass(frozen=True, eq=False)
class LoadPart:
    """A force and a moment on one surface.

    Attributes:
        name: Of the part.
        surface: ``endplate``, ``acetabulum_right``, ``acetabulum_left``, ``bone`` (volume) or ``patch`` (outer facets about
            ``point``).
        force: (3,) N, frame G.
        point: (3,) where the force acts, mm; None: the centroid of the surface.
        moment: (3,) about that point, N mm.
        radius: Of a patch, mm.
    """

    name: str
    surface: str
    force: FloatArray
    point: FloatArray | None = None
    moment: FloatArray = field(default_factory=_ZERO.copy)
    radius: float = 0.0

    @property
    def in_socket(self) -> bool:
        """Whether it is the pressure of a femoral head."""
        return self.surface.startswith("acetabulum")

    def mirrored(self) -> LoadPart:
        """Its mirror image about the midplane, sides swapped."""
        point = None if self.point is None else self.point * _MIRROR
        name, surface = swap_side(self.name), swap_side(self.surface)
        return replace(self, name=name, surface=surface, force=self.force * _MIRROR, point=point, moment=-self.moment * _MIRROR)


@dataclass(frozen=True)
class AppliedLoad:
    """A load case in newtons.

    Attributes:
        name: Of the load.
        parts: All that acts on the pelvis.
        nature: See :class:`sacrofem.catalogue.load_case.Load`.
        body_weight: N.
        tensions: Muscle -> tension, N.
        stresses: Muscle -> stress, MPa.
    """

    name: str
    parts: tuple[LoadPart, ...]
    nature: str
    body_weight: float
    tensions: Mapping[str, float] = field(default_factory=dict)
    stresses: Mapping[str, float] = field(default_factory=dict)

    @property
    def on_endplate(self) -> FloatArray:
        """(3,) force on the S1 endplate, N."""
        return sum((part.force for part in self.parts if part.surface == "endplate"), _ZERO.copy())

    @property
    def hip_contacts(self) -> dict[str, FloatArray]:
        """Socket -> (3,) force on it, N."""
        return {part.surface: part.force for part in self.parts if part.in_socket}

    @property
    def residual(self) -> tuple[float, float]:
        """|sum of forces| / body weight, and |moment about the origin| / (body weight times 1 m); needs parts with points."""
        force, moment = resultant(self.parts)
        return float(np.linalg.norm(force)) / self.body_weight, float(np.linalg.norm(moment)) / (1000.0 * self.body_weight)

    def scaled(self, share: float) -> AppliedLoad:
        """The same with this share of every force and moment."""
        parts = tuple(replace(part, force=share * part.force, moment=share * part.moment) for part in self.parts)
        return replace(self, parts=parts)

    def without_hips(self) -> AppliedLoad:
        """The same without the contact in the sockets, where supports stand for the femoral heads."""
        return replace(self, parts=tuple(part for part in self.parts if not part.in_socket))


def resultant(parts: Iterable[LoadPart]) -> tuple[FloatArray, FloatArray]:
    """(3,) force, N, and (3,) moment about the origin, N mm; a part without a point is taken at the origin."""
    force, moment = _ZERO.copy(), _ZERO.copy()
    for part in parts:
        force += part.force
        moment += part.moment + np.cross(_ZERO if part.point is None else part.point, part.force)
    return force, moment


def swap_side(name: str) -> str:
    """A name with ``_right`` and ``_left`` swapped."""
    for one, other in (("_right", "_left"), ("_left", "_right")):
        if one in name:
            return name.replace(one, other)
    return name
