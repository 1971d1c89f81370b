"""What describes a hip bone: its entry, with its landmarks and the sacrum's as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sacrofem.catalogue.hip import REQUIRED_LANDMARKS, Hip, Point
from sacrofem.errors import GeometryError, explain
from sacrofem.shapes.field import FloatArray


@dataclass(frozen=True)
class HipParameters:
    """A right hip bone in figures, frame G, mm, before its scale.

    Attributes:
        entry: The block ``hip`` of the anatomy: sizes, outlines and thickness maps.
        landmarks: name -> (3,) point, of the hip bone and of the sacrum.
        scale: Uniform scale about the origin.
    """

    entry: Hip
    landmarks: dict[str, FloatArray]
    scale: float

    @property
    def joint_gap(self) -> float:
        """Bone-to-bone gap of the sacroiliac joint, mm."""
        return self.entry.cartilage.sacral + self.entry.cartilage.iliac

    @property
    def acetabular_normal(self) -> FloatArray:
        """(3,) outward unit normal of the socket's rim plane."""
        normal = np.array(self.entry.acetabulum.normal, dtype=np.float64)
        unit: FloatArray = normal / np.linalg.norm(normal)
        return unit

    @classmethod
    def of(cls, hip: Hip, sacral_landmarks: Mapping[str, Point], scale: float = 1.0) -> HipParameters:
        """The parameters of an anatomy.

        Args:
            hip: The block ``hip`` of an anatomy.
            sacral_landmarks: The sacrum's landmarks; the auricular ones place the ilium's medial face.
            scale: Uniform scale about the origin.

        Returns:
            The parameters.

        Raises:
            GeometryError: names a landmark that is missing.
        """
        landmarks = {name: np.array(at, dtype=np.float64) for name, at in {**sacral_landmarks, **hip.landmarks}.items()}
        missing = sorted({*REQUIRED_LANDMARKS, *hip.outline, *hip.pubic_outline, *hip.placed_thickness} - set(landmarks))
        if missing:
            raise GeometryError(
                explain(
                    "The hip bone's description lacks landmarks.",
                    where="hip.landmarks",
                    got=f"no {', '.join(missing)}",
                    allowed="every landmark that the outline, the thickness map and the rami name",
                    next_step="add the missing names, or start from the packaged anatomy female_elderly",
                )
            )
        return cls(hip, landmarks, scale)
