"""Morphometry of the parametric hip bone and pelvic ring F50 against anatomy.md, measured on the shape itself."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.spatial import cKDTree

from sacrofem.catalogue.library import Library
from sacrofem.catalogue.models import Anatomy
from sacrofem.errors import GeometryError
from sacrofem.mesh.surface import Surface, contour_shape
from sacrofem.shapes.field import Shape
from sacrofem.shapes.hip.ischiopubis import Symphysis, obturator_normal
from sacrofem.shapes.hip.landmark_following import follow_landmarks
from sacrofem.shapes.hip.parameters import HipParameters
from sacrofem.shapes.pelvic_ring import PelvicRing, build_pelvic_ring

Array = NDArray[np.float64]

#: Landmarks on the surface of the bone (anatomy.md, section 2).
SURFACE_LANDMARKS = (
    "ASIS", "AIIS", "PubicTubercle", "PSIS", "PIIS", "IschialSpine", "IliacCrest_top", "Iliac_tubercle_lateral",
    "IschialTuberosity_low", "Inlet_transverse_max",
)  # fmt: skip


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    return Library.standard().get(Anatomy, "female_elderly")


@pytest.fixture(scope="module")
def given(anatomy: Anatomy) -> dict:
    assert anatomy.hip
    return anatomy.hip.model_dump(mode="json")


def with_hip(anatomy: Anatomy, hip: dict) -> Anatomy:
    return Anatomy.model_validate({**anatomy.model_dump(mode="json"), "hip": hip})


@pytest.fixture(scope="module")
def parameters(anatomy: Anatomy) -> HipParameters:
    assert anatomy.hip
    return HipParameters.of(anatomy.hip, anatomy.landmarks)


@pytest.fixture(scope="module")
def ring(anatomy: Anatomy) -> PelvicRing:
    return build_pelvic_ring(anatomy)


@pytest.fixture(scope="module")
def surface(ring: PelvicRing) -> Surface:
    return contour_shape(ring.hip_right, ring.right.bounds, 1.25)


@pytest.fixture(scope="module")
def report():
    """Collect measured values; shown by `pytest -s`."""
    rows: list[tuple[str, float, str]] = []
    yield lambda name, value, expected: rows.append((name, float(value), expected))
    sys.stdout.write("\n" + "\n".join(f"| {n} | {v:.1f} | {e} |" for n, v, e in rows) + "\n")


def facets(surface: Surface) -> tuple[Array, Array, Array]:
    """Centroids, outward normals, areas."""
    a, b, c = (surface.points[surface.triangles[:, i]] for i in range(3))
    cross = np.cross(b - a, c - a)
    # Contours come with either winding.
    cross *= np.sign(np.sum(a * cross))
    double = np.linalg.norm(cross, axis=1)
    return (a + b + c) / 3, cross / np.maximum(double, 1e-12)[:, None], double / 2


def to_surface(shape: Shape, point: Array, direction: Array, reach: float) -> float:
    """Distance along ``direction`` from a point inside to the surface."""
    steps = np.arange(0.0, reach, 0.1)
    inside = shape(point + steps[:, None] * direction) < 0
    assert inside[0], f"{point} is not in bone"
    return float(steps[np.argmin(inside)]) if not inside.all() else reach


def thickness(shape: Shape, near: Array, start: Array) -> float:
    """Smallest chord through the bone near a point, over directions about ``start``."""
    rng = np.random.default_rng(1)
    directions = start + 0.35 * rng.standard_normal((60, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    return min(to_surface(shape, near, d, 40) + to_surface(shape, near, -d, 40) for d in directions)


def deepest(shape: Shape, point: Array, radius: float = 6.0) -> Array:
    """The point deepest in bone near ``point``: the middle of the plate."""
    grid = np.stack(np.meshgrid(*[np.arange(-radius, radius + 0.1, 1.0)] * 3), axis=-1).reshape(-1, 3)
    grid = point + grid[np.linalg.norm(grid, axis=1) <= radius]
    return grid[np.argmin(shape(grid))]


def section(shape: Shape, centre: Array, normal: Array, reach: float) -> tuple[float, float, float]:
    """Area, larger and smaller width of the plane section of the bone that holds ``centre`` (connected part)."""
    normal = normal / np.linalg.norm(normal)
    first = np.cross(normal, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    steps = np.arange(-reach, reach + 0.1, 0.25)
    u, v = np.meshgrid(steps, steps, indexing="ij")
    inside = shape(centre + u.reshape(-1, 1) * first + v.reshape(-1, 1) * second).reshape(u.shape) < 0
    parts, _ = label(inside)
    middle = len(steps) // 2
    assert parts[middle, middle], f"{centre} is not in bone"
    here = parts == parts[middle, middle]
    points = np.column_stack([u[here], v[here]])
    axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2]
    widths = np.ptp(points @ axes.T, axis=0)
    return here.sum() * 0.25**2, *widths


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


THICKNESS = {
    "Fossa_centre": (5.5, 1.2), "Fossa_upper": (6.0, 1.5), "Pillar_upper": (14.5, 2), "Pillar_lower": (15, 3),
    "Supra_acetabular": (22, 2.5), "AUR_centroid": (18.5, 3), "AUR_corner": (18.5, 3.5), "AUR_long_end": (18.5, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", THICKNESS)
def test_thickness(ring, parameters, report, name):
    expected, tolerance = THICKNESS[name]
    joint = np.array([0.0, 0.0, 12.0]) if name.startswith("AUR") else np.zeros(3)
    start = np.array([-0.1, -0.15, 1.0]) if name.startswith("AUR") else np.array([-0.4, -0.3, 0.85])
    near = deepest(ring.hip_right, parameters.landmarks[name] + joint, 3.0)
    measured = thickness(ring.hip_right, near, start / np.linalg.norm(start))
    report(f"thickness {name}", measured, f"{expected} ± {tolerance}")
    assert abs(measured - expected) < tolerance


def test_crest_thickness(ring, parameters, report):
    for name in ("Crest_anterior", "Crest_tubercle", "Crest_middle", "IliacCrest_top", "Crest_posterior"):
        inward = parameters.landmarks["Fossa_centre"] - parameters.landmarks[name]
        near = parameters.landmarks[name] + 6.0 * inward / np.linalg.norm(inward)
        near = deepest(ring.hip_right, near, 3.0)
        measured = thickness(ring.hip_right, near, np.array([-0.4, -0.3, 0.85]))
        low, high = (13, 16) if name == "Crest_tubercle" else (8, 13.5)
        report(f"thickness {name}", measured, f"{low}-{high}")
        assert low - 1 < measured < high + 1


def test_nowhere_thinner_than_tetrahedra_need(ring, surface, report):
    centroids, normals, _ = facets(surface)
    rng = np.random.default_rng(0)
    pick = rng.choice(len(centroids), 1500, replace=False)
    depths = np.arange(0.5, 12.0, 0.25)
    inside = np.stack([ring.hip_right(centroids[pick] - d * normals[pick]) < 0 for d in depths], axis=1)
    chord = np.where(inside.all(axis=1), 12.0, depths[np.argmin(inside, axis=1)])
    chord = chord[inside[:, 0]]
    report("thinnest plate (0.5th percentile of chords)", np.percentile(chord, 0.5), "> 3.5")
    assert np.percentile(chord, 0.5) > 3.5


def test_rami(ring, parameters, report):
    at = parameters.landmarks
    along = at["SupRamus_medial"] - at["SupRamus_lateral"]
    sections = [section(ring.hip_right, at["SupRamus_narrow"] + s * along / np.linalg.norm(along), along, 16) for s in (-4, 0, 4)]
    area, height, width = min(sections)
    report("superior ramus narrowest height", height, "19 ± 2.5")
    report("superior ramus narrowest thickness", width, "11 ± 2.5")
    report("superior ramus narrowest area, mm2", area, "165 ± 30")
    assert abs(height - 19) < 2.5
    assert abs(width - 11) < 2.5
    along = at["InfRamus_mid"] - at["InfRamus_lateral"]
    area, height, width = section(ring.hip_right, at["InfRamus_mid"], along, 12)
    report("inferior ramus height", height, "15 ± 2")
    report("inferior ramus thickness", width, "7 ± 2")
    report("inferior ramus area, mm2", area, "75-97")
    assert abs(height - 15) < 2.5
    assert abs(width - 7) < 2
    assert 70 < area < 115


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


def euler_number(surface: Surface) -> int:
    triangles = surface.triangles
    pairs = np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.unique(np.sort(pairs, axis=1), axis=0)
    return len(surface.points) - len(edges) + len(triangles)


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


def test_sacroiliac_gap(ring, surface, parameters, report):
    sacrum = contour_shape(ring.sacrum.bone, ring.sacrum.bounds, 1.0)
    tree = cKDTree(sacrum.points)
    away = tree.query(surface.points)[0]
    report("smallest distance of ilium from sacrum", away.min(), "> 2.3")
    assert ring.sacrum.bone(surface.points).min() > 2.6 - 0.25
    assert away.min() > 2.3
    # From the sacral face, away from its rim, to the ilium.
    places, outward, _ = facets(sacrum)
    face = ring.sacrum.auricular(places, outward, "right") & (ring.sacrum.bone(places + 0.5 * outward) > 0.45)
    steps = np.arange(0.0, 8.0, 0.1)
    across = np.stack([ring.hip_right(places[face] + s * outward[face]) < 0 for s in steps], axis=1)
    gap = steps[np.argmax(across, axis=1)][across.any(axis=1)]
    report("share of the sacral face that faces the ilium", across.any(axis=1).mean(), "> 0.9")
    for part in (5, 50, 95):
        report(f"joint gap, percentile {part}", np.percentile(gap, part), "2.6")
    assert across.any(axis=1).mean() > 0.9
    assert abs(np.median(gap) - 2.6) < 0.2
    assert np.percentile(np.abs(gap - 2.6), 90) < 0.6
    centroids, normals, areas = facets(surface)
    mine = ring.surfaces["iliac_auricular_right"](centroids, normals)
    report("iliac auricular area, cm2", areas[mine].sum() / 100, "13.7 ± 1.6; VSD 14-18")
    assert 10 < areas[mine].sum() / 100 < 18.5


def test_cartilage_fills_the_gap(ring, report):
    body = contour_shape(ring.cartilage_right, ring.right.bounds, 0.8)
    centroids, _, areas = facets(body)
    on_sacrum = np.abs(ring.sacrum.bone(centroids)) < 0.3
    on_ilium = np.abs(ring.hip_right(centroids)) < 0.3
    report("cartilage on sacrum, cm2", areas[on_sacrum].sum() / 100, "13.7 ± 1.6; VSD 14-18")
    report("cartilage on ilium, cm2", areas[on_ilium].sum() / 100, "the same")
    # How much there can be depends on the sacrum's face.
    sacrum = contour_shape(ring.sacrum.bone, ring.sacrum.bounds, 1.0)
    places, normals, sizes = facets(sacrum)
    face = sizes[ring.sacrum.auricular(places, normals, "right")].sum()
    report("sacral auricular facets, cm2", face / 100, "13.7 ± 1.6; VSD 14-18")
    assert areas[on_sacrum].sum() > 0.8 * face
    assert areas[on_ilium].sum() > 0.85 * areas[on_sacrum].sum()
    inside = body.points[::50]
    assert ring.hip_right(inside).min() > -0.3
    assert ring.sacrum.bone(inside).min() > -0.3


def test_symphysis(ring, surface, report):
    centroids, normals, areas = facets(surface)
    face = ring.surfaces["symphyseal_right"](centroids, normals)
    disc = contour_shape(ring.symphysis, (np.array([45.0, -165, -5]), np.array([95.0, -105, 5])), 0.5)
    centre = disc.points.mean(axis=0)
    axes = np.linalg.svd(disc.points - centre, full_matrices=False)[2]
    height, depth, gap = np.ptp((disc.points - centre) @ axes.T, axis=0)
    for name, value, expected in (("height", height, 36), ("depth", depth, 15), ("gap", gap, 4)):
        report(f"symphysis {name}", value, f"{expected}")
        assert abs(value - expected) < 0.6
    report("symphyseal face, cm2", areas[face].sum() / 100, "4.0 ± 0.9")
    assert 3.5 < areas[face].sum() / 100 < 6.0
    assert np.abs(ring.hip_right(disc.points[disc.points[:, 2] > 1.9])).max() < 1.5


def test_left_is_the_mirror_image(ring):
    points = np.random.default_rng(2).uniform(*ring.bounds, (500, 3))
    flipped = points * [1, 1, -1]
    assert np.array_equal(ring.hip_left(points), ring.hip_right(flipped))
    assert np.array_equal(ring.cartilage_left(points), ring.cartilage_right(flipped))
    normals = np.tile([0.0, 0.0, 1.0], (500, 1))
    for name in ("acetabulum", "iliac_auricular", "symphyseal"):
        left = ring.surfaces[f"{name}_left"](points, normals)
        assert np.array_equal(left, ring.surfaces[f"{name}_right"](flipped, normals * [1, 1, -1]))


MEASURED = (
    "ASIS", "AIIS", "PubicTubercle", "PSIS", "PIIS", "IschialSpine", "IliacCrest_top", "Iliac_tubercle_lateral",
    "IschialTuberosity_low", "HJC", "Symphysis_sup", "Symphysis_inf", "SupRamus_medial", "SupRamus_narrow",
    "SupRamus_lateral", "InfRamus_mid", "InfRamus_lateral", "Inlet_transverse_max",
)  # fmt: skip
JOINT = ("AUR_corner", "AUR_short_end", "AUR_long_end", "AUR_centroid")


def test_other_landmarks_follow_an_affine_image(given):
    template = given["landmarks"]
    matrix, shift = np.diag([1.05, 0.95, 1.1]) + 0.02, np.array([3.0, -2.0, 1.0])
    image = {name: matrix @ np.array(at) + shift for name, at in template.items()}
    followed = follow_landmarks(template, {name: image[name] for name in MEASURED})
    for name, at in image.items():
        assert np.allclose(followed[name], at, atol=1e-6), name


@pytest.mark.parametrize("seed", range(1))
def test_other_pelves_are_bones_too(given, anatomy, seed, report):
    """Measured landmarks moved at random by 4 mm, their neighbours following; the ASIS wider by 6 mm, as with age."""
    rng = np.random.default_rng(seed)
    template = {**{name: anatomy.landmarks[name] for name in JOINT}, **given["landmarks"]}
    measured = {}
    for name in MEASURED:
        step = rng.uniform(-1, 1, 3)
        step[2] *= not name.startswith("Symphysis")
        measured[name] = np.array(template[name]) + 4.0 * step / max(1.0, np.linalg.norm(step))
    measured["ASIS"] = measured["ASIS"] + [0.0, 0.0, 6.0]
    followed = follow_landmarks(template, measured, JOINT)
    other = build_pelvic_ring(with_hip(anatomy, {**given, "landmarks": {name: followed[name] for name in given["landmarks"]}}))
    surface = contour_shape(other.hip_right, other.right.bounds, 1.5)
    assert euler_number(surface) == 0
    away = cKDTree(surface.points).query([measured[name] for name in ("ASIS", "PSIS", "PIIS", "IschialSpine", "PubicTubercle")])[
        0
    ]
    report(f"varied pelvis {seed}: farthest landmark", away.max(), "< 4")
    assert away.max() < 4.0
    assert other.sacrum.bone(surface.points).min() > 2.6 - 0.3


def test_scale(ring, anatomy):
    small = build_pelvic_ring(anatomy.model_copy(update={"scale": 0.96}))
    full = ring
    points = np.random.default_rng(3).uniform(*full.bounds, (500, 3))
    assert np.allclose(small.hip_right(0.96 * points), 0.96 * full.hip_right(points), atol=0.1)


@pytest.mark.parametrize(("name", "error"), [("ASIS", ValueError), ("Fossa_centre", GeometryError)])
def test_missing_landmark_is_named(given, anatomy, name, error):
    landmarks = {known: at for known, at in given["landmarks"].items() if known != name}
    with pytest.raises(error, match=name):
        build_pelvic_ring(with_hip(anatomy, {**given, "landmarks": landmarks}))


def test_an_anatomy_without_hips_is_refused_by_name(anatomy):
    with pytest.raises(GeometryError, match="female_elderly"):
        build_pelvic_ring(anatomy.model_copy(update={"hip": None}))


def test_a_thickness_that_is_missing_is_named(anatomy, given):
    thinner = {name: value for name, value in given["rim_thickness"].items() if name != "PSIS"}
    with pytest.raises(ValueError, match="rim_thickness lacks PSIS"):
        with_hip(anatomy, {**given, "rim_thickness": thinner})
