"""Landmarks that were not measured follow those that were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sacrofem.shapes.field import FloatArray


def follow_landmarks(
    template: Mapping[str, Sequence[float]], measured: Mapping[str, Sequence[float]], held: Sequence[str] = ()
) -> dict[str, FloatArray]:
    """Place a template's landmarks in another pelvis.

    The displacements of the measured landmarks are interpolated by the biharmonic spline of space (kernel r, with an
    affine part): the landmarks in between move along, and a measured pelvis that is an affine image of the template
    gets exactly that image.

    Args:
        template: Name -> point of the template, right side, frame G, mm.
        measured: Name -> point of those that were measured, in the same frame, mm.
        held: Names of further landmarks that stay where the template has them, such as the sacrum's.

    Returns:
        Name -> (3,) point for every landmark of the template.

    Raises:
        KeyError: a measured or held name is not in the template.
    """
    anchors = [*measured, *(name for name in held if name not in measured)]
    source = np.array([template[name] for name in anchors], dtype=np.float64)
    target = np.array([measured.get(name, template[name]) for name in anchors], dtype=np.float64)
    every = np.array(list(template.values()), dtype=np.float64)
    if len(anchors) == 0:
        return dict(zip(template, every, strict=True))
    moved = every + interpolate_displacements(source, target - source, every)
    return {name: np.array(measured[name], dtype=np.float64) if name in measured else moved[i] for i, name in enumerate(template)}


def interpolate_displacements(source: FloatArray, values: FloatArray, points: FloatArray) -> FloatArray:
    """(n, 3) displacements at points from (m, 3) at sources; least squares, so few anchors give no singular system."""

    def distances(a: FloatArray) -> FloatArray:
        return np.linalg.norm(a[:, None, :] - source[None, :, :], axis=-1)

    def affine(a: FloatArray) -> FloatArray:
        return np.column_stack([np.ones(len(a)), a])

    count = len(source)
    system = np.zeros((count + 4, count + 4))
    system[:count, :count] = distances(source)
    system[:count, count:] = affine(source)
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.lstsq(system, np.vstack([values, np.zeros((4, 3))]), rcond=None)[0]
    return distances(points) @ weights[:count] + affine(points) @ weights[count:]
