"""Pictures of the model and of the fracture's motion, drawn off-screen."""

from __future__ import annotations

import os
from pathlib import Path

# Software rendering without a display; must be set before VTK makes its first window.
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import numpy as np
import pyvista as pv

from sacrofem.mesh.model import ModelMesh

COLOURS = {
    "bone": "#e3d5b0",
    "cement": "#d95f02",
    "screw": "#5e6b75",
    "thread": "#a3b1bb",
    "washer": "#37474f",
    "rod": "#1e66d0",
    "plate": "#1e66d0",
    "fracture": "#c2185b",
    "auricular": "#4f9bd9",
    "endplate": "#8bc34a",
    "acetabulum": "#b39ddb",
    "sacroiliac": "#1976d2",
    "symphysis": "#00acc1",
    "bruise": "#7b4fa3",
    "core": "#fff3d6",
    "needle": "#9aa7b0",
}
#: Kinds of region drawn as bodies in the translucent bone.
_BODIES = ("cement", "screw", "washer", "sacroiliac", "symphysis")
#: Title -> direction from the bone to the eye, frame G (x anterior, y superior, z to the right).
VIEWS = {"from the front": (1.0, 0.15, 0.0), "from behind": (-1.0, 0.15, 0.0), "from the right": (0.35, 0.25, 1.0)}
#: Shows sheets that are seen edge-on from the front.
OBLIQUE = (0.8, 0.35, 0.75)
_UP = (0.0, 1.0, 0.0)


def draw_model(mesh: ModelMesh, path: Path) -> None:
    """Draw the bone translucent with cement, screws, cartilage, fracture, joint surfaces and endplate, from three sides.

    Args:
        mesh: The model mesh.
        path: PNG file.
    """
    plotter = pv.Plotter(off_screen=True, shape=(2, 2), window_size=[1600, 1400], border=False)
    parts = [(_surface(mesh, "cortex"), COLOURS["bone"], 0.35)]
    legend = [("bone", COLOURS["bone"])]
    grid = pv.UnstructuredGrid({pv.CellType.TETRA: mesh.cells}, mesh.points)
    for number, name in mesh.region_names.items():
        kind = _kind(name)
        if kind in _BODIES and (mesh.regions == number).any():
            body = grid.extract_cells(np.flatnonzero(mesh.regions == number)).extract_surface(algorithm="dataset_surface")
            parts.append((body, COLOURS[kind], 1.0))
            if "+" not in name:
                legend.append((name, COLOURS[kind]))
    for name in mesh.surfaces:
        kind = _kind(name)
        if kind in COLOURS:
            parts.append((_surface(mesh, name), COLOURS[kind], 0.75 if kind == "fracture" else 0.45))
            legend.append((name, COLOURS[kind]))
    for place, (title, direction) in enumerate(VIEWS.items()):
        plotter.subplot(*divmod(place, 2))
        for part, colour, opacity in parts:
            plotter.add_mesh(part.copy(), color=colour, opacity=opacity)
        plotter.add_text(title, font_size=11)
        look(plotter, mesh.points, direction)
    plotter.subplot(1, 1)
    plotter.add_legend(
        [[name, colour] for name, colour in legend], face="rectangle", bcolor=None, size=(0.9, 0.6), loc="center left"
    )
    plotter.screenshot(str(path))
    plotter.close()


def draw_fracture_motion(surface: Path, path: Path) -> None:
    """Draw opening and sliding on the fracture's medial face, seen laterally (sheets of both sides: from the front).

    Args:
        surface: ``.vtp`` of the fracture with point data ``opening`` and ``sliding``, mm.
        path: PNG file.
    """
    face = pv.read(surface)
    lateral = np.asarray(face.compute_normals(auto_orient_normals=False, consistent_normals=False)["Normals"]).mean(axis=0)
    # Sheets of both sides look apart: then from the front.
    lateral = lateral if np.linalg.norm(lateral) > 0.5 else np.array(VIEWS["from the front"])
    plotter = pv.Plotter(off_screen=True, shape=(1, 2), window_size=[1500, 800], border=False)
    for column, (field, colours) in enumerate((("opening", "coolwarm"), ("sliding", "viridis"))):
        plotter.subplot(0, column)
        limit = max(float(np.abs(np.asarray(face[field])).max()), 1e-9)
        plotter.add_mesh(
            face.copy(),
            scalars=field,
            cmap=colours,
            clim=(-limit, limit) if field == "opening" else (0.0, limit),
            scalar_bar_args={"title": f"{field} [mm]", "fmt": "%.3f"},
        )
        plotter.add_text(f"{path.stem}: {field}", font_size=9)
        look(plotter, np.asarray(face.points), lateral)
    plotter.screenshot(str(path))
    plotter.close()


def draw_deformed(volume: Path, path: Path, scale: float) -> None:
    """Draw the bone's surface with the displacement enlarged, so that the fracture is seen to open.

    Args:
        volume: ``.vtu`` of a case with point data ``displacement``, mm.
        path: PNG file.
        scale: Factor on the displacement.
    """
    bone = pv.read(volume).extract_surface(algorithm="dataset_surface")
    size = np.linalg.norm(np.asarray(bone["displacement"]), axis=1)
    moved = bone.warp_by_vector("displacement", factor=scale)
    moved["displacement [mm]"] = size
    plotter = pv.Plotter(off_screen=True, shape=(1, 2), window_size=[1600, 800], border=False)
    for column, title in enumerate(("from the front", "from behind")):
        plotter.subplot(0, column)
        plotter.add_mesh(moved.copy(), scalars="displacement [mm]", cmap="viridis", clim=(0.0, float(size.max())))
        plotter.add_text(f"{path.stem}, displacement x {scale:g}, {title}", font_size=9)
        look(plotter, np.asarray(bone.points), VIEWS[title])
    plotter.screenshot(str(path))
    plotter.close()


def look(plotter: pv.Plotter, points: np.ndarray, direction: np.ndarray | tuple[float, float, float]) -> None:
    """Look at points along a direction, without perspective, so that they fill the picture."""
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    eye = centre + 500.0 * np.asarray(direction) / np.linalg.norm(direction)
    plotter.camera_position = [tuple(eye), tuple(centre), _UP]
    plotter.enable_parallel_projection()
    plotter.camera.parallel_scale = 0.4 * float(np.linalg.norm(points.max(axis=0) - points.min(axis=0)))


def _kind(name: str) -> str:
    """``cement`` of ``cement:<name>``, ``acetabulum`` of ``acetabulum_right``."""
    return name.split(":")[0].split("_")[0]


def outer_bone(mesh: ModelMesh) -> pv.PolyData:
    """The surface of all bone."""
    return _surface(mesh, "cortex")


def _surface(mesh: ModelMesh, name: str) -> pv.PolyData:
    return pv.PolyData.from_regular_faces(mesh.points, mesh.surfaces[name]).clean()
