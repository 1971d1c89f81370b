"""The results folder on disk: finished cases are kept, and a second run goes on from them."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sacrofem.errors import OutputError, explain, output_errors

_BYTES_PER_CELL_AND_CASE = 120  # measured: a compressed .vtu of a case holds 60-100 bytes a tetrahedron


@dataclass(frozen=True)
class Archive:
    """One results folder.

    Attributes:
        folder: Where it is.
    """

    folder: Path

    @property
    def cases(self) -> Path:
        """The folder of the finished cases."""
        return self.folder / "cases"

    def open(self, digest: str) -> None:
        """Make the folder, or take up one that holds the same study.

        Raises:
            OutputError: when it cannot be written, or holds another study's results.
        """
        with output_errors(self.folder):
            self.cases.mkdir(parents=True, exist_ok=True)
            marker = self.folder / "digest.txt"
            held = marker.read_text().strip() if marker.exists() else digest
            if held != digest and any(self.cases.glob("*.json")):
                raise OutputError(
                    explain(
                        "The results folder holds another study.",
                        where=str(self.folder),
                        got=f"results of inputs and code {held[:12]}, while this run's are {digest[:12]}",
                        allowed="an empty folder, or one that holds this very study",
                        next_step="name another folder with --output, or remove this one",
                    )
                )
            self.write_text(marker, digest + "\n")

    def require_space(self, cells: int, cases: int) -> None:
        """Refuse to begin what will not fit on the disk.

        Raises:
            OutputError: when less space is free than the cases are expected to take.
        """
        needed = _BYTES_PER_CELL_AND_CASE * cells * cases
        with output_errors(self.folder):
            free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise OutputError(
                explain(
                    "The disk has too little free space for this study.",
                    where=str(self.folder),
                    got=f"{free / 1e6:.0f} MB free",
                    allowed=f"about {needed / 1e6:.0f} MB for {cases} cases of {cells} tetrahedra",
                    next_step="free space or name another folder with --output",
                )
            )

    def finished(self, case: str) -> dict[str, Any] | None:
        """The record of a finished case, or None."""
        path = self.cases / f"{case}.json"
        if not path.exists():
            return None
        try:
            record: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise OutputError(
                explain(
                    "The record of a finished case cannot be read.",
                    where=str(path),
                    got=str(error),
                    allowed="the JSON that an earlier run wrote",
                    next_step="remove this file; the case is solved again",
                )
            ) from error
        return record

    def keep(self, case: str, record: dict[str, Any]) -> None:
        """Write a case's record last of all its files, so that its being there means the case is finished."""
        self.write_json(self.cases / f"{case}.json", record)

    def write_json(self, path: Path, content: object) -> None:
        """Write JSON atomically."""
        self.write_text(path, json.dumps(content, indent=1, sort_keys=True) + "\n")

    def write_text(self, path: Path, text: str) -> None:
        """Write text atomically: beside the place, then renamed."""
        partial = path.with_name(path.name + ".partial")
        with output_errors(path):
            partial.write_text(text)
            os.replace(partial, path)
