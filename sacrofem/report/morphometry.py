"""A page of morphometry: every landmark and dimension of an anatomy beside what is published, with pictures from three sides."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyvista as pv
from PIL import Image

from sacrofem.catalogue import Library
from sacrofem.catalogue.models import Anatomy
from sacrofem.errors import ConfigError, explain, output_errors
from sacrofem.mesh.surface import contour_shape
from sacrofem.report.scenes import COLOURS, VIEWS, look
from sacrofem.shapes.field import FloatArray
from sacrofem.shapes.morphometry import measure_sacrum
from sacrofem.shapes.morphometry.norms import NORMS
from sacrofem.shapes.morphometry.pelvis import landmarks_of, measure_pelvis
from sacrofem.shapes.morphometry.published import MEN, MEN_SACRUM, WOMEN, Published
from sacrofem.shapes.pelvic_ring import PelvicRing, build_pelvic_ring
from sacrofem.shapes.variation import vary_anatomy

logger = logging.getLogger(__name__)

#: Anatomies on the page, with the published figures of their sex: of the pelvis, and of the sacrum (None: those of `norms`).
_PAGE: dict[str, tuple[dict[str, Published], dict[str, Published] | None]] = {
    "female_elderly": (WOMEN, None),
    "male_adult": (MEN, MEN_SACRUM),
}
#: Landmarks off the surface: in openings, in the joints, in the middle of rods and plates, and beyond the midplane.
_OFF_SURFACE = re.compile(
    r"^(FV\d|FD\d|HJC|Symphysis_|Fossa_|Pillar_|Wing_|Supra_|Arcuate_|Iliac_tuberosity|Posterior_|Quadrilateral|PubicBody_|"
    r"SupRamus_|InfRamus_|Subcotyloid_|PubicCrest_medial|PubicArch_medial)"
)
_SPACING, _PICTURE_SPACING = 1.25, 1.5
_WINDOW, _COLOUR_COUNT = (1140, 400), 64


def write_morphometry(folder: Path, library: Library, pictures: bool = True) -> Path:
    """Write ``morphometry.md`` and ``morphometry/<anatomy>.png``.

    Args:
        folder: Made where it is missing.
        library: The catalogue.
        pictures: Whether to draw.

    Returns:
        The page.

    Raises:
        ConfigError: An anatomy of the page has no hip bones.
        OutputError: The folder cannot be written.
    """
    page = folder / "morphometry.md"
    lines = [
        "# Morphometry",
        "",
        "What the packaged anatomies measure, on the built shape itself, beside what is published. Made by `sacrofem morphometry "
        "docs/`; do not edit. Figures marked MEAS were measured on VSDFullBodyBoneModels, whose surfaces are not part of this "
        "project; RECALLED ones could not be opened. The distance of the male anatomy from a real man, the Visible Human Male, "
        "is in [anatomies.md](anatomies.md).",
    ]
    with output_errors(folder, "another folder for the page"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, (pelvis, sacrum) in _PAGE.items():
            anatomy = library.get(Anatomy, name)
            if anatomy.hip is None:
                raise ConfigError(
                    explain(
                        "The page of morphometry needs the whole pelvis.",
                        where=f"anatomy {name!r}",
                        got="no block hip",
                        allowed="an anatomy with hip bones",
                        next_step="run it without your own entry of that name beside it",
                    )
                )
            logger.info("morphometry: %s", name)
            own = vary_anatomy(anatomy)
            ring = build_pelvic_ring(own)
            lines += ["", f"## `{name}`", "", f"{anatomy.title}."]
            if pictures:
                (folder / "morphometry").mkdir(exist_ok=True)
                _draw(ring, folder / "morphometry" / f"{name}.png")
            lines += ["", f"![{anatomy.title} from the front, from the right and from behind](morphometry/{name}.png)"]
            lines += ["", "### Pelvis", "", *_pelvis_table(own, ring, pelvis)]
            lines += ["", "### Sacrum", "", *_sacrum_table(own, ring, sacrum)]
            lines += ["", "### Landmarks", "", *_landmark_table(own, ring, _notes(library.find(Anatomy, name, "the page").path))]
        page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return page


def _pelvis_table(anatomy: Anatomy, ring: PelvicRing, published: Mapping[str, Published]) -> list[str]:
    hip = contour_shape(ring.hip_right, ring.right.bounds, _SPACING).points
    rows = measure_pelvis(anatomy, ring, hip)
    angles = ("sacral slope", "pelvic tilt", "pelvic incidence")
    return _table([(name, "deg" if name in angles else "mm", value, published.get(name)) for name, value in rows.items()])


def _sacrum_table(anatomy: Anatomy, ring: PelvicRing, published: Mapping[str, Published] | None) -> list[str]:
    """Measured as the template stands: places of measurement are known there."""
    measures = measure_sacrum(ring.sacrum.turned(-anatomy.turns.sacrum), anatomy.scale)
    # The slope is measured on the standing pelvis, in the table above.
    measures = tuple(measure for measure in measures if measure.name != "sacral slope")
    if published is not None:
        return _table([(m.name, m.unit, m.value, published.get(m.name)) for m in measures])
    lines = [
        "| measure | unit | here | published | accepted | deviation | within | source |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for m in measures:
        norm, digits = NORMS[m.name], 1 if m.unit else 2
        lines.append(
            f"| {m.name} | {m.unit} | {m.value:.{digits}f} | {norm.expected:.{digits}f} | +- {norm.tolerance:.{digits}f} | "
            f"{m.value - norm.expected:+.{digits}f} | "
            f"{'yes' if m.within else '**no**'} | {norm.source} |"
        )
    return [*lines, "", "Accepted: two standard deviations where published, else 15 % or 2 mm of the template."]


def _table(rows: Sequence[tuple[str, str, float, Published | None]]) -> list[str]:
    lines = ["| measure | unit | here | published | SD | deviation | in SD | source |", "|---|---|---|---|---|---|---|---|"]
    for name, unit, value, known in rows:
        if known is None:
            lines.append(f"| {name} | {unit} | {value:.{1 if unit else 2}f} | none | | | | |")
            continue
        away = value - known.mean
        spread, shares = ("", "") if known.deviation is None else (f"{known.deviation:.1f}", f"{away / known.deviation:+.1f}")
        lines.append(f"| {name} | {unit} | {value:.1f} | {known.mean:.1f} | {spread} | {away:+.1f} | {shares} | {known.source} |")
    return lines


def _landmark_table(anatomy: Anatomy, ring: PelvicRing, notes: Mapping[str, str]) -> list[str]:
    marks = landmarks_of(anatomy)
    away = _distance(ring, np.array(list(marks.values())))
    lines = [
        "Places in frame G, mm, right side. Off: distance of the built surface from the landmark; none where it marks an "
        "opening, a joint or the middle of a wall.",
        "",
        "| landmark | x | y | z | off | basis |",
        "|---|---|---|---|---|---|",
    ]
    for (name, (x, y, z)), distance in zip(marks.items(), away, strict=True):
        off = "" if _OFF_SURFACE.match(name) else f"{distance:.1f}"
        lines.append(f"| {name} | {x:.1f} | {y:.1f} | {z:.1f} | {off} | {notes.get(name, '')} |")
    return lines


def _distance(ring: PelvicRing, points: FloatArray) -> FloatArray:
    """Distance of points from the surface of the sacrum or the hip bone, whichever is nearer: value over slope."""
    distances = []
    for bone in (ring.sacrum.bone, ring.hip_right):
        steps = 0.5 * np.eye(3)
        slope = np.linalg.norm([bone(points + s) - bone(points - s) for s in steps], axis=0)
        distances.append(np.abs(bone(points)) / np.maximum(slope, 0.5))
    nearest: FloatArray = np.minimum(*distances)
    return nearest


def _notes(path: Path) -> dict[str, str]:
    """What the entry's file says beside each landmark."""
    found = re.findall(r"^\s+(\w+): \[[^\]]*\]\s+# (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: note.replace("|", "/") for name, note in found}


def _draw(ring: PelvicRing, path: Path) -> None:
    """The pelvis from the front, from the right and from behind."""
    joints = [(shape, COLOURS[kind]) for shape, kind in ((ring.symphysis, "symphysis"), (ring.cartilage_right, "sacroiliac"))]
    pieces = [(contour_shape(ring.hip_right, ring.right.bounds, _PICTURE_SPACING), COLOURS["bone"])]
    pieces.append((contour_shape(ring.sacrum.bone, ring.sacrum.bounds, _PICTURE_SPACING), COLOURS["bone"]))
    pieces += [(contour_shape(shape, ring.bounds, _PICTURE_SPACING), colour) for shape, colour in joints]
    surfaces = [(pv.PolyData.from_regular_faces(piece.points, piece.triangles), colour) for piece, colour in pieces]
    surfaces += [(surface.reflect((0, 0, 1)), colour) for surface, colour in (surfaces[0], surfaces[3])]
    corners = np.array(ring.bounds)
    plotter = pv.Plotter(off_screen=True, shape=(1, 3), window_size=list(_WINDOW), border=False)
    directions = {
        "from the front": VIEWS["from the front"],
        "from the right": (0.0, 0.0, 1.0),
        "from behind": VIEWS["from behind"],
    }
    for column, (title, direction) in enumerate(directions.items()):
        plotter.subplot(0, column)
        for surface, colour in surfaces:
            plotter.add_mesh(surface.copy(), color=colour, smooth_shading=True)
        plotter.add_text(title, font_size=8)
        look(plotter, corners, direction)
    pixels = plotter.screenshot(None, return_img=True)
    plotter.close()
    Image.fromarray(pixels).quantize(_COLOUR_COUNT).save(path, format="PNG", optimize=True)
