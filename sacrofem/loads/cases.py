"""From a catalogue's load to what acts on the pelvis, in newtons; and whether it may."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sacrofem.catalogue.load_case import Load, Posture
from sacrofem.catalogue.models import Anatomy
from sacrofem.catalogue.muscle import Musculature
from sacrofem.errors import ConfigError, explain
from sacrofem.loads.free_body import muscle_parts, solve_posture
from sacrofem.loads.lines import FloatArray, place_posture, pull_muscles
from sacrofem.loads.parts import AppliedLoad, LoadPart
from sacrofem.shapes.variation import vary_anatomy

_MIRROR: FloatArray = np.array([1.0, 1.0, -1.0])


def apply_load(load: Load, anatomy: Anatomy, musculatures: Mapping[str, Musculature], body_weight: float) -> AppliedLoad:
    """What a load puts on a pelvis.

    Args:
        load: The load.
        anatomy: The pelvis.
        musculatures: Name -> musculature, for loads with a posture.
        body_weight: N.

    Returns:
        The load in newtons; of a free body, every part has its point.

    Raises:
        ConfigError: a free body does not balance, or a name is unknown.
        SolveError: the muscles cannot hold the posture.
    """
    unit = body_weight if load.unit == "body_weight" else 1.0
    parts: list[LoadPart] = []
    tensions: dict[str, float] = {}
    stresses: dict[str, float] = {}
    if load.force is not None:
        parts.append(LoadPart("endplate", "endplate", unit * np.array(load.force)))
    if load.parts:
        parts += _explicit_parts(load, anatomy, unit)
    if load.posture is not None:
        musculature = musculatures[load.posture.musculature]
        if load.tensions is None:
            body = solve_posture(load.name, load.posture, anatomy, musculature, body_weight)
            parts += body.parts()
            tensions = {pull.name: float(t) for pull, t in zip(body.pulls, body.tensions, strict=True)}
            stresses = {pull.name: float(s) for pull, s in zip(body.pulls, body.stresses, strict=True)}
        else:
            tensions = {name: unit * tension for name, tension in load.tensions.items()}
            parts += _given_muscles(load, load.posture, anatomy, musculature, tensions)
    applied = AppliedLoad(load.name, tuple(parts), load.nature, body_weight, tensions, stresses)
    if load.nature == "free_body":
        _require_balance(load, applied)
    return applied


def report_balance(applied: AppliedLoad) -> str:
    """One line on a load: what acts, and what is left of force and moment."""
    size = np.linalg.norm(applied.on_endplate) / applied.body_weight
    text = f"load {applied.name}: {100 * size:.0f} % of body weight on S1"
    for socket, contact in applied.hip_contacts.items():
        text += f", {100 * np.linalg.norm(contact) / applied.body_weight:.0f} % on {socket}"
    if applied.nature != "free_body":
        return f"{text}; carried by the supports"
    force, moment = applied.residual
    return f"{text}; residual force {force:.1e} of body weight, moment {moment:.1e} of body weight times 1 m"


def _explicit_parts(load: Load, anatomy: Anatomy, unit: float) -> list[LoadPart]:
    individual = vary_anatomy(anatomy)
    hip_landmarks = individual.hip.landmarks if individual.hip else {}
    places = {**individual.landmarks, **hip_landmarks}
    at = {name: individual.scale * np.array(place, dtype=np.float64) for name, place in places.items()}
    endplate = 0.5 * (at["SP_promontory"] + at["S1_post_sup_corner"])
    parts = []
    for number, part in enumerate(load.parts):
        name = part.name or part.surface
        force = unit * np.array(part.force)
        point = None if part.point is None else np.array(part.point, dtype=np.float64)
        if part.toward is not None:
            line = _landmark(part.toward, part.side, at, f"load {load.name!r}, parts[{number}], toward") - endplate
            away = -1.0 if part.surface.startswith("acetabulum") else 1.0
            force = away * unit * float(part.size or 0.0) * line / np.linalg.norm(line)
        if point is None and part.surface.startswith("acetabulum"):
            point = at["HJC"] * _mirror(part.surface.removeprefix("acetabulum_"))
        elif point is None and part.surface == "endplate" and load.nature == "free_body":
            point = endplate
        parts.append(LoadPart(name, part.surface, force, point, unit * np.array(part.moment)))
    return parts


def _landmark(name: str, side: str, at: Mapping[str, FloatArray], where: str) -> FloatArray:
    if name not in at:
        raise ConfigError(
            explain(
                "A load names a landmark that the anatomy does not have.",
                where=where,
                got=repr(name),
                allowed=", ".join(sorted(at)),
                next_step="correct the name",
            )
        )
    return at[name] * _mirror(side)


def _mirror(side: str) -> FloatArray:
    return _MIRROR if side == "left" else np.ones(3)


def _given_muscles(
    load: Load, posture: Posture, anatomy: Anatomy, musculature: Musculature, tensions: Mapping[str, float]
) -> list[LoadPart]:
    pulls = {pull.name: pull for pull in pull_muscles(musculature, place_posture(posture, anatomy, musculature))}
    unknown = [name for name in tensions if name not in pulls]
    if unknown:
        raise ConfigError(
            explain(
                "A load names muscles that the musculature does not have.",
                where=f"load {load.name!r}, tensions",
                got=", ".join(unknown),
                allowed=", ".join(pulls),
                next_step="correct the names, or add the muscles to a musculature of your own",
            )
        )
    names = list(tensions)
    return muscle_parts([pulls[name] for name in names], np.array([tensions[name] for name in names]))


def _require_balance(load: Load, applied: AppliedLoad) -> None:
    force, moment = applied.residual
    if not applied.hip_contacts:  # the supports stand for the femoral heads: what they carry is a result
        return
    if force > load.tolerance or moment > load.tolerance:
        raise ConfigError(
            explain(
                "A free body is not in balance.",
                where=f"load {load.name!r}",
                got=f"residual force {force:.2e} of body weight, moment {moment:.2e} of body weight times 1 m",
                allowed=f"at most {load.tolerance:g} (tolerance)",
                next_step="give all that acts (contact forces, muscles, weight), leave out the hips' contact for the "
                "supports to carry, or raise `tolerance` and say why",
            )
        )
