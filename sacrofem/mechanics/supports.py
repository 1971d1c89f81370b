"""What holds a model: springs on auricular surfaces (to rigid ilia) or in the sockets of the hips (to rigid femoral heads)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sacrofem.catalogue.entry import sides_of
from sacrofem.catalogue.models import Support
from sacrofem.mechanics.facets import facets_of, keep_for
from sacrofem.mechanics.forms import Expression, Form
from sacrofem.mesh.bones import bone_regions
from sacrofem.mesh.model import MIDPLANE, IntArray, ModelMesh

FloatArray = NDArray[np.float64]

#: Normal stiffness of a plane of symmetry, MPa/mm: rigid beside bone, of which 1 mm has 10 to 1000.
SYMMETRY_STIFFNESS = 1e5


#: The clamped part of an iliac wing begins this far above the socket's rim and this far from the sacroiliac joint, mm.
_ABOVE_SOCKET, _FROM_JOINT = 10.0, 15.0


def support_surfaces(mesh: ModelMesh) -> dict[str, IntArray]:
    """Surfaces that may carry supports: sockets and iliac wings where the mesh has hip bones, else the auricular surfaces.

    Returns:
        name -> (k, 3) node numbers of facets; ``ilium_right`` and ``ilium_left`` only where the mesh has bone there.
    """
    return keep_for(mesh, "supports", lambda: _find_surfaces(mesh))


def _find_surfaces(mesh: ModelMesh) -> dict[str, IntArray]:
    """The surfaces, whatever was found before."""
    if "acetabulum_right" not in mesh.surfaces:
        names = [f"auricular_{side}" for side in ("right", "left")]
        return {name: mesh.surfaces[name] for name in (*names, MIDPLANE) if name in mesh.surfaces}
    sockets = {name: mesh.surfaces[name] for side in ("right", "left") if (name := f"acetabulum_{side}") in mesh.surfaces}
    wings = {f"ilium_{side}": _find_wing(mesh, side) for side in ("right", "left")}
    return sockets | {name: triangles for name, triangles in wings.items() if len(triangles)}


def _find_wing(mesh: ModelMesh, side: str) -> IntArray:
    """Outer facets of one iliac wing, above its socket and away from its sacroiliac joint."""
    socket, joint = mesh.surfaces.get(f"acetabulum_{side}", ()), mesh.surfaces.get(f"joint:sacroiliac_{side}:second", ())
    if len(socket) == 0 or len(joint) == 0:
        return np.zeros((0, 3), dtype=np.int64)
    facets, names = facets_of(mesh.cells), bone_regions(mesh, f"hip_{side}")
    bone = [number for number, name in mesh.region_names.items() if name in names]
    outer = facets.outer[np.isin(mesh.host_regions[facets.outer_cells], bone)]
    centroids = mesh.points[outer].mean(axis=1)
    above = centroids[:, 1] > mesh.points[socket][..., 1].max() + _ABOVE_SOCKET
    away = cKDTree(mesh.points[np.unique(joint)]).query(centroids)[0] > _FROM_JOINT
    return outer[above & away]


def held_surfaces(mesh: ModelMesh, support: Support | None = None) -> tuple[str, ...]:
    """Names of the surfaces that a support holds; without one, those that a support of the usual kind would hold."""
    surfaces = support_surfaces(mesh)
    if support is None:
        return tuple(name for name in surfaces if name != MIDPLANE and not name.startswith("ilium"))
    names = [f"{support.acts_on}_{side}" for side in sides_of(support.side)]
    return tuple(name for name in names if name in surfaces)


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
        self.normal, self.tangential = ({name: fem.Constant(domain, 0.0) for name in measures} for _ in range(2))
        self.held: tuple[str, ...] = ()
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
        """Give the springs on the held surfaces their stiffness, and those on the others none."""
        self.held = tuple(f"{support.acts_on}_{side}" for side in sides_of(support.side))
        # The cut of a hemisacrum holds nothing alone, but takes its part of the load.
        self.held = tuple(name for name in (*self.held, MIDPLANE) if name in self.measures)
        self.symmetry.value = SYMMETRY_STIFFNESS if support.midplane == "symmetry" else 0.0
        for name in self.measures:
            share = 1.0 if name in self.held else 0.0
            self.normal[name].value = share * support.normal_stiffness
            self.tangential[name].value = share * support.tangential_stiffness
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
        traction = self.normal[name] * along * normal + self.tangential[name] * (u - along * normal)
        if name in self._turning:
            traction += self._flexion[name] * ufl.dot(u, self._turning[name]) * self._turning[name]
        return traction

    def form(self, u: Expression, v: Expression) -> Form:
        """Their stiffness as a bilinear form."""
        return sum(ufl.dot(self.traction(name, u), v) * measure for name, measure in self.measures.items())

    def flexion_moments(self, u: Expression, integrate: Callable[[Form], float]) -> dict[str, float]:
        """Moment of each held hip's torsion spring about the axis through both hips, N mm; empty without held hips."""
        return {
            name: integrate(self._flexion[name] * ufl.dot(u, turn) * ufl.dot(turn, turn) * self.measures[name])
            for name, turn in self._turning.items()
            if name in self.held
        }
