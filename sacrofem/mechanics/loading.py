"""Loads as vectors of nodal forces: wrenches spread over surfaces, patches and bone, and the pressure of a ball in a socket.

A force F and a moment M about a place p go onto facets (or cells) of size A, centroid c and inertia J = integral of
|r|^2 I - r r^T, r = x - c, as the traction a + b x r with a = F / A and b = J^-1 (M + (p - c) x F): it grows linearly, and its
force and moment are exactly the wanted ones. A ball presses on its socket with the traction (q . n)_+ n, n the unit radius from
the centre: pressure after a cosine law about q, which is found so that the resultant is exactly the wanted force.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import basix
import numpy as np
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from dolfinx.fem import petsc
from numpy.typing import NDArray
from petsc4py import PETSc

from sacrofem.errors import ModelError, explain
from sacrofem.loads.parts import LoadPart
from sacrofem.mechanics.distribution import DistributedMesh
from sacrofem.mechanics.facets import facets_of
from sacrofem.mesh.facets import facet_areas, facet_geometry, facet_keys

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_JIT_OPTIONS = {"timeout": 120}
#: Degree of the quadrature of a socket's pressure, which has a kink.
_PRESSURE_DEGREE = 4
_NEWTON_STEPS = 50


@dataclass(frozen=True, eq=False)
class Carrier:
    """What carries a load: facets, or all bone.

    Attributes:
        key: Names it.
        triangles: (f, 3) node numbers of outer facets; empty for bone.
        size: mm^2, or mm^3.
        centre: (3,) centroid, mm.
        inertia: (3, 3) mm^4, or mm^5.
    """

    key: str
    triangles: IntArray
    size: float
    centre: FloatArray
    inertia: FloatArray


class Loading:
    """Turns parts of loads into vectors; collective.

    Args:
        space: Displacement space, block size 3.
        distributed: The mesh on the ranks.
        order: Polynomial order.
    """

    def __init__(self, space: fem.FunctionSpace, distributed: DistributedMesh, order: int) -> None:
        self.space, self.domain, self.mesh = space, distributed.domain, distributed.source
        self.order = order
        #: Carrier -> (owned dofs, 6) nodal forces for unit wrenches about its centroid, where loads reach it by another way.
        self.paths: dict[str, FloatArray] = {}
        self._carriers: dict[str, Carrier] = {}
        outer = dmesh.exterior_facet_indices(self.domain.topology)
        corners = self.domain.geometry.input_global_indices[dmesh.entities_to_geometry(self.domain, 2, outer)]
        keys = facet_keys(corners.reshape(-1, 3), len(self.mesh.points))
        order_of_keys = np.argsort(keys)
        self._keys, self._outer = keys[order_of_keys], outer[order_of_keys]
        self._entities: dict[str, NDArray[np.int32]] = {}
        names = ("even", "growing", "centre", "direction")
        self._constants = {name: fem.Constant(self.domain, np.zeros(3)) for name in names}
        self._compiled: dict[str, tuple[fem.CompiledForm, dict[ufl.Constant, fem.Constant]]] = {}
        self._skin: tuple[IntArray, FloatArray, FloatArray] | None = None

    def vector(self, parts: Sequence[LoadPart]) -> PETSc.Vec:
        """(dofs,) nodal forces of parts together."""
        vector = petsc.create_vector(self.space)
        for part in parts:
            carrier = self.carrier(part)
            if carrier.key in self.paths:
                continue
            if part.in_socket:
                direction, centre = find_pressure(self.mesh.points, carrier.triangles, self._point(part, carrier), part)
                self._add(vector, "pressure", carrier, {"direction": direction, "centre": centre})
                continue
            even, growing = self._tractions(part.force, self._moment(part, carrier), carrier)
            self._add(vector, "linear", carrier, {"even": even, "growing": growing, "centre": carrier.centre})
        vector.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
        for key, path in self.paths.items():
            with vector as values:
                values += path @ self.wrench(parts, key)
        return vector

    def wrench(self, parts: Sequence[LoadPart], key: str) -> FloatArray:
        """(6,) force and moment about its centroid that parts put on a carrier."""
        carried = [(part, self.carrier(part)) for part in parts]
        wrenches = [np.r_[part.force, self._moment(part, carrier)] for part, carrier in carried if carrier.key == key]
        total: FloatArray = np.sum([np.zeros(6), *wrenches], axis=0)
        return total

    def resultant(self, parts: Sequence[LoadPart]) -> tuple[FloatArray, FloatArray, float]:
        """(3,) force, (3,) moment about the origin, and the sum of the sizes of all forces; of what the vectors hold."""
        force, moment, size = np.zeros(3), np.zeros(3), 0.0
        for part in parts:
            force += part.force
            moment += part.moment + np.cross(self._point(part, self.carrier(part)), part.force)
            size += float(np.linalg.norm(part.force))
        return force, moment, size

    def carrier(self, part: LoadPart) -> Carrier:
        """What carries a part."""
        key = part.surface
        if part.surface == "patch":
            assert part.point is not None
            key = f"patch {np.round(part.point, 6).tolist()} {part.radius:g}"
        if key not in self._carriers:
            self._carriers[key] = self._find_carrier(key, part)
        return self._carriers[key]

    def _point(self, part: LoadPart, carrier: Carrier) -> FloatArray:
        return carrier.centre if part.point is None else part.point

    def _moment(self, part: LoadPart, carrier: Carrier) -> FloatArray:
        """(3,) about the carrier's centroid."""
        return part.moment + np.cross(self._point(part, carrier) - carrier.centre, part.force)

    def _tractions(self, force: FloatArray, moment: FloatArray, carrier: Carrier) -> tuple[FloatArray, FloatArray]:
        return force / carrier.size, np.linalg.solve(carrier.inertia, moment)

    def _find_carrier(self, key: str, part: LoadPart) -> Carrier:
        none = np.zeros((0, 3), dtype=np.int64)
        if part.surface == "bone":
            return Carrier(key, none, *_measure(self.mesh.points[self.mesh.cells], np.abs(self.mesh.volumes())))
        triangles = self._pick(part) if part.surface == "patch" else self.mesh.surfaces.get(part.surface, none)
        if len(triangles) == 0:
            raise ModelError(
                explain(
                    "A load has no surface to act on.",
                    where=f"load part {part.name!r}, surface {part.surface}",
                    got="no facets",
                    allowed=", ".join(sorted(name for name, facets in self.mesh.surfaces.items() if len(facets))),
                    next_step="model the bone it acts on (extent: pelvic_ring), or choose another load",
                )
            )
        return Carrier(key, triangles, *_measure(self.mesh.points[triangles], facet_areas(self.mesh.points, triangles)))

    def _pick(self, part: LoadPart) -> IntArray:
        """Outer facets about the place of the skin nearest to a point that face the same way, three at least."""
        if self._skin is None:
            outer = facets_of(self.mesh.cells).outer
            self._skin = (outer, *facet_geometry(self.mesh.points, outer))
        assert part.point is not None
        outer, centroids, normals = self._skin
        nearest = int(np.argmin(np.linalg.norm(centroids - part.point, axis=1)))
        away = np.linalg.norm(centroids - centroids[nearest], axis=1)
        away[normals @ normals[nearest] <= 0.0] = np.inf
        chosen = away <= part.radius
        chosen[np.argsort(away, kind="stable")[:3]] = True  # one flat facet has an inertia all the same; three spread better
        return outer[chosen]

    def _add(self, vector: PETSc.Vec, kind: str, carrier: Carrier, values: dict[str, FloatArray]) -> None:
        for name, value in values.items():
            self._constants[name].value = value
        on_bone = len(carrier.triangles) == 0
        petsc.assemble_vector(vector, self._form(f"{kind} {'dx' if on_bone else 'ds'}", carrier))

    def _form(self, kind: str, carrier: Carrier) -> fem.Form:
        integral = fem.IntegralType.cell if kind.endswith("dx") else fem.IntegralType.exterior_facet
        if carrier.key not in self._entities:
            self._entities[carrier.key] = self._local_entities(carrier)
        entities = self._entities[carrier.key]
        domains = [(1, fem.compute_integration_domains(integral, self.domain.topology, entities))]
        if kind not in self._compiled:
            self._compiled[kind] = self._compile(kind)
        compiled, constants = self._compiled[kind]
        return fem.create_form(compiled, [self.space], self.domain, {integral: domains}, {}, constants)

    def _local_entities(self, carrier: Carrier) -> NDArray[np.int32]:
        if len(carrier.triangles) == 0:
            owned = self.domain.topology.index_map(3).size_local
            return np.arange(owned, dtype=np.int32)
        wanted = facet_keys(carrier.triangles, len(self.mesh.points))
        place = np.minimum(np.searchsorted(self._keys, wanted), max(len(self._keys) - 1, 0))
        found = self._outer[place[self._keys[place] == wanted]] if len(self._keys) else np.zeros(0, dtype=np.int32)
        return np.sort(found).astype(np.int32)

    def _compile(self, kind: str) -> tuple[fem.CompiledForm, dict[ufl.Constant, fem.Constant]]:
        abstract = self.domain.ufl_domain()
        place = ufl.SpatialCoordinate(abstract)
        test = ufl.TestFunction(ufl.FunctionSpace(abstract, self.space.ufl_element()))
        symbols = {name: ufl.Constant(abstract, shape=(3,)) for name in self._constants}
        radius = place - symbols["centre"]
        degree = self.order + 1
        if kind.startswith("pressure"):
            unit = radius / ufl.sqrt(ufl.dot(radius, radius))
            traction = ufl.max_value(0.0, ufl.dot(symbols["direction"], unit)) * unit
            degree = _PRESSURE_DEGREE
        else:
            traction = symbols["even"] + ufl.cross(symbols["growing"], radius)
        measure = ufl.Measure(kind[-2:], domain=abstract, metadata={"quadrature_degree": degree})
        compiled = fem.compile_form(self.domain.comm, ufl.dot(traction, test) * measure(1), jit_options=_JIT_OPTIONS)
        used = ("direction", "centre") if kind.startswith("pressure") else ("even", "growing", "centre")
        return compiled, {symbols[name]: self._constants[name] for name in used}


def find_pressure(points: FloatArray, triangles: IntArray, centre: FloatArray, part: LoadPart) -> tuple[FloatArray, FloatArray]:
    """(3,) q, MPa, whose pressure (q . n)_+ has the wanted resultant on a socket, and (3,) its centre.

    The resultant is the gradient of the convex function 1/2 integral of (q . n)_+^2; Newton's method with bisection finds q. The
    integral is the sum over the very points at which the load vector is summed.

    Args:
        points: (n, 3) nodes, mm.
        triangles: (f, 3) facets of the socket.
        centre: (3,) of the ball.
        part: Names the part and gives its force.

    Raises:
        ModelError: the force does not press into the socket.
    """
    places, weights = basix.make_quadrature(basix.CellType.triangle, _PRESSURE_DEGREE)
    shape = np.column_stack([1.0 - places.sum(axis=1), places])
    spots = np.einsum("qi,fij->fqj", shape, points[triangles]).reshape(-1, 3) - centre
    sizes = (2.0 * facet_areas(points, triangles)[:, None] * weights).ravel()
    unit = spots / np.linalg.norm(spots, axis=1)[:, None]
    q = part.force / sizes.sum()

    def rest_of(trial: FloatArray) -> FloatArray:
        return part.force - (sizes * np.maximum(unit @ trial, 0.0)) @ unit

    size = float(np.linalg.norm(part.force))
    rest = rest_of(q)
    for _ in range(_NEWTON_STEPS):
        if np.linalg.norm(rest) <= 1e-13 * size:
            return q, centre
        pressed = unit @ q > 0.0
        curve = (unit[pressed] * sizes[pressed, None]).T @ unit[pressed]
        step = np.linalg.lstsq(curve, rest, rcond=1e-12)[0]
        length = 1.0
        while length > 1e-6 and np.linalg.norm(rest_of(q + length * step)) > (1 - 1e-4 * length) * np.linalg.norm(rest):
            length /= 2
        q = q + length * step
        rest = rest_of(q)
    if np.linalg.norm(rest) <= 1e-9 * size:
        return q, centre
    x, y, z = part.force
    raise ModelError(
        explain(
            "A force on a socket does not press into it.",
            where=f"load part {part.name!r}, surface {part.surface}",
            got=f"({x:.0f}, {y:.0f}, {z:.0f}) N",
            allowed="a direction within the cone of the socket's articular surface",
            next_step="turn the force: it is the femoral head's on the acetabulum, in frame G",
        )
    )


def _measure(corners: FloatArray, sizes: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Size, centroid and inertia of (k, c, 3) simplices: the integral of x x^T is (sum x_i x_i^T + s s^T) size / (c (c + 1))."""
    size = float(sizes.sum())
    centre: FloatArray = np.einsum("i,ij->j", sizes, corners.mean(axis=1)) / size
    local, count = corners - centre, corners.shape[1]
    total = local.sum(axis=1)
    second = np.einsum("i,icj,ick->jk", sizes, local, local) + np.einsum("i,ij,ik->jk", sizes, total, total)
    second /= count * (count + 1)
    return size, centre, np.trace(second) * np.eye(3) - second


def endplate_force(force: Sequence[float] | FloatArray) -> tuple[LoadPart, ...]:
    """A force spread evenly over the S1 endplate."""
    return (LoadPart("endplate", "endplate", np.asarray(force, dtype=np.float64)),)
