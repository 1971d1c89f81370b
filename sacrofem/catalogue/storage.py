"""OpenSim storage files (``.sto``, ``.mot``): tables over time, and their frames as load cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, model_validator

from sacrofem.catalogue.entry import Entry, Part
from sacrofem.catalogue.load_case import Leg, Load, LoadOn, LoadSurface, Posture
from sacrofem.errors import ConfigError, explain

FloatArray = NDArray[np.float64]

_END = "endheader"


@dataclass(frozen=True)
class StorageTable:
    """A table over time.

    Attributes:
        path: Its file.
        header: Key -> value of the header, keys in lower case.
        columns: Names of the columns but time.
        times: (n,) s, rising.
        values: (n, columns).
    """

    path: Path
    header: dict[str, str]
    columns: tuple[str, ...]
    times: FloatArray
    values: FloatArray

    def column(self, name: str, where: str) -> FloatArray:
        """(n,) values of a column.

        Raises:
            ConfigError: there is none of that name.
        """
        if name not in self.columns:
            raise ConfigError(
                explain(
                    "The storage file has no such column.",
                    where=f"{where}, file {self.path}",
                    got=repr(name),
                    allowed=", ".join(self.columns),
                    next_step="correct the name in the map",
                )
            )
        return self.values[:, self.columns.index(name)]

    def at(self, time: float, where: str) -> FloatArray:
        """(columns,) values at a time, interpolated linearly.

        Raises:
            ConfigError: the time lies outside the table.
        """
        if not self.times[0] <= time <= self.times[-1]:
            raise ConfigError(
                explain(
                    "A time lies outside the storage file.",
                    where=f"{where}, file {self.path}",
                    got=f"{time:g} s",
                    allowed=f"{self.times[0]:g} to {self.times[-1]:g} s",
                    next_step="correct `times` in the map",
                )
            )
        return np.array([np.interp(time, self.times, column) for column in self.values.T])


class MappedForce(Part):
    """Three columns that are a force on a surface.

    Attributes:
        surface: Where it acts.
        columns: Names of the columns along x (forwards), y (up) and z (to the right) of the file's pelvis frame.
        sign: -1 where the file gives the force on the other body.
    """

    surface: LoadSurface
    columns: tuple[str, str, str]
    sign: Literal[-1, 1] = 1


class StorageMap(Entry):
    """How the columns of a storage file become parts of loads.

    Attributes:
        file: The storage file, beside the map.
        times: s; each becomes a load ``<name>_<number>``.
        forces: Columns that are contact forces, N.
        muscles: Column -> muscle (with its side), tensions in N.
        turn: Of the file's pelvis frame forwards against frame G, degrees: a frame whose x axis goes through PSIS and ASIS is
            turned by 5.8 (female_elderly).
        flexion: Side -> column of hip flexion; degrees or radians as the file's header says.
        adduction: Side -> column of hip adduction.
        body_weight: N.
        tolerance: See :class:`sacrofem.catalogue.load_case.Load`.
        musculature: Whose muscles are named.
    """

    kind: Literal["storage_map"] = "storage_map"
    file: str
    times: tuple[float, ...] = Field(min_length=1)
    forces: tuple[MappedForce, ...] = ()
    muscles: dict[str, str] = Field(default_factory=dict)
    turn: float = 0.0
    flexion: dict[Literal["right", "left"], str] = Field(default_factory=dict)
    adduction: dict[Literal["right", "left"], str] = Field(default_factory=dict)
    body_weight: PositiveFloat
    tolerance: float = Field(default=1e-3, gt=0, lt=1)
    musculature: str = "pelvic_musculature"

    @model_validator(mode="after")
    def _maps_something(self) -> StorageMap:
        if not self.forces and not self.muscles:
            raise ValueError("map at least one force or muscle")
        return self


def read_storage(path: Path) -> StorageTable:
    """Read an OpenSim storage file.

    A header (``nRows=``, ``nColumns=``, ``inDegrees=``; in files of version 1 and 2 also without them) ends with ``endheader``;
    a line of column names follows, the first ``time``, then rows of numbers separated by white space.

    Args:
        path: ``.sto`` or ``.mot``.

    Raises:
        ConfigError: the file cannot be read; the line is named.
    """

    def refuse(line: int, what: str, got: str, allowed: str) -> NoReturn:
        raise ConfigError(
            explain(
                what,
                where=f"{path}:{line}",
                got=got,
                allowed=allowed,
                next_step="write the file anew from OpenSim, or mend the line",
            )
        )

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        refuse(1, "The storage file cannot be read.", str(error), "a readable text file")
    end = next((i for i, line in enumerate(lines) if line.strip().lower() == _END), None)
    if end is None:
        refuse(len(lines) or 1, "The storage file's header does not end.", f"no line {_END!r}", "a header that ends with it")
    header = _read_header(lines[:end])
    start = next((i for i in range(end + 1, len(lines)) if lines[i].strip()), None)
    if start is None:
        refuse(len(lines), "The storage file has no column names.", "nothing after the header", "a line that begins with `time`")
    names = lines[start].split()
    if names[0].lower() != "time":
        refuse(start + 1, "The first column is not time.", repr(names[0]), "time")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        refuse(start + 1, "Columns have the same name.", ", ".join(repeated), "each name once")
    rows = []
    for i in range(start + 1, len(lines)):
        words = lines[i].split()
        if not words:
            continue
        if len(words) != len(names):
            refuse(i + 1, "A row has another number of values than there are columns.", str(len(words)), str(len(names)))
        try:
            rows.append([float(word) for word in words])
        except ValueError:
            wrong = next(word for word in words if not _is_number(word))
            refuse(i + 1, "A value is no number.", repr(wrong), "numbers separated by white space")
        if not np.isfinite(rows[-1]).all():
            refuse(i + 1, "A value is not finite.", " ".join(words), "finite numbers")
        if len(rows) > 1 and rows[-1][0] <= rows[-2][0]:
            refuse(i + 1, "Time does not rise.", f"{rows[-1][0]:g} s after {rows[-2][0]:g} s", "rising times")
    if not rows:
        refuse(len(lines), "The storage file has no rows.", "nothing after the column names", "at least one row")
    for key, have, what in (("nrows", len(rows), "rows"), ("ncolumns", len(names), "columns")):
        said = header.get(key)
        if said is not None and (not said.isdigit() or int(said) != have):
            number = next(i for i, line in enumerate(lines[:end]) if line.lower().replace(" ", "").startswith(f"{key}="))
            refuse(number + 1, f"The header's number of {what} is not the table's.", said, str(have))
    table = np.array(rows)
    return StorageTable(path, header, tuple(names[1:]), table[:, 0], table[:, 1:])


def loads_from_storage(mapping: StorageMap, folder: Path) -> list[Load]:
    """The frames of a storage file as loads.

    Args:
        mapping: What its columns are.
        folder: Where the file is.

    Returns:
        One free body for every time, in N.

    Raises:
        ConfigError: the file is wrong, or lacks a column or a time of the map.
    """
    table = read_storage(folder / mapping.file)
    where = f"storage map {mapping.name!r}"
    wanted = [*mapping.muscles, *mapping.flexion.values(), *mapping.adduction.values()]
    wanted += [name for force in mapping.forces for name in force.columns]
    for name in wanted:
        table.column(name, where)
    degrees = 1.0 if table.header.get("indegrees", "no").lower() in ("yes", "true") else float(np.degrees(1.0))
    c, s = np.cos(np.radians(mapping.turn)), np.sin(np.radians(mapping.turn))
    turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    loads = []
    for number, time in enumerate(mapping.times, start=1):
        value = dict(zip(table.columns, table.at(time, where), strict=True))
        parts = []
        for force in mapping.forces:
            x, y, z = force.sign * turn @ np.array([value[name] for name in force.columns])
            if x or y or z:
                parts.append(LoadOn(surface=force.surface, force=(float(x), float(y), float(z))))
        loads.append(_frame(mapping, number, time, value, parts, degrees))
    return loads


def _frame(
    mapping: StorageMap, number: int, time: float, value: dict[str, float], parts: Sequence[LoadOn], degrees: float
) -> Load:
    posture = None
    tensions = None
    if mapping.muscles:
        # The pelvis frame counts: hip angles are those of the femur against the pelvis, which lies in frame G turned by `turn`.
        legs = {
            side: Leg(
                flexion=degrees * value[mapping.flexion[side]] - mapping.turn if side in mapping.flexion else 0.0,
                adduction=degrees * value[mapping.adduction[side]] if side in mapping.adduction else 0.0,
                ground=(0.0, 0.5, 0.0),
            )
            for side in ("right", "left")
        }
        posture = Posture(near=legs["right"], far=legs["left"], musculature=mapping.musculature)
        tensions = {muscle: _tension(mapping, column, time, value[column]) for column, muscle in mapping.muscles.items()}
    return Load(
        name=f"{mapping.name}_{number}",
        title=f"{mapping.title}, {time:g} s",
        source=f"{mapping.source} ({mapping.file}, {time:g} s)",
        nature="free_body",
        unit="N",
        parts=tuple(parts),
        posture=posture,
        tensions=tensions,
        tolerance=mapping.tolerance,
    )


def _tension(mapping: StorageMap, column: str, time: float, value: float) -> float:
    """A muscle pulls; solvers leave rounding errors about zero."""
    if value < -1e-6 * mapping.body_weight:
        raise ConfigError(
            explain(
                "A muscle in the storage file pushes.",
                where=f"storage map {mapping.name!r}, column {column!r} at {time:g} s",
                got=f"{value:g} N",
                allowed="tensions, zero or above",
                next_step="map a column of tensions; activations and moments are none",
            )
        )
    return max(float(value), 0.0)


def _read_header(lines: Sequence[str]) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {key.strip().lower(): value.strip() for key, value in pairs}


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
