"""A study on coarser and finer meshes and with linear and quadratic elements: observed order, Richardson value, error bars.

The geometry stays as it is (``sampling`` is not scaled); size, feature_size and joint_size are, by one factor. Meshes are not
nested, so that orders are noisy: where three meshes show no order, the spread between them is the error (grid convergence index
with its safety factor 3; 1.25 where an order is seen; RECALLED, as in ASME V&V 20-2009, section 2-4).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from sacrofem.catalogue.models import MeshSettings, Study
from sacrofem.catalogue.resolution import StudyFile, load_study
from sacrofem.errors import ConfigError, explain, output_errors
from sacrofem.study.runner import run_study

if TYPE_CHECKING:
    from mpi4py import MPI

logger = logging.getLogger(__name__)

#: What convergence is judged by; (metric as in the table of results) in the order of the report.
HEADLINE_METRICS = (
    "micromotion_mean",
    "micromotion_p95",
    "fragment_translation",
    "strain_max_p95_near_fracture",
    "strain_mean_ala",
    "strain_mean_body",
    "endplate_displacement",
    "stiffness",
)
DEFAULT_FACTORS = (1.5, 1.0, 0.7)
_SETTING = ["fracture", "treatment", "bmd_level", "load", "metric", "unit"]
#: Orders outside these are noise: linear elements converge with 1 (strain) or 2, quadratic with up to 4 (energy).
_ORDERS = (0.3, 6.0)
_SAFETY, _SAFETY_WITHOUT_ORDER = 1.25, 3.0
#: A limit farther from the finest mesh than this many times what all meshes differ by is no limit that they show.
_FARTHEST = 2.0
#: Bodies whose volumes differ by less than this share are the same body.
_SAME_VOLUME = 0.05


@dataclass(frozen=True)
class Extrapolation:
    """What a sequence of meshes says of a figure.

    Attributes:
        order: Observed order of convergence; not a number where the three finest meshes show none.
        value: Richardson value; the finest mesh's figure where no order is seen.
        uncertainty: Half-width of the band about the finest mesh's figure (grid convergence index), in the figure's unit.
    """

    order: float
    value: float
    uncertainty: float


def extrapolate(sizes: Sequence[float], values: Sequence[float]) -> Extrapolation:
    """Fit v(h) = v_0 + c h^p to the three finest of a sequence of meshes.

    Args:
        sizes: Edge lengths h, coarsest first.
        values: Figures on these meshes.

    Returns:
        Order, Richardson value and uncertainty. Two meshes give a spread alone, one nothing but its figure.
    """
    h, v = np.asarray(sizes, dtype=float)[-3:], np.asarray(values, dtype=float)[-3:]
    spread = float(v.max() - v.min())
    without_order = Extrapolation(float("nan"), float(v[-1]), _SAFETY_WITHOUT_ORDER * spread if len(v) > 1 else float("nan"))
    if len(v) < 3:
        return without_order
    coarse, fine = v[0] - v[1], v[1] - v[2]
    if coarse * fine <= 0.0:  # not monotone
        return without_order

    def mismatch(order: float) -> float:
        ratio: float = (h[0] ** order - h[1] ** order) / (h[1] ** order - h[2] ** order)
        return ratio - coarse / fine

    if mismatch(_ORDERS[0]) * mismatch(_ORDERS[1]) > 0.0:
        return without_order
    order = float(brentq(mismatch, *_ORDERS))
    beyond = -fine / ((h[1] / h[2]) ** order - 1.0)  # v_0 - v of the finest mesh
    if abs(beyond) > _FARTHEST * spread:
        return without_order
    return Extrapolation(order, float(v[-1] + beyond), _SAFETY * abs(float(beyond)))


def tabulate_convergence(samples: pd.DataFrame) -> pd.DataFrame:
    """Orders, Richardson values and errors of every figure on every mesh.

    Args:
        samples: Rows of studies' tables with columns ``order`` (of the elements), ``factor`` and ``size`` (edge length, mm).

    Returns:
        One row for every figure and mesh, with ``observed_order``, ``richardson`` (of its element order), ``reference`` (the
        Richardson value of the highest element order) and ``error_percent`` against the reference, and ``uncertainty_percent``
        of the reference itself.
    """
    rows = []
    for setting, figure in samples.groupby(_SETTING, sort=False):
        ordered = figure.sort_values(["order", "size"], ascending=[True, False]).to_dict("records")
        found = {
            order: extrapolate(*zip(*((s["size"], s["value"]) for s in ordered if s["order"] == order), strict=True))
            for order in {sample["order"] for sample in ordered}
        }
        best = found[max(found)]
        scale = abs(best.value) or float("nan")
        for sample in ordered:
            own, value = found[sample["order"]], float(sample["value"])
            rows.append(
                dict(zip(_SETTING, setting, strict=True))
                | {
                    "order": sample["order"],
                    "factor": sample["factor"],
                    "size": sample["size"],
                    "value": value,
                    "zz_error_percent": sample["error_percent"],
                    "observed_order": own.order,
                    "richardson": own.value,
                    "reference": best.value,
                    "uncertainty_percent": 100.0 * best.uncertainty / scale,
                    "error_percent": 100.0 * (value - best.value) / scale,
                }
            )
    return pd.DataFrame(rows)


def refine_study(study: Study, factor: float, order: int) -> Study:
    """The study with all mesh sizes times ``factor``, geometry as it is, and elements of ``order``."""
    mesh = study.mesh
    sizes = {name: factor * getattr(mesh, name) for name in ("size", "feature_size", "joint_size")}
    scaled = MeshSettings.model_validate(mesh.model_dump() | sizes)
    return study.model_copy(update={"mesh": scaled, "order": order})


def single_case(study: Study, level: str | None, load: str | None) -> Study:
    """The study at one BMD level (default: its last) under one load (default: its first), with all its treatments.

    Raises:
        ConfigError: the study has no such level or load.
    """
    chosen: dict[str, object] = {}
    for field, wanted, names, default in (
        ("bmd_levels", level, study.level_names, len(study.bmd_levels) - 1),
        ("loads", load, study.loads, 0),
    ):
        if wanted is not None and wanted not in names:
            raise ConfigError(
                explain(
                    f"The study has no such entry in {field}.",
                    where=f"study {study.name!r}, {field}",
                    got=wanted,
                    allowed=", ".join(names),
                    next_step="name one of these with --level or --load",
                )
            )
        place = default if wanted is None else names.index(wanted)
        chosen[field] = (getattr(study, field)[place],)
    return study.model_copy(update=chosen)


def read_factors(text: str) -> list[float]:
    """Read ``--factors``: numbers from 0.1 to 10 with commas between them; ConfigError otherwise."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(0.1 <= number <= 10.0 for number in numbers):
        raise _refuse("--factors", text, "numbers from 0.1 to 10, with commas between them", "1.5,1,0.7")
    return numbers


def read_orders(text: str) -> list[int]:
    """Read ``--orders``: 1, 2 or both; ConfigError otherwise."""
    parts = [part.strip() for part in text.split(",")]
    if not parts or not set(parts) <= {"1", "2"}:
        raise _refuse("--orders", text, "1, 2, or 1,2", "1,2")
    return [int(part) for part in parts]


def _refuse(option: str, got: str, allowed: str, example: str) -> ConfigError:
    next_step = f"write for example `{option} {example}`, or leave it out"
    return ConfigError(explain("The option cannot be read.", where=option, got=got, allowed=allowed, next_step=next_step))


def describe_changing_bodies(measures: Mapping[float, Mapping[str, float]]) -> list[str]:
    """What bodies of cement or metal differ between meshes: then the shape converges, and not the elements alone.

    Args:
        measures: Factor -> measures of its mesh.

    Returns:
        One line for every body whose volume differs by more than 5 % of the largest.
    """
    lines = []
    names = sorted({name for each in measures.values() for name in each if name.startswith(("cement_ml:", "screw_ml:"))})
    for name in names:
        volumes = {factor: each[name] for factor, each in measures.items() if name in each}
        if min(volumes.values()) < (1.0 - _SAME_VOLUME) * max(volumes.values()):
            held = ", ".join(f"{volume:.2f} mL at {factor:g} x" for factor, volume in volumes.items())
            lines.append(
                f"{name.replace('_ml:', ' ')} differs between the meshes ({held}): figures with it converge in its shape, too"
            )
    return lines


def converge_study(
    study: Path | str,
    output: Path | None = None,
    factors: Sequence[float] = DEFAULT_FACTORS,
    orders: Sequence[int] = (1, 2),
    level: str | None = None,
    load: str | None = None,
    mesh_folder: Path | None = None,
    comm: MPI.Comm | None = None,
) -> tuple[pd.DataFrame, Path]:
    """Run a study on a sequence of meshes and extrapolate its headline metrics. Collective over ``comm``.

    Args:
        study: A study file, or the name of a packaged study.
        output: Folder; by default ``results/<study>-convergence``. Finished runs in it are not solved again.
        factors: On all mesh sizes.
        orders: Element orders.
        level: BMD level (default: the study's last).
        load: Load (default: the study's first).
        mesh_folder: Where meshes are cached (default: the user's cache).
        comm: Communicator (default: all ranks).

    Returns:
        The table of :func:`tabulate_convergence`, also written as ``convergence.csv``, and its folder; on every rank.

    Raises:
        ConfigError: the study is wrong, or has no such level or load.
    """
    file = load_study(study)
    case = single_case(file.study, level, load)
    folder = output or Path("results") / f"{case.name}-convergence"
    samples: list[pd.DataFrame] = []
    measures: dict[float, dict[str, float]] = {}
    rank = 0
    for factor in sorted(factors, reverse=True):
        for order in sorted(orders):
            logger.info("%s: sizes times %g, order %d", case.name, factor, order)
            refined = StudyFile(refine_study(case, factor, order), file.file)
            place = folder / f"size_{factor:g}-order_{order}"
            result = run_study(refined, output=place, pictures=False, mesh_folder=mesh_folder, comm=comm)
            rows = result.table[result.table["metric"].isin(HEADLINE_METRICS)].copy()
            rows["order"], rows["factor"], rows["size"] = order, factor, result.edge_length
            samples.append(rows)
            rank = result.rank
            if rank == 0:
                measures[factor] = json.loads((place / "study.json").read_text()).get("mesh", {}).get("measures", {})
    table = tabulate_convergence(pd.concat(samples, ignore_index=True))
    if rank == 0:
        for line in describe_changing_bodies(measures):
            logger.warning("%s", line)
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            table.to_csv(folder / "convergence.csv", index=False)
    return table, folder
