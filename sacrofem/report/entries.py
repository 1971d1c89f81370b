"""Pictures of catalogue entries on the translucent bone, without a mesh."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import pyvista as pv
from PIL import Image

from sacrofem.catalogue.cement import CementPattern
from sacrofem.catalogue.entry import Entry
from sacrofem.catalogue.fracture import Fracture
from sacrofem.catalogue.implant import Implant
from sacrofem.catalogue.models import Anatomy
from sacrofem.errors import ConfigError, explain
from sacrofem.mesh.bodies import fit_pattern, place_implants
from sacrofem.mesh.surface import Grid, contour_shape
from sacrofem.report.scenes import COLOURS, OBLIQUE, VIEWS, look
from sacrofem.shapes.cement import needle_ellipsoid, place_needles
from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.fracture import Sheet, bruise_shape, fracture_sheets
from sacrofem.shapes.implant import implant_body
from sacrofem.shapes.outside import outside_lines
from sacrofem.shapes.pelvic_ring import PelvicRing, build_pelvic_ring
from sacrofem.shapes.sacrum import Sacrum, build_sacrum

#: Spacing at which bone, and at which what is in it, is sampled, mm.
_BONE_SPACING, _SPACING = 1.5, 1.0
_NEEDLE_TAIL = 25.0  # mm of needle drawn behind its entry
_WINDOW, _COLOUR_COUNT = (760, 380), 64

#: A piece of a picture: surface, colour, opacity.
type Piece = tuple[pv.PolyData, str, float]


class Easel:
    """Draws entries on one bone, which is sampled once.

    Args:
        anatomy: The bone.
    """

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        self.sacrum = build_sacrum(anatomy)
        self.bone = _bone(self.sacrum.bone, self.sacrum.bounds)

    @cached_property
    def ring(self) -> tuple[PelvicRing, pv.PolyData]:
        """The whole pelvis and its surface, which implants are seated on."""
        ring = build_pelvic_ring(self.anatomy)
        return ring, _bone(ring.solid, ring.bounds)

    def draw(self, entry: Entry, path: Path) -> None:
        """Draw an entry from the front and from behind (a fracture: obliquely from the right).

        Args:
            entry: A fracture, cement pattern, implant, or the bone's own anatomy.
            path: PNG file.

        Raises:
            ConfigError: the entry is of a kind that has no shape.
            GeometryError: the entry does not fit into the bone.
        """
        in_ring = isinstance(entry, Implant) and self.anatomy.hip is not None
        bone = self.ring[1] if in_ring else self.bone
        pieces: list[Piece] = [(bone, COLOURS["bone"], 1.0 if isinstance(entry, Anatomy) else 0.3)]
        if isinstance(entry, Fracture):
            pieces += draw_fracture(entry, self.sacrum)
        elif isinstance(entry, CementPattern):
            pieces += draw_pattern(entry, self.sacrum)
        elif isinstance(entry, Implant):
            pieces += draw_implant(entry, self.ring[0] if in_ring else None)
        elif not isinstance(entry, Anatomy):
            raise ConfigError(
                explain(
                    "The entry has no shape to draw.",
                    where=f"{entry.kind} {entry.name}",
                    got=entry.kind,
                    allowed="anatomy, fracture, cement or implant",
                    next_step="leave --picture out; the entry is printed",
                )
            )
        second = {"from the right and above": OBLIQUE} if isinstance(entry, Fracture) else {"from behind": VIEWS["from behind"]}
        views = {"from the front": VIEWS["from the front"], **second}
        plotter = pv.Plotter(off_screen=True, shape=(1, 2), window_size=list(_WINDOW), border=False)
        for column, (title, direction) in enumerate(views.items()):
            plotter.subplot(0, column)
            for piece, colour, opacity in pieces:
                plotter.add_mesh(piece.copy(), color=colour, opacity=opacity)
            plotter.add_text(title, font_size=7)
            look(plotter, np.asarray(bone.points), direction)
        pixels = plotter.screenshot(None, return_img=True)
        plotter.close()
        # Few colours: the gallery stays small enough to be kept with the code.
        Image.fromarray(pixels).quantize(_COLOUR_COUNT).save(path, format="PNG", optimize=True)


def draw_fracture(fracture: Fracture, sacrum: Sacrum) -> list[Piece]:
    """The sheets within bone and limits, and the bruise."""
    pieces = [(_sheet(sheet, sacrum), COLOURS["fracture"], 0.9) for sheet in fracture_sheets(fracture)]
    if fracture.bruise is not None:
        shape = bruise_shape(fracture.bruise)
        pieces.append((_body(lambda points: np.maximum(shape(points), sacrum.bone(points)), sacrum), COLOURS["bruise"], 0.6))
    return pieces


def draw_pattern(pattern: CementPattern, sacrum: Sacrum) -> list[Piece]:
    """Cement at its volume, the needles, and the void of a balloon."""
    pieces: list[Piece] = []
    opacity = 0.5 if pattern.balloon else 1.0
    for placed, _, level in fit_pattern(pattern, sacrum):
        pieces.append((_body(level, sacrum), COLOURS["cement"], opacity))
        line = pv.Line(placed.target, placed.entry + _NEEDLE_TAIL * placed.back)
        pieces.append((line.tube(radius=placed.needle.diameter / 2), COLOURS["needle"], 1.0))
    if pattern.balloon is not None:
        voids = [placed for placed in place_needles(pattern) if placed.needle == pattern.needles[0]]
        pieces += [(_body(needle_ellipsoid(placed, pattern.balloon.void), sacrum), COLOURS["core"], 1.0) for placed in voids]
    return pieces


def draw_implant(implant: Implant, ring: PelvicRing | None) -> list[Piece]:
    """Screws with their washers, and rods and plates as tubes; as given, at their whole length, where there is no ring."""
    placed = place_implants([implant], ring)[0]
    lines = outside_lines(placed) if ring else []
    pieces: list[Piece] = [
        (pv.lines_from_points(line.points).tube(radius=line.radius), COLOURS["rod" if line.kind == "rod" else "plate"], 1.0)
        for line in lines
    ]
    if placed.screws:
        ends = np.array([end for screw in placed.screws for end in (screw.entry, screw.tip)])
        reach = max(screw.diameter for screw in implant.screws) + 8.0
        pieces.append(
            (_contour(implant_body(placed), (ends.min(axis=0) - reach, ends.max(axis=0) + reach)), COLOURS["screw"], 1.0)
        )
    return pieces


def _bone(shape: Shape, bounds: tuple[FloatArray, FloatArray]) -> pv.PolyData:
    surface = contour_shape(shape, bounds, _BONE_SPACING)
    return pv.PolyData.from_regular_faces(surface.points, surface.triangles)


def _sheet(sheet: Sheet, sacrum: Sacrum) -> pv.PolyData:
    surface = _contour(sheet.level, sacrum.bounds)
    for shape in (sacrum.bone, sheet.overrun):
        surface["beyond"] = np.maximum(shape(np.asarray(surface.points, dtype=np.float64)), -100.0)
        surface = surface.clip_scalar(scalars="beyond", value=0.0)
    return surface


def _body(level: Shape, sacrum: Sacrum) -> pv.PolyData:
    """Surface of a body, sampled finely only around it."""
    coarse = Grid.over(sacrum.bounds, 4.0).points()
    near = coarse[level(coarse) < 6.0]
    return _contour(level, (near.min(axis=0), near.max(axis=0)))


def _contour(level: Shape, bounds: tuple[FloatArray, FloatArray]) -> pv.PolyData:
    grid = Grid.over(bounds, _SPACING)
    image = pv.ImageData(dimensions=grid.dimensions, spacing=(_SPACING,) * 3, origin=grid.origin)
    image["level"] = grid.sample(level)
    return image.contour([0.0], scalars="level", method="flying_edges")
