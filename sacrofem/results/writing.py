"""Tables and fields on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import meshio
import numpy as np
import pandas as pd
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

from sacrofem.mesh.facets import facet_geometry
from sacrofem.results.fields import CaseFields
from sacrofem.results.strain import cell_strain

#: Order of VTK's quadratic tetrahedron in that of DOLFINx: edges 0-1, 1-2, 0-2, 0-3, 1-3, 2-3 after the vertices.
_VTK_ORDER = [0, 1, 2, 3, 9, 6, 8, 7, 5, 4]


def write_table(folder: Path, table: pd.DataFrame) -> None:
    """Write ``results.parquet`` and ``results.csv``; raises OSError where they cannot be written."""
    table.to_parquet(folder / "results.parquet", index=False)
    table.to_csv(folder / "results.csv", index=False)


def write_case_fields(folder: Path, case: str, fields: CaseFields, region_names: Mapping[int, str]) -> None:
    """Write ``<case>.vtu`` and, for its fractures, ``<case>_fracture.vtp``; raises OSError where it cannot.

    Args:
        folder: Where the files go.
        case: Name of the case.
        fields: The solved case.
        region_names: Region number -> name, written as field data ``region:<name>``.
    """
    _write_volume(folder / f"{case}.vtu", fields, region_names)
    if fields.fractures:
        _write_faces(folder / f"{case}_fracture.vtp", fields)


def _write_volume(path: Path, fields: CaseFields, region_names: Mapping[int, str]) -> None:
    """Displacement by point (warp by it to see the fracture open); strain, stiffness and region by cell."""
    strain = cell_strain(fields)
    principal = np.linalg.eigvalsh(strain)
    kind, cells = ("tetra", fields.cells) if fields.order == 1 else ("tetra10", fields.cells[:, _VTK_ORDER])
    grid = meshio.Mesh(
        fields.points,
        [(kind, cells)],
        point_data={"displacement": fields.displacement.astype(np.float32)},
        cell_data={
            "strain": [strain.reshape(-1, 9).astype(np.float32)],
            "strain_max": [principal[:, 2].astype(np.float32)],
            "strain_min": [principal[:, 0].astype(np.float32)],
            "young_modulus": [fields.young.astype(np.float32)],
            "region": [fields.regions.astype(np.int32)],
        },
        field_data={f"region:{name}": np.array([number]) for number, name in region_names.items()},
    )
    meshio.vtu.write(path, grid, binary=True, compression="zlib")


def _write_faces(path: Path, fields: CaseFields) -> None:
    """The medial face of every fracture, with what the lateral face does against it.

    Point data are means over the facets that meet in a point; a fracture's number is its place by name.
    """
    faces = [fields.fractures[name] for name in fields.fractures]
    nodes = np.concatenate([face.nodes[:, :, :3] for face in faces])
    welded = np.concatenate([face.welded for face in faces])
    used, triangles = np.unique(nodes[:, 0], return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    jump = fields.displacement[nodes[:, 1]] - fields.displacement[nodes[:, 0]]
    opening = np.einsum("fij,fj->fi", jump, facet_geometry(fields.points, nodes[:, 0])[1])
    sliding = np.sqrt(np.maximum((jump**2).sum(axis=2) - opening**2, 0.0))

    def at_points(values: np.ndarray) -> np.ndarray:
        counts = np.bincount(triangles.ravel(), minlength=len(used))
        columns = values.reshape(len(triangles) * 3, -1).T
        return np.stack([np.bincount(triangles.ravel(), column, len(used)) / counts for column in columns], axis=1)

    surface = vtkPolyData()
    places = vtkPoints()
    places.SetData(numpy_to_vtk(fields.points[used], deep=True))
    surface.SetPoints(places)
    polygons = vtkCellArray()
    offsets, corners = np.arange(0, 3 * len(triangles) + 1, 3), triangles.ravel()
    polygons.SetData(numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(corners, deep=True))
    surface.SetPolys(polygons)
    for name, values in (("jump", jump), ("opening", opening), ("sliding", sliding)):
        _attach(surface.GetPointData(), name, at_points(values))
    numbers = np.repeat(np.arange(len(faces)), [len(face.nodes) for face in faces])
    _attach(surface.GetCellData(), "fracture", numbers.astype(np.int32)[:, None])
    _attach(surface.GetCellData(), "welded", welded.astype(np.uint8)[:, None])
    writer = vtkXMLPolyDataWriter()
    writer.SetInputData(surface)
    writer.SetWriteToOutputString(True)  # VTK reports a full disk to nobody; Python raises
    writer.SetDataModeToBinary()
    writer.Write()
    path.write_text(writer.GetOutputString())


def _attach(data: object, name: str, values: np.ndarray) -> None:
    array = numpy_to_vtk(np.ascontiguousarray(values if values.shape[1] > 1 else values[:, 0]), deep=True)
    array.SetName(name)
    data.AddArray(array)  # type: ignore[attr-defined]  # vtkmodules has no stubs here
