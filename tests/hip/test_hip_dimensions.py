"""Landmarks, breadths, socket, foramen and inlet of the female hip bone against the tables of anatomy."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import label
from scipy.spatial import cKDTree

from sacrofem.shapes.hip.ischiopubis import Symphysis, obturator_normal
from tests.hip.measuring import euler_number, facets

#: Landmarks on the surface of the bone (anatomy.md, section 2).
SURFACE_LANDMARKS = (
    "ASIS", "AIIS", "PubicTubercle", "PSIS", "PIIS", "IschialSpine", "IliacCrest_top", "Iliac_tubercle_lateral",
    "IschialTuberosity_low", "Inlet_transverse_max",
)  # fmt: skip


def test_landmarks_lie_on_the_surface(ring, surface, parameters, report):
    for name in SURFACE_LANDMARKS:
        at = parameters.landmarks[name]
        away = cKDTree(surface.points).query(at)[0]
        report(f"surface to {name}", away, "< 3.5")
        assert away < 3.5, name


def test_breadths_and_height(surface, parameters, report):
    points = surface.points
    at = parameters.landmarks
    expected = {
        "ASIS-ASIS": ("ASIS", 218, 5), "AIIS-AIIS": ("AIIS", 190, 7), "PSIS-PSIS": ("PSIS", 97, 6),
    }  # fmt: skip
    for name, (landmark, value, tolerance) in expected.items():
        tip = points[cKDTree(points).query(at[landmark])[1]]
        report(name, 2 * tip[2], f"{value} ± {tolerance}")
        assert abs(2 * tip[2] - value) < tolerance
    bicristal = 2 * points[points[:, 1] > -40, 2].max()
    report("bicristal", bicristal, "252 ± 5")
    assert abs(bicristal - 252) < 5
    height = np.ptp(points[:, 1])
    report("pelvic height", height, "200-205")
    assert 198 < height < 207
    spine = points[np.linalg.norm(points - at["IschialSpine"], axis=1) < 8]
    tip = spine[np.argmin(spine[:, 0])]
    report("interspinous", 2 * tip[2], "111-112 ± 8")
    assert abs(2 * tip[2] - 111.5) < 8
    inner = points[(points[:, 1] < -150) & (points[:, 1] > -172) & (points[:, 0] < 12)]
    low = points[np.argmin(points[:, 1])]
    report("intertuberous (lowest points)", 2 * low[2], "112 (landmark); 120.6 ± 11.3")
    report("intertuberous (inner margins)", 2 * inner[:, 2].min(), "none")
    assert abs(2 * low[2] - 116) < 10


def test_acetabulum(ring, surface, parameters, report):
    centroids, normals, areas = facets(surface)
    mine = ring.surfaces["acetabulum_right"](centroids, normals)
    points = centroids[mine]
    system = np.column_stack([2 * points, np.ones(len(points))])
    solution = np.linalg.lstsq(system, np.sum(points**2, axis=1), rcond=None)[0]
    centre, radius = solution[:3], np.sqrt(solution[3] + solution[:3] @ solution[:3])
    report("acetabular radius", radius, "24")
    report("inter-hip-centre", 2 * centre[2], "159-169")
    report("acetabular centre off HJC", np.linalg.norm(centre - parameters.landmarks["HJC"]), "< 1")
    assert abs(radius - 24) < 0.5
    assert np.linalg.norm(centre - parameters.landmarks["HJC"]) < 1.0
    # Rim: facets of the socket farthest from the pole; a plane through them.
    local = centroids - centre
    rim = local[(np.abs(np.linalg.norm(local, axis=1) - radius - 2.0) < 1.5) & (local @ parameters.acetabular_normal > -6)]
    pole = np.linalg.svd(rim - rim.mean(axis=0))[2][2]
    angle = np.degrees(np.arccos(abs(pole @ parameters.acetabular_normal)))
    report("acetabular axis off (0.25, -0.70, 0.66), degrees", angle, "< 8")
    assert angle < 8
    report("acetabular articular area, cm2", areas[mine].sum() / 100, "20-28 RECALLED")
    assert 18 < areas[mine].sum() / 100 < 30


def test_obturator_foramen_is_open(ring, parameters, report):
    at = parameters.landmarks
    normal = obturator_normal(parameters)
    centre = 0.3 * at["SupRamus_narrow"] + 0.3 * at["InfRamus_mid"] + 0.4 * (at["LesserNotch"] + [18, -14, 0])
    first = np.cross(normal, [0.0, 1.0, 0.0])
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    steps = np.arange(-45.0, 45.1, 0.75)
    u, v = np.meshgrid(steps, steps, indexing="ij")
    blocked = np.zeros(u.shape, dtype=bool)
    for depth in np.arange(-25.0, 25.1, 1.5):
        blocked |= (
            ring.hip_right(centre + depth * normal + u.reshape(-1, 1) * first + v.reshape(-1, 1) * second).reshape(u.shape) < 0
        )
    parts, _ = label(~blocked)
    middle = len(steps) // 2
    assert parts[middle, middle]
    hole = parts == parts[middle, middle]
    rim = np.concatenate([hole[0], hole[-1], hole[:, 0], hole[:, -1]])
    assert not rim.any(), "the foramen is not closed around"
    points = np.column_stack([u[hole], v[hole]])
    axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2]
    length, breadth = np.ptp(points @ axes.T, axis=0)
    report("obturator foramen length", length, "40-56 (RECALLED 50)")
    report("obturator foramen breadth", breadth, "25-40 (RECALLED 33)")
    assert 40 < length < 56
    assert 25 < breadth < 40


def test_one_hole_and_no_other(surface):
    assert euler_number(surface) == 0


def test_pelvic_inlet(ring, surface, parameters, report):
    promontory = parameters.landmarks["SP_promontory"]
    disc = Symphysis.of(parameters)
    upper_back = disc.centre + np.outer(np.linspace(-0.5, 0.5, 60) * disc.height, disc.along) - 0.5 * disc.depth * disc.forward
    obstetric = np.linalg.norm(upper_back - promontory, axis=1).min()
    report("obstetric conjugate", obstetric, "121.7 ± 8.6")
    assert abs(obstetric - 121.7) < 10
    # Widest transverse diameter: the inner wall along the linea terminalis, from the joint to the superior ramus.
    line = [parameters.landmarks[name] for name in ("Ala_ant_lateral_brim", "Inlet_transverse_max", "SupRamus_lateral")]
    places = np.linspace(0.15, 1.85, 18)
    walls = []
    for place in places:
        first = int(place)
        on_line = line[first] + (place - first) * (line[first + 1] - line[first])
        across = np.array([on_line[0], on_line[1], 0.0]) + np.arange(0.0, 110.0, 0.1)[:, None] * [0.0, 0.0, 1.0]
        walls.append(across[np.argmax(ring.hip_right(across) < 0), 2])
    report("transverse inlet", 2 * max(walls), "122 (landmark); 129.5 ± 8.7")
    assert 118 < 2 * max(walls) < 138
