"""The acetabulum: the bone around the socket, and what is taken away for socket, fossa and notch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sacrofem.shapes.field import BoolArray, FloatArray
from sacrofem.shapes.hip.parameters import HipParameters
from sacrofem.shapes.primitives import ellipsoid, project_on_segment, smooth_subtract, smooth_union

#: The ball of bone is cut this far above the rim plane, so that the socket's rounded lip comes to lie in the plane. mm
_LIP = 1.0
#: The articular surface ends this far from the fossa, mm.
_FOSSA_RIM = 0.8
_SURFACE_TOLERANCE = 1.5  # mm, from the socket's sphere to a facet that belongs to it


@dataclass(frozen=True)
class Acetabulum:
    """A right acetabulum.

    Attributes:
        centre: (3,) hip joint centre, mm.
        normal: (3,) outward unit normal of the rim plane.
        radius: Bony radius, mm.
        wall: Thickness of bone around the socket, mm.
        fossa_depth: Depth of the fossa below the sphere, mm.
        notch_width: Width of the notch, mm.
    """

    centre: FloatArray
    normal: FloatArray
    radius: float
    wall: float
    fossa_depth: float
    notch_width: float

    @classmethod
    def of(cls, parameters: HipParameters) -> Acetabulum:
        """The acetabulum that the parameters describe."""
        return cls(
            centre=parameters.landmarks["HJC"],
            normal=parameters.acetabular_normal,
            radius=parameters.entry.acetabulum.radius,
            wall=parameters.entry.acetabulum.wall,
            fossa_depth=parameters.entry.acetabulum.fossa_depth,
            notch_width=parameters.entry.acetabulum.notch_width,
        )

    @property
    def downward(self) -> FloatArray:
        """(3,) direction in the rim plane towards the notch: the lowest point of the rim, a little forward."""
        down = np.array([0.25, -1.0, 0.0])
        down -= (down @ self.normal) * self.normal
        return down / np.linalg.norm(down)

    def wall_shape(self, points: FloatArray) -> FloatArray:
        """(n,) signed distance of the ball of bone below the rim plane, its edge rounded."""
        local = points - self.centre
        ball = np.linalg.norm(local, axis=1) - self.radius - self.wall
        return smooth_subtract(ball, _LIP - local @ self.normal, 4.0)

    def socket(self, points: FloatArray) -> FloatArray:
        """(n,) signed distance of the socket with its mouth, fossa and notch; negative in the opening."""
        local = points - self.centre
        height = np.maximum(local @ self.normal, 0.0)
        sphere = np.linalg.norm(local - height[:, None] * self.normal, axis=1) - self.radius
        return sphere if self.fossa_depth <= 0.0 else smooth_union(sphere, self.fossa(points), 2.0)

    def fossa(self, points: FloatArray) -> FloatArray:
        """(n,) signed distance of the fossa, which lies deep and low in the socket, and of the notch it runs out into."""
        deep = 0.75 * self.downward - 0.66 * self.normal
        deep /= np.linalg.norm(deep)
        sideways = np.cross(deep, self.normal)
        sideways /= np.linalg.norm(sideways)
        frame = np.array([deep, sideways, np.cross(deep, sideways)])
        reach = self.radius + self.fossa_depth
        hollow = ellipsoid(points, self.centre + (reach - 16.0) * deep, np.array([16.0, 18.0, 18.0]), frame)
        start = self.centre + (self.radius - 8.0) * deep
        end = self.centre + (self.radius + 3.0) * self.downward + 5.0 * self.normal
        notch = project_on_segment(points, start, end)[1] - self.notch_width / 2
        return smooth_union(hollow, notch, 3.0)

    def is_surface(self, centroids: FloatArray, normals: FloatArray) -> BoolArray:
        """Which outer facets are the socket's: near its sphere, facing its centre, below the rim, outside the fossa."""
        local = centroids - self.centre
        away = np.linalg.norm(local, axis=1)
        near = np.abs(away - self.radius) < _SURFACE_TOLERANCE
        facing = np.sum(local * normals, axis=1) < -np.cos(np.radians(40.0)) * away
        below = local @ self.normal < _LIP
        lunate: BoolArray = near & facing & below
        return lunate & (self.fossa(centroids) > _FOSSA_RIM) if self.fossa_depth > 0.0 else lunate
