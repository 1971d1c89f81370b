"""Rods and plates of a treatment as one frame on patches of its mesh, with the fifth lumbar vertebra where they reach it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc
from scipy.sparse import csr_array

from sacrofem.catalogue.implant import Implant, Plate
from sacrofem.catalogue.joint import DiscJoint
from sacrofem.catalogue.models import Material
from sacrofem.loads.parts import LoadPart
from sacrofem.mechanics.coupling import Coupling
from sacrofem.mechanics.frame import DOFS, Beam, Frame, Section, flat_section, round_section
from sacrofem.mechanics.loading import Loading
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.patches import Patch
from sacrofem.mesh.facets import facet_areas, facet_geometry
from sacrofem.mesh.model import ModelMesh
from sacrofem.shapes.implant import place_screws

FloatArray = NDArray[np.float64]

#: The patch that the lumbosacral joint holds.
_ENDPLATE = "endplate"


@dataclass(frozen=True)
class Construct:
    """A frame and what of the bone it holds.

    Attributes:
        frame: Rods, plates, necks of screws.
        patches: The patches that move its held nodes, in their order.
        l5: Node of the fifth lumbar vertebra, at the centre of the endplate; None where nothing reaches it.
        joint: (6, 6) stiffness of the lumbosacral joint in frame G; None likewise.
    """

    frame: Frame
    patches: tuple[Patch, ...]
    l5: int | None = None
    joint: FloatArray | None = None

    def passed_on(self) -> FloatArray | None:
        """(6 patches, 6) forces on the patches for unit forces and moments on the vertebra; None where it is not reached."""
        return None if self.l5 is None else self.frame.passed_on(self.l5)

    def measure(self, held: FloatArray, wrench: FloatArray) -> list[tuple[str, float, str]]:
        """Stress in every member, and the share of the load that rods carry past the lumbosacral joint.

        Args:
            held: (6 patches,) motions of the patches.
            wrench: (6,) force (N) and moment (N mm) of the case on the vertebra, about the centre of the endplate.

        Returns:
            (metric, value, unit).
        """
        loads = {} if self.l5 is None else {self.l5: wrench}
        force = wrench[:3]
        motion = self.frame.motion(held, loads)
        found = [(f"member_stress_max:{name}", stress, "MPa") for name, stress in self.frame.stresses(motion).items()]
        if self.l5 is not None and self.joint is not None and force.any():
            endplate = self.frame.held[[patch.name for patch in self.patches].index(_ENDPLATE)]
            through_disc = self.joint @ (motion[self.l5] - motion[endplate])
            found.append(("load_share_rods", 1.0 - float(through_disc[:3] @ force / (force @ force)), "1"))
        return found


class _Draft:
    """Nodes and beams as they are put together."""

    def __init__(self, mesh: ModelMesh) -> None:
        self.mesh = mesh
        self.nodes: list[FloatArray] = []
        self.beams: list[Beam] = []
        self.patches: dict[str, int] = {}
        self.rigid: dict[int, int] = {}

    def node(self, at: FloatArray | Sequence[float]) -> int:
        self.nodes.append(np.asarray(at, dtype=np.float64))
        return len(self.nodes) - 1

    def patch(self, name: str) -> int:
        """The node of a named surface, at its centroid."""
        if name not in self.patches:
            self.patches[name] = self.node(Patch(name, self.mesh.surfaces[name]).measure(self.mesh)[1])
        return self.patches[name]

    def beam(
        self, name: str, start: int, end: int, section: Section, material: Material, across: FloatArray | None = None
    ) -> None:
        self.beams.append(Beam(name, start, end, section, material.young_modulus, material.poisson_ratio, across))


def build_construct(
    mesh: ModelMesh, implants: Sequence[Implant], materials: Mapping[str, Material], disc: DiscJoint | None
) -> Construct | None:
    """Put the rods and plates of a treatment together.

    Args:
        mesh: The mesh, which names the surfaces that they hold (:mod:`sacrofem.mesh.holds`).
        implants: Implants of the treatment.
        materials: Of their rods, plates and screws.
        disc: The lumbosacral joint, where an implant reaches the fifth lumbar vertebra.

    Returns:
        The construct; None where no implant has rods or plates.
    """
    if not any(implant.members for implant in implants):
        return None
    draft = _Draft(mesh)
    l5, joint, springs = None, None, []
    if disc is not None and any(implant.reaches_l5 for implant in implants):
        endplate = draft.patch(_ENDPLATE)
        l5, joint = draft.node(draft.nodes[endplate]), _joint_stiffness(mesh, disc)
        springs = [(endplate, l5, joint)]
    for implant in implants:
        _add_rods(draft, implant, materials, l5)
        for plate in implant.plates:
            _add_plate(draft, implant, plate, materials[plate.material])
    patches = tuple(Patch(name, mesh.surfaces[name]) for name in draft.patches)
    frame = Frame(np.array(draft.nodes), draft.beams, list(draft.patches.values()), draft.rigid, springs)
    return Construct(frame, patches, l5, joint)


@dataclass(frozen=True)
class AttachedConstruct:
    """A construct on a model.

    Attributes:
        construct: The construct.
        rows: (6 patches, owned dofs) motions of its patches.
        loading: The model's loading.
    """

    construct: Construct
    rows: csr_array
    loading: Loading

    def coupling(self) -> Coupling:
        """What it adds to the model's stiffness."""
        return Coupling("rods and plates", self.rows, self.construct.frame.condensed, stiff=True)

    def measure(self, displacement: PETSc.Vec, parts: Sequence[LoadPart]) -> list[tuple[str, float, str]]:
        """See :meth:`Construct.measure`; collective."""
        own = self.rows @ displacement.getArray(readonly=True)
        held = np.empty_like(own)
        comm: MPI.Comm = displacement.comm.tompi4py()
        comm.Allreduce(own, held)
        return self.construct.measure(held, self.loading.wrench(parts, _ENDPLATE))


def attach(model: SacrumModel, construct: Construct) -> AttachedConstruct:
    """Put a construct on a model; collective. The load acts on the fifth lumbar vertebra from then on, where that is reached.

    The model's couplings are not touched: :meth:`AttachedConstruct.coupling` is for ``model.couple``.
    """
    attached = AttachedConstruct(construct, model.patch_motions(construct.patches).rows, model.loading)
    passed = construct.passed_on()
    if passed is not None:
        model.loading.paths[_ENDPLATE] = attached.rows.T @ passed
    return attached


def _add_rods(draft: _Draft, implant: Implant, materials: Mapping[str, Material], l5: int | None) -> None:
    """Rods, and the necks of the screws that they hold."""
    places: dict[str, int] = {}
    used = {name for rod in implant.rods for name in rod.through}
    for screw in place_screws(implant):
        if screw.name in used:
            head = draft.patch(f"hold:{implant.name}.{screw.name}")
            places[screw.name] = draft.node(draft.nodes[head] + screw.screw.neck * screw.outward)
            neck = round_section(screw.screw.diameter)
            draft.beam(f"{implant.name}.{screw.name}", head, places[screw.name], neck, materials[implant.material])
    for anchor in implant.anchors:
        places[anchor.name] = draft.node(anchor.at)
        if anchor.on == "l5" and l5 is not None:
            draft.rigid[places[anchor.name]] = l5
    for rod in implant.rods:
        for first, second in pairwise(rod.through):
            section = round_section(rod.diameter)
            draft.beam(f"{implant.name}.{rod.name}", places[first], places[second], section, materials[rod.material])


def _add_plate(draft: _Draft, implant: Implant, plate: Plate, material: Material) -> None:
    """A plate from hole to hole, and its screws, clamped in it: in the near cortex, and on to the far one."""
    holes: list[tuple[int, FloatArray]] = []
    for screw in plate.screws:
        entry, tip = np.array(screw.entry), np.array(screw.tip)
        outward = (entry - tip) / np.linalg.norm(entry - tip)
        name, section = f"hold:{implant.name}.{screw.name}", round_section(screw.diameter)
        near = draft.patch(name)
        hole = draft.node(draft.nodes[near] + 0.5 * plate.thickness * outward)
        draft.beam(f"{implant.name}.{screw.name}", near, hole, section, material)
        if f"{name}.far" in draft.mesh.surfaces:
            draft.beam(f"{implant.name}.{screw.name}", near, draft.patch(f"{name}.far"), section, material)
        holes.append((hole, outward))
    section = flat_section(plate.width, plate.thickness)
    for (first, out), (second, further) in pairwise(holes):
        width = np.cross(out + further, draft.nodes[second] - draft.nodes[first])
        draft.beam(f"{implant.name}.{plate.name}", first, second, section, material, width)


def _joint_stiffness(mesh: ModelMesh, disc: DiscJoint) -> FloatArray:
    """(6, 6) stiffness of the lumbosacral joint, from the axes of the endplate (forward, up, right) to frame G."""
    triangles = mesh.surfaces[_ENDPLATE]
    up = np.einsum("i,ij->j", facet_areas(mesh.points, triangles), facet_geometry(mesh.points, triangles)[1])
    up /= np.linalg.norm(up)
    # The transverse axis, unless the endplate lies across it.
    right = np.eye(3)[2 if abs(up[2]) < 0.7 else 0]
    right = right - (right @ up) * up
    right /= np.linalg.norm(right)
    axes = np.array([np.cross(up, right), up, right])
    local = [disc.anterior_shear, disc.compression, disc.lateral_shear, disc.lateral_bending, disc.torsion, disc.flexion]
    turn = np.kron(np.eye(2), axes)
    stiffness: FloatArray = turn.T @ np.diag(local) @ turn
    assert stiffness.shape == (DOFS, DOFS)
    return stiffness
