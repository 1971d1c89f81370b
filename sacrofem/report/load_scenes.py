"""Pictures of loads: their vectors on the translucent bones of the pelvis, or on what a study models of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from PIL import Image

from sacrofem.catalogue.load_case import Load
from sacrofem.catalogue.models import Anatomy, Musculature
from sacrofem.loads.cases import apply_load
from sacrofem.loads.lines import Pull, place_posture, pull_muscles
from sacrofem.loads.parts import AppliedLoad, LoadPart
from sacrofem.mesh.surface import contour_shape
from sacrofem.report.scenes import COLOURS, VIEWS, look
from sacrofem.shapes.landmarks import Landmarks
from sacrofem.shapes.pelvic_ring import build_pelvic_ring
from sacrofem.shapes.variation import vary_anatomy

FloatArray = NDArray[np.float64]

#: Spacing at which the bones are sampled, mm.
_SPACING = 2.0
#: Length of an arrow of one body weight, mm; shortest force drawn, share of body weight; length of a moment's arrow, mm.
_PER_BODY_WEIGHT, _SMALLEST, _MOMENT = 60.0, 0.005, 60.0
#: Body weight that pictures of the catalogue are drawn for, N (the default of studies).
_BODY_WEIGHT = 650.0
_WINDOW, _COLOUR_COUNT = (780, 400), 96
_ARROWS = {"endplate": "#1b7837", "acetabulum": "#2166ac", "bone": "#636363", "patch": "#b2182b", "moment": "#e08214"}
_MEANINGS = {
    "endplate": "on S1",
    "acetabulum": "hip contact",
    "bone": "weight of the pelvis",
    "patch": "muscle",
    "moment": "moment",
}


class LoadEasel:
    """Draws loads on one pelvis, which is sampled once where no surface of it is given.

    Args:
        anatomy: With hip bones.
        musculatures: Name -> musculature, for loads with a posture.
        bones: Surface to draw on; none: that of the anatomy's whole pelvis.
        body_weight: N.
    """

    def __init__(
        self,
        anatomy: Anatomy,
        musculatures: Mapping[str, Musculature],
        bones: pv.PolyData | None = None,
        body_weight: float = _BODY_WEIGHT,
    ) -> None:
        self.anatomy, self.musculatures, self.body_weight = anatomy, dict(musculatures), body_weight
        if bones is None:
            ring = build_pelvic_ring(anatomy)
            surface = contour_shape(ring.solid, ring.bounds, _SPACING)
            bones = pv.PolyData.from_regular_faces(surface.points, surface.triangles)
        self.bones = bones
        individual = vary_anatomy(anatomy)
        self.endplate: FloatArray = individual.scale * Landmarks.of(individual).endplate_centre

    def draw(self, load: Load, path: Path) -> AppliedLoad:
        """Draw a load from the front and from the right.

        Args:
            load: The load.
            path: PNG file.

        Returns:
            What is drawn.

        Raises:
            ConfigError: a free body does not balance.
            SolveError: muscles cannot hold a posture.
        """
        applied = apply_load(load, self.anatomy, self.musculatures, self.body_weight)
        pieces = [piece for part in applied.parts for piece in self._arrows(part)]
        lines = self._muscle_lines(load, applied)
        reach = np.vstack([np.asarray(self.bones.points), *(np.asarray(mesh.points) for mesh, _ in pieces)])
        plotter = pv.Plotter(off_screen=True, shape=(1, 2), window_size=list(_WINDOW), border=False)
        for column, title in enumerate(("from the front", "from the right")):
            plotter.subplot(0, column)
            plotter.add_mesh(self.bones.copy(), color=COLOURS["bone"], opacity=0.25)
            for line in lines:
                plotter.add_mesh(line.copy(), color=_ARROWS["patch"], opacity=0.5, line_width=1.0, lighting=False)
            for mesh, kind in pieces:
                plotter.add_mesh(mesh.copy(), color=_ARROWS[kind], ambient=0.6, diffuse=0.5)
            plotter.add_text(title, font_size=7)
            look(plotter, reach, VIEWS["from the front"] if column == 0 else (0.0, 0.1, 1.0))
            plotter.camera.parallel_scale *= 1.15
        kinds = {kind for _, kind in pieces}
        legend = [[_MEANINGS[kind], _ARROWS[kind]] for kind in _ARROWS if kind in kinds]
        plotter.add_legend(legend, face="rectangle", bcolor=None, size=(0.5, 0.055 * len(legend)), loc="lower left")
        pixels = plotter.screenshot(None, return_img=True)
        plotter.close()
        Image.fromarray(pixels).quantize(_COLOUR_COUNT, method=Image.Quantize.MAXCOVERAGE).save(path, format="PNG", optimize=True)
        return applied

    def _arrows(self, part: LoadPart) -> list[tuple[pv.PolyData, str]]:
        kind = part.surface.split("_")[0]
        point = self.endplate if part.point is None else part.point
        pieces = []
        size = float(np.linalg.norm(part.force)) / self.body_weight
        if size >= _SMALLEST:
            along = part.force / np.linalg.norm(part.force)
            length = _PER_BODY_WEIGHT * size
            # What pulls begins at the bone, what presses ends there.
            start = point if kind in ("patch", "bone") else point - length * along
            pieces.append((_arrow(start, along, length, 2.2 if kind == "patch" else 3.5), kind))
        if part.moment.any():
            along = part.moment / np.linalg.norm(part.moment)
            pieces.append((_arrow(point - 0.5 * _MOMENT * along, along, _MOMENT, 3.0), "moment"))
            pieces.append((_arrow(point - 0.5 * _MOMENT * along, along, 0.8 * _MOMENT, 3.0), "moment"))
        return pieces

    def _muscle_lines(self, load: Load, applied: AppliedLoad) -> list[pv.PolyData]:
        if load.posture is None:
            return []
        musculature = self.musculatures[load.posture.musculature]
        pulls = pull_muscles(musculature, place_posture(load.posture, self.anatomy, musculature))
        drawn = [pull for pull in pulls if applied.tensions.get(pull.name, 0.0) >= _SMALLEST * self.body_weight]
        return [pv.lines_from_points(_shortened(pull)) for pull in drawn]


def _shortened(pull: Pull) -> FloatArray:
    """A path whose ends on trunk and leg, far from the pelvis, are cut off 60 mm from the next point."""
    kept = pull.points.copy()
    for end, beside in ((0, 1), (-1, -2)):
        away = pull.points[end] - pull.points[beside]
        if pull.bodies[end] != "pelvis":
            kept[end] = pull.points[beside] + away * min(1.0, 60.0 / float(np.linalg.norm(away)))
    return kept


def _arrow(start: FloatArray, along: FloatArray, length: float, thickness: float) -> pv.PolyData:
    """An arrow with a shaft and a head of given thickness, mm, whatever its length."""
    return pv.Arrow(
        start=start,
        direction=along,
        scale=length,
        shaft_radius=0.5 * thickness / length,
        tip_radius=1.6 * thickness / length,
        tip_length=min(0.6, 5.0 * thickness / length),
        tip_resolution=16,
        shaft_resolution=12,
    )
