"""The bone of a sacrum without its openings: a relief on an arc, cut by the alae's cranial surface and the joints."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RBFInterpolator

from sacrofem.catalogue.models import Anatomy
from sacrofem.shapes.arc import Arc, Relief, curve
from sacrofem.shapes.field import FloatArray, Shape
from sacrofem.shapes.landmarks import Landmarks, mirrored
from sacrofem.shapes.primitives import project_on_segment, smooth_intersection, smooth_union
from sacrofem.shapes.processes import add_processes, dorsal_processes

#: Landmarks on the cranial surface of the ala.
_CRANIAL = ("Ala_ant_mid", "Ala_ant_lateral_brim", "Ala_sup_mid", "Ala_sup_lateral", "Ala_lateral_tip")
#: Rounding of the margins, mm: between the pelvic and dorsal surfaces and the lateral one; at the endplate's
#: rim, and at the linea terminalis.
_MARGIN = 4.0
_RIM = (2.0, 3.5)
#: Bodies are hollowed by this between their ends, mm, which leaves the transverse ridges at the disc remnants (RECALLED).
_WAIST = 1.3
#: Height of the S1 lamina's upper edge over the landmark on its inner wall, mm (RECALLED).
_LAMINA_EDGE = 2.5
#: The ala's surface, continued to the endplate's rim, lies so far below it, mm (Spine 1998: the body stands 11 above the ala).
_STEP_DOWN = 11.0
#: Lateral mass recedes from the joint's plane outside the auricular surface: mm per mm, and mm until it does so fully.
_RECESS = (0.8, 3.0)
#: Caudal of the joint the recess fades over this, mm.
_FADE = 18.0
#: Largest swelling of the joint's plane at the ala's lateral tip, and its extent, mm; the tolerance of the joint's
#: facets covers it.
_TIP_SWELL, _TIP_EXTENT = 2.4, 10.0


def solid_shape(anatomy: Anatomy) -> Shape:
    """The bone without its openings.

    Args:
        anatomy: The anatomy; its scale is not applied.

    Returns:
        Signed distance, mm.
    """
    marks = Landmarks.of(anatomy)
    arc = Arc.through(marks.at)
    along = arc.station(np.array([section.level for section in anatomy.sections]))
    across = np.array(anatomy.across)
    rows, columns = Relief.axes(along, across)
    midline = arc.midline(rows)[:, None]
    waist = _WAIST * np.sin(np.pi * np.interp(rows, arc.stations, np.arange(6.0)))[:, None] ** 2
    hollow = waist * np.clip(1.0 - (columns / 16.0) ** 2, 0.0, None)
    ventral = Relief.of_sections(along, across, np.array([s.ventral for s in anatomy.sections]), midline - hollow)
    dorsal = Relief.of_sections(along, across, -np.array([s.dorsal for s in anatomy.sections]), midline)
    half_width = curve(along, np.array([section.half_width for section in anatomy.sections]))
    narrowing = half_width.derivative()
    apex = float(arc.stations[-1]) + 0.7
    cranial, lateral = _cranial(marks, anatomy), _lateral(marks, anatomy)
    processes = dorsal_processes(marks, anatomy.hiatus_width)
    width = marks.endplate_semi_axes[1]
    rim_from = (0.8 * width, 1.2 * width)

    def distance(points: FloatArray) -> FloatArray:
        right = mirrored(points)
        s, height = arc.coordinates(right)
        front, front_steep = ventral.read(s, right[:, 2])
        back, back_steep = dorsal.read(s, right[:, 2])
        side = smooth_intersection(lateral(right), (right[:, 2] - half_width(s)) / np.sqrt(1.0 + narrowing(s) ** 2), _MARGIN)
        side = smooth_intersection(side, s - apex, _MARGIN)
        slab = smooth_intersection((height - front) / front_steep, side, _MARGIN)
        slab = smooth_intersection(slab, (back - height) / back_steep, _MARGIN)
        rim = np.interp(right[:, 2], rim_from, _RIM)
        slab = smooth_intersection(slab, cranial(right), rim)
        return add_processes(right, slab, processes)

    return distance


def _cranial(marks: Landmarks, anatomy: Anatomy) -> Shape:
    """Below the flat endplate, the shoulder around it and the alae: a height over the endplate's plane."""
    centre, normal, forward = marks.endplate_centre, marks.endplate_normal, marks.endplate_forward
    depth, width = marks.endplate_semi_axes
    given = [marks.at[name] for name in _CRANIAL]
    given.append(marks.at["C_post_S1"] + _LAMINA_EDGE * normal - 2.0 * forward)
    given.append(marks.at["S1_endplate_lateral"] - _STEP_DOWN * normal)
    given.append(marks.at["SP_promontory"] - _STEP_DOWN * normal)
    known = np.array([[p @ forward, sign * p[2], p @ normal] for p in given for sign in (1.0, -1.0) if sign > 0 or p[2] > 0])
    ala = RBFInterpolator(known[:, :2], known[:, 2], kernel="thin_plate_spline", smoothing=0.3)
    forwards, columns = np.arange(-60.0, 40.0, 0.5), np.arange(0.0, 62.0, 0.5)
    grid = np.stack(np.meshgrid(forwards, columns, indexing="ij"), axis=-1)
    fall = ala(grid.reshape(-1, 2)).reshape(grid.shape[:2])
    # Distance outside the endplate's rim: an oval, a little squarer than an ellipse.
    local = np.abs(grid - np.array([centre @ forward, 0.0])) / np.array([depth, width])
    radial = (local**2.1).sum(axis=-1) ** (1 / 2.1)
    outside = (radial - 1.0) * np.linalg.norm(grid - np.array([centre @ forward, 0.0]), axis=-1) / np.maximum(radial, 1e-9)
    blend = np.clip(outside / anatomy.endplate_shoulder, 0.0, 1.0)
    relief = Relief.of_table(forwards, fall * blend * blend * (3.0 - 2.0 * blend))

    def distance(points: FloatArray) -> FloatArray:
        top, steep = relief.read(points @ forward, points[:, 2])
        return (points @ normal - top) / steep

    return distance


def _lateral(marks: Landmarks, anatomy: Anatomy) -> Shape:
    """Medial of the auricular surface, from which the rough tuberosity behind it recedes."""
    centre, normal = marks.auricular_plane
    slope, turn = _RECESS
    (corner, cranial_end), (_, caudal_end) = marks.auricular_limbs
    limb = caudal_end - corner
    length = float(np.linalg.norm(limb))
    tip = marks.at["Ala_lateral_tip"]
    swell = float((tip - centre) @ normal)

    def distance(points: FloatArray) -> FloatArray:
        off = (points - centre) @ normal
        flat = points - off[:, None] * normal
        cranial = project_on_segment(flat, corner, cranial_end)[1]
        caudal = project_on_segment(flat, corner, caudal_end)[1]
        # Caudal of the joint the sections' half widths take over.
        past = ((flat - corner) @ limb / length - length) / _FADE
        fade = 0.5 * (1.0 + np.cos(np.pi * np.clip(past, 0.0, 1.0)))
        beyond = np.maximum(smooth_union(cranial, caudal, 12.0) - anatomy.auricular_half_width - 1.0, 0.0)
        recess = fade * slope * beyond * beyond / (beyond + turn)
        steep = slope * beyond * (beyond + 2.0 * turn) / (beyond + turn) ** 2
        bulge = min(swell, _TIP_SWELL) * np.exp(-((points - tip)[:, :2] ** 2).sum(axis=1) / _TIP_EXTENT**2)
        return (off + recess - bulge) / np.sqrt(1.0 + steep**2)

    return distance
