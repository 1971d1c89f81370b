"""Reads catalogue entries from YAML 1.2; errors name file, line and field."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from sacrofem.catalogue.models import (
    Anatomy,
    BmdLevel,
    Calibration,
    CementPattern,
    Cortex,
    DensityLaw,
    DiscJoint,
    DrugCourse,
    Entry,
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
    Validation,
)
from sacrofem.errors import ConfigError, explain

#: kind, as an entry's file says it -> its model.
KINDS: dict[str, type[Entry]] = {
    "anatomy": Anatomy,
    "fracture": Fracture,
    "cement": CementPattern,
    "implant": Implant,
    "density_law": DensityLaw,
    "bmd_level": BmdLevel,
    "calibration": Calibration,
    "drug_course": DrugCourse,
    "cortex": Cortex,
    "material": Material,
    "disc_joint": DiscJoint,
    "interface": Interface,
    "support": Support,
    "ligament_set": LigamentSet,
    "load": Load,
    "musculature": Musculature,
    "storage_map": StorageMap,
    "study": Study,
    "validation": Validation,
}

#: Longer values are cut in a message.
_LONGEST_VALUE = 80

type FieldPath = Sequence[str | int]


@dataclass(frozen=True)
class EntryFile:
    """An entry with the file it came from.

    Attributes:
        entry: The entry.
        path: Its file.
        tree: The file's content, with line numbers.
    """

    entry: Entry
    path: Path
    tree: CommentedMap

    def place(self, fields: FieldPath) -> str:
        """File, line and path of a field, for an error."""
        return f"{self.path}:{find_line(self.tree, fields)}, {format_field(fields)}"


def load_entry(path: Path) -> EntryFile:
    """Read one entry.

    Args:
        path: A YAML file with a ``kind`` and a ``name`` equal to the file's stem.

    Returns:
        The entry and its lines.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or does not fit its kind.
    """
    tree = _read_tree(path)
    kind = tree.get("kind")
    if kind not in KINDS:
        raise ConfigError(
            explain(
                "Unknown kind of entry." if "kind" in tree else "The entry does not say its kind.",
                where=f"{path}:{find_line(tree, ['kind'])}, kind",
                got=repr(kind) if "kind" in tree else "nothing",
                allowed=", ".join(KINDS),
                next_step=suggest(str(kind), list(KINDS)) or "add a line such as `kind: study`",
            )
        )
    try:
        entry = KINDS[kind].model_validate(_plain(tree))
    except ValidationError as error:
        raise ConfigError(_explain_invalid(error, path, tree, KINDS[kind])) from None
    if entry.name != path.stem:
        raise ConfigError(
            explain(
                "An entry's name is not its file's name.",
                where=f"{path}:{find_line(tree, ['name'])}, name",
                got=entry.name,
                allowed=path.stem,
                next_step=f"write `name: {path.stem}`, or rename the file to {entry.name}{path.suffix}",
            )
        )
    return EntryFile(entry, path, tree)


def suggest(name: str, known: Sequence[str]) -> str:
    """``did you mean ...?`` for the nearest known name, or nothing."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else ""


def format_field(fields: FieldPath) -> str:
    """Write a field path as ``treatments[1].cement[0]``."""
    text = ""
    for part in fields:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def find_line(tree: Any, fields: FieldPath) -> int:
    """Line (from 1) of a field, or of the deepest part of its path that the file has."""
    line = 1
    for part in fields:
        if isinstance(tree, CommentedMap) and part in tree:
            line = int(tree.lc.key(part)[0]) + 1
        elif isinstance(tree, CommentedSeq) and isinstance(part, int) and part < len(tree):
            line = int(tree.lc.item(part)[0]) + 1
        else:
            break
        tree = tree[part]
    return line


def _read_tree(path: Path) -> CommentedMap:
    def refuse(got: str, line: int = 1) -> ConfigError:
        return ConfigError(
            explain(
                "The file cannot be read as a catalogue entry.",
                where=f"{path}:{line}",
                got=got,
                allowed="a readable YAML 1.2 file that holds one mapping",
                next_step="check the path and the file; `sacrofem schema` writes schemas for editors",
            )
        )

    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise refuse(error.strerror or str(error)) from None
    except UnicodeDecodeError:
        raise refuse("not UTF-8 text") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise refuse(f"{error.problem}", line) from None
    except YAMLError as error:
        raise refuse(str(error)) from None
    if not isinstance(tree, CommentedMap):
        raise refuse("nothing" if tree is None else f"a {type(tree).__name__}")
    return tree


def _plain(tree: Any) -> Any:
    """Round-trip YAML nodes as plain Python values."""
    if isinstance(tree, dict):
        return {str(key): _plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_plain(value) for value in tree]
    if isinstance(tree, bool):
        return bool(tree)
    for plain in (int, float, str):
        if isinstance(tree, plain):
            return plain(tree)
    return tree


def _explain_invalid(error: ValidationError, path: Path, tree: CommentedMap, model: type[BaseModel]) -> str:
    """One paragraph for every field that does not fit."""
    messages = []
    for problem in error.errors():
        fields = [part for part in problem["loc"] if part != "[key]"]
        unknown = problem["type"] == "extra_forbidden"
        allowed = ", ".join(_known_keys(model, fields[:-1])) if unknown else problem["msg"]
        got = f"the key {fields[-1]!r}" if unknown else _describe(problem)
        hint = suggest(str(fields[-1]), _known_keys(model, fields[:-1])) if unknown else ""
        messages.append(
            explain(
                "Unknown key." if unknown else "A value is missing." if problem["type"] == "missing" else "A value does not fit.",
                where=f"{path}:{find_line(tree, fields)}, {format_field(fields)}",
                got=got,
                allowed=allowed,
                next_step=hint or "mend this field; `sacrofem show` prints entries that work",
            )
        )
    return "\n".join(messages)


def _describe(problem: Any) -> str:
    if problem["type"] == "missing":
        return "nothing"
    text = repr(problem["input"])
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _known_keys(model: type[BaseModel], fields: FieldPath) -> list[str]:
    """Keys allowed at a field path of a model."""
    current: Any = model
    for part in fields:
        if isinstance(part, int):
            continue
        if part not in current.model_fields:  # the name of a branch of a union
            return []
        annotation = current.model_fields[part].annotation
        nested = [
            a for a in (annotation, *getattr(annotation, "__args__", ())) if isinstance(a, type) and issubclass(a, BaseModel)
        ]
        if not nested:
            return []
        current = nested[0]
    return list(current.model_fields)
