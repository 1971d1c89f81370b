"""One run of the benchmark, in a process of its own: ``python -m benchmarks.mesh.case plain|features request.json``."""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sacrofem.catalogue.library import Library
from sacrofem.catalogue.models import Anatomy, CementPattern, Extent, Fracture, Implant, MeshSettings
from sacrofem.mesh import build
from sacrofem.mesh.host import ring_host, sacrum_host
from sacrofem.mesh.surface import contour_shape, remesh_surface
from sacrofem.mesh.volume import fill_surface
from sacrofem.shapes.following import follow_entry
from sacrofem.shapes.pelvic_ring import build_pelvic_ring
from sacrofem.shapes.sacrum import build_sacrum


@dataclass(frozen=True)
class Request:
    """What is meshed.

    Attributes:
        settings: Mesh sizes, mm.
        extent: Sacrum or ring.
        anatomy: Names of entries, as the following.
        fracture: With its gap.
        patterns: Cement.
        implants: Screws.
    """

    settings: dict[str, float]
    extent: Extent
    anatomy: str = "female_elderly"
    fracture: str = "denis1_right"
    patterns: tuple[str, ...] = ("long_axis_right",)
    implants: tuple[str, ...] = ("trans_sacral_s1",)


@dataclass
class Stage:
    """What a stage of meshing took: seconds of CPU and by the clock, and the process's peak memory at its end, MB."""

    name: str
    cpu: float
    clock: float
    peak: float


class Stopwatch(logging.Handler):
    """Notes the end of every stage that the mesher logs."""

    def __init__(self) -> None:
        super().__init__()
        self.stages: list[Stage] = []
        self.start()

    def start(self) -> None:
        """The next stage begins now."""
        self.cpu, self.clock = time.process_time(), time.perf_counter()

    def note(self, name: str) -> None:
        """A stage ends now."""
        taken = time.process_time() - self.cpu, time.perf_counter() - self.clock
        self.stages.append(Stage(name, *taken, peak_memory()))
        self.start()

    def emit(self, record: logging.LogRecord) -> None:
        """The mesher's line on a stage is ``mesh: <name> in <seconds> s``."""
        if record.msg == build.STAGE_MESSAGE and isinstance(record.args, tuple):
            self.note(str(record.args[0]))


def peak_memory() -> float:
    """Peak resident memory of this process so far, MB."""
    factor = 1024.0 if sys.platform == "darwin" else 1.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / factor / 1024.0


def mesh_plain(request: Request, watch: Stopwatch) -> int:
    """Gmsh alone: the plain solid at the size far from features; the surface it gets is ours and counted by itself."""
    anatomy = Library.standard().get(Anatomy, request.anatomy)
    host = sacrum_host(build_sacrum(anatomy)) if request.extent == "sacrum" else ring_host(build_pelvic_ring(anatomy))
    settings = MeshSettings(**request.settings)

    def size(points: Any) -> Any:
        return 0.0 * points[:, 0] + settings.size

    watch.start()
    surface = remesh_surface(contour_shape(host.solid, host.bounds, settings.sampling), size, 0.5 * settings.size)
    watch.note("surface sampled and remeshed")
    mesh = fill_surface(surface, size)
    watch.note("volume filled")
    return len(mesh.cells)


def mesh_features(request: Request, watch: Stopwatch) -> tuple[int, float]:
    """All of it: joints, fracture, cement and screws; (cells, smallest radius ratio)."""
    library = Library.standard()
    anatomy = library.get(Anatomy, request.anatomy)
    fracture = library.get(Fracture, request.fracture)
    patterns = [library.get(CementPattern, name) for name in request.patterns]
    implants = [library.get(Implant, name) for name in request.implants]
    watch.start()
    mesh = build.build_model_mesh(
        anatomy,
        follow_entry(fracture, library.drawn_on(fracture), anatomy),
        [follow_entry(pattern, library.drawn_on(pattern), anatomy) for pattern in patterns],
        [follow_entry(implant, library.drawn_on(implant), anatomy) for implant in implants],
        MeshSettings(**request.settings),
        request.extent,
    )
    watch.note("regions and surfaces named")
    return len(mesh.cells), mesh.measures["quality_min"]


def main(kind: str, path: Path) -> None:
    """Run one case and write its result to standard output as JSON, the last line."""
    request = Request(**json.loads(path.read_text()))
    watch = Stopwatch()
    logger = logging.getLogger("sacrofem.mesh")
    logger.setLevel(logging.INFO)
    logger.addHandler(watch)
    quality = None
    if kind == "plain":
        cells = mesh_plain(request, watch)
    else:
        cells, quality = mesh_features(request, watch)
    result = {"cells": cells, "quality": quality, "peak": peak_memory(), "stages": [asdict(stage) for stage in watch.stages]}
    sys.stdout.write("\n" + json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
