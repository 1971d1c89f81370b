"""The two curved plates of the hip bone, through their landmarks: the ilium with the wall behind the socket, the pubic body."""

from __future__ import annotations

import numpy as np

from sacrofem.shapes.field import FloatArray
from sacrofem.shapes.hip.parameters import HipParameters
from sacrofem.shapes.hip.plate import Plate, PlateControl

#: Ends of the limbs of the auricular surface; the plate is held on the joint between them too.
_LIMBS = (("AUR_short_end", "AUR_corner"), ("AUR_corner", "AUR_long_end"))
#: The rim of the pubic body is this wide, mm.
_PUBIC_RIM_WIDTH = 9.0
#: The plate's medial face runs this far into the joint's gap, where the sacrum's offset cuts it: so the iliac auricular
#: face is parallel to the sacral one whatever the plate's spline does between landmarks. mm
_INTO_GAP = 2.0


def iliac_plate(parameters: HipParameters, auricular_normal: FloatArray) -> Plate:
    """Build the plate.

    Args:
        parameters: The hip bone.
        auricular_normal: (3,) outward unit normal of the right sacral auricular surface.

    Returns:
        The plate's signed distance.
    """
    at, thick = dict(parameters.landmarks), dict(parameters.entry.inner_thickness)
    for first, second in _LIMBS:
        middle = f"{first}-{second}"
        at[middle], thick[middle] = 0.5 * (at[first] + at[second]), 0.5 * (thick[first] + thick[second])
    inner = []
    for name, thickness in thick.items():
        on_joint = (parameters.joint_gap - _INTO_GAP + thickness / 2) * auricular_normal
        inner.append(at[name] + on_joint if name.startswith("AUR_") else at[name])
    return Plate(
        PlateControl(
            rim=np.array([at[name] for name in parameters.entry.outline]),
            rim_thickness=np.array([parameters.entry.rim_thickness[name] for name in parameters.entry.outline]),
            inner=np.array(inner),
            inner_thickness=np.array(list(thick.values())),
            limits=parameters.entry.thickness_limits,
            rim_width=parameters.entry.crest_width,
        )
    )


def pubic_plate(parameters: HipParameters) -> Plate:
    """Build the plate of the pubic body, which runs beyond the midplane and has to be cut there.

    Args:
        parameters: The hip bone.

    Returns:
        The plate's signed distance.
    """
    at = parameters.landmarks
    return Plate(
        PlateControl(
            rim=np.array([at[name] for name in parameters.entry.pubic_outline]),
            rim_thickness=np.array([parameters.entry.pubic_rim_thickness[name] for name in parameters.entry.pubic_outline]),
            inner=np.array([at[name] for name in parameters.entry.pubic_inner_thickness]),
            inner_thickness=np.array(list(parameters.entry.pubic_inner_thickness.values())),
            limits=parameters.entry.thickness_limits,
            rim_width=_PUBIC_RIM_WIDTH,
        )
    )
