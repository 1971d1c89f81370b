"""FEBio input (format 4.0): tetrahedra, and springs of unit stiffness on nodes bound by linear constraints.

FEBio's springs act along the line between two nodes; each combined degree of freedom has a long one to a fixed node along its
axis. FEBio solves for finite strain: its figures are those of sacrofem as the loads go to zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sacrofem.errors import output_errors
from sacrofem.export.membranes import combine_membranes
from sacrofem.export.problem import Problem, group_cells
from sacrofem.export.springs import Combinations
from sacrofem.mesh.model import FloatArray

_AXES = "xyz"
#: Length of the springs, mm: their direction turns by the displacement over this.
_ARM = 1000.0
_DENSITY = 1e-9  # tonne/mm^3; FEBio wants one, statics does not use it


def write_feb(path: Path, problem: Problem) -> None:
    """Write a case for FEBio.

    Args:
        path: The file.
        problem: The case.
    """
    with output_errors(path, "another file with --output"):
        path.write_text("\n".join(_lines(problem)) + "\n")


def _lines(problem: Problem) -> Iterator[str]:
    combined = [*problem.combine_springs(), combine_membranes(problem)]
    firsts = np.cumsum([len(problem.points) + 1, *(len(what.nodes) for what in combined)])
    groups = list(group_cells(problem).items())
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<febio_spec version="4.0">'
    yield f"<!-- sacrofem case {problem.name}; N, mm, MPa{'; contact frozen in its solved state' if problem.frozen else ''} -->"
    yield '<Module type="solid"/>'
    yield "<Control><analysis>STATIC</analysis><time_steps>1</time_steps><step_size>1</step_size>"
    yield '<solver type="solid"><symmetric_stiffness>symmetric</symmetric_stiffness></solver></Control>'
    yield "<Material>"
    for index, ((region, young, poisson), _) in enumerate(groups, 1):
        yield f'<material id="{index}" name="material{index}" type="isotropic elastic"> <!-- {region} -->'
        yield f"<density>{_DENSITY}</density><E>{young:.12e}</E><v>{poisson:.12e}</v></material>"
    yield "</Material>"
    yield from _mesh(problem, combined, firsts)
    yield "<MeshDomains>"
    yield from (f'<SolidDomain name="part{i}" mat="material{i}"/>' for i in range(1, len(groups) + 1))
    yield "</MeshDomains>"
    loaded = np.flatnonzero(np.abs(problem.forces).max(axis=1) > 0)
    yield '<MeshData><NodeData name="forces" node_set="loaded" data_type="vec3">'
    for place, node in enumerate(loaded, 1):
        yield f'<node lid="{place}">{_vector(problem.forces[node])}</node>'
    yield "</NodeData></MeshData>"
    yield "<Boundary>"
    yield '<bc name="ground" type="zero displacement" node_set="ground"><x_dof>1</x_dof><y_dof>1</y_dof><z_dof>1</z_dof></bc>'
    for what, first in zip(combined, firsts, strict=False):
        yield from _constraints(what, int(first))
    yield "</Boundary>"
    yield '<Loads><nodal_load name="load" type="nodal_force" node_set="loaded"><value lc="1" type="map">forces</value>'
    yield "</nodal_load></Loads>"
    yield '<Discrete><discrete_material id="1" name="unit" type="linear spring"><E>1</E></discrete_material>'
    yield '<discrete dmat="1" discrete_set="springs"/></Discrete>'
    yield '<LoadData><load_controller id="1" type="loadcurve"><interpolate>LINEAR</interpolate>'
    yield "<points><pt>0,0</pt><pt>1,1</pt></points></load_controller></LoadData>"
    yield '<Output><plotfile type="febio"><var type="displacement"/><var type="stress"/></plotfile></Output>'
    yield "</febio_spec>"


def _vector(values: FloatArray) -> str:
    return ",".join(f"{value:.12e}" for value in values)


def _mesh(problem: Problem, combined: list[Combinations], firsts: np.ndarray) -> Iterator[str]:
    yield '<Mesh><Nodes name="all">'
    for number, place in enumerate(problem.points, 1):
        yield f'<node id="{number}">{_vector(place)}</node>'
    for what, first in zip(combined, firsts, strict=False):
        for number, place in enumerate(what.places, int(first)):
            yield f'<node id="{number}">{_vector(place)}</node>'
    springs, node = [], int(firsts[-1])
    ground = node
    for what, first in zip(combined, firsts, strict=False):
        active = np.abs(what.rows).max(axis=(2, 3)) > 0
        for point, axis in zip(*np.nonzero(active), strict=True):
            yield f'<node id="{node}">{_vector(what.places[point] + _ARM * np.eye(3)[axis])}</node>'
            springs.append((int(first) + point, node))
            node += 1
    yield "</Nodes>"
    for index, cells in enumerate(group_cells(problem).values(), 1):
        yield f'<Elements type="tet{problem.cells.shape[1]}" name="part{index}">'
        for cell in cells:
            yield f'<elem id="{cell + 1}">{",".join(map(str, problem.cells[cell] + 1))}</elem>'
        yield "</Elements>"
    loaded = np.flatnonzero(np.abs(problem.forces).max(axis=1) > 0) + 1
    yield f'<NodeSet name="loaded">{",".join(map(str, loaded))}</NodeSet>'
    yield f'<NodeSet name="ground">{",".join(map(str, range(ground, node)))}</NodeSet>'
    yield '<DiscreteSet name="springs">'
    yield from (f"<delem>{start},{end}</delem>" for start, end in springs)
    yield "</DiscreteSet></Mesh>"


def _constraints(what: Combinations, first: int) -> Iterator[str]:
    """Every dof of a combined node follows its combination, or is fixed where it stands for nothing."""
    for point in range(len(what.nodes)):
        joined, rows = what.at(point)
        for axis in range(3):
            yield f'<bc type="linear constraint"><node>{first + point}</node><dof>{_AXES[axis]}</dof><offset>0</offset>'
            for i, c in zip(*np.nonzero(rows[axis]), strict=True):
                value = f"<value>{rows[axis, i, c]:.12e}</value>"
                yield f"<child_dof><node>{joined[i] + 1}</node><dof>{_AXES[c]}</dof>{value}</child_dof>"
            yield "</bc>"
