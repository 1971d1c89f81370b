"""What describes a hip bone: landmarks, thickness map, sizes of socket, rami and joints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sacrofem.catalogue.hip import REQUIRED_LANDMARKS, Hip, Point
from sacrofem.errors import GeometryError, explain
from sacrofem.shapes.field import FloatArray


@dataclass(frozen=True)
class HipParameters:
    """A right hip bone in figures, frame G, mm.

    Attributes:
        landmarks: name -> (3,) point.
        outline: Names of the landmarks on the rim of the iliac plate, in order.
        rim_thickness: Landmark on the rim -> thickness.
        inner_thickness: Landmark on the middle surface, or auricular landmark of the sacrum -> thickness.
        pubic_outline: Names of the landmarks on the rim of the pubic body, in order.
        pubic_rim_thickness: Landmark on that rim -> thickness.
        pubic_inner_thickness: Landmark on the middle surface of the pubic body -> thickness.
        thickness_limits: Smallest and largest thickness of the plate.
        crest_width: Distance from the rim at which its thickness no longer counts.
        acetabular_radius: Bony radius of the socket.
        acetabular_normal: (3,) outward unit normal of the rim plane.
        acetabular_wall: Thickness of bone around the socket.
        fossa_depth: Depth of the acetabular fossa below the socket's sphere; 0 leaves fossa and notch out.
        notch_width: Width of the acetabular notch.
        superior_ramus: Narrowest section (height, thickness).
        inferior_ramus: Section (height, thickness).
        symphysis_size: (height, anteroposterior depth, gap).
        cartilage: Thickness of the sacral and of the iliac cartilage.
        scale: Uniform scale about the origin.
    """

    landmarks: dict[str, FloatArray]
    outline: tuple[str, ...]
    rim_thickness: dict[str, float]
    inner_thickness: dict[str, float]
    pubic_outline: tuple[str, ...]
    pubic_rim_thickness: dict[str, float]
    pubic_inner_thickness: dict[str, float]
    thickness_limits: tuple[float, float]
    crest_width: float
    acetabular_radius: float
    acetabular_normal: FloatArray
    acetabular_wall: float
    fossa_depth: float
    notch_width: float
    superior_ramus: tuple[float, float]
    inferior_ramus: tuple[float, float]
    symphysis_size: tuple[float, float, float]
    cartilage: tuple[float, float]
    scale: float

    @property
    def joint_gap(self) -> float:
        """Bone-to-bone gap of the sacroiliac joint, mm."""
        return sum(self.cartilage)

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
        normal = np.array(hip.acetabulum.normal, dtype=np.float64)
        return cls(
            landmarks=landmarks,
            outline=hip.outline,
            rim_thickness=dict(hip.rim_thickness),
            inner_thickness=dict(hip.inner_thickness),
            pubic_outline=hip.pubic_outline,
            pubic_rim_thickness=dict(hip.pubic_rim_thickness),
            pubic_inner_thickness=dict(hip.pubic_inner_thickness),
            thickness_limits=hip.thickness_limits,
            crest_width=hip.crest_width,
            acetabular_radius=hip.acetabulum.radius,
            acetabular_normal=normal / np.linalg.norm(normal),
            acetabular_wall=hip.acetabulum.wall,
            fossa_depth=hip.acetabulum.fossa_depth,
            notch_width=hip.acetabulum.notch_width,
            superior_ramus=hip.rami.superior,
            inferior_ramus=hip.rami.inferior,
            symphysis_size=(hip.symphysis.height, hip.symphysis.depth, hip.symphysis.gap),
            cartilage=(hip.cartilage.sacral, hip.cartilage.iliac),
            scale=scale,
        )
