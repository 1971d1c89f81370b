"""Pictures of the model and of the fracture's motion, drawn off-screen."""

from __future__ import annotations

import os
from pathlib import Path

# Software rendering without a display; must be set before VTK makes its first window.
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import numpy as np
import pyvista as pv

from sacrofem.mesh.model import ModelMesh

_SIZE = (1400, 1000)
_COLOURS = {
    "cement": "#d95f02",
    "screw": "#5e6b75",
    "fracture": "#c2185b",
    "auricular": "#4f9bd9",
    "endplate": "#8bc34a",
}


def draw_model(mesh: ModelMesh, path: Path) -> None:
    """Draw the bone translucent with cement, screws, fracture, joint surfaces and endplate.

    Args:
        mesh: The model mesh.
        path: PNG file.
    """
    plotter = pv.Plotter(off_screen=True, window_size=list(_SIZE))
    plotter.add_mesh(_surface(mesh, "cortex"), color="ivory", opacity=0.28, label="bone")
    grid = pv.UnstructuredGrid({pv.CellType.TETRA: mesh.cells}, mesh.points)
    for number, name in mesh.region_names.items():
        kind = name.split(":")[0]
        if kind in ("cement", "screw") and (mesh.regions == number).any():
            body = grid.extract_cells(np.flatnonzero(mesh.regions == number)).extract_surface(algorithm="dataset_surface")
            plotter.add_mesh(body, color=_COLOURS[kind], label=name)
    for name, facets in mesh.surfaces.items():
        kind = name.split(":")[0].split("_")[0]
        if kind in _COLOURS and len(facets):
            opacity = 0.75 if kind == "fracture" else 0.5
            plotter.add_mesh(_surface(mesh, name), color=_COLOURS[kind], opacity=opacity, label=name)
    plotter.add_legend(bcolor="white", size=(0.28, 0.28), loc="upper right")
    plotter.camera_position = [(230.0, 110.0, 210.0), tuple(mesh.points.mean(axis=0)), (0.0, 1.0, 0.0)]
    plotter.screenshot(str(path))
    plotter.close()


def draw_fracture_motion(surface: Path, path: Path) -> None:
    """Draw opening and sliding on the fracture's face, seen from the lateral side.

    Args:
        surface: ``.vtp`` of the fracture with point data ``opening`` and ``sliding``, mm.
        path: PNG file.
    """
    face = pv.read(surface)
    plotter = pv.Plotter(off_screen=True, shape=(1, 2), window_size=[1500, 800])
    for column, (field, colours) in enumerate((("opening", "coolwarm"), ("sliding", "viridis"))):
        plotter.subplot(0, column)
        values = np.asarray(face[field])
        limit = max(float(np.abs(values).max()), 1e-9)
        plotter.add_mesh(
            face.copy(),
            scalars=field,
            cmap=colours,
            clim=(-limit, limit) if field == "opening" else (0.0, limit),
            scalar_bar_args={"title": f"{field} [mm]", "fmt": "%.3f"},
        )
        plotter.add_text(f"{path.stem}: {field}", font_size=9)
        centre = np.asarray(face.center)
        plotter.camera_position = [tuple(centre + np.array([0.0, 0.0, 260.0])), tuple(centre), (0.0, 1.0, 0.0)]
    plotter.screenshot(str(path))
    plotter.close()


def _surface(mesh: ModelMesh, name: str) -> pv.PolyData:
    return pv.PolyData.from_regular_faces(mesh.points, mesh.surfaces[name]).clean()
