"""Where ligaments hold an individual's bones: springs between places that its landmarks give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sacrofem.catalogue.ligament import AttachedBone, Attachment, Ligament, LigamentSet
from sacrofem.catalogue.models import Anatomy
from sacrofem.errors import ConfigError, explain
from sacrofem.shapes.field import FloatArray
from sacrofem.shapes.variation import vary_anatomy

_MIRROR = np.array([1.0, 1.0, -1.0])
_OTHER = {"right": "left", "left": "right"}


@dataclass(frozen=True)
class PlacedEnd:
    """One end of a spring: bone (``sacrum``, ``hip_right``, ``hip_left``, ``l5``), place (mm) and radius of its patch."""

    bone: str
    place: FloatArray
    radius: float


@dataclass(frozen=True)
class PlacedSpring:
    """A spring between two bones.

    Attributes:
        ligament: Name of the ligament, with its side where there are two.
        origin: One end.
        insertion: The other.
        stiffness: N/mm.
        rest: Elongation at which it carries nothing, mm: slack, or less than zero by preload / stiffness.
    """

    ligament: str
    origin: PlacedEnd
    insertion: PlacedEnd
    stiffness: float
    rest: float


def individual_landmarks(anatomy: Anatomy) -> dict[str, FloatArray]:
    """Landmarks of sacrum and hip bone, right side, as the individual has them: varied and scaled, frame G, mm."""
    varied = vary_anatomy(anatomy)
    every = {**varied.landmarks, **(varied.hip.landmarks if varied.hip else {})}
    return {name: varied.scale * np.array(at, dtype=np.float64) for name, at in every.items()}


def place_ligaments(ligaments: LigamentSet, anatomy: Anatomy) -> tuple[PlacedSpring, ...]:
    """Place the springs of a set on an individual.

    Args:
        ligaments: The set.
        anatomy: With its variation and scale; radii of patches scale along.

    Returns:
        The springs of both sides.

    Raises:
        ConfigError: the anatomy lacks a landmark.
    """
    landmarks = individual_landmarks(anatomy)
    require_landmarks(ligaments, landmarks, f"anatomy {anatomy.name!r}")
    scale = vary_anatomy(anatomy).scale
    return tuple(
        spring
        for ligament in ligaments.ligaments
        for side in (("right", "left") if ligament.paired else ("right",))
        for spring in _springs(ligament, side, landmarks, scale, ligaments.factor)
    )


def require_landmarks(ligaments: LigamentSet, landmarks: Mapping[str, object], where: str) -> None:
    """Raise ConfigError where landmarks that the attachments need are missing."""
    missing = sorted(ligaments.landmarks - set(landmarks))
    if missing:
        raise ConfigError(
            explain(
                "The anatomy lacks landmarks that ligaments hold on to.",
                where=f"{where}, ligament set {ligaments.name!r}",
                got=f"no {', no '.join(missing)}",
                allowed=", ".join(sorted(landmarks)),
                next_step="add the landmarks to the anatomy, name others in a set of your own, or write `ligaments: none`",
            )
        )


def _springs(
    ligament: Ligament, side: str, landmarks: Mapping[str, FloatArray], scale: float, factor: float
) -> list[PlacedSpring]:
    name = f"{ligament.name}_{side}" if ligament.paired else ligament.name
    stiffness = factor * ligament.stiffness / ligament.springs
    rest = ligament.slack - ligament.preload / (factor * ligament.stiffness)
    origins, insertions = (
        [PlacedEnd(_bone(end.bone, side), place, scale * end.radius) for place in _places(end, side, ligament.springs, landmarks)]
        for end in (ligament.origin, ligament.insertion)
    )
    return [PlacedSpring(name, origin, insertion, stiffness, rest) for origin, insertion in zip(origins, insertions, strict=True)]


def _bone(bone: AttachedBone, side: str) -> str:
    if bone in ("hip", "other_hip"):
        return f"hip_{side if bone == 'hip' else _OTHER[side]}"
    return bone


def _places(end: Attachment, side: str, count: int, landmarks: Mapping[str, FloatArray]) -> FloatArray:
    """(count, 3) places spread evenly over the line, each in the middle of its share."""
    corners = np.array([sum(share * landmarks[name] for name, share in corner.items()) for corner in end.line])
    if (side == "left") != (end.bone == "other_hip"):
        corners = corners * _MIRROR
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    along = (np.arange(count) + 0.5) / count * lengths[-1]
    return np.stack([np.interp(along, lengths, corners[:, i]) for i in range(3)], axis=1)
