"""A study with every name replaced by the entry it stands for, and every default written out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sacrofem.catalogue.density import calibrate_level, dose_level
from sacrofem.catalogue.entry import Drawn
from sacrofem.catalogue.library import Library
from sacrofem.catalogue.load_rules import require_fitting_load
from sacrofem.catalogue.models import (
    Anatomy,
    BmdLevel,
    Calibration,
    CementPattern,
    CementVolume,
    Cortex,
    DensityLaw,
    DiscJoint,
    DosedLevel,
    DrugCourse,
    Fracture,
    Implant,
    Interface,
    LigamentSet,
    Load,
    Material,
    Musculature,
    StorageMap,
    Study,
    Support,
)
from sacrofem.catalogue.reading import EntryFile, format_field, load_entry
from sacrofem.catalogue.storage import loads_from_storage
from sacrofem.errors import ConfigError, explain

#: Set of ligaments of a ring whose study names none.
DEFAULT_LIGAMENTS = "pelvic"


@dataclass(frozen=True)
class StudyFile:
    """A study with the file it came from.

    Attributes:
        study: The study.
        file: Its file, with line numbers.
    """

    study: Study
    file: EntryFile


@dataclass(frozen=True)
class ResolvedStudy:
    """A study and everything it names.

    Attributes:
        templates: ``<kind> <name>`` of a fracture, pattern or implant -> the anatomy that its places are given on; none for
            one whose places are meant as they stand.
    """

    study: Study
    anatomy: Anatomy
    fractures: tuple[Fracture, ...]
    patterns: dict[str, CementPattern]
    implants: dict[str, Implant]
    materials: dict[str, Material]
    levels: tuple[BmdLevel, ...]
    loads: tuple[Load, ...]
    density_law: DensityLaw
    cortex: Cortex | None
    interface: Interface
    implant_interface: Interface
    cement_interface: Interface
    support: Support
    templates: dict[str, Anatomy]
    ligaments: LigamentSet | None
    musculatures: dict[str, Musculature]
    lumbosacral: DiscJoint | None = None

    @property
    def fracture(self) -> Fracture:
        """The fracture of a study that has one; a study of several is split by fracture first."""
        (fracture,) = self.fractures
        return fracture

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON holds it; of the templates name and sha256."""
        given = {field.name: _dump(getattr(self, field.name)) for field in fields(self) if field.name != "templates"}
        return given | {"templates": {entry: _identify(anatomy) for entry, anatomy in self.templates.items()}}

    def digest(self) -> str:
        """sha256 of everything, so that any changed figure is another study."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()


def load_study(path: Path | str) -> StudyFile:
    """Read a study file.

    Args:
        path: A YAML file, or the name of a study that comes with sacrofem or lies in the folder ``studies``.

    Raises:
        ConfigError: it cannot be read, or is not a study.
    """
    path = Path(path)
    by_name = path.name == str(path) and not path.suffix and not path.exists()
    file = Library.standard(Path()).find(Study, path.name, "the study's name") if by_name else load_entry(path)
    if not isinstance(file.entry, Study):
        raise ConfigError(
            explain(
                "The file is no study.",
                where=file.place(["kind"]),
                got=type(file.entry).__name__,
                allowed="kind: study",
                next_step="name a study file; `sacrofem list` shows the packaged ones",
            )
        )
    return StudyFile(file.entry, file)


def resolve_study(given: Study | StudyFile, library: Library | None = None) -> ResolvedStudy:
    """Replace every name in a study by its entry.

    Args:
        given: A study file, or a study made in Python.
        library: Where names are looked up (default: beside the file, then the packaged entries).

    Returns:
        The resolved study.

    Raises:
        ConfigError: a name is unknown or stands twice; file, line and field are named.
    """
    study, file = (given.study, given.file) if isinstance(given, StudyFile) else (given, None)
    library = library or Library.standard(file.path if file else None)

    def place(*path: str | int) -> str:
        return file.place(path) if file else f"study {study.name!r}, {format_field(path)}"

    _refuse_repeats([arm.name for arm in study.treatments], "treatments", place)
    _refuse_repeats(study.level_names, "bmd_levels", place)
    _refuse_repeats(study.loads, "loads", place)
    patterns: dict[str, CementPattern] = {}
    implants: dict[str, Implant] = {}
    materials: dict[str, Material] = {}
    for i, arm in enumerate(study.treatments):
        _refuse_repeats([*arm.cement_names, *arm.implants], f"treatments[{i}]", lambda *_, i=i: place("treatments", i))
        for j, item in enumerate(arm.cement):
            patterns[arm.cement_names[j]] = _pattern(library, item, place("treatments", i, "cement", j))
        for j, name in enumerate(arm.implants):
            implants[name] = library.get(Implant, name, place("treatments", i, "implants", j))
    for pattern in patterns.values():
        for name in pattern.materials:
            materials[name] = library.get(Material, name, f"entry {pattern.name!r}, material")
    for implant in implants.values():
        for name in implant.materials:
            materials[name] = library.get(Material, name, f"entry {implant.name!r}, material")
    _require_ring(study, implants, place)
    reaches = any(implant.reaches_l5 for implant in implants.values())
    levels = tuple(_level(library, item, place("bmd_levels", i)) for i, item in enumerate(study.bmd_levels))
    if study.extent == "pelvic_ring":
        for field in ("cartilage", "disc"):
            name = getattr(study, field)
            materials[name] = library.get(Material, name, place(field))
        for i, level in enumerate(levels):
            _require_hip_density(level, place("bmd_levels", i))
    fractures = _fractures(library, study, place)
    drawn: list[Drawn] = [*fractures, *patterns.values(), *implants.values()]
    implant_interface = library.get(Interface, study.implant_interface, place("implant_interface"))
    _require_held_threads(study, implant_interface, implants, place("implant_interface"))
    support = library.get(Support, study.support, place("support"))
    _require_fitting_support(study, support, place("support"))
    loads = tuple(load for i, name in enumerate(study.loads) for load in _find_loads(library, name, place("loads", i)))
    _refuse_repeats([load.name for load in loads], "loads", place)
    for load in loads:
        require_fitting_load(load, study.extent, support, place("loads"))
    musculatures = {load.posture.musculature for load in loads if load.posture is not None}
    return ResolvedStudy(
        study=study,
        anatomy=library.get(Anatomy, study.anatomy, place("anatomy")),
        fractures=fractures,
        patterns=patterns,
        implants=implants,
        materials=materials,
        levels=levels,
        loads=loads,
        density_law=library.get(DensityLaw, study.density_law, place("density_law")),
        cortex=library.get(Cortex, study.cortex, place("cortex")) if study.cortex else None,
        interface=library.get(Interface, study.interface, place("interface")),
        implant_interface=implant_interface,
        cement_interface=library.get(Interface, study.cement_interface, place("cement_interface")),
        support=support,
        templates={f"{e.kind} {e.name}": on for e in drawn if (on := library.drawn_on(e)) is not None},
        ligaments=_ligaments(library, study, place("ligaments")),
        lumbosacral=library.get(DiscJoint, study.lumbosacral, place("lumbosacral")) if reaches else None,
        musculatures={name: library.get(Musculature, name, "load's posture, musculature") for name in sorted(musculatures)},
    )


def _fractures(library: Library, study: Study, place: Any) -> tuple[Fracture, ...]:
    """The fractures, each fit for what is modelled."""
    _refuse_repeats(study.fracture_names, "fractures", place)
    found = []
    for i, name in enumerate(study.fracture_names):
        where = place("fractures", i) if study.fractures else place("fracture")
        fracture = library.get(Fracture, name, where)
        if fracture.needs_ring and study.extent != "pelvic_ring":
            raise ConfigError(
                explain(
                    "The fracture breaks more of the pelvis than the sacrum.",
                    where=where,
                    got=f"fracture {name!r} in study {study.name!r}, which has extent: {study.extent}",
                    allowed="extent: pelvic_ring, or a fracture of the sacrum alone",
                    next_step="set extent: pelvic_ring, with support: ball_and_socket",
                )
            )
        found.append(fracture)
    return tuple(found)


def _ligaments(library: Library, study: Study, where: str) -> LigamentSet | None:
    """The study's set of ligaments; by default the ring has ``pelvic``, and the sacrum alone none."""
    name = study.ligaments
    if name == "default":
        name = DEFAULT_LIGAMENTS if study.extent == "pelvic_ring" else "none"
    if name == "none":
        return None
    if study.extent != "pelvic_ring":
        raise ConfigError(
            explain(
                "Ligaments hold hip bones, and there are none.",
                where=where,
                got=f"{name!r} with extent {study.extent}",
                allowed="ligaments: none; the support of a sacrum alone stands for its ligaments",
                next_step="remove the line, or model the ring with `extent: pelvic_ring`",
            )
        )
    return library.get(LigamentSet, name, where)


def _require_ring(study: Study, implants: dict[str, Implant], place: Any) -> None:
    """Refuse constructs outside the sacrum where it is modelled alone."""
    for i, arm in enumerate(study.treatments):
        for j, name in enumerate(arm.implants):
            if study.extent != "pelvic_ring" and implants[name].needs_ring:
                raise ConfigError(
                    explain(
                        "The implant has parts outside the sacrum.",
                        where=place("treatments", i, "implants", j),
                        got=f"{name} with extent {study.extent}",
                        allowed="implants within the sacrum, or the pelvic ring",
                        next_step="extent: pelvic_ring",
                    )
                )


def _require_held_threads(study: Study, interface: Interface, implants: dict[str, Implant], where: str) -> None:
    """Refuse screws that are tightened where nothing holds their threads in the bone."""
    tightened = [name for name, implant in implants.items() if implant.is_tightened]
    if tightened and interface.touches:
        raise ConfigError(
            explain(
                "A screw is tightened, and its thread may slide out of the bone.",
                where=where,
                got=f"{study.implant_interface} (law {interface.law}) with pretension in {', '.join(tightened)}",
                allowed="bonded, or springs such as interdigitated",
                next_step="implant_interface: bonded, or set the screws' pretension to 0",
            )
        )


def _find_loads(library: Library, name: str, where: str) -> tuple[Load, ...]:
    """The load of a name, or the loads of the frames that a storage map of this name holds."""
    if any(isinstance(entry, StorageMap) for entry in library.named_or_none(name)):
        file = library.find(StorageMap, name, where)
        assert isinstance(file.entry, StorageMap)
        return tuple(loads_from_storage(file.entry, file.path.parent))
    return (library.get(Load, name, where),)


def _require_hip_density(level: BmdLevel, where: str) -> None:
    missing = [region for region in ("hip", "posterior_ilium") if region not in level.bmd]
    if missing:
        raise ConfigError(
            explain(
                "The BMD level says nothing of the hip bones.",
                where=f"{where}, entry {level.name!r}, bmd",
                got=f"no {' and no '.join(missing)}",
                allowed="bmd for body, ala, alar_void, hip and posterior_ilium",
                next_step="add the figures, or study the sacrum alone with `extent: sacrum`",
            )
        )


def _require_fitting_support(study: Study, support: Support, where: str) -> None:
    wanted = ("acetabulum", "ilium") if study.extent == "pelvic_ring" else ("auricular",)
    if support.acts_on not in wanted:
        raise ConfigError(
            explain(
                "The support does not fit the extent.",
                where=where,
                got=f"{support.name}, which acts on the {support.acts_on} surfaces, with extent {study.extent}",
                allowed=f"a support with acts_on: {' or '.join(wanted)}",
                next_step="support: ball_and_socket" if "acetabulum" in wanted else "support: sacroiliac_cartilage",
            )
        )


def _level(library: Library, item: str | DosedLevel, where: str) -> BmdLevel:
    """A BMD level by name, in mg/cm^3, after the drug course that the study gives it."""
    level = library.get(BmdLevel, item if isinstance(item, str) else item.level, where)
    if level.calibration is not None:
        calibration = library.get(Calibration, level.calibration, f"entry {level.name!r}, calibration")
        level = calibrate_level(level, calibration)
    if isinstance(item, str):
        return level
    return dose_level(level, library.get(DrugCourse, item.drug, where), item.response, item.name)


def _pattern(library: Library, item: str | CementVolume, where: str) -> CementPattern:
    """A pattern by name, with the volume that an arm gives it."""
    if isinstance(item, str):
        return library.get(CementPattern, item, where)
    pattern = library.get(CementPattern, item.pattern, where)
    return pattern.model_copy(update={"name": item.name, "volume": item.volume})


def _identify(anatomy: Anatomy) -> dict[str, str]:
    """Name and sha256 of an anatomy."""
    return {"anatomy": anatomy.name, "sha256": hashlib.sha256(anatomy.model_dump_json().encode()).hexdigest()}


def _refuse_repeats(names: Sequence[str], field: str, place: Any) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ConfigError(
                explain(
                    f"A name stands twice in {field}.",
                    where=place(field, i),
                    got=name,
                    allowed="each name once",
                    next_step="remove or rename one of them",
                )
            )


def _dump(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _dump(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_dump(item) for item in value]
    return None if value is None else value.model_dump(mode="json")
