"""The process that builds one mesh: ``python -m sacrofem.mesh.worker request.json out.npz``."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from sacrofem.catalogue.models import Anatomy, CementPattern, Fracture, Implant, MeshSettings
from sacrofem.errors import SacrofemError, output_errors
from sacrofem.mesh.build import build_model_mesh


def work(request: Path, out: Path) -> int:
    """Build the mesh a request asks for.

    Args:
        request: JSON of the entries and settings.
        out: Where the mesh goes; ``error.json`` beside it holds class and message of a refusal.

    Returns:
        Exit code: 0 done, 1 refused.
    """
    asked = json.loads(request.read_text())
    try:
        mesh = build_model_mesh(
            Anatomy.model_validate(asked["anatomy"]),
            Fracture.model_validate(asked["fracture"]),
            [CementPattern.model_validate(entry) for entry in asked["patterns"]],
            [Implant.model_validate(entry) for entry in asked["implants"]],
            MeshSettings.model_validate(asked["settings"]),
            asked["extent"],
        )
        with output_errors(out, "another folder for meshes (XDG_CACHE_HOME)"):
            mesh.save(out)
    except SacrofemError as error:
        told = {"class": type(error).__name__, "message": str(error)}
        out.with_name("error.json").write_text(json.dumps(told))
        return 1
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    sys.exit(work(Path(sys.argv[1]), Path(sys.argv[2])))
