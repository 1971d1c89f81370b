"""The gallery: a page of pictures of every entry that has a shape, made from the catalogue."""

from __future__ import annotations

import logging
from pathlib import Path

from sacrofem.catalogue import Library
from sacrofem.catalogue.entry import Entry
from sacrofem.catalogue.fracture import Fracture
from sacrofem.catalogue.models import Anatomy, CementPattern, Implant, Load, Musculature
from sacrofem.errors import output_errors
from sacrofem.loads.cases import report_balance
from sacrofem.report.entries import Easel, place_entry
from sacrofem.report.load_scenes import LoadEasel

logger = logging.getLogger(__name__)

_SECTIONS: dict[str, type[Entry]] = {
    "Anatomies": Anatomy,
    "Fractures": Fracture,
    "Cement patterns": CementPattern,
    "Implants": Implant,
}


def write_gallery(folder: Path, library: Library, anatomy: Anatomy) -> Path:
    """Write ``gallery.md`` and ``gallery/<kind>-<name>.png``.

    Args:
        folder: Made where it is missing.
        library: The catalogue.
        anatomy: The bone that everything is drawn on.

    Returns:
        The page.
    """
    page = folder / "gallery.md"
    easel = Easel(anatomy)
    lines = [
        "# Gallery",
        "",
        f"What the catalogue holds, drawn on the anatomy `{anatomy.name}` from the front, and from behind or obliquely: "
        "fractures, cement at its volume with its needles, implants in the whole pelvis, "
        "their rods and plates as tubes. Made by `sacrofem gallery docs/`; "
        "do not edit.",
    ]
    with output_errors(folder, "another folder for the gallery"):
        (folder / "gallery").mkdir(parents=True, exist_ok=True)
        for heading, kind in _SECTIONS.items():
            lines += ["", f"## {heading}"]
            for entry in library.entries():
                if not isinstance(entry, kind):
                    continue
                picture = folder / "gallery" / f"{entry.kind}-{entry.name}.png"
                logger.info("gallery: %s %s", entry.kind, entry.name)
                own = Easel(entry) if isinstance(entry, Anatomy) and entry != anatomy else easel
                own.draw(place_entry(entry, library, anatomy), picture)
                lines += ["", *_describe(entry), "", f"![{entry.title}]({picture.relative_to(folder).as_posix()})"]
        lines += _draw_loads(folder, library, anatomy)
        page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return page


def _draw_loads(folder: Path, library: Library, anatomy: Anatomy) -> list[str]:
    """The loads' vectors on the pelvis; nothing where the anatomy has no hip bones."""
    if anatomy.hip is None:
        return []
    entries = library.entries()
    easel = LoadEasel(anatomy, {entry.name: entry for entry in entries if isinstance(entry, Musculature)})
    lines = [
        "",
        "## Loads",
        "",
        "Vectors for a body weight of 650 N, 60 mm for each body weight; muscles pull from the bone, contact presses on it.",
    ]
    for entry in entries:
        if isinstance(entry, Load):
            picture = folder / "gallery" / f"load-{entry.name}.png"
            logger.info("gallery: load %s", entry.name)
            balance = report_balance(easel.draw(entry, picture)).removeprefix(f"load {entry.name}: ")
            lines += ["", *_describe(entry), "", f"{balance[0].upper()}{balance[1:]}."]
            lines += ["", f"![{entry.title}]({picture.relative_to(folder).as_posix()})"]
    return lines


def _describe(entry: Entry) -> list[str]:
    lines = [f"### `{entry.name}`", "", f"{entry.title}."]
    if isinstance(entry, Fracture):
        lines.append(f"{entry.drawn}.")
    return [*lines, "", f"Source: {entry.source}"]
