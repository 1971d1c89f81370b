"""What is meshed before fractures and treatments are cut in: the sacrum alone, or the pelvic ring with its joints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sacrofem.mesh.facets import Facets, facet_geometry
from sacrofem.mesh.features import GROWTH, Feature, has_bit, split
from sacrofem.mesh.holds import Hold, find_holds, find_plugs
from sacrofem.mesh.model import FloatArray, IntArray
from sacrofem.mesh.surface import SizeField
from sacrofem.mesh.tetrahedra import Tetrahedra, absorb_splinters
from sacrofem.shapes.field import BoolArray, Shape, confine, unite
from sacrofem.shapes.fracture import JointBreak, Sheet
from sacrofem.shapes.implant import Cylinder, PlacedImplant
from sacrofem.shapes.pelvic_ring import PelvicRing
from sacrofem.shapes.sacrum import REGION_NAMES, Sacrum

HIP_RIGHT, HIP_LEFT, POSTERIOR_RIGHT, POSTERIOR_LEFT = 1001, 1002, 1003, 1004
CARTILAGE_RIGHT, CARTILAGE_LEFT, DISC = 1005, 1006, 1007
RAMI_RIGHT, RAMI_LEFT = 1008, 1009
RING_REGION_NAMES = {
    HIP_RIGHT: "hip_right",
    HIP_LEFT: "hip_left",
    POSTERIOR_RIGHT: "posterior_ilium_right",
    POSTERIOR_LEFT: "posterior_ilium_left",
    CARTILAGE_RIGHT: "sacroiliac_right",
    CARTILAGE_LEFT: "sacroiliac_left",
    DISC: "symphysis",
    RAMI_RIGHT: "pubic_rami_right",
    RAMI_LEFT: "pubic_rami_left",
}
#: Bone that a sheet runs through -> its regions.
BONES = {
    "sacrum": tuple(REGION_NAMES),
    "hip_right": (HIP_RIGHT, POSTERIOR_RIGHT, RAMI_RIGHT),
    "hip_left": (HIP_LEFT, POSTERIOR_LEFT, RAMI_LEFT),
}
#: Joint -> (region of its tissue, its sides as regions: where relative motion is measured, the second against the first).
JOINTS = {
    "sacroiliac_right": (CARTILAGE_RIGHT, BONES["sacrum"], BONES["hip_right"]),
    "sacroiliac_left": (CARTILAGE_LEFT, BONES["sacrum"], BONES["hip_left"]),
    "symphysis": (DISC, BONES["hip_left"], BONES["hip_right"]),
}
#: Names of the regions that are no bone in any treatment.
SOFT_REGIONS = tuple(RING_REGION_NAMES[tissue] for tissue, _, _ in JOINTS.values())
#: Pieces smaller than this that a joint's face cuts off are given back, mm^3; cartilage and disc hold 1700 and more.
_SPLINTER = 200.0


@dataclass(frozen=True)
class Host:
    """A solid and how it is divided.

    Attributes:
        sacrum: The sacrum.
        solid: Signed distance of all that is meshed, mm.
        bounds: Lower and upper corner of a box around it, mm.
        names: Region number -> name.
        ring: The pelvic ring; None where the sacrum is meshed alone.
        plugs: Soft tissue around screws where they cross the open between ilium and sacrum, meshed with the rest.
        holds: Small surfaces that rods and plates hold.
        halved: Whether only the half right of the midplane is kept.
    """

    sacrum: Sacrum
    solid: Shape
    bounds: tuple[FloatArray, FloatArray]
    names: dict[int, str]
    ring: PelvicRing | None = None
    plugs: tuple[Cylinder, ...] = ()
    holds: tuple[Hold, ...] = ()
    halved: bool = False


def sacrum_host(sacrum: Sacrum, halved: bool = False) -> Host:
    """The sacrum alone, or its right half."""
    return Host(sacrum, sacrum.bone, sacrum.bounds, dict(REGION_NAMES), halved=halved)


def ring_host(ring: PelvicRing) -> Host:
    """The pelvic ring."""
    return Host(ring.sacrum, ring.solid, ring.bounds, REGION_NAMES | RING_REGION_NAMES, ring)


def with_implants(host: Host, implants: Sequence[PlacedImplant]) -> Host:
    """A ring with the tissue that screws cross in the open, and with what rods and plates hold."""
    plugs = tuple(plug for implant in implants for plug in find_plugs(implant, host.solid))
    holds = tuple(hold for implant in implants for hold in find_holds(implant))
    solid = unite([host.solid, *(plug.distance for plug in plugs)])
    return replace(host, solid=solid, plugs=plugs, holds=holds)


def joint_size(ring: PelvicRing, elsewhere: SizeField, at_joints: float) -> SizeField:
    """The size field ``elsewhere``, finer in and around cartilage and disc."""
    joints = unite(list(ring.tissues.values()))

    def size(points: FloatArray) -> FloatArray:
        finer: FloatArray = np.minimum(elsewhere(points), at_joints + GROWTH * np.maximum(joints(points), 0.0))
        return finer

    return size


def within_bone(sheet: Sheet, host: Host) -> Shape:
    """A sheet's level for the size field: the sheet has no end, but away from its bone it is not there."""
    if host.ring is None:
        return sheet.away
    bone = {"sacrum": host.sacrum.bone, "hip_right": host.ring.hip_right, "hip_left": host.ring.hip_left}[sheet.bone]
    return confine(lambda points: np.abs(sheet.away(points)), bone)


class JointCuts:
    """The faces of the ring's joints as cuts, and what they tell of every cell.

    Args:
        ring: The ring.
        first_bit: The lowest of four bits, free in the references.
    """

    def __init__(self, ring: PelvicRing, first_bit: int) -> None:
        self.ring = ring
        face = ring.pubic_face
        self.sacral = Feature("sacral joint face", ring.sacral_face, first_bit)
        self.iliac = Feature("iliac joint face", ring.iliac_face, first_bit << 1)
        self.right = Feature("right pubic face", lambda points: points[:, 2] - face, first_bit << 2)
        self.left = Feature("left pubic face", lambda points: points[:, 2] + face, first_bit << 3)
        self.next_bit = first_bit << 4

    def cut(self, mesh: Tetrahedra, near: float) -> Tetrahedra:
        """Divide the solid into sacrum, cartilage, hip bones and disc."""
        mesh = split(split(mesh, self.sacral, near), self.iliac, near)
        mesh = absorb_splinters(mesh, _SPLINTER)
        for feature, present in ((self.right, (self.iliac,)), (self.left, (self.iliac, self.right))):
            references = np.unique(mesh.references)
            mesh = split(mesh, feature, near, references[np.all([has_bit(references, f.bit) == 1 for f in present], axis=0)])
        return absorb_splinters(mesh, _SPLINTER)

    def are_of(self, references: IntArray, bone: str) -> BoolArray:
        """Which references belong to ``sacrum``, ``hip_right`` or ``hip_left``."""
        sacral, iliac, right, left = (
            has_bit(references, feature.bit) == 1 for feature in (self.sacral, self.iliac, self.right, self.left)
        )
        if bone == "sacrum":
            return sacral
        hip: BoolArray = ~sacral & iliac & (~right if bone == "hip_right" else right & left)
        return hip

    def regions(self, mesh: Tetrahedra) -> IntArray:
        """(m,) host regions."""
        centroids = mesh.points[mesh.cells].mean(axis=1)
        sacral, iliac, beyond_right, beyond_left = (
            has_bit(mesh.references, feature.bit) == 1 for feature in (self.sacral, self.iliac, self.right, self.left)
        )
        is_right = np.where(iliac, ~beyond_right, centroids[:, 2] > 0.0)
        posterior, rami = self.ring.posterior_ilium(centroids), self.ring.pubic_rami(centroids)
        return np.select(
            [sacral, ~iliac, beyond_right & ~beyond_left, posterior, rami],
            [
                self.ring.sacrum.region(centroids),
                np.where(is_right, CARTILAGE_RIGHT, CARTILAGE_LEFT),
                np.full(len(centroids), DISC),
                np.where(is_right, POSTERIOR_RIGHT, POSTERIOR_LEFT),
                np.where(is_right, RAMI_RIGHT, RAMI_LEFT),
            ],
            np.where(is_right, HIP_RIGHT, HIP_LEFT),
        ).astype(np.int64)


def open_cells(centroids: FloatArray, host: Host) -> BoolArray:
    """Which points lie in plugs, outside all bones."""
    inside = np.zeros(len(centroids), dtype=np.bool_)
    for plug in host.plugs:
        inside |= plug.distance(centroids) < 0.0
    if host.ring and inside.any():
        bones = unite([host.sacrum.bone, host.ring.hip_right, host.ring.hip_left])
        inside[inside] = bones(centroids[inside]) > 0.0
    return inside


def ring_surfaces(mesh: Tetrahedra, facets: Facets, host_regions: IntArray, ring: PelvicRing) -> dict[str, IntArray]:
    """Cortex, endplate, acetabula and the faces of the joints.

    Args:
        mesh: The mesh.
        facets: Its facets.
        host_regions: (m,) host regions.
        ring: Masks of outer facets.

    Returns:
        name -> (k, 3) node numbers. The cortex leaves out cartilage and disc, and the bones' faces towards them: the plates
        there are thin (0.23 mm sacral, 0.36 mm iliac, McLauchlan and Gardner 2002). ``joint:<name>:first`` and ``:second``
        are the faces of a joint's tissue towards its two bones.
    """
    outer, owners = facets.outer, host_regions[facets.outer_cells]
    centroids, normals = facet_geometry(mesh.points, outer)
    soft = np.isin(owners, [tissue for tissue, _, _ in JOINTS.values()])
    sacral = np.isin(owners, list(REGION_NAMES))
    surfaces = {"cortex": outer[~soft], "endplate": outer[sacral & ring.sacrum.endplate(centroids, normals)]}
    for side in ("right", "left"):
        socket: Callable[[FloatArray, FloatArray], BoolArray] = ring.surfaces[f"acetabulum_{side}"]
        surfaces[f"acetabulum_{side}"] = outer[np.isin(owners, BONES[f"hip_{side}"]) & socket(centroids, normals)]
    sides = host_regions[facets.inner_cells]
    for name, (tissue, *bones_of_sides) in JOINTS.items():
        for place, bones in zip(("first", "second"), bones_of_sides, strict=True):
            between = [(sides[:, i] == tissue) & np.isin(sides[:, 1 - i], bones) for i in range(2)]
            surfaces[f"joint:{name}:{place}"] = facets.inner[between[0] | between[1]]
    return surfaces


def torn_facets(facets: Facets, host_regions: IntArray, torn: JointBreak) -> IntArray:
    """The facets along which a joint's tissue has parted from a hip bone.

    Args:
        facets: The mesh's facets.
        host_regions: (m,) host regions.
        torn: The disruption.

    Returns:
        (k, 3) node numbers, ordered so that the normal points into the hip bone.
    """
    tissue, bones = JOINTS[torn.joint][0], BONES[f"hip_{torn.side}"]
    sides = host_regions[facets.inner_cells]
    outward = (sides[:, 0] == tissue) & np.isin(sides[:, 1], bones)
    inward = (sides[:, 1] == tissue) & np.isin(sides[:, 0], bones)
    ordered: IntArray = np.concatenate([facets.inner[outward], facets.inner[inward][:, [0, 2, 1]]])
    return ordered
