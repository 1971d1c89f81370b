"""Ischium and pubis: rods from the socket to the tuberosity and to the symphysis, around the obturator foramen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.hip.parameters import HipParameters
from sacrofem.shapes.hip.plates import pubic_plate
from sacrofem.shapes.hip.rods import rod
from sacrofem.shapes.primitives import smooth_union, tapered_capsule

#: How fast the ellipse of the symphyseal face shrinks laterally.
_FLARE = 0.50
_UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class Symphysis:
    """Where the pubic faces meet, on the midplane.

    Attributes:
        centre: (3,) centre of the disc, mm.
        along: (3,) unit vector along the joint, cranial.
        forward: (3,) unit vector normal to it in the midplane, anterior.
        height: Of the faces, mm.
        depth: Of the faces from front to back, mm.
        gap: Between the faces, mm.
    """

    centre: FloatArray
    along: FloatArray
    forward: FloatArray
    height: float
    depth: float
    gap: float

    @classmethod
    def of(cls, parameters: HipParameters) -> Symphysis:
        """The symphysis that the parameters describe."""
        top, bottom = (parameters.landmarks[f"Symphysis_{end}"] for end in ("sup", "inf"))
        along = (top - bottom) / np.linalg.norm(top - bottom)
        size = parameters.entry.symphysis
        return cls(0.5 * (top + bottom), along, np.array([along[1], -along[0], 0.0]), size.height, size.depth, size.gap)

    def outline(self, points: FloatArray) -> FloatArray:
        """(n,) distance from the elliptical outline of the faces, seen along z; negative inside."""
        local = points - self.centre
        up, front = local @ self.along, local @ self.forward
        # Scaled by the short semi-axis: low towards the long ends, but without the kinks of a first-order distance inside.
        outline: FloatArray = (np.hypot(2.0 * up / self.height, 2.0 * front / self.depth) - 1.0) * 0.5 * self.depth
        return outline


def obturator_normal(parameters: HipParameters) -> FloatArray:
    """Outward (anterolateral) unit normal of the plane of the obturator foramen."""
    at = parameters.landmarks
    ischium = 0.5 * (at["LesserNotch"] + at["IschialTuberosity_low"])
    normal = np.cross(at["InfRamus_mid"] - at["SupRamus_narrow"], ischium - at["SupRamus_narrow"])
    normal *= np.sign(normal[0])
    return normal / np.linalg.norm(normal)


def ischium(parameters: HipParameters) -> Shape:
    """Body of the ischium with its tuberosity behind."""
    at = parameters.landmarks
    low, back = at["IschialTuberosity_low"], at["LesserNotch"]
    height = back[1] - low[1]
    # Half the anteroposterior and the mediolateral size of the body, from the socket down, mm (RECALLED).
    semi = np.array([[14.0, 13.0], [14.5, 12.5], [13.5, 12.0], [11.0, 10.5]])
    nodes = np.array(
        [
            back + np.array([15.5, 0.25 * height, 13.0]),
            back + np.array([16.0, -0.06 * height, 8.0]),
            back + np.array([16.5, -0.42 * height, 2.5]),
            low + np.array([0.5, 14.5, 0.0]),
        ]
    )
    body = rod(nodes, semi, np.array([0.25, 0.0, 1.0]))
    upper, lower = back + np.array([5.0, -0.26 * height, 5.0]), low + np.array([-3.5, 17.0, 1.0])

    def distance(points: FloatArray) -> FloatArray:
        return smooth_union(body(points), tapered_capsule(points, upper, lower, 11.5, 12.0), 10.0)

    return distance


def superior_ramus(parameters: HipParameters) -> Shape:
    """Superior ramus from the socket to the pubic body; its narrowest section is a parameter."""
    at = parameters.landmarks
    lateral, narrow, medial = (at[f"SupRamus_{place}"] for place in ("lateral", "narrow", "medial"))
    height, thickness = (0.5 * size for size in parameters.entry.rami.superior)
    along = medial - lateral
    nodes = np.array(
        [lateral + np.array([-7.0, 3.0, 11.0]), lateral, narrow, medial, medial + 0.45 * (medial - narrow) + [1.0, -1.0, 0.0]]
    )
    growth = np.array([[1.5, 2.1], [1.2, 1.6], [1.0, 1.0], [0.9, 1.25], [0.8, 1.1]])
    return rod(nodes, growth * [height, thickness], np.cross(along, _UP))


def inferior_ramus(parameters: HipParameters) -> Shape:
    """Ramus of the ischium and inferior ramus of the pubis, a flat bar that runs into the pubic body."""
    at = parameters.landmarks
    symphysis = Symphysis.of(parameters)
    height, thickness = (0.5 * size for size in parameters.entry.rami.inferior)
    start = at["IschialTuberosity_low"] + np.array([1.0, 13.0, 0.0])
    end = symphysis.centre - 0.22 * symphysis.height * symphysis.along + np.array([-1.5, 0.0, 14.0])
    nodes = np.array([start, at["InfRamus_lateral"], at["InfRamus_mid"], end])
    growth = np.array([[1.6, 2.4], [17.0 / 15.0, 1.15], [1.0, 1.0], [1.1, 1.3]])
    return rod(nodes, growth * [height, thickness], obturator_normal(parameters))


def pubic_body(parameters: HipParameters) -> Shape:
    """Body of the pubis with crest and tubercle; it runs beyond the midplane and has to be cut at the symphyseal face."""
    at = parameters.landmarks
    symphysis = Symphysis.of(parameters)
    tubercle, medial = at["PubicTubercle"], at["SupRamus_medial"]
    plate = pubic_plate(parameters)
    face = 0.5 * symphysis.gap
    crest_end = symphysis.centre + (0.5 * symphysis.height - 5.0) * symphysis.along + 2.0 * symphysis.forward + [0.0, 0.0, 8.0]
    peak = tubercle + 5.5 * (medial - tubercle) / np.linalg.norm(medial - tubercle)

    def distance(points: FloatArray) -> FloatArray:
        # The ellipse of the face shrinks laterally into the body.
        column = (symphysis.outline(points) + _FLARE * np.maximum(points[:, 2] - face - 1.5, 0.0)) / np.hypot(1.0, _FLARE)
        solid = smooth_union(plate(points), column, 3.0)
        solid = smooth_union(solid, tapered_capsule(points, crest_end, peak, 4.0, 4.0), 5.0)
        return smooth_union(solid, tapered_capsule(points, medial, peak, 6.5, 4.0), 6.0)

    return distance
