"""The pelvic ring: sacrum, both hip bones, the cartilage of both sacroiliac joints and the symphysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from sacrofem.catalogue.models import Anatomy
from sacrofem.errors import GeometryError, explain
from sacrofem.shapes.field import BoolArray, FloatArray, Shape
from sacrofem.shapes.hip.bone import FacetMask, HipBone, build_hip_bone
from sacrofem.shapes.hip.ischiopubis import Symphysis
from sacrofem.shapes.hip.parameters import HipParameters
from sacrofem.shapes.hip.sacroiliac import SacroiliacJoint
from sacrofem.shapes.landmarks import mirrored
from sacrofem.shapes.sacrum import Sacrum, build_sacrum
from sacrofem.shapes.turning import turned_box, turned_facets, turned_points
from sacrofem.shapes.variation import turn_anatomy, vary_anatomy

#: Cartilage and disc reach this far into the bones when all become one solid, mm.
_OVERLAP = 1.0
#: Behind the joint's middle, and above the posterior inferior spine but for this, the ilium is the posterior one, mm.
_BELOW_SPINE = 10.0
_MIRROR = np.array([1.0, 1.0, -1.0])


@dataclass(frozen=True)
class PelvicRing:
    """Bones and joints of the pelvis as shapes and surfaces, frame G, mm.

    Attributes:
        sacrum: The sacrum.
        right: The right hip bone.
        hip_right: Signed distance of the right hip bone.
        hip_left: Of the left one, its mirror image.
        uncut: Side -> of the hip bone before the sacrum's clearance was taken off.
        tissues: Joint (sacroiliac_right, sacroiliac_left, symphysis) -> of its cartilage or disc.
        fillings: Joint -> of its cartilage or disc, reaching into both bones.
        joint_gap: Bone-to-bone gap of the sacroiliac joints, mm.
        bounds: Lower and upper corner of a box around the ring.
        solid: Of bones, cartilage and disc as one solid, crevices at the joints' rims closed.
        sacral_face: Negative on the sacrum's side of the sacroiliac joints, positive in cartilage and hip bones.
        iliac_face: Negative on the hip bones' side of the sacroiliac joints, positive in cartilage and sacrum.
        pubic_face: Half the symphysis' gap, mm: the disc lies between z = -pubic_face and z = pubic_face.
        posterior_ilium: Which points of the hip bones lie in the posterior ilium.
        pubic_rami: Which points of the hip bones lie in the pubic rami and the body of the pubis between them.
        surfaces: Name -> (centroids, outward normals) -> which outer facets of that hip bone belong to it:
            acetabulum, iliac_auricular and symphyseal, each with _right and _left.
    """

    sacrum: Sacrum
    right: HipBone
    hip_right: Shape
    hip_left: Shape
    uncut: dict[str, Shape]
    tissues: dict[str, Shape]
    fillings: dict[str, Shape]
    joint_gap: float
    bounds: tuple[FloatArray, FloatArray]
    solid: Shape
    sacral_face: Shape
    iliac_face: Shape
    pubic_face: float
    posterior_ilium: Callable[[FloatArray], BoolArray]
    pubic_rami: Callable[[FloatArray], BoolArray]
    surfaces: dict[str, FacetMask]

    @property
    def cartilage_right(self) -> Shape:
        """Signed distance of the right sacroiliac cartilage."""
        return self.tissues["sacroiliac_right"]

    @property
    def cartilage_left(self) -> Shape:
        """Signed distance of the left sacroiliac cartilage."""
        return self.tissues["sacroiliac_left"]

    @property
    def symphysis(self) -> Shape:
        """Signed distance of the symphysis disc."""
        return self.tissues["symphysis"]

    def leave(self, points: FloatArray) -> FloatArray:
        """How far (mm) the faces of the sacroiliac joints stand off the bones, outside the joints."""
        return self.sacrum.bone(points) - self.sacral_face(points)

    def turned(self, degrees: float) -> PelvicRing:
        """The ring turned forwards about the origin, so that its sacral slope grows by ``degrees``."""
        return replace(
            self,
            sacrum=self.sacrum.turned(degrees),
            right=self.right.turned(degrees),
            bounds=turned_box(self.bounds, degrees),
            posterior_ilium=turned_points(self.posterior_ilium, degrees),
            pubic_rami=turned_points(self.pubic_rami, degrees),
            surfaces={name: turned_facets(mask, degrees) for name, mask in self.surfaces.items()},
            hip_right=turned_points(self.hip_right, degrees),
            hip_left=turned_points(self.hip_left, degrees),
            uncut={side: turned_points(shape, degrees) for side, shape in self.uncut.items()},
            tissues={joint: turned_points(shape, degrees) for joint, shape in self.tissues.items()},
            fillings={joint: turned_points(shape, degrees) for joint, shape in self.fillings.items()},
            solid=turned_points(self.solid, degrees),
            sacral_face=turned_points(self.sacral_face, degrees),
            iliac_face=turned_points(self.iliac_face, degrees),
        )


def build_pelvic_ring(anatomy: Anatomy) -> PelvicRing:
    """Build the ring.

    Args:
        anatomy: Sacrum and hip bone, varied as it says; its scale is the ring's.

    Returns:
        The ring.

    Raises:
        GeometryError: The anatomy describes no hip bone, or lacks a landmark of it.
    """
    anatomy = vary_anatomy(anatomy)
    if anatomy.hip is None:
        raise GeometryError(
            explain(
                "The anatomy has no hip bones.",
                where=f"anatomy {anatomy.name!r}, hip",
                got="nothing",
                allowed="a block `hip`, as the packaged anatomy female_elderly has",
                next_step="add the block, or study the sacrum alone with `extent: sacrum`",
            )
        )
    if (turn := anatomy.turns.hips) != 0.0:
        return build_pelvic_ring(turn_anatomy(anatomy, -turn)).turned(turn)
    scale = anatomy.scale
    parameters = HipParameters.of(anatomy.hip, anatomy.landmarks, scale)
    sacrum = build_sacrum(anatomy)
    joint = SacroiliacJoint.of(sacrum.bone, anatomy.landmarks, parameters.joint_gap, anatomy.auricular_half_width, scale)
    right = build_hip_bone(parameters, joint)
    disc = Symphysis.of(parameters)
    cartilage = joint.cartilage(right.uncut)

    def symphysis(points: FloatArray) -> FloatArray:
        small = points / scale
        return scale * np.maximum(disc.outline(small), np.abs(small[:, 2]) - 0.5 * disc.gap)

    filling = joint.filling(right.uncut, _OVERLAP)

    def between(points: FloatArray) -> FloatArray:
        small = points / scale
        return scale * np.maximum(disc.outline(small), np.abs(small[:, 2]) - 0.5 * disc.gap - _OVERLAP)

    def solid(points: FloatArray) -> FloatArray:
        folded = mirrored(points)
        # Every bone is evaluated once: hip bone and filling both ask how far the sacrum is.
        inner, outer = sacrum.bone(folded), right.uncut(folded)
        filled = joint.filling_between(folded, inner, outer, _OVERLAP)
        clear = joint.keep_clear(outer, folded, inner)
        whole: FloatArray = np.minimum.reduce([inner, clear, filled, between(folded)])
        return whole

    behind, above = scale * anatomy.landmarks["AUR_centroid"][0], scale * parameters.landmarks["PIIS"][1] - _BELOW_SPINE

    def posterior_ilium(points: FloatArray) -> BoolArray:
        posterior: BoolArray = (points[:, 0] < behind) & (points[:, 1] > above)
        return posterior

    upper = np.maximum(right.bounds[1], sacrum.bounds[1])
    lower = np.minimum(right.bounds[0], sacrum.bounds[0])
    lower[2] = -upper[2]
    masks = {"acetabulum": right.acetabulum, "iliac_auricular": right.auricular, "symphyseal": right.symphyseal}
    surfaces = {f"{name}_right": mask for name, mask in masks.items()}
    surfaces |= {f"{name}_left": _mirrored_mask(mask) for name, mask in masks.items()}
    return PelvicRing(
        sacrum=sacrum,
        right=right,
        hip_right=right.bone,
        hip_left=_mirrored(right.bone),
        uncut={"right": right.uncut, "left": _mirrored(right.uncut)},
        tissues={"sacroiliac_right": cartilage, "sacroiliac_left": _mirrored(cartilage), "symphysis": symphysis},
        fillings={"sacroiliac_right": filling, "sacroiliac_left": _mirrored(filling), "symphysis": between},
        joint_gap=joint.gap,
        bounds=(lower, upper),
        solid=solid,
        sacral_face=lambda points: joint.sacral_face(mirrored(points)),
        iliac_face=lambda points: joint.iliac_face(mirrored(points)),
        pubic_face=0.5 * scale * disc.gap,
        posterior_ilium=posterior_ilium,
        pubic_rami=_mask_rami(parameters.landmarks, scale),
        surfaces=surfaces,
    )


def _mask_rami(landmarks: Mapping[str, FloatArray], scale: float) -> Callable[[FloatArray], BoolArray]:
    """Points beyond the plane through the lateral ends of both rami that looks at the symphysis, on either side."""
    upper, lower, front, end = (
        np.asarray(landmarks[name]) for name in ("SupRamus_lateral", "InfRamus_lateral", "Symphysis_sup", "Symphysis_inf")
    )
    along = (lower - upper) / np.linalg.norm(lower - upper)
    middle = 0.5 * (upper + lower)
    towards = 0.5 * (front + end) - middle
    normal = towards - (towards @ along) * along

    def rami(points: FloatArray) -> BoolArray:
        beyond: BoolArray = (mirrored(points) / scale - middle) @ normal > 0.0
        return beyond

    return rami


def _mirrored(shape: Shape) -> Shape:
    """The same shape on the left."""
    return lambda points: shape(points * _MIRROR)


def _mirrored_mask(mask: FacetMask) -> Callable[[FloatArray, FloatArray], BoolArray]:
    """The same surface on the left."""
    return lambda centroids, normals: mask(centroids * _MIRROR, normals * _MIRROR)
