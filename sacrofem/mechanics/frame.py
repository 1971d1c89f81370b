"""A space frame of beams: rods and plates outside the bone, condensed to the few motions that bone and load see of them.

Nodes have six displacements: (x, y, z) in mm, then rotations about (x, y, z) in rad, small. Beams are Timoshenko's: with their
shear stiffness infinite they are Euler and Bernoulli's. The matrices are those of J. S. Przemieniecki, Theory of Matrix
Structural Analysis, 1968, chapter 5. Everything is dense: a construct has some tens of nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Displacements and rotations of a node.
DOFS = 6
#: Shear coefficients of a circle and of a rectangle (Cowper 1966, for Poisson's ratio 0.3).
_ROUND_SHEAR, _FLAT_SHEAR = 0.89, 0.85


@dataclass(frozen=True)
class Section:
    """Section of a beam; local y is the direction ``across`` of the beam, z the third.

    Attributes:
        area: mm^2.
        about_y: Second moment of area about y (bending in the plane of x and z), mm^4.
        about_z: About z (bending in the plane of x and y), mm^4.
        torsion: Torsion constant, mm^4.
        shear: Share of the area that carries shear; infinite leaves shear out.
        reach: Distance of the outermost fibre from the axis along y and along z, mm.
    """

    area: float
    about_y: float
    about_z: float
    torsion: float
    shear: float
    reach: tuple[float, float]

    @property
    def is_round(self) -> bool:
        """Whether every direction across is alike."""
        return self.about_y == self.about_z


def round_section(diameter: float) -> Section:
    """A solid circle of ``diameter`` mm."""
    bending = np.pi * diameter**4 / 64
    return Section(np.pi * diameter**2 / 4, bending, bending, 2 * bending, _ROUND_SHEAR, (diameter / 2, diameter / 2))


def flat_section(width: float, thickness: float) -> Section:
    """A rectangle, its width (mm) along y and its smaller thickness (mm) along z; torsion after Roark, table 10.7."""
    ratio = thickness / width
    torsion = width * thickness**3 * (1 / 3 - 0.21 * ratio * (1 - ratio**4 / 12))
    about_y, about_z = width * thickness**3 / 12, thickness * width**3 / 12
    return Section(width * thickness, about_y, about_z, torsion, _FLAT_SHEAR, (width / 2, thickness / 2))


@dataclass(frozen=True)
class Beam:
    """A straight beam between two nodes.

    Attributes:
        name: What it is part of, for results.
        start: Number of a node.
        end: Of the other.
        section: Its section.
        young: MPa.
        poisson: Poisson's ratio.
        across: (3,) direction of the section's y, made normal to the axis; None for a round one.
    """

    name: str
    start: int
    end: int
    section: Section
    young: float
    poisson: float
    across: FloatArray | None = None

    def axes(self, nodes: FloatArray) -> tuple[float, FloatArray]:
        """Length (mm), and (3, 3) local axes as rows."""
        along = nodes[self.end] - nodes[self.start]
        length = float(np.linalg.norm(along))
        x = along / length
        across = np.eye(3)[np.argmin(np.abs(x))] if self.across is None else self.across
        y = across - (across @ x) * x
        y /= np.linalg.norm(y)
        return length, np.array([x, y, np.cross(x, y)])

    def local_stiffness(self, length: float) -> FloatArray:
        """(12, 12) stiffness in the local axes."""
        s, shear_modulus = self.section, self.young / (2 * (1 + self.poisson))
        k = np.zeros((12, 12))
        for dof, value in ((0, self.young * s.area / length), (3, shear_modulus * s.torsion / length)):
            k[np.ix_([dof, dof + 6], [dof, dof + 6])] = value * np.array([[1, -1], [-1, 1]])
        # Deflection along y turns about z; along z it turns about y the other way.
        for deflection, turn, moment, sign in ((1, 5, s.about_z, 1.0), (2, 4, s.about_y, -1.0)):
            bending = self.young * moment
            phi = 12 * bending / (shear_modulus * s.shear * s.area * length**2)
            a, b = 12 * bending / length**3, sign * 6 * bending / length**2
            c, d = (4 + phi) * bending / length, (2 - phi) * bending / length
            block = np.array([[a, b, -a, b], [b, c, -b, d], [-a, -b, a, -b], [b, d, -b, c]]) / (1 + phi)
            place = [deflection, turn, deflection + 6, turn + 6]
            k[np.ix_(place, place)] += block
        return k

    def stress(self, end_forces: FloatArray) -> float:
        """Largest stress along the beam (MPa) for the (12,) local forces on its ends: axial force and bending."""
        s, largest = self.section, 0.0
        for forces in (end_forces[:6], end_forces[6:]):
            about_y, about_z = abs(float(forces[4])), abs(float(forces[5]))
            if s.is_round:
                bending = np.hypot(about_y, about_z) * s.reach[0] / s.about_z
            else:
                bending = about_y * s.reach[1] / s.about_y + about_z * s.reach[0] / s.about_z
            largest = max(largest, abs(float(forces[0])) / s.area + float(bending))
        return largest


class Frame:
    """Beams between nodes, some of which the bone moves, and some of which are rigid with others.

    Args:
        nodes: (n, 3) mm.
        beams: The beams.
        held: Numbers of the nodes that move with patches of the bone, in the patches' order.
        rigid: Node -> the node whose rigid motion it follows; neither is held.
        springs: (first node, second node, (6, 6) stiffness in the global axes) between nodes at one place.
    """

    def __init__(
        self,
        nodes: FloatArray,
        beams: Sequence[Beam],
        held: Sequence[int],
        rigid: Mapping[int, int] | None = None,
        springs: Sequence[tuple[int, int, FloatArray]] = (),
    ) -> None:
        self.nodes, self.beams, self.held = nodes, tuple(beams), tuple(held)
        rigid = dict(rigid or {})
        self.free = tuple(i for i in range(len(nodes)) if i not in rigid and i not in held)
        independent = [*self.held, *self.free]
        # Displacements of all nodes from those of the independent ones.
        self._spread = np.zeros((DOFS * len(nodes), DOFS * len(independent)))
        for node in range(len(nodes)):
            master = rigid.get(node, node)
            at = independent.index(master)
            self._spread[_dofs(node), _dofs(at)] = rigid_motion(nodes[node] - nodes[master])
        whole = np.zeros((DOFS * len(nodes), DOFS * len(nodes)))
        for beam in self.beams:
            turn, local = self._local(beam)
            place = np.r_[_dofs(beam.start), _dofs(beam.end)]
            whole[np.ix_(place, place)] += turn.T @ local @ turn
        for first, second, stiffness in springs:
            place = np.r_[_dofs(first), _dofs(second)]
            whole[np.ix_(place, place)] += np.kron([[1, -1], [-1, 1]], stiffness)
        self.stiffness: FloatArray = self._spread.T @ whole @ self._spread

    def _local(self, beam: Beam) -> tuple[FloatArray, FloatArray]:
        length, axes = beam.axes(self.nodes)
        turn: FloatArray = np.kron(np.eye(4), axes).astype(np.float64)
        return turn, beam.local_stiffness(length)

    @cached_property
    def _parts(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Stiffness of the held nodes among themselves, of held against free, and the free ones' compliance."""
        count = DOFS * len(self.held)
        k = self.stiffness
        return k[:count, :count], k[:count, count:], np.linalg.inv(k[count:, count:])

    @property
    def condensed(self) -> FloatArray:
        """(6 held, 6 held) stiffness that the bone sees, the free nodes in equilibrium."""
        held, between, compliance = self._parts
        reduced: FloatArray = held - between @ compliance @ between.T
        return 0.5 * (reduced + reduced.T)

    def passed_on(self, node: int) -> FloatArray:
        """(6 held, 6) forces on the bone for unit forces and moments on a free node."""
        _, between, compliance = self._parts
        place = self._place(node)
        passed: FloatArray = -(between @ compliance)[:, place]
        return passed

    def motion(self, held: FloatArray, loads: Mapping[int, FloatArray] | None = None) -> FloatArray:
        """(n, 6) motions of all nodes.

        Args:
            held: (6 held,) motions of the held nodes.
            loads: Free node -> (6,) force and moment on it.
        """
        _, between, compliance = self._parts
        forces = np.zeros(len(compliance))
        for node, force in (loads or {}).items():
            forces[self._place(node)] = force
        free = compliance @ (forces - between.T @ held)
        moved: FloatArray = (self._spread @ np.concatenate([held, free])).reshape(-1, DOFS)
        return moved

    def stresses(self, motion: FloatArray) -> dict[str, float]:
        """Name -> largest stress of its beams, MPa, for the (n, 6) motions of all nodes."""
        found: dict[str, float] = {}
        for beam in self.beams:
            turn, local = self._local(beam)
            forces = local @ turn @ np.r_[motion[beam.start], motion[beam.end]]
            found[beam.name] = max(found.get(beam.name, 0.0), beam.stress(forces))
        return found

    def _place(self, node: int) -> slice:
        return _dofs(self.free.index(node))


def rigid_motion(arm: FloatArray) -> FloatArray:
    """(6, 6) motion of a point for that of a body it is fixed to, ``arm`` (3,) mm from the body's own point."""
    x, y, z = arm
    moved = np.eye(DOFS)
    moved[:3, 3:] = [[0.0, z, -y], [-z, 0.0, x], [y, -x, 0.0]]
    return moved


def _dofs(node: int) -> slice:
    return slice(DOFS * node, DOFS * (node + 1))
