"""What holds a model: springs on auricular surfaces (to rigid ilia) or in the sockets of the hips (to rigid femoral heads)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from numpy.typing import NDArray

from sacrofem.catalogue.models import Support
from sacrofem.mechanics.forms import Expression, Form
from sacrofem.mesh.model import MIDPLANE, ModelMesh

FloatArray = NDArray[np.float64]

#: Normal stiffness of a plane of symmetry, MPa/mm: rigid beside bone, of which 1 mm has 10 to 1000.
SYMMETRY_STIFFNESS = 1e5


def held_surfaces(mesh: ModelMesh) -> tuple[str, ...]:
    """Names of the surfaces that carry supports: the sockets where the mesh has hip bones, else the auricular surfaces."""
    kind = "acetabulum" if "acetabulum_right" in mesh.surfaces else "auricular"
    return tuple(name for side in ("right", "left") if (name := f"{kind}_{side}") in mesh.surfaces)


def sprung_surfaces(mesh: ModelMesh) -> tuple[str, ...]:
    """Names of the surfaces with springs: those that carry supports, and the cut of a hemisacrum, which holds nothing alone."""
    return (*held_surfaces(mesh), *(name for name in (MIDPLANE,) if name in mesh.surfaces))


def fit_sphere(points: FloatArray) -> FloatArray:
    """(3,) centre of the sphere that best fits (n, 3) points."""
    middle = points.mean(axis=0)
    local = points - middle
    system = np.column_stack([2.0 * local, np.ones(len(local))])
    centre: FloatArray = np.linalg.lstsq(system, np.sum(local**2, axis=1), rcond=None)[0][:3]
    return centre + middle


class SupportSprings:
    """Springs on the held surfaces.

    A hip is a ball in a socket. Its springs act along the radius from the socket's centre, so that turning about the centre
    costs nothing: with the normals of flat facets it would. Both hips together still leave the rotation of the whole ring
    about the axis through their centres free, which muscles hold in life; a torsion spring about that axis in each socket
    (``flexion_stiffness``) stands for them. It acts on flexion alone: the hip bones may still evert and rotate freely.

    Args:
        domain: The DOLFINx mesh.
        mesh: The model mesh.
        measures: Surface name -> its facets.
        integrate: Value of a form without arguments, over all ranks.
    """

    def __init__(
        self,
        domain: dmesh.Mesh,
        mesh: ModelMesh,
        measures: dict[str, ufl.Measure],
        integrate: Callable[[Form], float],
    ) -> None:
        self.measures = measures
        self.normal, self.tangential = fem.Constant(domain, 1.0), fem.Constant(domain, 1.0)
        self.symmetry = fem.Constant(domain, 0.0)
        self._facet_normal, self._place = ufl.FacetNormal(domain), ufl.SpatialCoordinate(domain)
        self._centres = {
            name: fit_sphere(mesh.points[np.unique(mesh.surfaces[name])]) for name in measures if name.startswith("acetabulum")
        }
        self._flexion = {name: fem.Constant(domain, 0.0) for name in self._centres}
        self._turning = {}
        self._resistance = {}
        if len(self._centres) == 2:
            right, left = self._centres["acetabulum_right"], self._centres["acetabulum_left"]
            self.axis: FloatArray = (right - left) / np.linalg.norm(right - left)
            for name, centre in self._centres.items():
                turn = ufl.cross(ufl.as_vector(self.axis.tolist()), self._place - ufl.as_vector(centre.tolist()))
                self._turning[name] = turn
                self._resistance[name] = integrate(ufl.dot(turn, turn) * measures[name])

    def set(self, support: Support) -> None:
        """Give the springs their stiffness."""
        self.normal.value = support.normal_stiffness
        self.tangential.value = support.tangential_stiffness
        self.symmetry.value = SYMMETRY_STIFFNESS if support.midplane == "symmetry" else 0.0
        for name, stiffness in self._flexion.items():
            stiffness.value = (support.flexion_stiffness or 0.0) / self._resistance[name] if self._resistance else 0.0

    def traction(self, name: str, u: Expression) -> Expression:
        """Traction of the springs against a displacement, MPa."""
        normal = self._facet_normal
        if name == MIDPLANE:
            return self.symmetry * ufl.dot(u, normal) * normal
        if name in self._centres:
            radius = self._place - ufl.as_vector(self._centres[name].tolist())
            normal = radius / ufl.sqrt(ufl.dot(radius, radius))
        along = ufl.dot(u, normal)
        traction = self.normal * along * normal + self.tangential * (u - along * normal)
        if name in self._turning:
            traction += self._flexion[name] * ufl.dot(u, self._turning[name]) * self._turning[name]
        return traction

    def form(self, u: Expression, v: Expression) -> Form:
        """Their stiffness as a bilinear form."""
        return sum(ufl.dot(self.traction(name, u), v) * measure for name, measure in self.measures.items())

    def flexion_moments(self, u: Expression, integrate: Callable[[Form], float]) -> dict[str, float]:
        """Moment of each hip's torsion spring about the axis through both hips, N mm; empty without hips."""
        return {
            name: integrate(self._flexion[name] * ufl.dot(u, turn) * ufl.dot(turn, turn) * self.measures[name])
            for name, turn in self._turning.items()
        }
