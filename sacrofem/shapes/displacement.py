"""A pelvic ring one of whose fragments has moved: the bone steps at the breaks, and all that hangs on the fragment goes along.

Of a bone that is broken through, what lies before the break stays where it was, and what lies beyond is the bone as it was,
shifted; both meet at the place of the break as it was. So the faces touch where they overlap whatever the offset (a part of
it that is normal to a break shortens or lengthens the bone there), and end in ledges where they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sacrofem.catalogue.fracture import Displacement, Fracture
from sacrofem.errors import GeometryError, explain
from sacrofem.shapes.field import BoolArray, FloatArray, Shape, unite
from sacrofem.shapes.fracture import JointBreak, Sheet, fracture_sheets, joint_breaks
from sacrofem.shapes.pelvic_ring import PelvicRing
from sacrofem.shapes.primitives import smooth_subtract

#: Joint -> the bones it joins. The tissue of the sacroiliac joints hangs on the first.
_JOINTS = {
    "sacroiliac_right": ("sacrum", "hip_right"),
    "sacroiliac_left": ("sacrum", "hip_left"),
    "symphysis": ("hip_left", "hip_right"),
}
#: Farther than this from a break only one of both parts is looked at, mm.
_NEAR = 8.0
#: Beside a ledge a break leaves the bone's surface at this slope, up to this distance, mm: into the air, so that it cuts no
#: splinters off the ledge.
_LEAVE = (0.6, 1.2)
#: A hip bone that has moved keeps clear of the sacrum by the joint's gap; the edge is rounded by this, mm.
_EDGE = 1.5
#: Hip bones are looked at within this distance beyond the midplane, mm.
_BEYOND = 6.0
#: Spacing at which the middle of a joint is looked for, mm.
_SPACING = 3.0

#: Which points of a bone belong to the fragment: those where it is positive; True or False: the whole bone, or nothing of it.
type Share = Shape | bool


def displaced_ring(ring: PelvicRing, fracture: Fracture) -> tuple[PelvicRing, list[Sheet]]:
    """Move the fragments of a fracture.

    Args:
        ring: The ring before the fracture.
        fracture: The fracture.

    Returns:
        The ring, and the fracture's sheets, which keep clear of ledges.

    Raises:
        GeometryError: a displacement would tear a joint that holds, or a bone that is not broken.
    """
    sheets, breaks = fracture_sheets(fracture), joint_breaks(fracture)
    for number, displacement in enumerate(fracture.displacements):
        where = f"fracture {fracture.name!r}, displacements[{number}]"
        fragment = _find_fragment(ring, displacement, sheets, breaks, where)
        ring, sheets = _moved_ring(ring, fragment, where), _moved_sheets(ring, sheets, fragment, displacement)
    return ring, sheets


@dataclass(frozen=True)
class _Fragment:
    """What moves.

    Attributes:
        offset: (3,) mm.
        bones: Bone -> its share.
        tissues: Joint -> whether its tissue moves.
        torn: Joints that the fragment slides along.
    """

    offset: FloatArray
    bones: dict[str, Share]
    tissues: dict[str, bool]
    torn: tuple[str, ...]


def _find_fragment(
    ring: PelvicRing, displacement: Displacement, sheets: Sequence[Sheet], breaks: Sequence[JointBreak], where: str
) -> _Fragment:
    """From the bounds of a fragment to what hangs on it."""
    sides = {bound.sheet: 1.0 if bound.side == "beyond" else -1.0 for bound in displacement.bounds}
    levels: dict[str, list[Shape]] = {}
    for sheet in sheets:
        sign = sides.get(sheet.surface.removeprefix("sheet "))
        if sign is not None:
            levels.setdefault(sheet.bone, []).append(_signed(sheet.level, sign))
    shares: dict[str, Share] = {bone: unite(parts) for bone, parts in levels.items()}
    parted = {part.joint: part for part in breaks}
    middles = {joint: _middle(tissue, ring.bounds) for joint, tissue in ring.tissues.items()}

    def at(bone: str, joint: str) -> bool | None:
        share = shares.get(bone)
        return bool(share(middles[joint][None])[0] > 0.0) if callable(share) else share

    torn = []
    for joint, part in parted.items():
        sign = sides.get(part.name.rpartition(".")[2], 0.0)
        if sign and f"hip_{part.side}" not in shares:
            shares[f"hip_{part.side}"] = sign > 0.0
        if sign:
            torn.append(joint)
    for _ in _JOINTS:
        for joint, (first, second) in _JOINTS.items():
            if joint not in parted:
                for known, other in ((first, second), (second, first)):
                    state = at(known, joint)
                    if state is not None and other not in shares:
                        shares[other] = state
    for bone in ("sacrum", "hip_right", "hip_left"):
        shares.setdefault(bone, False)
    for joint, (first, second) in _JOINTS.items():
        if joint not in parted and at(first, joint) != at(second, joint):
            _refuse_tear(joint, where)
    keepers = {joint: first for joint, (first, _) in _JOINTS.items()}
    if "symphysis" in parted:
        keepers["symphysis"] = "hip_left" if parted["symphysis"].side == "right" else "hip_right"
    tissues = {joint: bool(at(keeper, joint)) for joint, keeper in keepers.items()}
    offset = np.array(displacement.offset, dtype=np.float64)
    return _Fragment(offset, shares, tissues, tuple(torn))


def _refuse_tear(joint: str, where: str) -> None:
    raise GeometryError(
        explain(
            "The fragment that shall move hangs on the rest.",
            where=f"{where}, bounds",
            got=f"a fragment that ends at {joint}, which holds",
            allowed="bounds that part the fragment from the rest all around: in front and behind",
            next_step=f"add a sheet through the bone before {joint}, or a disruption of that joint, to sheets and bounds",
        )
    )


def _middle(tissue: Shape, bounds: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Middle of a joint's tissue."""
    axes = [np.arange(bounds[0][i], bounds[1][i], _SPACING) for i in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = points[tissue(points) < 0.5 * _SPACING]
    middle: FloatArray = inside.mean(axis=0)
    return middle


def _moved_ring(ring: PelvicRing, fragment: _Fragment, where: str) -> PelvicRing:
    d, gap = fragment.offset, ring.joint_gap
    if fragment.tissues["symphysis"] and abs(d[2]) > 0.1:
        raise GeometryError(
            explain(
                "The symphysis would leave the midplane.",
                where=f"{where}, offset",
                got=f"{d[2]:g} mm to the right",
                allowed="an offset within the midplane (z = 0) where the symphysis moves along",
                next_step="set the third figure of offset to 0",
            )
        )
    sacrum = _moved(ring.sacrum.bone, fragment.bones["sacrum"], d)
    uncut = {side: _moved(ring.uncut[side], fragment.bones[f"hip_{side}"], d) for side in ring.uncut}
    hips = {side: _beside(_kept_clear(shape, sacrum, gap), side) for side, shape in uncut.items()}
    fillings = dict(ring.fillings)
    for joint, filling in fillings.items():
        fillings[joint] = _moved(filling, fragment.tissues[joint], d)
        if joint in fragment.torn and joint != "symphysis":
            fillings[joint] = _trimmed(fillings[joint], sacrum, uncut[joint.removeprefix("sacroiliac_")], gap)
    leave = {side: _moved(ring.leave, fragment.tissues[f"sacroiliac_{side}"], d) for side in hips}

    def leaving(points: FloatArray) -> FloatArray:
        return np.where(points[:, 2] > 0.0, leave["right"](points), leave["left"](points))

    def uncovered(points: FloatArray) -> FloatArray:
        """How far the iliac face rises over cartilage that no ilium covers."""
        rise = np.zeros(len(points))
        for joint in fragment.torn:
            side = joint.removeprefix("sacroiliac_")
            if side in uncut:
                here = np.flatnonzero((points[:, 2] > 0.0) == (side == "right"))
                rise[here] = _leaving(uncut[side](points[here]))
        return rise

    back = _moved_back(fragment.bones, d)
    return replace(
        ring,
        sacrum=replace(
            ring.sacrum,
            bone=sacrum,
            openings=lambda points: ring.sacrum.openings(back(points, "sacrum")),
            endplate=lambda points, normals: ring.sacrum.endplate(back(points, "sacrum"), normals),
            auricular=lambda points, normals, side: ring.sacrum.auricular(back(points, "sacrum"), normals, side),
            region=lambda points: ring.sacrum.region(back(points, "sacrum")),
        ),
        hip_right=hips["right"],
        hip_left=hips["left"],
        uncut=uncut,
        fillings=fillings,
        tissues={joint: _moved(tissue, fragment.tissues[joint], d) for joint, tissue in ring.tissues.items()},
        bounds=(ring.bounds[0] - np.abs(d), ring.bounds[1] + np.abs(d)),
        solid=unite([sacrum, *hips.values(), *fillings.values()]),
        sacral_face=lambda points: sacrum(points) - leaving(points),
        iliac_face=lambda points: gap - sacrum(points) - leaving(points) + uncovered(points),
        posterior_ilium=lambda points: ring.posterior_ilium(back(points, None)),
        pubic_rami=lambda points: ring.pubic_rami(back(points, None)),
        surfaces={name: _moved_mask(mask, back) for name, mask in ring.surfaces.items()},
    )


def _moved_sheets(ring: PelvicRing, sheets: Sequence[Sheet], fragment: _Fragment, displacement: Displacement) -> list[Sheet]:
    """The sheets, those that bound the fragment bent into the air beside ledges."""
    bones = {"sacrum": ring.sacrum.bone, "hip_right": ring.hip_right, "hip_left": ring.hip_left}
    sides = {f"sheet {bound.sheet}": 1.0 if bound.side == "beyond" else -1.0 for bound in displacement.bounds}
    bent = {
        sheet.surface: _bent(sheet.level, sides[sheet.surface], bones[sheet.bone], fragment.offset)
        for sheet in sheets
        if sheet.surface in sides
    }
    moved = []
    for sheet in sheets:
        limits = tuple(
            replace(limit, level=_signed(bent[limit.surface], 1.0 if limit.behind else -1.0)) if limit.surface in bent else limit
            for limit in sheet.limits
        )
        moved.append(replace(sheet, level=bent.get(sheet.surface, sheet.level), limits=limits))
    return moved


def _signed(level: Shape, sign: float) -> Shape:
    return level if sign > 0.0 else lambda points: -level(points)


def _moved(shape: Shape, share: Share, offset: FloatArray) -> Shape:
    """A shape of which a share has moved; see the module."""
    if share is False:
        return shape
    if share is True:
        return lambda points: shape(points - offset)
    level = share

    def distance(points: FloatArray) -> FloatArray:
        m = level(points)
        still, gone = np.full(len(points), np.inf), np.full(len(points), np.inf)
        here, there = np.flatnonzero(m < _NEAR), np.flatnonzero(m > -_NEAR)
        still[here] = shape(points[here])
        gone[there] = shape(points[there] - offset)
        union: FloatArray = np.minimum.reduce([np.maximum(still, m), np.maximum(gone, -m), np.maximum(still, gone)])
        return union

    return distance


def _bent(level: Shape, sign: float, bone: Shape, offset: FloatArray) -> Shape:
    """A break that leaves the bone's surface where only one of its faces is there."""

    def bent(points: FloatArray) -> FloatArray:
        values: FloatArray = level(points).copy()
        near = np.flatnonzero(np.abs(values) < _NEAR)
        still, gone = bone(points[near]), bone(points[near] - offset)
        values[near] -= sign * (_leaving(gone) - _leaving(still))
        return values

    return bent


def _leaving(distance: FloatArray) -> FloatArray:
    slope, most = _LEAVE
    leaving: FloatArray = np.clip(slope * distance, 0.0, most)
    return leaving


def _kept_clear(hip: Shape, sacrum: Shape, gap: float) -> Shape:
    def distance(points: FloatArray) -> FloatArray:
        clear: FloatArray = hip(points).copy()
        near = np.flatnonzero(clear < _NEAR)
        clear[near] = smooth_subtract(clear[near], sacrum(points[near]) - gap, _EDGE)
        return clear

    return distance


def _trimmed(filling: Shape, sacrum: Shape, hip: Shape, gap: float) -> Shape:
    """A joint's filling without what would reach into a hip bone that is no longer there."""

    def distance(points: FloatArray) -> FloatArray:
        layer: FloatArray = filling(points).copy()
        near = np.flatnonzero(layer < _NEAR)
        layer[near] = np.maximum(layer[near], np.minimum(sacrum(points[near]) - gap, hip(points[near])))
        return layer

    return distance


def _beside(shape: Shape, side: str) -> Shape:
    """The shape of a side, not looked at on the other."""
    sign = 1.0 if side == "right" else -1.0

    def distance(points: FloatArray) -> FloatArray:
        away: FloatArray = np.maximum(-sign * points[:, 2], 1.0)
        here = np.flatnonzero(sign * points[:, 2] > -_BEYOND)
        away[here] = shape(points[here])
        return away

    return distance


def _moved_back(bones: Mapping[str, Share], offset: FloatArray) -> Callable[[FloatArray, str | None], FloatArray]:
    """(points, bone; None: the hip bone of their side) -> where they were before the fragment moved."""

    def inside(points: FloatArray, bone: str) -> BoolArray:
        share = bones[bone]
        return np.asarray(share(points) > 0.0) if callable(share) else np.full(len(points), share)

    def back(points: FloatArray, bone: str | None) -> FloatArray:
        if bone is None:
            moved = np.where(points[:, 2] > 0.0, inside(points, "hip_right"), inside(points, "hip_left"))
        else:
            moved = inside(points, bone)
        return points - moved[:, None] * offset

    return back


def _moved_mask(
    mask: Callable[[FloatArray, FloatArray], BoolArray], back: Callable[[FloatArray, str | None], FloatArray]
) -> Callable[[FloatArray, FloatArray], BoolArray]:
    return lambda centroids, normals: mask(back(centroids, None), normals)
