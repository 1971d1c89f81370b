"""Another code on the same mesh gives the same displacement, reactions and strain; its input says what the model holds."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

# isort: split
import numpy as np
import pytest
from mpi4py import MPI
from scipy.sparse import csr_array, vstack
from typer.testing import CliRunner

import sacrofem
from sacrofem import cli
from sacrofem.catalogue.models import Interface
from sacrofem.errors import ConfigError
from sacrofem.export.calculix import solve_with_calculix, write_inp
from sacrofem.export.case import SolvedCase, compare, find_case, mesh_of, solve_case
from sacrofem.export.febio import write_feb
from sacrofem.export.problem import describe_problem
from sacrofem.mechanics.coupling import Coupling
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.frame import Beam, Frame, round_section
from sacrofem.mechanics.model import SacrumModel
from sacrofem.mechanics.patches import Patch
from sacrofem.mechanics.properties import TransverseCortex
from tests import socketed_bar
from tests.blocks import block
from tests.coupled_blocks import two_blocks
from tests.small_study import SMALL
from tests.solved_block import properties

FORCE = np.array([20.0, 10.0, 60.0])


#: Laws of the fracture: the first two as they stand, the others with everything that makes a contact law path or state dependent.
LAWS: dict[str, dict[str, object]] = {
    "linear": {},
    "compression_only": {},
    "frictional": {"friction": 0.2, "open_fraction": 1e-3},
    "with a gap": {"law": "compression_only", "gap": 0.01},
    "with a preload": {"law": "frictional", "friction": 0.3, "preload": 0.05, "tangential_stiffness": 0.1},
    "augmented": {"law": "compression_only", "augmented": True, "normal_stiffness": 50.0},
}


def solved_block(order: int, law: str, changes: dict[str, object] | None = None, force: np.ndarray = FORCE) -> SolvedCase:
    """A block with a cortex, whose fracture is bridged by cement in part."""
    changes = changes or {}
    given = properties(str(changes.get("law", law)), thickness=0.7)
    if law in LAWS and (figures := LAWS[law]):
        interface = {**given.interface.model_dump(), **figures}
        given = replace(given, interface=Interface.model_validate(interface))
    if "cortex" in changes:
        given = replace(given, transverse_cortex=changes["cortex"])
    model = SacrumModel(distribute(block((3, 3, 4), bridge=0.4), MPI.COMM_SELF), frozenset({"cement:bridge"}), order)
    model.set_properties(given)
    model.assemble()
    solution = model.solve(force)
    return SolvedCase(*describe_problem("block", model, given, solution, force), solution)


def require_agreement(solved: SolvedCase, path: Path) -> None:
    """What issue 5 asks of another code."""
    write_inp(path, solved.problem)
    agreement = compare(solved, solve_with_calculix(path, solved.problem))
    assert agreement.displacement < 1e-5
    assert agreement.reaction < 1e-6
    assert agreement.strain < 1e-4


@pytest.mark.parametrize("law", ["linear", "compression_only"])
@pytest.mark.parametrize("order", [1, 2])
def test_calculix_agrees_on_a_block(order: int, law: str, tmp_path: Path) -> None:
    require_agreement(solved_block(order, law), tmp_path / "block.inp")


@pytest.mark.parametrize("law", ["frictional", "with a gap", "with a preload", "augmented"])
def test_calculix_agrees_about_the_solved_state_of_any_contact_law(law: str, tmp_path: Path) -> None:
    """Pressed askew, so that faces touch, gape, stick and slide; the file says that it is linear about that state."""
    solved = solved_block(1, law, LAWS[law], np.array([25.0, 5.0, -30.0]))
    assert any(0.0 < face.open < 1.0 or face.slipping > 0.0 for face in solved.solution.faces.values())
    require_agreement(solved, tmp_path / "block.inp")
    assert "** CONTACT IS FROZEN" in (tmp_path / "block.inp").read_text()


def test_calculix_agrees_on_a_cortex_with_an_axis(tmp_path: Path) -> None:
    cortex = TransverseCortex((0.3, 1.0, 0.2), 12000.0, 5000.0, 3000.0, 0.3, 0.25)
    require_agreement(solved_block(1, "linear", {"cortex": cortex}), tmp_path / "block.inp")


@pytest.mark.parametrize("order", [1, 2])
def test_calculix_agrees_on_ligaments_and_a_rod(order: int, tmp_path: Path) -> None:
    """Two blocks joined by a rod and by ligaments: taut with a preload, taut after a slack, and slack."""
    mesh = two_blocks()
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset(), order)
    motions = model.patch_motions([Patch(name, mesh.surfaces[name]) for name in ("upper_face", "lower_face")])
    up = motions.rows[[2]] - motions.rows[[8]]
    rows = csr_array(vstack([up, up, -up]))
    ligaments = Coupling(
        "ligaments",
        rows,
        np.diag([3.0, 5.0, 7.0]),
        labels=("tight", "loose", "facing"),
        rest=np.array([-0.4, 0.003, 0.0]),
        tension_only=True,
    )
    beam = Beam("rod", 0, 1, round_section(3.0), 50.0, 0.3)
    frame = Frame(motions.centres, [beam], [0, 1])
    model.couple([ligaments, Coupling("rod", motions.rows, frame.condensed, stiff=True)])
    given = properties(thickness=0.7)
    model.set_properties(given)
    model.assemble()
    force = np.array([5.0, 3.0, 60.0])
    solution = model.solve(force)
    assert solution.tensions["tight"] > 3.0 * 0.4  # more than its preload
    assert solution.tensions["loose"] > 0.0
    assert solution.tensions["facing"] == 0.0
    solved = SolvedCase(*describe_problem("blocks", model, given, solution, force), solution)
    require_agreement(solved, tmp_path / "blocks.inp")
    assert "left out: facing 1 of 1" in (tmp_path / "blocks.inp").read_text()


def test_surfaces_that_nothing_holds_are_not_written(tmp_path: Path) -> None:
    """As the iliac wings of a ring that stands on its hips: the support of one side leaves the other free."""
    given = properties()
    given = replace(given, support=given.support.model_copy(update={"side": "left"}))
    mesh = block((3, 3, 4), bridge=0.4)
    mesh = replace(mesh, surfaces=mesh.surfaces | {"auricular_right": mesh.surfaces["endplate"]})
    model = SacrumModel(distribute(mesh, MPI.COMM_SELF), frozenset({"cement:bridge"}), 1)
    model.set_properties(given)
    model.assemble()
    solution = model.solve(FORCE)
    solved = SolvedCase(*describe_problem("block", model, given, solution, FORCE), solution)
    assert [springs.name for springs in solved.problem.springs if springs.grounded] == ["auricular_left"]
    require_agreement(solved, tmp_path / "block.inp")


def test_what_the_export_does_not_know_is_refused() -> None:
    """A force that comes from nowhere in the file leaves the solved state out of balance."""
    given = properties()
    model = SacrumModel(distribute(block((3, 3, 4)), MPI.COMM_SELF), frozenset(), 1)
    model.set_properties(given)
    model.assemble()
    solution = model.solve(FORCE)
    with pytest.raises(ConfigError, match="does not know"):
        describe_problem("block", model, given, solution, 1.1 * FORCE)


@pytest.mark.parametrize("order", [1, 2])
def test_calculix_agrees_on_hips_that_a_torsion_spring_joins(order: int, tmp_path: Path) -> None:
    model, solution = socketed_bar.solve(socketed_bar.HIPS, (20.0, -100.0, 10.0), 25.0, order)
    given = replace(properties(), support=socketed_bar.HIPS)
    solved = SolvedCase(*describe_problem("bar", model, given, solution, np.array([20.0, -100.0, 10.0])), solution)
    write_inp(tmp_path / "bar.inp", solved.problem)
    agreement = compare(solved, solve_with_calculix(tmp_path / "bar.inp", solved.problem))
    assert agreement.displacement < 1e-5
    assert agreement.reaction < 1e-5
    assert agreement.strain < 1e-4


@pytest.fixture(scope="module")
def study() -> sacrofem.Study:
    return SMALL


@pytest.mark.parametrize("arm", ["untreated", "cement", pytest.param("screw", marks=pytest.mark.slow)])
def test_calculix_agrees_on_a_sacrum(arm: str, study: sacrofem.Study, tmp_path: Path) -> None:
    resolved, case = find_case(study, f"{arm}-severe-walking_heel_strike")
    solved = solve_case(resolved, case, mesh_of(resolved))
    require_agreement(solved, tmp_path / "case.inp")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("arm", ["untreated", "rod"])
def test_calculix_agrees_on_a_ring(arm: str, study: sacrofem.Study, tmp_path: Path) -> None:
    """With its ligaments, some of them slack, and with a rod from ilium to ilium."""
    ring = study.model_copy(
        update={
            "extent": "pelvic_ring",
            "support": "ball_and_socket",
            "treatments": (
                sacrofem.Treatment(name="untreated"),
                sacrofem.Treatment(name="rod", implants=("transiliac_internal_fixator",)),
            ),
            "loads": ("standing",),
            "mesh": sacrofem.MeshSettings(size=7.0, feature_size=4.0, joint_size=3.0, sampling=2.0, minimum_quality=0.03),
        }
    )
    resolved, case = find_case(ring, f"{arm}-severe-standing")
    solved = solve_case(resolved, case, mesh_of(resolved))
    expected = {"hips", "ligaments"} | ({"rods and plates"} if arm == "rod" else set())
    assert {what.name for what in solved.problem.couplings} == expected
    require_agreement(solved, tmp_path / "case.inp")


@pytest.mark.parametrize("order", [1, 2])
def test_febio_input_is_whole_and_holds_the_energy_of_the_model(order: int, tmp_path: Path) -> None:
    solved = solved_block(order, "linear")
    write_feb(tmp_path / "block.feb", solved.problem)
    root = ET.parse(tmp_path / "block.feb").getroot()
    assert root.get("version") == "4.0"
    nodes = [int(node.get("id", 0)) for node in root.iter("node") if node.get("id")]
    assert nodes == list(range(1, len(nodes) + 1))
    cells = [[int(word) for word in (element.text or "").split(",")] for element in root.iter("elem")]
    assert len(cells) == len(solved.problem.cells)
    assert {len(cell) for cell in cells} == {4 if order == 1 else 10}
    assert max(map(max, cells)) <= len(solved.problem.points)
    names = {element.get("name") for element in root.iter("Elements")}
    assert names == {domain.get("name") for domain in root.iter("SolidDomain")}
    forces = np.array([[float(word) for word in (node.text or "").split(",")] for node in root.iter("node") if node.get("lid")])
    assert forces.sum(axis=0) == pytest.approx(FORCE)
    # Springs of stiffness 1 on the constrained dofs: with the solution in them they hold what the solids do not.
    moved = dict(enumerate(solved.fields.displacement, 1))
    springs = 0.0
    for constraint in root.iter("bc"):
        if constraint.get("type") == "linear constraint":
            terms = [
                float(child.findtext("value", ""))
                * moved[int(child.findtext("node", ""))]["xyz".index(child.findtext("dof", ""))]
                for child in constraint.iter("child_dof")
            ]
            springs += 0.5 * sum(terms) ** 2
    assert springs + bulk_energy(solved) == pytest.approx(solved.solution.energy, rel=1e-8)


def bulk_energy(solved: SolvedCase) -> float:
    """Elastic energy of the solids by integration over a rule of 4 points, N mm."""
    problem, fields = solved.problem, solved.fields
    corners = problem.points[problem.cells[:, :4]]
    inverse = np.linalg.inv(corners[:, 1:] - corners[:, :1]).transpose(0, 2, 1)
    slopes = np.concatenate([-inverse.sum(axis=1, keepdims=True), inverse], axis=1)
    volumes = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / 6
    inner, outer = 0.1381966011250105, 0.5854101966249685
    total = 0.0
    for point in range(4):
        share = np.full(4, inner)
        share[point] = outer
        gradients = slopes
        if problem.order == 2:
            middles = [4 * (share[i] * slopes[:, j] + share[j] * slopes[:, i]) for i, j in EDGES]
            gradients = np.concatenate([(4 * share[:, None] - 1) * slopes, np.stack(middles, axis=1)], axis=1)
        grad = np.einsum("mka,mkb->mab", fields.displacement[problem.cells], gradients)
        strain = 0.5 * (grad + grad.transpose(0, 2, 1))
        shear = problem.young / (2 * (1 + problem.poisson))
        lame = problem.young * problem.poisson / ((1 + problem.poisson) * (1 - 2 * problem.poisson))
        density = shear * np.einsum("mab,mab->m", strain, strain) + 0.5 * lame * np.trace(strain, axis1=1, axis2=2) ** 2
        total += float(density @ volumes) / 4
    return total


#: Edges in the order of Abaqus and FEBio.
EDGES = ((0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3))


def test_an_unknown_case_is_named_with_those_there_are(study: sacrofem.Study) -> None:
    with pytest.raises(ConfigError, match="did you mean 'screw-severe-standing'"):
        find_case(study, "screw-sever-standing")


def test_febio_cannot_be_compared() -> None:
    done = CliRunner().invoke(cli.app, ["export", "quickstart", "--case", "x", "--format", "feb", "--compare"])
    assert isinstance(done.exception, ConfigError)
