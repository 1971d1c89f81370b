"""Pictures of catalogue entries on the translucent bone, without a mesh."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyvista as pv
from PIL import Image

from sacrofem.catalogue import Library
from sacrofem.catalogue.cement import CementPattern
from sacrofem.catalogue.entry import Drawn, Entry
from sacrofem.catalogue.fracture import Fracture
from sacrofem.catalogue.implant import Implant
from sacrofem.catalogue.models import Anatomy
from sacrofem.errors import ConfigError, explain
from sacrofem.mesh.bodies import fit_pattern, place_implants
from sacrofem.mesh.surface import Grid, contour_shape
from sacrofem.report.scenes import COLOURS, OBLIQUE, VIEWS, look
from sacrofem.shapes.cement import needle_ellipsoid, place_needles
from sacrofem.shapes.displacement import displaced_ring
from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.following import follow_entry
from sacrofem.shapes.fracture import JointBreak, Sheet, bruise_shape, fracture_sheets, joint_breaks
from sacrofem.shapes.implant import implant_body
from sacrofem.shapes.outside import outside_lines
from sacrofem.shapes.pelvic_ring import PelvicRing, build_pelvic_ring
from sacrofem.shapes.sacrum import Sacrum, build_sacrum

#: Spacing at which bone, and at which what is in it, is sampled, mm.
_BONE_SPACING, _SPACING = 1.5, 1.0
#: And the ring, mm.
_RING_SPACING = 2.0
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
        self.bone = _surface(self.sacrum.bone, self.sacrum.bounds, _BONE_SPACING)

    @cached_property
    def ring(self) -> PelvicRing:
        """The pelvic ring, for implants, and for fractures that break more than the sacrum."""
        return build_pelvic_ring(self.anatomy)

    @cached_property
    def ring_surface(self) -> pv.PolyData:
        """Its surface."""
        return _surface(self.ring.solid, self.ring.bounds, _RING_SPACING)

    def draw(self, entry: Entry, path: Path) -> None:
        """Draw an entry from the front and from behind (a fracture: obliquely from the right).

        Args:
            entry: A fracture, cement pattern, implant, or the bone's own anatomy.
            path: PNG file.

        Raises:
            ConfigError: the entry is of a kind that has no shape.
            GeometryError: the entry does not fit into the bone.
        """
        bone = self.bone
        if isinstance(entry, Fracture) and entry.needs_ring:
            bone, pieces = draw_ring_fracture(entry, self.ring)
        elif isinstance(entry, Fracture):
            pieces = draw_fracture(entry, self.sacrum)
        elif isinstance(entry, Anatomy):
            pieces = []
        elif isinstance(entry, CementPattern):
            pieces = draw_pattern(entry, self.sacrum)
        elif isinstance(entry, Implant):
            in_ring = self.anatomy.hip is not None
            bone = self.ring_surface if in_ring else self.bone
            pieces = draw_implant(entry, self.ring if in_ring else None)
        else:
            raise ConfigError(
                explain(
                    "The entry has no shape to draw.",
                    where=f"{entry.kind} {entry.name}",
                    got=entry.kind,
                    allowed="anatomy, fracture, cement or implant",
                    next_step="leave --picture out; the entry is printed",
                )
            )
        pieces = [(bone, COLOURS["bone"], 1.0 if isinstance(entry, Anatomy) else 0.3), *pieces]
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


def place_entry(entry: Entry, library: Library, anatomy: Anatomy) -> Entry:
    """An entry where it lies in a bone; entries without places as they are.

    Args:
        entry: Of the library.
        library: Where what it is drawn on is found.
        anatomy: The bone.
    """
    return follow_entry(entry, library.drawn_on(entry), anatomy) if isinstance(entry, Drawn) else entry


def draw_fracture(fracture: Fracture, sacrum: Sacrum) -> list[Piece]:
    """The sheets within bone and limits, and the bruise."""
    sheets = fracture_sheets(fracture)
    pieces = [(_sheet(sheet, sacrum.bone, sacrum.bounds), COLOURS["fracture"], 0.9) for sheet in sheets]
    if fracture.bruise is not None:
        shape = bruise_shape(fracture.bruise)
        pieces.append((_body(lambda points: np.maximum(shape(points), sacrum.bone(points)), sacrum), COLOURS["bruise"], 0.6))
    return pieces


def draw_ring_fracture(fracture: Fracture, ring: PelvicRing) -> tuple[pv.PolyData, list[Piece]]:
    """The ring with its displaced fragments; sheets and torn joints within it, and the bruise."""
    moved, sheets = displaced_ring(ring, fracture)
    bones = {"sacrum": moved.sacrum.bone, "hip_right": moved.hip_right, "hip_left": moved.hip_left}
    pieces: list[Piece] = []
    for sheet in sheets:
        bounds = moved.bounds
        if sheet.centre is not None:
            bounds = (sheet.centre - sheet.reach, sheet.centre + sheet.reach)
        pieces.append((_sheet(sheet, bones[sheet.bone], bounds), COLOURS["fracture"], 0.9))
    pieces += [(_torn_face(torn, moved), COLOURS["fracture"], 0.9) for torn in joint_breaks(fracture)]
    if fracture.bruise is not None:
        shape = bruise_shape(fracture.bruise)
        inside = _body(lambda points: np.maximum(shape(points), moved.sacrum.bone(points)), moved.sacrum)
        pieces.append((inside, COLOURS["bruise"], 0.6))
    return _surface(moved.solid, moved.bounds, _RING_SPACING), pieces


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


def _sheet(sheet: Sheet, bone: Shape, bounds: tuple[FloatArray, FloatArray]) -> pv.PolyData:
    return _clipped(_contour(sheet.level, bounds), (bone, sheet.overrun))


def _torn_face(torn: JointBreak, ring: PelvicRing) -> pv.PolyData:
    """The face between a joint's tissue and the hip bone that has parted from it."""
    tissue, side = ring.tissues[torn.joint], 1.0 if torn.side == "right" else -1.0
    coarse = Grid.over(ring.bounds, 4.0).points()
    near = coarse[tissue(coarse) < 6.0]
    bounds = (near.min(axis=0), near.max(axis=0))
    if torn.joint == "symphysis":
        return _clipped(_contour(lambda points: points[:, 2] - side * ring.pubic_face, bounds), (tissue,), 0.5)
    return _clipped(_contour(ring.iliac_face, bounds), (tissue,), 0.5)


def _clipped(surface: pv.PolyData, shapes: Sequence[Shape], beyond: float = 0.0) -> pv.PolyData:
    """What of a surface lies in all shapes, each grown by ``beyond`` mm."""
    for shape in shapes:
        surface["beyond"] = np.maximum(shape(np.asarray(surface.points, dtype=np.float64)), -100.0)
        surface = surface.clip_scalar(scalars="beyond", value=beyond)
    return surface


def _surface(shape: Shape, bounds: tuple[FloatArray, FloatArray], spacing: float) -> pv.PolyData:
    surface = contour_shape(shape, bounds, spacing)
    return pv.PolyData.from_regular_faces(surface.points, surface.triangles)


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
