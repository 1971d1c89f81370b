"""Muscles as lines of action in a posture, and what a tension in them does to pelvis, trunk and legs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sacrofem.catalogue.load_case import Leg, Posture
from sacrofem.catalogue.models import Anatomy
from sacrofem.catalogue.muscle import Muscle, Musculature, PathPoint
from sacrofem.errors import ConfigError, explain
from sacrofem.shapes.variation import vary_anatomy

FloatArray = NDArray[np.float64]

SIDES = ("right", "left")
_MIRROR: FloatArray = np.array([1.0, 1.0, -1.0])


@dataclass(frozen=True)
class Frame:
    """Where trunk and legs are, seen from the pelvis (frame G), mm.

    Attributes:
        landmarks: Name -> (3,) point of the right side, of the individual, scaled.
        size: Of trunk and legs against what the musculature is drawn for.
        leg_scale: The same of the points on the legs.
        hips: Side -> (3,) hip centre.
        endplate: (3,) centre of the S1 endplate.
        endplate_normal: (3,) cranial.
        socket_axes: Side -> (3,) unit direction into the socket.
        turns: ``trunk``, ``leg_right``, ``leg_left`` and ``space`` -> (3, 3) rotation of it into frame G.
    """

    landmarks: Mapping[str, FloatArray]
    size: float
    leg_scale: float
    hips: Mapping[str, FloatArray]
    endplate: FloatArray
    endplate_normal: FloatArray
    socket_axes: Mapping[str, FloatArray]
    turns: Mapping[str, FloatArray]

    def on_trunk(self, at: FloatArray) -> FloatArray:
        """A point given upright from the endplate's centre."""
        return self.endplate + self.turns["trunk"] @ (self.size * at)

    def on_leg(self, at: FloatArray, side: str) -> FloatArray:
        """A point given from the right hip centre with the femur vertical, on the leg of a side."""
        return self.hips[side] + self.turns[f"leg_{side}"] @ (self.leg_scale * at * (_MIRROR if side == "left" else 1.0))


@dataclass(frozen=True)
class Pull:
    """What a muscle does with a tension of 1 N: points of its path and the forces on what they move with.

    Attributes:
        name: With its side.
        pcsa: cm^2.
        bodies: Of every point: ``pelvis``, ``trunk``, ``leg_right`` or ``leg_left``.
        points: (k, 3) mm, frame G.
        forces: (k, 3) on these points.
        radii: (k,) of the patches on the pelvis, mm.
    """

    name: str
    pcsa: float
    bodies: tuple[str, ...]
    points: FloatArray
    forces: FloatArray
    radii: tuple[float, ...]

    def wrench(self, body: str, about: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(3,) force and (3,) moment about a point that it exerts on a body."""
        on = np.array([name == body for name in self.bodies])
        return self.forces[on].sum(axis=0), np.cross(self.points[on] - about, self.forces[on]).sum(axis=0)


def legs_of(posture: Posture) -> dict[str, Leg]:
    """Side -> leg, its figures for that side: what points to the right in the right leg's figures points to the left."""
    other = "left" if posture.side == "right" else "right"
    return {posture.side: posture.near, other: posture.far}


def ground_of(posture: Posture) -> dict[str, FloatArray | None]:
    """Side -> (3,) force of the ground on the foot, share of body weight, in space; None for a leg that hangs."""
    turned = _MIRROR if posture.side == "left" else np.ones(3)
    return {side: None if leg.ground is None else np.array(leg.ground) * turned for side, leg in legs_of(posture).items()}


def place_posture(posture: Posture, anatomy: Anatomy, musculature: Musculature) -> Frame:
    """Place trunk and legs about a pelvis.

    Args:
        posture: Angles against space.
        anatomy: Varied as it says; needs hip bones.
        musculature: What trunk and legs are drawn for.
    """
    anatomy = vary_anatomy(anatomy)
    if anatomy.hip is None:
        raise ConfigError(
            explain(
                "A load with muscles needs hip bones.",
                where=f"anatomy {anatomy.name!r}, hip",
                got="nothing",
                allowed="an anatomy with a block `hip`",
                next_step="choose another anatomy, or a load on the S1 endplate alone",
            )
        )
    scale = anatomy.scale
    places = {**anatomy.landmarks, **anatomy.hip.landmarks}
    landmarks = {name: scale * np.array(at, dtype=np.float64) for name, at in places.items()}
    height = float(np.linalg.norm(landmarks["IliacCrest_top"] - landmarks["IschialTuberosity_low"]))
    size = height / musculature.pelvic_height
    hip = landmarks["HJC"]
    front, back = landmarks["SP_promontory"], landmarks["S1_post_sup_corner"]
    along = (front - back) / np.linalg.norm(front - back)
    inwards = -np.array(anatomy.hip.acetabulum.normal)
    inwards /= np.linalg.norm(inwards)
    # Space seen from the pelvis: a pelvis that tilts forwards sees space turned backwards.
    space = _about_z(-posture.pelvic_tilt)
    forwards, sideways = posture.trunk_lean
    sideways = -sideways if posture.side == "left" else sideways
    turns = {"space": space, "trunk": space @ _about_x(sideways) @ _about_z(forwards)}
    for side, leg in legs_of(posture).items():
        sign = 1.0 if side == "right" else -1.0
        turned = _about_z(-leg.flexion) @ _about_x(sign * leg.adduction) @ _about_y(sign * leg.rotation)
        turns[f"leg_{side}"] = space @ turned
    return Frame(
        landmarks=landmarks,
        size=size,
        leg_scale=size * musculature.leg_scale,
        hips={"right": hip, "left": hip * _MIRROR},
        endplate=0.5 * (front + back),
        endplate_normal=np.array([-along[1], along[0], 0.0]),
        socket_axes={"right": inwards, "left": inwards * _MIRROR},
        turns=turns,
    )


def pull_muscles(musculature: Musculature, frame: Frame) -> list[Pull]:
    """The muscles of both sides as lines of action.

    Args:
        musculature: The muscles of the right side.
        frame: Where the bodies are.

    Raises:
        ConfigError: a muscle names a landmark that the anatomy lacks.
    """
    return [_pull(muscle, side, frame, musculature.name) for muscle in musculature.muscles for side in SIDES]


def _pull(muscle: Muscle, side: str, frame: Frame, where: str) -> Pull:
    points = np.array([_place(point, side, frame, f"{where}, muscle {muscle.name}") for point in muscle.path])
    along = np.diff(points, axis=0)
    along /= np.linalg.norm(along, axis=1)[:, None]
    forces = np.zeros_like(points)
    forces[:-1] += along
    forces[1:] -= along
    bodies = tuple(f"leg_{side}" if point.on == "leg" else point.on for point in muscle.path)
    radii = tuple(frame.size * point.radius for point in muscle.path)
    return Pull(f"{muscle.name}_{side}", muscle.pcsa, bodies, points, forces, radii)


def _place(point: PathPoint, side: str, frame: Frame, where: str) -> FloatArray:
    mirror = _MIRROR if side == "left" else np.ones(3)
    if point.on == "leg":
        return frame.on_leg(np.array(point.at), side)
    if point.on == "trunk":
        return frame.on_trunk(np.array(point.at) * mirror)
    missing = [name for name in point.landmarks if name not in frame.landmarks]
    if missing:
        raise ConfigError(
            explain(
                "A muscle names a landmark that the anatomy does not have.",
                where=where,
                got=", ".join(missing),
                allowed=", ".join(sorted(frame.landmarks)),
                next_step="correct the name, or add the landmark to the anatomy",
            )
        )
    weights = np.array(list(point.landmarks.values()))
    mean = np.average([frame.landmarks[name] for name in point.landmarks], axis=0, weights=weights)
    return (mean + frame.size * np.array(point.offset)) * mirror


def _about_x(degrees: float) -> FloatArray:
    """Turns what hangs down towards the left: +y towards +z (the right), -y towards -z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def _about_y(degrees: float) -> FloatArray:
    """Turns what points to the right forwards: inward rotation of the right femur."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def _about_z(degrees: float) -> FloatArray:
    """Turns what points upwards forwards, and what hangs down backwards."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
