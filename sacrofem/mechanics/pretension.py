"""Lag screws: tightened by a given force before the load, held by their own stiffness after it.

While a screw is tightened its shaft slides in its hole: the force T in it is given, it is the same in every section of the free
shaft between head and thread, and head and thread are pressed towards each other by it. With K0 the stiffness of the model
without that of the free shafts, and f the nodal forces of an axial stress T / A in them, the tightened state is K0 u0 = f, faces
that press or slide included. From then on the shafts resist with their stiffness Ks what is more than u0: under a load p

    (K0 + Ks) u = p + f + Ks u0,

so that the load finds the model in a state of stress that is in balance with itself: f + Ks u0 are forces of single elements,
and u0 solves the equation with p = 0. This is the pretension section of bolted joints (a length taken out of the shaft, locked
once the wanted force is there), with the length found in one solve; VDI 2230 states the mechanics of the joint (RECALLED).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.mechanics import forms
from sacrofem.mechanics.contact import Start
from sacrofem.mechanics.equilibrium import Effort
from sacrofem.mechanics.interface import Status
from sacrofem.mechanics.lag_screws import LagScrew

if TYPE_CHECKING:
    from sacrofem.mechanics.model import SacrumModel

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

#: What is left of a free shaft's stiffness while the screw is tightened, so that its nodes are held: 0.001 MPa of titanium's.
#: 0.1 MPa took 0.8 of 150 N off a screw in the ring.
_LEFT = 1e-8
_JIT_OPTIONS = {"timeout": 120}


@dataclass(frozen=True)
class Tightened:
    """The state after tightening, before the load.

    Attributes:
        start: From which a load begins to act.
        axial_forces: Screw -> N.
        section_forces: As in :class:`sacrofem.mechanics.solution.Solution`.
        faces: Likewise.
        potential: Energy of the model with its locked shafts, N mm; the zero of energies under a load.
        effort: What it took.
    """

    start: Start
    axial_forces: Mapping[str, float]
    section_forces: Mapping[str, Mapping[str, FloatArray]]
    faces: Mapping[str, Status]
    potential: float
    effort: Effort


class Pretension:
    """The lag screws of a model; collective.

    Args:
        model: The model.
        screws: Its lag screws.
    """

    def __init__(self, model: SacrumModel, screws: Sequence[LagScrew]) -> None:
        self._model, self.screws = model, tuple(screws)
        piecewise = model.young.function_space
        self._stress, self._locked, self._part, self._slope = (fem.Function(piecewise) for _ in range(4))
        self._axis = fem.Function(fem.functionspace(model.domain, ("Discontinuous Lagrange", 0, (3,))))
        self._before, self._moved, self._virtual = (fem.Function(model.V) for _ in range(3))
        original = model.distributed.original_cells
        count = len(model.distributed.source.cells)
        self._slopes = {}
        stress, axes = np.zeros(count), np.zeros((count, 3))
        for screw in self.screws:
            stress[screw.cells], axes[screw.cells] = screw.force / screw.section, screw.axis
            slopes = np.zeros(count)
            slopes[screw.cells] = screw.slopes
            self._slopes[screw.name] = slopes[original]
        self._stress.x.array[:] = stress[original]
        self._axis.x.array[:] = axes[original].ravel()
        self._free = self._stress.x.array > 0.0
        dx = ufl.Measure("dx", domain=model.domain, metadata={"quadrature_degree": 2 * (model.order - 1)})
        along = ufl.outer(self._axis, self._axis)

        def locked(w: forms.Expression, part: forms.Expression) -> forms.Form:
            given = part * self._stress * ufl.inner(along, forms.strain(w)) * dx
            return given - forms.bulk_form(self._before, w, part * self._locked, model.poisson, dx)

        one = fem.Constant(model.domain, 1.0)
        test = ufl.TestFunction(model.V)
        self._forces = fem.form(-locked(test, one), jit_options=_JIT_OPTIONS)
        self._through = fem.form(locked(self._virtual, self._part), jit_options=_JIT_OPTIONS)
        ramp = self._slope * along  # the strain of an axial displacement that follows the ramp
        self._axial = fem.form(_stress_work(self._moved, ramp, model.young, model.poisson, dx), jit_options=_JIT_OPTIONS)
        given = self._slope * self._stress * dx - _stress_work(self._before, ramp, self._locked, model.poisson, dx)
        self._axial_locked = fem.form(given, jit_options=_JIT_OPTIONS)

    def tighten(self) -> Tightened:
        """Find the state after tightening for the model's present properties; leaves the model assembled for a load."""
        model = self._model
        whole = model.young.x.array.copy()
        self._before.x.array[:] = 0.0
        self._locked.x.array[:] = 0.0
        model.young.x.array[self._free] *= _LEFT
        model.assemble()
        effort = model.equilibrium.find(self._load(), self._before)
        self._locked.x.array[:] = whole - model.young.x.array
        model.young.x.array[:] = whole
        model.assemble()
        start = Start(self._before, self._load(), model.interfaces.remember())
        forces = self.axial_forces(self._before)
        for name, force in forces.items():
            logger.info("screw %s tightened: %.1f N", name, force)
        sections = model.sections.forces(self._before)
        status = model.interfaces.status()
        return Tightened(start, forces, sections, status, model.potential(self._before, start), effort)

    def _load(self) -> PETSc.Vec:
        vector = petsc.create_vector(self._model.V)
        petsc.assemble_vector(vector, self._forces)
        vector.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
        return vector

    def axial_forces(self, displacement: fem.Function) -> dict[str, float]:
        """Axial force in the middle of every screw's free shaft, N; positive in tension.

        Args:
            displacement: From before the tightening, mm.
        """
        self._moved.x.array[:] = displacement.x.array
        found = {}
        for name, slopes in self._slopes.items():
            self._slope.x.array[:] = slopes
            own = fem.assemble_scalar(self._axial) + fem.assemble_scalar(self._axial_locked)
            found[name] = float(self._model.comm.allreduce(own))
        return found

    def work(self, virtual: fem.Function, cells: NDArray[np.bool_]) -> float:
        """Virtual work of the stress that is locked in some cells' shafts, N mm, this rank's.

        Args:
            virtual: Virtual displacement, mm.
            cells: Which local cells.
        """
        self._virtual.x.array[:] = virtual.x.array
        self._part.x.array[:] = cells
        return float(fem.assemble_scalar(self._through))


def _stress_work(
    u: forms.Expression, strain: forms.Expression, young: forms.Expression, poisson: forms.Expression, dx: ufl.Measure
) -> forms.Form:
    """The integral of sigma(u) : strain."""
    shear = young / (2 * (1 + poisson))
    lame = young * poisson / ((1 + poisson) * (1 - 2 * poisson))
    return (2 * shear * ufl.inner(forms.strain(u), strain) + lame * ufl.tr(forms.strain(u)) * ufl.tr(strain)) * dx
