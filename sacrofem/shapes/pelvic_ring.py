"""The pelvic ring: sacrum, both hip bones, the cartilage of both sacroiliac joints and the symphysis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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

#: Cartilage and disc reach this far into the bones when all become one solid, mm.
_OVERLAP = 1.0
_MIRROR = np.array([1.0, 1.0, -1.0])


@dataclass(frozen=True)
class PelvicRing:
    """Bones and joints of the pelvis as shapes and surfaces, frame G, mm.

    Attributes:
        sacrum: The sacrum.
        right: The right hip bone.
        hip_right: Signed distance of the right hip bone.
        hip_left: Of the left one, its mirror image.
        cartilage_right: Of the right sacroiliac cartilage.
        cartilage_left: Of the left one.
        symphysis: Of the symphysis disc.
        bounds: Lower and upper corner of a box around the ring.
        solid: Of bones, cartilage and disc as one solid, crevices at the joints' rims closed.
        sacral_face: Negative on the sacrum's side of the sacroiliac joints, positive in cartilage and hip bones.
        iliac_face: Negative on the hip bones' side of the sacroiliac joints, positive in cartilage and sacrum.
        pubic_face: Half the symphysis' gap, mm: the disc lies between z = -pubic_face and z = pubic_face.
        posterior_ilium: (x, y) of the sacroiliac joint's middle and of the posterior inferior spine: the posterior ilium
            lies behind the first and above the second.
        surfaces: Name -> (centroids, outward normals) -> which outer facets of that hip bone belong to it:
            acetabulum, iliac_auricular and symphyseal, each with _right and _left.
    """

    sacrum: Sacrum
    right: HipBone
    hip_right: Shape
    hip_left: Shape
    cartilage_right: Shape
    cartilage_left: Shape
    symphysis: Shape
    bounds: tuple[FloatArray, FloatArray]
    solid: Shape
    sacral_face: Shape
    iliac_face: Shape
    pubic_face: float
    posterior_ilium: tuple[float, float]
    surfaces: dict[str, FacetMask]


def build_pelvic_ring(anatomy: Anatomy) -> PelvicRing:
    """Build the ring.

    Args:
        anatomy: Sacrum and hip bone; its scale is the ring's.

    Returns:
        The ring.

    Raises:
        GeometryError: The anatomy describes no hip bone, or lacks a landmark of it.
    """
    scale = anatomy.scale
    if anatomy.hip is None:
        raise GeometryError(
            explain(
                "The anatomy has no hip bones.",
                where=f"anatomy {anatomy.name!r}, hip",
                got="nothing",
                allowed="a block `hip`, as the packaged anatomy f50 has",
                next_step="add the block, or study the sacrum alone with `extent: sacrum`",
            )
        )
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

    def solid(points: FloatArray) -> FloatArray:
        folded = mirrored(points)
        between = scale * np.maximum(disc.outline(folded / scale), folded[:, 2] / scale - 0.5 * disc.gap - _OVERLAP)
        whole: FloatArray = np.minimum.reduce([sacrum.bone(folded), right.bone(folded), filling(folded), between])
        return whole

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
        cartilage_right=cartilage,
        cartilage_left=_mirrored(cartilage),
        symphysis=symphysis,
        bounds=(lower, upper),
        solid=solid,
        sacral_face=lambda points: joint.sacral_face(mirrored(points)),
        iliac_face=lambda points: joint.iliac_face(mirrored(points)),
        pubic_face=0.5 * scale * disc.gap,
        posterior_ilium=(scale * anatomy.landmarks["AUR_centroid"][0], scale * anatomy.hip.landmarks["PIIS"][1]),
        surfaces=surfaces,
    )


def _mirrored(shape: Shape) -> Shape:
    """The same shape on the left."""
    return lambda points: shape(points * _MIRROR)


def _mirrored_mask(mask: FacetMask) -> Callable[[FloatArray, FloatArray], BoolArray]:
    """The same surface on the left."""
    return lambda centroids, normals: mask(centroids * _MIRROR, normals * _MIRROR)
