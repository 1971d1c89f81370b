"""Runs a study: one mesh, one matrix for all loads of a case, and every finished case kept."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sacrofem.catalogue import StudyFile, load_study, resolve_study
from sacrofem.catalogue.models import Study
from sacrofem.catalogue.resolution import ResolvedStudy
from sacrofem.errors import Interrupted
from sacrofem.mesh.cache import load_or_build_mesh
from sacrofem.mesh.model import ModelMesh
from sacrofem.solving import SolverSettings
from sacrofem.study.archive import Archive
from sacrofem.study.cases import Case, expand_cases
from sacrofem.study.densities import warn_of_densities
from sacrofem.study.fit import require_fit
from sacrofem.study.loads import apply_loads
from sacrofem.study.parallel import on_root, only_on_root, quieten_other_ranks
from sacrofem.study.placement import place_entries
from sacrofem.study.provenance import code_of_results, peak_memory
from sacrofem.study.stages import timed

if TYPE_CHECKING:
    from mpi4py import MPI

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudyResult:
    """What a run leaves behind.

    Attributes:
        folder: The results folder.
        table: The tidy table; one row per case, fracture and metric.
        rank: Rank of this process; rank 0 speaks.
        edge_length: Edge of a regular tetrahedron of the cells' mean volume, mm; not a number where the meshes differ.
    """

    folder: Path
    table: pd.DataFrame
    rank: int = 0
    edge_length: float = float("nan")


def run_study(
    study: Path | str | StudyFile | Study,
    output: Path | None = None,
    pictures: bool = True,
    mesh_folder: Path | None = None,
    comm: MPI.Comm | None = None,
    solver: SolverSettings | None = None,
) -> StudyResult:
    """Mesh, solve and compare a study. Collective over ``comm``.

    Args:
        study: A study file, or a study made in Python.
        output: Results folder; by default ``results/<study>-<hash of inputs and code>``. If it holds finished cases
            of the same inputs and code, they are not solved again.
        pictures: Whether to draw pictures at the end.
        mesh_folder: Where meshes are cached (default: the user's cache).
        comm: Communicator (default: all ranks).
        solver: How the linear systems are solved (default: chosen by size, everything reused).

    Returns:
        The table and its folder, on every rank.

    Raises:
        ConfigError: the study or an entry it names is wrong.
        GeometryError: a treatment does not fit into the bone.
        MeshError: the bone cannot be meshed.
        SolveError: a case does not converge; finished cases are kept.
        OutputError: results cannot be written; finished cases are kept.
        Interrupted: stopped from outside; finished cases are kept.
    """
    from mpi4py import MPI

    import sacrofem.fem  # noqa: F401

    comm = comm or MPI.COMM_WORLD
    quieten_other_ranks(comm)
    resolved = on_root(comm, lambda: _resolve(study))
    settings = solver or SolverSettings()
    digest = _digest(resolved, settings)
    archive = Archive(output or Path("results") / f"{resolved.study.name}-{digest[:8]}")
    only_on_root(comm, lambda: archive.open(digest))
    only_on_root(comm, lambda: require_fit(resolved))
    only_on_root(comm, lambda: warn_of_densities(resolved))
    try:
        return _run_split(resolved, archive, pictures, mesh_folder, comm, settings)
    except KeyboardInterrupt:
        kept = len(list(archive.folder.glob("**/cases/*.json")))
        raise Interrupted(
            f"Interrupted. {kept} finished cases are kept in {archive.folder}; run the same command again to go on."
        ) from None


def _resolve(study: Path | str | StudyFile | Study) -> ResolvedStudy:
    if isinstance(study, str | Path):
        study = load_study(Path(study))
    return place_entries(resolve_study(study))


def _run_split(
    resolved: ResolvedStudy,
    archive: Archive,
    pictures: bool,
    mesh_folder: Path | None,
    comm: MPI.Comm,
    settings: SolverSettings,
) -> StudyResult:
    """Each fracture, and each treated arm with the reference where they share no mesh, in a folder of its own."""
    from sacrofem.study.apart import conclude_apart, run_apart, split_apart

    parts = split_apart(resolved)
    if "" in parts:
        return _run(resolved, archive, pictures, mesh_folder, comm, settings)

    def run_part(part: ResolvedStudy, place: Archive) -> pd.DataFrame:
        digest = _digest(part, settings)
        only_on_root(comm, lambda: place.open(digest))
        return _run_split(part, place, pictures, mesh_folder, comm, settings).table

    tables = run_apart(parts, archive, run_part)
    table = on_root(comm, lambda: conclude_apart(resolved, parts, tables, archive, pictures))
    return StudyResult(archive.folder, table, comm.rank)


def _digest(resolved: ResolvedStudy, settings: SolverSettings) -> str:
    """Of everything that figures come from; a solver asked for has a folder of its own, or it would not be asked."""
    return hashlib.sha256(f"{resolved.digest()} {code_of_results()}{settings.changes_results}".encode()).hexdigest()


def _run(
    resolved: ResolvedStudy,
    archive: Archive,
    pictures: bool,
    mesh_folder: Path | None,
    comm: MPI.Comm,
    settings: SolverSettings,
) -> StudyResult:
    from sacrofem.mechanics.distribution import distribute
    from sacrofem.study.arm import solve_arm
    from sacrofem.study.conclusion import conclude

    cases = expand_cases(resolved)
    loads = on_root(comm, partial(apply_loads, resolved))
    seconds: dict[str, float] = {}
    with timed("mesh", seconds):
        mesh = on_root(comm, partial(_mesh, resolved, mesh_folder))
        only_on_root(comm, lambda: archive.require_space(len(mesh.cells), len(cases)))
        _log_mesh(mesh)
        distributed = distribute(mesh, comm)
    records: dict[str, dict[str, Any]] = {}
    for treatment in resolved.study.treatments:
        arm = [case for case in cases if case.treatment.name == treatment.name]
        found = on_root(comm, partial(_finished, archive, arm))
        records |= found
        missing = [case for case in arm if case.name not in found]
        if found:
            logger.info("%s: %d of %d cases are finished already", treatment.name, len(found), len(arm))
        if missing:
            with timed(f"{treatment.name}, {len(missing)} cases", seconds):
                records |= solve_arm(resolved, missing, loads, mesh, distributed, archive, settings)
    table = on_root(comm, lambda: conclude(resolved, cases, records, mesh, archive, pictures, comm.size, seconds))
    _log_effort(records, seconds)
    return StudyResult(archive.folder, table, comm.rank, _mean_edge(mesh))


def _mean_edge(mesh: ModelMesh) -> float:
    """Edge of a regular tetrahedron of the cells' mean volume, mm."""
    return float(np.cbrt(6.0 * np.sqrt(2.0) * np.abs(mesh.volumes()).mean()))


def _mesh(resolved: ResolvedStudy, folder: Path | None) -> ModelMesh:
    bodies = list(resolved.patterns.values()), list(resolved.implants.values())
    study = resolved.study
    return load_or_build_mesh(resolved.anatomy, resolved.fracture, *bodies, study.mesh, folder, study.extent)


def _log_effort(records: dict[str, dict[str, Any]], seconds: dict[str, float]) -> None:
    effort = [record["diagnostics"] for record in records.values()]
    dofs, iterations = ([case[name] for case in effort] for name in ("dofs", "iterations"))
    logger.info(
        "%d cases of up to %d dofs, at most %d iterations each, in %.0f s; peak memory %.0f MB a process",
        len(records),
        max(dofs),
        max(iterations),
        sum(seconds.values()),
        peak_memory(),
    )


def _finished(archive: Archive, cases: list[Case]) -> dict[str, dict[str, Any]]:
    records = {case.name: archive.finished(case.name) for case in cases}
    return {name: record for name, record in records.items() if record is not None}


def _log_mesh(mesh: ModelMesh) -> None:
    logger.info(
        "mesh: %d tetrahedra, %d nodes, smallest quality %.3f",
        len(mesh.cells),
        len(mesh.points),
        mesh.measures["quality_min"],
    )
    for name, wanted in sorted(mesh.measures.items()):
        if name.startswith("cement_ml_wanted:"):  # a balloon's core and shell are measured, not wanted
            pattern = name.removeprefix("cement_ml_wanted:")
            achieved = mesh.measures[f"cement_ml:{pattern}"]
            logger.info("cement %s: %.2f mL achieved, %.2f mL wanted", pattern, achieved, wanted)
