"""Finds catalogue entries: a user's own folder first, then what comes with sacrofem."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from sacrofem.catalogue.entry import Drawn, Entry
from sacrofem.catalogue.models import Anatomy
from sacrofem.catalogue.reading import KINDS, EntryFile, load_entry, suggest
from sacrofem.errors import ConfigError, explain

_FOLDERS = ("geometry", "material_models", "studies")


def packaged_folders() -> list[Path]:
    """The folders of entries that come with sacrofem: in the wheel, or beside the package in a checkout.

    Raises:
        ConfigError: neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    for root in (package / "data", package.parent):
        if all((root / folder).is_dir() for folder in _FOLDERS):
            return [root / folder for folder in _FOLDERS]
    raise ConfigError(
        explain(
            "The catalogue that comes with sacrofem is missing.",
            where=str(package),
            got="no folders geometry, material_models and studies",
            allowed="a wheel, or an editable install of a checkout",
            next_step="install sacrofem again",
        )
    )


class Library:
    """Entries by kind and name.

    Args:
        folders: Searched in this order; the first file of a kind and name is taken. Entries are read when asked for.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)

    @classmethod
    def standard(cls, beside: Path | None = None) -> Library:
        """The user's entries beside a study (its folder's ``geometry`` and ``material_models``), then the packaged ones.

        Args:
            beside: A study file or a folder; None takes the packaged entries alone.
        """
        packaged = packaged_folders()
        own: list[Path] = []
        if beside is not None:
            folder = (beside.parent if beside.suffix in (".yaml", ".yml") else beside).resolve()
            own = [folder / name for name in _FOLDERS if (folder / name).is_dir()]
        return cls([*[folder for folder in own if folder not in packaged], *packaged])

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        """Name -> files of that name, in the order of the folders."""
        found: dict[str, list[Path]] = {}
        for folder in self.folders:
            for path in sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")]):
                found.setdefault(path.stem, []).append(path)
        return found

    def entries(self) -> list[Entry]:
        """Every entry that a name would find, by kind and name."""
        entries: dict[tuple[str, str], Entry] = {}
        for paths in self._files.values():
            for path in paths:
                entry = load_entry(path).entry
                entries.setdefault((_kind(entry), entry.name), entry)
        order = list(KINDS)
        return [entries[key] for key in sorted(entries, key=lambda key: (order.index(key[0]), key[1]))]

    def named(self, name: str) -> list[Entry]:
        """The entries of any kind with a name.

        Raises:
            ConfigError: there is none; the nearest name is suggested.
        """
        if name not in self._files:
            raise self._unknown("entry", name, "the command line", sorted(self._files))
        found: dict[str, Entry] = {}
        for path in self._files[name]:
            entry = load_entry(path).entry
            found.setdefault(_kind(entry), entry)
        return list(found.values())

    def named_or_none(self, name: str) -> list[Entry]:
        """The entries of any kind with a name; none where there are none."""
        return self.named(name) if name in self._files else []

    def get[Kind: Entry](self, model: type[Kind], name: str, where: str = "a call of Library.get") -> Kind:
        """The entry of a kind with a name; see :meth:`find`."""
        entry = self.find(model, name, where).entry
        assert isinstance(entry, model)
        return entry

    def drawn_on(self, entry: Drawn) -> Anatomy | None:
        """The anatomy that an entry's places are given on; None where they are meant as they stand.

        A packaged entry is drawn on the packaged anatomy, even where the user's folder holds another one of that name.

        Raises:
            ConfigError: there is no such anatomy.
        """
        if entry.drawn_on is None:
            return None
        packaged = packaged_folders()
        paths = [path for path in self._files.get(entry.name, []) if isinstance(load_entry(path).entry, type(entry))]
        own = not paths or not any(folder in paths[0].parents for folder in packaged)
        library = self if own else Library(packaged)
        return library.get(Anatomy, entry.drawn_on, f"entry {entry.name!r}, drawn_on")

    def find(self, model: type[Entry], name: str, where: str) -> EntryFile:
        """The entry of a kind with a name, and its file.

        Args:
            model: Model of the kind, such as ``Fracture``.
            name: Its name.
            where: Where the name was written, for an error.

        Raises:
            ConfigError: there is none (the nearest is suggested), or two in the user's or the packaged folders.
        """
        found = [file for path in self._files.get(name, []) if isinstance((file := load_entry(path)).entry, model)]
        if not found:
            kind = next(kind for kind, known in KINDS.items() if known is model)
            names = [entry.name for entry in self.entries() if isinstance(entry, model)]
            raise self._unknown(kind, name, where, names)
        self._require_single(found)
        return found[0]

    def _require_single(self, found: list[EntryFile]) -> None:
        """Two files of one kind and name in the same folder of entries are a mistake."""
        for folder in self.folders:
            here = [file.path for file in found if folder in file.path.parents]
            if len(here) > 1:
                raise ConfigError(
                    explain(
                        "Two entries have the same kind and name.",
                        where=" and ".join(str(path) for path in here),
                        got=here[0].stem,
                        allowed="one entry of a kind and name in a folder",
                        next_step="rename one of the two",
                    )
                )

    def _unknown(self, kind: str, name: str, where: str, names: Sequence[str]) -> ConfigError:
        return ConfigError(
            explain(
                f"Unknown {kind} {name!r}.",
                where=where,
                got=repr(name),
                allowed=", ".join(names) or "there is none yet",
                next_step=suggest(name, names) or "`sacrofem list` shows what there is",
            )
        )


def _kind(entry: Entry) -> str:
    return next(kind for kind, model in KINDS.items() if type(entry) is model)
