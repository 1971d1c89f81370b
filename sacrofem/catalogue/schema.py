"""JSON Schema of every kind of entry, for editors."""

from __future__ import annotations

import json
from pathlib import Path

from sacrofem.catalogue.reading import KINDS
from sacrofem.errors import OutputError, explain


def export_schemas(folder: Path) -> list[Path]:
    """Write ``<kind>.schema.json`` for every kind.

    Args:
        folder: Made where it is missing.

    Returns:
        The files.

    Raises:
        OutputError: the folder cannot be written.
    """
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, model in KINDS.items():
            path = folder / f"{kind}.schema.json"
            path.write_text(json.dumps(model.model_json_schema(), indent=2) + "\n")
            paths.append(path)
    except OSError as error:
        raise OutputError(
            explain(
                "The schemas cannot be written.",
                where=str(folder),
                got=error.strerror or str(error),
                allowed="a folder you may write to",
                next_step="name another folder",
            )
        ) from error
    return paths
