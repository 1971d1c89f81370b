"""Equilibrium of pelvis, trunk and legs: from a posture to the forces on the pelvis.

Bodies are trunk, pelvis and two legs; L5-S1 is a ball joint at the centre of the S1 endplate, hips are frictionless balls. All
segments are taken to share one acceleration: what the ground does to the feet, turned round, is the weight that they feel
(d'Alembert), each its share. Unknown are the tensions of muscles and the three contact forces. The moments of trunk about L5-S1,
of a hanging leg about its hip, and of the pelvis about the origin must vanish; forces then give the contact forces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sacrofem.catalogue.load_case import Posture
from sacrofem.catalogue.models import Anatomy
from sacrofem.catalogue.muscle import Musculature
from sacrofem.errors import SolveError, explain
from sacrofem.loads.lines import SIDES, FloatArray, Frame, Pull, ground_of, place_posture, pull_muscles
from sacrofem.loads.optimisation import recruit
from sacrofem.loads.parts import LoadPart

#: Forces on the pelvis smaller than this share of body weight are left out only where they are exactly zero: none are lost.
_MM2_PER_CM2 = 100.0


@dataclass(frozen=True, eq=False)
class FreeBody:
    """What holds a posture in balance, N and mm.

    Attributes:
        frame: Where the bodies are.
        pulls: Lines of action of all muscles.
        tensions: (n,) N.
        stresses: (n,) MPa.
        endplate: (3,) force on the S1 endplate.
        hips: Side -> (3,) contact force on the acetabulum.
        weight: (3,) weight of the pelvis, with its inertia.
        weight_at: (3,) its centre of mass.
        optimality: See :class:`sacrofem.loads.optimisation.Recruitment`.
    """

    frame: Frame
    pulls: tuple[Pull, ...]
    tensions: FloatArray
    stresses: FloatArray
    endplate: FloatArray
    hips: dict[str, FloatArray]
    weight: FloatArray
    weight_at: FloatArray
    optimality: float

    def parts(self) -> list[LoadPart]:
        """All that acts on the pelvis; muscles that are silent left out."""
        parts = [
            LoadPart("l5_s1_contact", "endplate", self.endplate, self.frame.endplate),
            LoadPart("pelvis_weight", "bone", self.weight, self.weight_at),
        ]
        parts += [LoadPart(f"hip_contact_{side}", f"acetabulum_{side}", self.hips[side], self.frame.hips[side]) for side in SIDES]
        return parts + muscle_parts(self.pulls, self.tensions)


def muscle_parts(pulls: tuple[Pull, ...] | list[Pull], tensions: FloatArray) -> list[LoadPart]:
    """The forces of muscles on patches of the pelvis."""
    parts = []
    for pull, tension in zip(pulls, tensions, strict=True):
        places = [i for i, body in enumerate(pull.bodies) if body == "pelvis"]
        if tension <= 0.0:
            continue
        for number, i in enumerate(places):
            name = pull.name if len(places) == 1 else f"{pull.name}_{number + 1}"
            parts.append(LoadPart(name, "patch", tension * pull.forces[i], pull.points[i], radius=pull.radii[i]))
    return parts


def solve_posture(name: str, posture: Posture, anatomy: Anatomy, musculature: Musculature, body_weight: float) -> FreeBody:
    """Find the muscle and contact forces of a posture by static optimisation.

    Args:
        name: Of the load, for an error.
        posture: The posture.
        anatomy: The pelvis.
        musculature: Muscles and segments.
        body_weight: N.

    Raises:
        SolveError: the muscles cannot hold the posture.
    """
    frame = place_posture(posture, anatomy, musculature)
    pulls = pull_muscles(musculature, frame)
    system = _Balance(posture, frame, musculature, pulls)
    # N per MPa in each muscle, as a share of body weight.
    strength = np.array([pull.pcsa for pull in pulls]) * _MM2_PER_CM2 / body_weight
    moments, loads = system.moments()
    limits, margins = system.limits()
    found = recruit(moments * strength, -loads, posture.exponent, musculature.most_stress, limits * strength, margins)
    if found is None:
        raise SolveError(
            explain(
                "The muscles cannot hold the posture.",
                where=f"load {name!r}, posture",
                got=f"no tensions up to {musculature.most_stress:g} MPa balance trunk, pelvis and hanging legs",
                allowed="a posture near equilibrium: the weight over the feet that stand",
                next_step="lean the trunk over the standing leg, or mend the muscles of the musculature",
            )
        )
    shares = found.stress * strength
    contacts = system.contacts(shares)
    return FreeBody(
        frame=frame,
        pulls=tuple(pulls),
        tensions=shares * body_weight,
        stresses=found.stress,
        endplate=contacts["endplate"] * body_weight,
        hips={side: contacts[side] * body_weight for side in SIDES},
        weight=system.weights["pelvis"] * body_weight,
        weight_at=system.centres["pelvis"],
        optimality=found.optimality,
    )


class _Balance:
    """The equations of the bodies, forces as shares of body weight, moments times mm."""

    def __init__(self, posture: Posture, frame: Frame, musculature: Musculature, pulls: list[Pull]) -> None:
        self.frame, self.pulls = frame, pulls
        segments = musculature.segments
        ground = {side: force for side, force in ground_of(posture).items() if force is not None}
        self.ground = {side: frame.turns["space"] @ force for side, force in ground.items()}
        felt = -sum(self.ground.values(), np.zeros(3))
        shares = {"trunk": segments.trunk, "pelvis": segments.pelvis, "leg_right": segments.leg, "leg_left": segments.leg}
        self.weights = {body: share * felt for body, share in shares.items()}
        self.centres = {
            "trunk": frame.on_trunk(np.array(segments.trunk_centre)),
            "pelvis": frame.endplate + frame.size * np.array(segments.pelvis_centre),
        }
        # Centres of the legs are drawn for the same body as the trunk's: the musculature's scale of legs is for muscles.
        for side in SIDES:
            centre = np.array(segments.leg_centre) * frame.size / frame.leg_scale
            self.centres[f"leg_{side}"] = frame.on_leg(centre, side)
        self.force = {body: np.array([pull.wrench(body, np.zeros(3))[0] for pull in pulls]).T for body in shares}

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """(m, n) moment of each muscle's unit tension in every balance, and (m,) moments of the weights."""
        rows, loads = [], []
        joints = {"trunk": self.frame.endplate}
        joints |= {f"leg_{side}": self.frame.hips[side] for side in SIDES if side not in self.ground}
        for body, joint in joints.items():
            rows.append(np.array([pull.wrench(body, joint)[1] for pull in self.pulls]).T)
            loads.append(np.cross(self.centres[body] - joint, self.weights[body]))
        # The pelvis, its contact forces replaced by what the other bodies hand on.
        row = np.array([pull.wrench("pelvis", np.zeros(3))[1] for pull in self.pulls]).T
        load = np.cross(self.centres["pelvis"], self.weights["pelvis"])
        for place, body, extra in self._joints():
            row = row + np.cross(place, self.force[body], axisb=0, axisc=0)
            load = load + np.cross(place, self.weights[body] + extra)
        return np.vstack([*rows, row]), np.concatenate([*loads, load])

    def _joints(self) -> list[tuple[FloatArray, str, FloatArray]]:
        return [(self.frame.endplate, "trunk", np.zeros(3))] + [
            (self.frame.hips[side], f"leg_{side}", self.ground.get(side, np.zeros(3))) for side in SIDES
        ]

    def contacts(self, shares: FloatArray) -> dict[str, FloatArray]:
        """Contact forces on the pelvis for given tensions: what each body hands on."""
        handed = [self.force[body] @ shares + self.weights[body] + extra for _, body, extra in self._joints()]
        return dict(zip(("endplate", *SIDES), handed, strict=True))

    def limits(self) -> tuple[FloatArray, FloatArray]:
        """Contacts press: into the sockets, and down on the endplate."""
        axes = [-self.frame.endplate_normal, *(self.frame.socket_axes[side] for side in SIDES)]
        rows, margins = [], []
        for axis, (_, body, extra) in zip(axes, self._joints(), strict=True):
            rows.append(axis @ self.force[body])
            margins.append(-float(axis @ (self.weights[body] + extra)))
        return np.array(rows), np.array(margins)
