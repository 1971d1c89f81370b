"""Meshes kept by the hash of everything that went into them, and built in a process of their own."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import platformdirs

from sacrofem import errors
from sacrofem.catalogue.models import Anatomy, CementPattern, Extent, Fracture, Implant, MeshSettings
from sacrofem.errors import MeshError, explain, output_errors
from sacrofem.mesh.build import mesh_digest
from sacrofem.mesh.model import ModelMesh

logger = logging.getLogger(__name__)

#: Lines of the worker's log shown when it crashes.
LOG_TAIL_LINES = 15


def default_mesh_folder() -> Path:
    """Where meshes are kept unless a folder is given (the user's cache folder)."""
    return platformdirs.user_cache_path("sacrofem") / "meshes"


def load_or_build_mesh(
    anatomy: Anatomy,
    fracture: Fracture,
    patterns: Sequence[CementPattern],
    implants: Sequence[Implant],
    settings: MeshSettings,
    folder: Path | None = None,
    extent: Extent = "sacrum",
) -> ModelMesh:
    """Load the mesh of these entries from the cache, or build it in a process of its own and keep it.

    Gmsh and MMG can crash the process they run in; here a crash is a :class:`MeshError` with the log's end.

    Args:
        anatomy: The sacrum.
        fracture: The fracture sheet.
        patterns: Cement patterns of all treatments.
        implants: Screws of all treatments.
        settings: Mesh sizes, mm.
        folder: Cache folder; by default :func:`default_mesh_folder`.
        extent: What is modelled of the pelvis.

    Returns:
        The mesh. Errors raised while building arrive with their class and message.
    """
    digest = mesh_digest(anatomy, fracture, patterns, implants, settings, extent)
    folder = default_mesh_folder() if folder is None else folder
    kept = folder / f"{digest}.npz"
    if kept.exists():
        logger.info("mesh: %s loaded from %s", digest[:12], folder)
        return ModelMesh.load(kept)
    request: dict[str, object] = {
        "anatomy": anatomy.model_dump(mode="json"),
        "fracture": fracture.model_dump(mode="json"),
        "patterns": [pattern.model_dump(mode="json") for pattern in patterns],
        "implants": [implant.model_dump(mode="json") for implant in implants],
        "settings": settings.model_dump(mode="json"),
        "extent": extent,
    }
    with output_errors(folder, "another folder for meshes (XDG_CACHE_HOME)"):
        folder.mkdir(parents=True, exist_ok=True)
        workshop = Path(mkdtemp(prefix="building-", dir=folder))
        mesh = _build_apart(request, workshop)
        (workshop / "mesh.npz").replace(kept)
    rmtree(workshop, ignore_errors=True)
    return mesh


def _build_apart(request: dict[str, object], workshop: Path) -> ModelMesh:
    """Run the worker in ``workshop``; the folder is left there when the worker crashes."""
    (workshop / "request.json").write_text(json.dumps(request))
    out = workshop / "mesh.npz"
    log = workshop / "log.txt"
    command = [sys.executable, "-m", "sacrofem.mesh.worker", str(workshop / "request.json"), str(out)]
    with log.open("wb") as sink, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as worker:
        assert worker.stdout
        try:
            for line in worker.stdout:
                sink.write(line)
                if line.startswith(b"mesh: "):
                    logger.info("%s", line.decode(errors="replace").rstrip())
        except BaseException:
            worker.kill()
            rmtree(workshop, ignore_errors=True)
            raise
    if worker.returncode == 0 and out.exists():
        return ModelMesh.load(out)
    told = workshop / "error.json"
    if told.exists():
        error = json.loads(told.read_text())
        rmtree(workshop, ignore_errors=True)
        kind = getattr(errors, error["class"])
        raise kind(error["message"])
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
    raise MeshError(
        explain(
            "The meshing process crashed.",
            where=str(log),
            got=f"exit code {worker.returncode}; the log ends:\n{tail}",
            allowed="exit code 0",
            next_step="change mesh.size or mesh.feature_size a little; the request and the log are kept",
        )
    )
