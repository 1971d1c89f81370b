"""A parametric hip bone: iliac plate, acetabulum, ischium and pubis joined, kept off the sacrum by the joint's gap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sacrofem.shapes.field import BoolArray, FloatArray, Shape
from sacrofem.shapes.hip.acetabulum import Acetabulum
from sacrofem.shapes.hip.ischiopubis import Symphysis, inferior_ramus, ischium, pubic_body, superior_ramus
from sacrofem.shapes.hip.parameters import HipParameters
from sacrofem.shapes.hip.plates import iliac_plate
from sacrofem.shapes.hip.rods import rod
from sacrofem.shapes.hip.sacroiliac import SacroiliacJoint
from sacrofem.shapes.primitives import smooth_subtract, smooth_union, tapered_capsule
from sacrofem.shapes.turning import turn_matrix, turned_box, turned_facets, turned_points

FacetMask = Callable[[FloatArray, FloatArray], BoolArray]

_SURFACE_TOLERANCE = 1.5  # mm, from a joint surface to a facet that belongs to it
_FACING = float(np.cos(np.radians(30.0)))
#: Fillets between wing and cup, mm.
_INNER_FILLET, _OUTER_FILLET = 4.0, 14.0
#: How far the edge of the symphyseal face is rounded, mm.
_EDGE = 1.5
#: Space kept between the landmarks' box and the bounds, mm.
_ROOM = 16.0


@dataclass(frozen=True)
class HipBone:
    """A right hip bone as shapes and surfaces, frame G, mm.

    Attributes:
        bone: Signed distance of the bone, negative inside.
        uncut: Of the bone before the sacrum's clearance was taken off.
        bounds: Lower and upper corner of a box around the bone.
        hip_centre: (3,) centre of the socket.
        acetabulum: (centroids, outward normals) -> which outer facets are the socket.
        auricular: (centroids, outward normals) -> which outer facets are the iliac auricular surface.
        symphyseal: (centroids, outward normals) -> which outer facets are the pubic face of the symphysis.
    """

    bone: Shape
    uncut: Shape
    bounds: tuple[FloatArray, FloatArray]
    hip_centre: FloatArray
    acetabulum: FacetMask
    auricular: FacetMask
    symphyseal: FacetMask

    def turned(self, degrees: float) -> HipBone:
        """The hip bone turned forwards about the origin."""
        return HipBone(
            bone=turned_points(self.bone, degrees),
            uncut=turned_points(self.uncut, degrees),
            bounds=turned_box(self.bounds, degrees),
            hip_centre=turn_matrix(degrees) @ self.hip_centre,
            acetabulum=turned_facets(self.acetabulum, degrees),
            auricular=turned_facets(self.auricular, degrees),
            symphyseal=turned_facets(self.symphyseal, degrees),
        )


def build_hip_bone(parameters: HipParameters, joint: SacroiliacJoint) -> HipBone:
    """Build a right hip bone.

    Args:
        parameters: The hip bone.
        joint: The sacroiliac joint it takes part in, of the same scale.

    Returns:
        The hip bone.
    """
    scale = parameters.scale
    solid = _solid(parameters, joint.normal)
    socket, symphysis = Acetabulum.of(parameters), Symphysis.of(parameters)

    def uncut(points: FloatArray) -> FloatArray:
        return scale * solid(points / scale)

    def bone(points: FloatArray) -> FloatArray:
        return joint.keep_clear(uncut(points), points)

    def is_symphyseal(centroids: FloatArray, normals: FloatArray) -> BoolArray:
        small = centroids / scale
        near = np.abs(small[:, 2] - 0.5 * symphysis.gap) < _SURFACE_TOLERANCE
        facing: BoolArray = normals[:, 2] < -_FACING
        return near & facing & (symphysis.outline(small) < 1.0)

    outline = np.array([parameters.landmarks[name] for name in parameters.entry.outline])
    below = np.array([parameters.landmarks[name] for name in ("IschialTuberosity_low", "PubicTubercle")])
    corners = np.vstack([outline, below])
    lower, upper = corners.min(axis=0) - _ROOM, corners.max(axis=0) + _ROOM
    lower[2] = 0.0
    return HipBone(
        bone=bone,
        uncut=uncut,
        bounds=(scale * lower, scale * upper),
        hip_centre=scale * socket.centre,
        acetabulum=lambda centroids, normals: socket.is_surface(centroids / scale, normals),
        auricular=joint.is_iliac_face,
        symphyseal=is_symphyseal,
    )


def _solid(parameters: HipParameters, auricular_normal: FloatArray) -> Shape:
    """The bone before the sacrum's clearance is taken off; unscaled."""
    plate = iliac_plate(parameters, auricular_normal)
    socket = Acetabulum.of(parameters)
    body, upper, lower, pubis = (make(parameters) for make in (ischium, superior_ramus, inferior_ramus, pubic_body))
    face = 0.5 * parameters.entry.symphysis.gap
    at = parameters.landmarks
    upward = -socket.downward
    # The gluteal pillar runs out into the roof of the socket: without this buttress the cup would stand off the wing.
    roof = socket.centre + 14.0 * upward - 14.0 * socket.normal
    pillar = 0.8 * at["Pillar_lower"] + 0.2 * at["Pillar_upper"]
    # The posterior column fills the trough between the notch's border and the cup.
    outward = np.array([11.0, 0.0, 11.0])
    column_nodes = [at["SciaticNotch_apex"], at["SciaticNotch_lower"], at["LesserNotch"] + np.array([2.0, 12.0, 2.0])]
    column = rod(np.array(column_nodes) + outward, np.array([[7.0, 4.0], [10.5, 9.0], [13.0, 12.5]]), np.array([0.0, 0.0, 1.0]))
    spine_root = at["Supra_acetabular"] + 0.45 * (at["AIIS"] - at["Supra_acetabular"])
    spine_tip = at["AIIS"] + 8.0 * (spine_root - at["AIIS"]) / np.linalg.norm(spine_root - at["AIIS"])

    def distance(points: FloatArray) -> FloatArray:
        wing = plate(points)
        cup = smooth_union(socket.wall_shape(points), tapered_capsule(points, roof, pillar, 10.0, 0.5), 12.0)
        cup = smooth_union(cup, column(points), 12.0)
        # A wide fillet outside; inside the pelvis the wall stays flat.
        outer = np.clip(plate.side(points) / 8.0, 0.0, 1.0)
        cup = _blend(wing, cup, _INNER_FILLET + outer * (_OUTER_FILLET - _INNER_FILLET))
        cup = smooth_union(cup, tapered_capsule(points, spine_root, spine_tip, 6.5, 6.5), 10.0)
        cup = smooth_union(cup, body(points), 10.0)
        front = smooth_union(smooth_union(upper(points), pubis(points), 8.0), lower(points), 6.0)
        whole = smooth_union(cup, front, 12.0)
        hollow = smooth_subtract(whole, socket.socket(points), 3.5)
        return smooth_subtract(hollow, points[:, 2] - face, _EDGE)

    return distance


def _blend(first: FloatArray, second: FloatArray, radius: FloatArray) -> FloatArray:
    """Smooth union whose fillet differs from place to place."""
    overlap = np.maximum(radius - np.abs(first - second), 0.0) / radius
    joined: FloatArray = np.minimum(first, second) - overlap * overlap * radius / 4.0
    return joined
