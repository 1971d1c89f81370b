"""The sacroiliac joint: where the ilium must stay off the sacrum, and the cartilage between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sacrofem.shapes.field import BoolArray, FloatArray, IntArray, Shape
from sacrofem.shapes.primitives import project_on_segment, smooth_subtract, smooth_union

_LANDMARKS = ("AUR_corner", "AUR_short_end", "AUR_long_end", "AUR_centroid")
_LIMBS = (("AUR_short_end", "AUR_corner"), ("AUR_corner", "AUR_long_end"))
#: The cartilage lies within this distance of the auricular plane, mm.
_REACH = 5.0
#: How far the edge between the iliac face and the rest of the ilium is rounded, mm.
_EDGE = 1.5
_SURFACE_TOLERANCE = 1.5  # mm
#: Outside the joint its faces leave the bones' surfaces at this slope, up to this distance, mm: into the air, so
#: that they cut no splinters off the bones where these run parallel to them.
_LEAVE = (0.6, 1.2)
_FACING = float(np.cos(np.radians(30.0)))


@dataclass(frozen=True)
class SacroiliacJoint:
    """The right sacroiliac joint, frame G, mm.

    Attributes:
        sacrum: Signed distance of the sacrum, negative inside.
        gap: Bone-to-bone gap, mm.
        centre: (3,) a point of the sacral auricular plane.
        normal: (3,) its outward unit normal.
        limbs: (2, 2, 3) ends of the two limbs' centre lines.
        half_width: Of the limbs.
    """

    sacrum: Shape
    gap: float
    centre: FloatArray
    normal: FloatArray
    limbs: FloatArray
    half_width: float

    @classmethod
    def of(
        cls, sacrum: Shape, landmarks: Mapping[str, Any], gap: float, half_width: float, scale: float = 1.0
    ) -> SacroiliacJoint:
        """The joint of a sacrum.

        Args:
            sacrum: Signed distance of the sacrum (already scaled), mm.
            landmarks: The sacrum's landmarks (unscaled).
            gap: Bone-to-bone gap (unscaled), mm.
            half_width: Of the limbs (unscaled), mm.
            scale: Uniform scale about the origin.

        Returns:
            The joint.
        """
        at = {name: scale * np.array(landmarks[name], dtype=np.float64) for name in _LANDMARKS}
        points = np.array([at[name] for name in _LANDMARKS])
        normal = np.linalg.svd(points - points.mean(axis=0))[2][2]
        limbs = np.array([[at[start], at[end]] for start, end in _LIMBS])
        return cls(sacrum, scale * gap, points.mean(axis=0), normal * np.sign(normal[2]), limbs, scale * half_width)

    def keep_clear(self, ilium: FloatArray, points: FloatArray, sacrum: FloatArray | None = None) -> FloatArray:
        """Distances of an ilium after the sacrum, grown by the gap, is taken off it.

        Args:
            ilium: (n,) signed distances of the ilium, mm.
            points: (n, 3).
            sacrum: (n,) signed distances of the sacrum, mm, where they are known.

        Returns:
            (n,) signed distances. The sacrum is evaluated only where the ilium is near.
        """
        clear = ilium.copy()
        near = np.flatnonzero(ilium < 2.0 * self.half_width)
        away = self.sacrum(points[near]) if sacrum is None else sacrum[near]
        clear[near] = smooth_subtract(ilium[near], away - self.gap, _EDGE)
        return clear

    def footprint(self, points: FloatArray) -> FloatArray:
        """(n,) distance from the outline of the L, seen along the auricular normal; negative inside."""
        flat = points - ((points - self.centre) @ self.normal)[:, None] * self.normal
        ends = self.limbs - ((self.limbs - self.centre) @ self.normal)[..., None] * self.normal
        away = [project_on_segment(flat, start, end)[1] for start, end in ends]
        return smooth_union(away[0], away[1], 2.0) - self.half_width

    def cartilage(self, uncut_ilium: Shape) -> Shape:
        """Cartilage: the layer of the gap's thickness on the sacrum, within the footprint, where the ilium faces it.

        Args:
            uncut_ilium: Signed distance of the ilium before the sacrum's clearance was taken off.

        Returns:
            Its signed distance, mm.
        """

        def distance(points: FloatArray) -> FloatArray:
            slab = np.abs((points - self.centre) @ self.normal) - _REACH
            layer = np.maximum(self.footprint(points), slab)
            near = np.flatnonzero(layer < 2.0 * self.half_width)
            sacrum, ilium = self.sacrum(points[near]), uncut_ilium(points[near])
            within = np.maximum(-sacrum, np.maximum(sacrum, ilium) - self.gap)
            layer[near] = np.maximum(layer[near], within)
            return layer

        return distance

    def filling(self, uncut_ilium: Shape, overlap: float) -> Shape:
        """What closes the gap within the footprint when bones and cartilage are made one solid.

        It reaches into both bones, so that no crevice is left at their rounded edges, and its rim is blunt: where the ilium
        turns away it ends square to the layer, while the cartilage itself runs out in a feather edge that no mesh can carry.

        Args:
            uncut_ilium: Signed distance of the ilium before the sacrum's clearance was taken off.
            overlap: How far it reaches into the bones, mm.

        Returns:
            Its signed distance, mm.
        """

        def distance(points: FloatArray) -> FloatArray:
            layer, near = self._filled_layer(points, overlap)
            return self._fill(layer, near, self.sacrum(points[near]), uncut_ilium(points[near]), overlap)

        return distance

    def filling_between(self, points: FloatArray, sacrum: FloatArray, ilium: FloatArray, overlap: float) -> FloatArray:
        """(n,) :meth:`filling` at points where the (n,) distances of the sacrum and the uncut ilium are known."""
        layer, near = self._filled_layer(points, overlap)
        return self._fill(layer, near, sacrum[near], ilium[near], overlap)

    def _filled_layer(self, points: FloatArray, overlap: float) -> tuple[FloatArray, IntArray]:
        """(n,) distance from the prism that holds the filling, and the points where the bones beside it count."""
        slab = np.abs((points - self.centre) @ self.normal) - _REACH - overlap
        layer = np.maximum(self.footprint(points), slab)
        return layer, np.flatnonzero(layer < 2.0 * self.half_width)

    def _fill(self, layer: FloatArray, near: IntArray, sacrum: FloatArray, ilium: FloatArray, overlap: float) -> FloatArray:
        """The layer, cut off by the bones at its ``near`` points."""
        within = np.maximum(-sacrum, sacrum - self.gap) - overlap
        facing = (np.clip(sacrum, 0.0, self.gap) + ilium - self.gap) / np.sqrt(2.0)
        layer[near] = np.maximum(layer[near], np.maximum(within, facing))
        return layer

    def sacral_face(self, points: FloatArray) -> FloatArray:
        """(n,) negative on the sacrum's side of its auricular face; see :data:`_LEAVE`."""
        return self.sacrum(points) - self._leave(points)

    def iliac_face(self, points: FloatArray) -> FloatArray:
        """(n,) negative on the ilium's side of its auricular face; see :data:`_LEAVE`."""
        return self.gap - self.sacrum(points) - self._leave(points)

    def _leave(self, points: FloatArray) -> FloatArray:
        slope, most = _LEAVE
        # The footprint is a prism through the whole sacrum: only near the plane is it the joint.
        away = np.abs((points - self.centre) @ self.normal) - _REACH - self.gap
        return np.clip(slope * np.maximum(self.footprint(points), away), 0.0, most)

    def is_iliac_face(self, centroids: FloatArray, normals: FloatArray) -> BoolArray:
        """Which outer facets of the ilium bound the joint's gap within the footprint."""
        near = np.abs(self.sacrum(centroids) - self.gap) < _SURFACE_TOLERANCE
        facing: BoolArray = normals @ self.normal < -_FACING
        return near & facing & (self.footprint(centroids) < 0.0)
