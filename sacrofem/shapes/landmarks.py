"""Landmarks of a sacrum as arrays, with the directions that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sacrofem.catalogue.models import Anatomy
from sacrofem.shapes.field import FloatArray


@dataclass(frozen=True)
class Landmarks:
    """Landmarks in frame G, mm; paired ones on the right side."""

    at: dict[str, FloatArray]

    @classmethod
    def of(cls, anatomy: Anatomy) -> Landmarks:
        """The landmarks of an anatomy, before its scale."""
        return cls({name: np.array(at, dtype=np.float64) for name, at in anatomy.landmarks.items()})

    @property
    def endplate_normal(self) -> FloatArray:
        """Cranial normal of the S1 endplate, from promontory and posterior corner."""
        along = self.at["SP_promontory"] - self.at["S1_post_sup_corner"]
        along = along / np.linalg.norm(along)
        return np.array([-along[1], along[0], 0.0])

    @property
    def endplate_forward(self) -> FloatArray:
        """Direction along the endplate to the promontory."""
        x, y, _ = self.endplate_normal
        return np.array([y, -x, 0.0])

    @property
    def endplate_centre(self) -> FloatArray:
        """Middle of the endplate in the midplane."""
        return 0.5 * (self.at["SP_promontory"] + self.at["S1_post_sup_corner"])

    @property
    def endplate_semi_axes(self) -> tuple[float, float]:
        """(anteroposterior, transverse) semi-axes of the endplate, mm."""
        depth = np.linalg.norm(self.at["SP_promontory"] - self.at["S1_post_sup_corner"])
        return float(depth) / 2, float(self.at["S1_endplate_lateral"][2])

    @property
    def auricular_plane(self) -> tuple[FloatArray, FloatArray]:
        """Point and outward normal of the plane that best fits the auricular landmarks."""
        names = ("AUR_corner", "AUR_short_end", "AUR_long_end", "AUR_centroid")
        points = np.array([self.at[name] for name in names])
        centre = points.mean(axis=0)
        normal = np.linalg.svd(points - centre)[2][2]
        return centre, normal * np.sign(normal[2])

    @property
    def auricular_limbs(self) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
        """Centre lines of the cranial and the caudal limb, each from the corner outwards."""
        corner = self.at["AUR_corner"]
        return (corner, self.at["AUR_short_end"]), (corner, self.at["AUR_long_end"])


def mirrored(points: FloatArray) -> FloatArray:
    """The points with z turned positive: anatomies are symmetric about the midplane."""
    return np.column_stack([points[:, :2], np.abs(points[:, 2])])
