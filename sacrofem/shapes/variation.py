"""Individuals: an anatomy changed by the parameters of a virtual population."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.interpolate import PchipInterpolator

from sacrofem.catalogue.hip import Hip, Point
from sacrofem.catalogue.models import Anatomy, Section
from sacrofem.catalogue.variation import FrameTurns, Variation
from sacrofem.shapes.arc import VENTRAL_LINE
from sacrofem.shapes.field import FloatArray
from sacrofem.shapes.hip.landmark_following import follow_landmarks
from sacrofem.shapes.landmarks import Landmarks
from sacrofem.shapes.turning import turn_matrix

#: The sacrum's landmarks that the hip bone meets.
_JOINT = ("AUR_corner", "AUR_short_end", "AUR_long_end", "AUR_centroid")
#: Landmarks of the hip bone that stay when the joint moves: those of its front and its lower part, and the top of the crest.
_HELD = (
    "ASIS", "AIIS", "PubicTubercle", "IschialSpine", "IliacCrest_top", "Iliac_tubercle_lateral", "IschialTuberosity_low", "HJC",
    "Symphysis_sup", "Symphysis_inf", "SupRamus_medial", "SupRamus_narrow", "SupRamus_lateral", "InfRamus_mid",
    "InfRamus_lateral",
)  # fmt: skip
#: How much of the fall of a dysmorphic ala its landmarks take: all between body and joint, none at the joint.
_ALAR_FALL = {"Ala_ant_medial": 0.8, "Ala_ant_mid": 1.0, "Ala_sup_mid": 1.0, "Ala_sup_lateral": 0.4, "Ala_ant_lateral_brim": 0.2}
#: Fall of the cranial surface of a fully dysmorphic ala along the endplate's normal, and hollowing of its pelvic surface, mm;
#: rise of the misshapen first foramina, and how much higher than others they are, mm. Chosen so that the S1 corridor of the
#: template comes down to the radius measured in the dysmorphic z013 (diameter 7-10 mm).
_FALL, _HOLLOW, _RISE, _HIGHER = 13.0, 6.0, 3.0, 3.0
#: The hollow: where across (mm, at the template's endplate half width of 24) and along (levels) it lies.
_HOLLOW_ACROSS, _HOLLOW_LEVELS = ((18.0, 26.0, 36.0, 46.0), (0.0, 1.0, 1.0, 0.0)), ((0.0, 0.2, 0.6, 1.0), (1.0, 1.0, 1.0, 0.0))
_TEMPLATE_HALF_WIDTH = 24.0


def vary_anatomy(anatomy: Anatomy) -> Anatomy:
    """Apply an anatomy's ``variation`` to its figures.

    Landmarks, sections, sizes of openings and hip bones change together: where the sacroiliac joint moves, the posterior ilium
    follows it while the front of the hip bone stays.

    Args:
        anatomy: The anatomy.

    Returns:
        The individual's anatomy: only its cortex is still left to vary, which is a matter of the BMD level.
    """
    variation = anatomy.variation
    if variation == Variation(cortical_thickness_factor=variation.cortical_thickness_factor):
        return anatomy
    varied = anatomy.model_copy(update={"variation": Variation(cortical_thickness_factor=variation.cortical_thickness_factor)})
    if variation.alar_dysmorphism > 0.0:
        varied = _dysmorphic(varied, variation.alar_dysmorphism)
    if variation.curvature != 1.0:
        varied = _curved(varied, variation.curvature)
    if variation.pelvic_incidence != 0.0:
        varied = turn_sacrum(varied, variation.pelvic_incidence)
    varied = _with_following_hip(varied, anatomy)
    if variation.breadth != 1.0:
        varied = _broadened(varied, variation.breadth)
    if variation.sacral_slope != 0.0:
        varied = turn_anatomy(varied, variation.sacral_slope)
    return varied.model_copy(update={"scale": varied.scale * variation.size})


def turn_sacrum(anatomy: Anatomy, degrees: float) -> Anatomy:
    """The sacrum turned forwards about the origin, the hip bones left as they are."""
    turns = FrameTurns(sacrum=anatomy.turns.sacrum + degrees, hips=anatomy.turns.hips)
    # Turned there and back, an anatomy is what it was: no rest of rounding may make it another one.
    turns = FrameTurns(sacrum=round(turns.sacrum, 9), hips=round(turns.hips, 9))
    return anatomy.model_copy(update={"landmarks": _turned(anatomy.landmarks, degrees), "turns": turns})


def turn_anatomy(anatomy: Anatomy, degrees: float) -> Anatomy:
    """Sacrum and hip bones turned forwards about the origin."""
    turned = turn_sacrum(anatomy, degrees)
    turns = FrameTurns(sacrum=turned.turns.sacrum, hips=round(anatomy.turns.hips + degrees, 9))
    hip = anatomy.hip
    if hip is not None:
        normal = _turned({"": hip.acetabulum.normal}, degrees)[""]
        socket = hip.acetabulum.model_copy(update={"normal": normal})
        hip = hip.model_copy(update={"landmarks": _turned(hip.landmarks, degrees), "acetabulum": socket})
    return turned.model_copy(update={"turns": turns, "hip": hip})


def _turned(landmarks: Mapping[str, Point], degrees: float) -> dict[str, Point]:
    turn = turn_matrix(degrees)
    return {name: _point(turn @ np.array(at)) for name, at in landmarks.items()}


def _point(at: FloatArray) -> Point:
    x, y, z = (float(value) for value in at)
    return x, y, z


def _dysmorphic(anatomy: Anatomy, share: float) -> Anatomy:
    """The ala falls away from the endplate, its pelvic surface is hollow, and the first foramina stand high."""
    normal = Landmarks.of(anatomy).endplate_normal
    landmarks = dict(anatomy.landmarks)
    for name, part in _ALAR_FALL.items():
        landmarks[name] = _point(np.array(landmarks[name]) - share * part * _FALL * normal)
    for name in ("FV1", "FD1", "Foramen1_roof"):
        landmarks[name] = _point(np.array(landmarks[name]) + share * _RISE * normal)
    wide = anatomy.landmarks["S1_endplate_lateral"][2] / _TEMPLATE_HALF_WIDTH
    across = np.interp(np.array(anatomy.across) / wide, *_HOLLOW_ACROSS)
    sections = []
    for section in anatomy.sections:
        deep = share * _HOLLOW * float(np.interp(section.level, *_HOLLOW_LEVELS)) * across
        ventral = tuple(float(value) for value in np.array(section.ventral) - deep)
        sections.append(section.model_copy(update={"ventral": ventral}))
    (height, width), *others = anatomy.ventral_foramen_size
    foramina = ((height + share * _HIGHER, width), *others)
    return anatomy.model_copy(update={"landmarks": landmarks, "sections": tuple(sections), "ventral_foramen_size": foramina})


def _curved(anatomy: Anatomy, factor: float) -> Anatomy:
    """The sacrum bent more or less: every point moves with the ventral midline, normal to its chord."""
    line = np.array([anatomy.landmarks[name] for name in VENTRAL_LINE])[:, :2]
    chord = (line[-1] - line[0]) / np.linalg.norm(line[-1] - line[0])
    backwards = np.array([chord[1], -chord[0]])
    along, depth = (line - line[0]) @ chord, (line - line[0]) @ backwards
    curve = PchipInterpolator(along, depth)

    def moved(at: Point) -> Point:
        x, y = (factor - 1.0) * curve(np.clip((np.array(at[:2]) - line[0]) @ chord, 0.0, along[-1])) * backwards
        return at[0] + float(x), at[1] + float(y), at[2]

    return anatomy.model_copy(update={"landmarks": {name: moved(at) for name, at in anatomy.landmarks.items()}})


def _with_following_hip(varied: Anatomy, template: Anatomy) -> Anatomy:
    """The hip bone's landmarks near the joint follow where the joint went."""
    hip = template.hip
    if hip is None or all(varied.landmarks[name] == template.landmarks[name] for name in _JOINT):
        return varied
    joint = {name: varied.landmarks[name] for name in _JOINT}
    every = {**{name: template.landmarks[name] for name in _JOINT}, **hip.landmarks}
    held = [name for name in _HELD if name in hip.landmarks]
    followed = follow_landmarks(every, joint, held)
    landmarks = {name: _point(followed[name]) for name in hip.landmarks}
    return varied.model_copy(update={"hip": hip.model_copy(update={"landmarks": landmarks})})


def _broadened(anatomy: Anatomy, factor: float) -> Anatomy:
    """Places and widths across the body enlarged."""

    def landmarks(given: Mapping[str, Point]) -> dict[str, Point]:
        return {name: (x, y, factor * z) for name, (x, y, z) in given.items()}

    def sizes(pairs: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        return tuple((along, factor * width) for along, width in pairs)

    def section(given: Section) -> Section:
        widths = {"half_width": factor * given.half_width, "body_half_width": factor * given.body_half_width}
        return given.model_copy(update=widths)

    hip: Hip | None = anatomy.hip
    return anatomy.model_copy(
        update={
            "landmarks": landmarks(anatomy.landmarks),
            "across": tuple(factor * place for place in anatomy.across),
            "sections": tuple(section(given) for given in anatomy.sections),
            "ventral_foramen_size": sizes(anatomy.ventral_foramen_size),
            "dorsal_foramen_size": sizes(anatomy.dorsal_foramen_size),
            "canal_size": sizes(anatomy.canal_size),
            "hiatus_width": factor * anatomy.hiatus_width,
            "hip": hip and hip.model_copy(update={"landmarks": landmarks(hip.landmarks)}),
        }
    )
