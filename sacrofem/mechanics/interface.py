"""The two faces of every cut, point by point: jumps, tractions and their share of the system.

Points are those of :mod:`sacrofem.mechanics.interface_points`; all sums go over the ranks. The matrix has room for the blocks,
since the compiled form holds the same facets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.catalogue.models import Interface
from sacrofem.mechanics.interface_points import Cut, find_points
from sacrofem.mechanics.traction import Law, LawsAtPoints, Memory, Response, respond, slip, stored_energy

FloatArray = NDArray[np.float64]

#: Factor on the numerical stiffness of augmented faces without friction once pressures have been carried over: every
#: carry-over then takes ten times as much off the penetration (DESIGN).
_HARDER = 10.0
#: The same with friction, at points that are too deep, and how hard they may become.
_HARDER_RUBBING, _HARDEST = 3.0, 100.0
#: What is left of the stick stiffness in the first step.
_LOOSE = 1e-3


@dataclass(frozen=True)
class Status:
    """How the faces of one cut stand, over all ranks.

    Attributes:
        area: Where the faces may part, mm^2.
        open: Share of the area that gapes.
        slipping: Share that touches and slides at the friction bound.
        penetration: How deep the faces pass through each other beyond their gap, at most, mm; 0 without contact.
        augmented: Whether that is to be kept small.
        opening: How far they gape, at most, mm.
    """

    area: float
    open: float
    slipping: float
    penetration: float
    augmented: bool
    opening: float

    @property
    def sticking(self) -> float:
        """Share of the area that touches and does not slide."""
        return 1.0 - self.open - self.slipping


@dataclass(frozen=True)
class FaceState:
    """What all faces remember of a state: (p) points.

    Attributes:
        laws: Their laws, hardened or not.
        memory: Multipliers and slip.
        jump: (p, 3) mm.
        response: What they answer to it.
        dissipated: Work of friction up to it, N mm.
        rubbed: (p, 3) friction in it, MPa.
    """

    laws: LawsAtPoints
    memory: Memory
    jump: FloatArray
    response: Response
    dissipated: float
    rubbed: FloatArray


class Interfaces:
    """All cuts of a model with their laws and their present state.

    Args:
        space: The cut space.
        cuts: Name -> its facets.
        order: Polynomial order.

    Attributes:
        names: Of the cuts.
        points: Where the faces are compared.
        response: What they answer to the state of :meth:`update`.
    """

    def __init__(self, space: fem.FunctionSpace, cuts: Mapping[str, Cut], order: int) -> None:
        self.names = tuple(cuts)
        self.comm = space.mesh.comm
        self._space = space
        self.points = find_points(space, cuts, order)
        self._weights = self.points.weights.ravel()
        self._cuts = np.repeat(self.points.cuts, self.points.weights.shape[1])
        self._counts = [self.comm.allreduce(int(np.count_nonzero(self.points.cuts == i))) for i in range(len(self.names))]
        self.jump: FloatArray = np.zeros((len(self._weights), 3))
        self._separation = np.zeros(len(self._weights))

    def separate(self, name: str, gap: Callable[[FloatArray], FloatArray]) -> None:
        """Give the faces of a cut a distance before the load that varies, on top of their law's; for the next :meth:`set_laws`.

        Args:
            name: Of the cut.
            gap: (p, 3) places, mm -> (p,) distance, mm.
        """
        mine = self._cuts == self.names.index(name)
        self._separation[mine] = gap(self.points.places[mine])

    def set_laws(self, laws: Mapping[str, Interface]) -> None:
        """Give every cut its law; forgets the state."""
        self._laws = [Law.of(laws[name]) for name in self.names]
        given = self._laws or [Law(0.0, 0.0, 0.0)]
        per_point = {f.name: np.array([getattr(law, f.name) for law in given])[self._cuts] for f in fields(Law)}
        per_point["gap"] = per_point["gap"] + self._separation
        # Springs are summed facet by facet. Faces that touch have one normal at a node: with one for each of its facets
        # every corner of a wavy surface would lock, and press and slide many times over.
        facet = np.repeat(self.points.normals, self.points.weights.shape[1], axis=0)
        touch = per_point["closed"] > 0.0
        self.laws = LawsAtPoints(np.where(touch[:, None], self.points.nodal_normals.reshape(-1, 3), facet), **per_point)
        present = [law for law, count in zip(given, self._counts, strict=False) if count]
        self.linear = not any(law.closed for law in present)
        self.rubs = any(law.friction for law in present)
        self._given = self.laws
        self.forget()

    def forget(self) -> None:
        """Back to the state before the load: no jump, no multipliers, no slip."""
        self.laws = self._given
        self.memory = Memory.empty(len(self._weights))
        self.jump = np.zeros_like(self.jump)
        self.dissipated, self._rubbed = 0.0, np.zeros_like(self.jump)
        # The first step finds which faces press; friction that holds them where they are would hide it.
        loose = replace(self.laws, stick=_LOOSE * self.laws.stick)
        self.response = respond(loose, self.memory, self.jump)
        self._tangent = self.response.tangent
        self._foreseen: FloatArray | None = None

    def remember(self) -> FaceState:
        """The present state."""
        return FaceState(self.laws, self.memory, self.jump, self.response, self.dissipated, self._rubbed)

    def recall(self, state: FaceState) -> None:
        """Go back to a state."""
        self.laws, self.memory, self.jump, self.response = state.laws, state.memory, state.jump, state.response
        self.dissipated, self._rubbed = state.dissipated, state.rubbed
        self._foreseen = None

    def jumps(self, values: FloatArray) -> FloatArray:
        """(p, 3) second face against first at every point, of the local array of a displacement with its ghosts up to date."""
        nodal = values.reshape(-1, 3)[self.points.dofs]
        return np.einsum("qn,fni->fqi", self.points.shapes, nodal[:, 1] - nodal[:, 0]).reshape(-1, 3)

    def update(self, values: FloatArray, whole: bool = False) -> bool:
        """Take a displacement as the present state.

        Args:
            values: Local array of the displacement with its ghosts up to date.
            whole: Whether a whole step with the tangent in the matrix led here, so that friction was foreseen.

        Returns:
            Whether any point, on any rank, opened, closed, stuck or began to slip; collective.
        """
        before = self.response
        jump = self.jumps(values)
        self._foreseen = self._foresee(jump) if whole and self.rubs else None
        self.jump = jump
        self.response = respond(self.laws, self.memory, self.jump, foreseen=self._foreseen)
        changed = (self.response.closed != before.closed) | (self.response.slipping != before.slipping)
        return bool(self.comm.allreduce(int(changed.any())))

    def _foresee(self, jump: FloatArray) -> FloatArray:
        """(p, 3) MPa, the friction that the tangent expects at a jump."""
        expected = self.response.traction + self.tangent_traction(jump - self.jump)
        rubbing = expected - self.laws.along[:, None] * jump
        return np.asarray(rubbing - np.einsum("ni,ni->n", rubbing, self.laws.normals)[:, None] * self.laws.normals)

    def add_tangent(self, matrix: PETSc.Mat, coupled: bool = False) -> None:
        """Add the tangent of the present state to an assembled matrix; assemble it again afterwards.

        Args:
            matrix: On the cut space.
            coupled: Whether with the part that is not symmetric.
        """
        self._tangent = self.response.tangent + self.response.coupling if coupled else self.response.tangent
        faces, n = self.points.weights.shape, self.points.shapes.shape[1]
        weighted = (self._weights[:, None, None] * self._tangent).reshape(*faces, 3, 3)
        block = np.einsum("qa,qb,fqij->faibj", self.points.shapes, self.points.shapes, weighted, optimize=True)
        signs = np.array([-1.0, 1.0])
        whole = np.einsum("s,t,faibj->fsaitbj", signs, signs, block).reshape(faces[0], 6 * n, 6 * n)
        rows = self.points.dofs.reshape(faces[0], 2 * n).astype(np.int32)
        for row, values in zip(rows, whole, strict=True):
            matrix.setValuesBlockedLocal(row, row, values.ravel(), addv=PETSc.InsertMode.ADD)

    def add_force(self, vector: PETSc.Vec, tractions: FloatArray) -> None:
        """Add the nodal forces of (p, 3) tractions to a vector on the cut space; collective."""
        nodal = fem.Function(self._space)
        faces = self.points.weights.shape
        weighted = (self._weights[:, None] * tractions).reshape(*faces, 3)
        forces = np.einsum("qn,fqi->fni", self.points.shapes, weighted)
        array = nodal.x.array.reshape(-1, 3)
        np.add.at(array, self.points.dofs[:, 1], forces)
        np.add.at(array, self.points.dofs[:, 0], -forces)
        nodal.x.petsc_vec.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
        vector.axpy(1.0, nodal.x.petsc_vec)

    def offset(self) -> FloatArray:
        """(p, 3) MPa, t - D j: by how much the traction differs from what the matrix makes of the jump."""
        return self.response.traction - self.tangent_traction(self.jump)

    def tangent_traction(self, jump: FloatArray) -> FloatArray:
        """(p, 3) MPa, D j: what the tangent in the matrix makes of a jump."""
        return np.einsum("nij,nj->ni", self._tangent, jump)

    def bound(self) -> FloatArray:
        """(p,) MPa, the friction bound of the present pressure."""
        return self.laws.friction * self.response.pressure

    def traction_at(self, jump: FloatArray, bound: FloatArray | None = None) -> FloatArray:
        """(p, 3) MPa for a jump, with the friction bound held or as the pressure gives it."""
        return respond(self.laws, self.memory, jump, bound).traction

    def work(self, tractions: FloatArray, jump: FloatArray) -> float:
        """Work of (p, 3) tractions through a jump, N mm, over all ranks."""
        return float(self.comm.allreduce(float(np.einsum("p,pi,pi->", self._weights, tractions, jump))))

    def tangent_work(self, jump: FloatArray) -> float:
        """Work j . D j with the tangent that is in the matrix, N mm, over all ranks."""
        return self.work(self.tangent_traction(jump), jump)

    def energy(self) -> float:
        """Elastic energy of the present state, N mm, over all ranks."""
        stored = stored_energy(self.laws, self.response, self.jump)
        return float(self.comm.allreduce(float(self._weights @ stored)))

    def force(self, name: str) -> FloatArray:
        """(3,) N, force of the first face of a cut on the second, over all ranks, in excess of a preload.

        Where the faces hang on one node, at the fracture's front, their tractions on it cancel: with what the solids hand on
        there they would count twice.
        """
        mine = self._cuts == self.names.index(name)
        apart = self.points.dofs[:, 0] != self.points.dofs[:, 1]
        counted = self._weights * (apart @ self.points.shapes.T).ravel()
        held = -(counted[mine] @ self.response.traction[mine])
        return np.asarray(np.sum(self.comm.allgather(held), axis=0))

    def press_harder(self, allowed: float) -> None:
        """Take the present pressure as multiplier (augmented Lagrangian), on harder faces: they pass through each other less.

        Faces without friction do so everywhere, and harden once. With friction all of that disturbs what has come to rest: slip
        follows the pressure. There only points that are still too deep, beside the stiff cortex, take their pressure over and
        harden, every time (17 steps become 14 in the worst case of a U-type fracture). Faces under a preload keep their
        stiffness, since the energy they start with depends on it.

        Args:
            allowed: Largest penetration, mm.
        """
        response, laws, given = self.response, self.laws, self._given.closed
        rubs = laws.friction > 0.0
        depth = -(np.einsum("pi,pi->p", self.jump, laws.normals) + laws.gap)
        deep = response.closed & (depth > 0.5 * allowed)
        carried = laws.augmented & np.where(rubs, deep, response.closed)
        kept = np.where(rubs, self.memory.pressing, 0.0)
        self.memory = replace(self.memory, pressing=np.where(carried, laws.preload - response.pressure, kept))
        rubbing = np.where(deep, np.minimum(_HARDER_RUBBING * laws.closed, _HARDEST * given), laws.closed)
        harder = np.where(rubs, rubbing, _HARDER * given)
        self.laws = replace(laws, closed=np.where(laws.augmented & (laws.preload == 0.0), harder, given))
        self.response = respond(self.laws, self.memory, self.jump, foreseen=self._foreseen)

    def keep_slip(self) -> None:
        """End an increment: the present slip stays, and the work of friction on its way is counted as dissipated.

        Friction is taken to change evenly along the way. That is exact for a load that grows in proportion where faces
        have neither gap nor preload: everything then grows in proportion.
        """
        now = slip(self.laws, self.response, self.jump)
        before = -self.memory.sticking / np.where(self.laws.stick > 0, self.laws.stick, 1.0)[:, None]
        self.dissipated += self.work(0.5 * (self._rubbed + self.response.friction), now - before)
        self._rubbed = self.response.friction
        self.memory = replace(self.memory, sticking=-self.laws.stick[:, None] * now)

    def status(self) -> dict[str, Status]:
        """How every cut stands; collective."""
        normals, response = self.laws.normals, self.response
        opening = np.einsum("pi,pi->p", self.jump, normals)
        contact = self.laws.closed > 0
        depth = np.where(contact, np.maximum(-(opening + self.laws.gap), 0.0), 0.0)
        touching = response.closed | ~contact & (opening <= 0.0)
        found = {}
        for number, name in enumerate(self.names):
            mine = self._cuts == number
            weights = self._weights[mine]
            sums = np.array([weights.sum(), weights @ ~touching[mine], weights @ response.slipping[mine]])
            sums = np.sum(self.comm.allgather(sums), axis=0)
            peaks = self.comm.allgather((depth[mine].max(initial=0.0), opening[mine].max(initial=0.0)))
            area = float(sums[0])
            found[name] = Status(
                area=area,
                open=float(sums[1]) / area if area else 0.0,
                slipping=float(sums[2]) / area if area else 0.0,
                penetration=float(max(peak[0] for peak in peaks)),
                augmented=self._laws[number].augmented,
                opening=float(max(peak[1] for peak in peaks)),
            )
        return found
