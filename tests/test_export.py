"""Another code on the same mesh gives the same displacement, reactions and strain; its input says what the model holds."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

# isort: split
import numpy as np
import pytest
from mpi4py import MPI
from typer.testing import CliRunner

import sacrofem
from sacrofem import cli
from sacrofem.errors import ConfigError
from sacrofem.export.calculix import solve_with_calculix, write_inp
from sacrofem.export.case import SolvedCase, compare, find_case, mesh_of, solve_case
from sacrofem.export.febio import write_feb
from sacrofem.export.problem import describe_problem
from sacrofem.mechanics.distribution import distribute
from sacrofem.mechanics.model import SacrumModel
from tests import socketed_bar
from tests.blocks import block
from tests.solved_block import properties

FORCE = np.array([20.0, 10.0, 60.0])


def solved_block(order: int, law: str) -> SolvedCase:
    """A block with a cortex, whose fracture is bridged by cement in part."""
    given = properties(law, thickness=0.7)
    model = SacrumModel(distribute(block((3, 3, 4), bridge=0.4), MPI.COMM_SELF), frozenset({"cement:bridge"}), order)
    model.set_properties(given)
    model.assemble()
    solution = model.solve(FORCE)
    return SolvedCase(*describe_problem("block", model, given, solution, FORCE), solution)


@pytest.mark.parametrize("law", ["linear", "compression_only"])
@pytest.mark.parametrize("order", [1, 2])
def test_calculix_agrees_on_a_block(order: int, law: str, tmp_path: Path) -> None:
    solved = solved_block(order, law)
    write_inp(tmp_path / "block.inp", solved.problem)
    agreement = compare(solved, solve_with_calculix(tmp_path / "block.inp", solved.problem))
    assert agreement.displacement < 1e-5
    assert agreement.reaction < 1e-6
    assert agreement.strain < 1e-4


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
    return sacrofem.Study(
        name="small",
        title="Cement against a screw",
        source="made for a test",
        fracture="denis1_right",
        treatments=(
            sacrofem.Treatment(name="untreated"),
            sacrofem.Treatment(name="cement", cement=("long_axis_right",)),
            sacrofem.Treatment(name="screw", implants=("trans_sacral_s1",)),
        ),
        bmd_levels=("normal", "osteopenia", "osteoporosis", "severe"),
        loads=("standing", "walking_heel_strike"),
        density_law="dalstra1993",
        interface="linear",
        support="sacroiliac_cartilage",
        order=1,
        mesh={"size": 6.0, "feature_size": 3.5, "sampling": 1.5},
    )


@pytest.mark.parametrize("arm", ["untreated", "cement", pytest.param("screw", marks=pytest.mark.slow)])
def test_calculix_agrees_on_a_sacrum(arm: str, study: sacrofem.Study, tmp_path: Path) -> None:
    resolved, case = find_case(study, f"{arm}-severe-walking_heel_strike")
    solved = solve_case(resolved, case, mesh_of(resolved))
    write_inp(tmp_path / "case.inp", solved.problem)
    agreement = compare(solved, solve_with_calculix(tmp_path / "case.inp", solved.problem))
    assert agreement.displacement < 1e-5
    assert agreement.reaction < 1e-6
    assert agreement.strain < 1e-4


@pytest.mark.slow
def test_calculix_agrees_on_a_ring(study: sacrofem.Study, tmp_path: Path) -> None:
    ring = study.model_copy(
        update={
            "extent": "pelvic_ring",
            "support": "ball_and_socket",
            "treatments": study.treatments[:1],
            "mesh": sacrofem.MeshSettings(size=7.0, feature_size=4.0, joint_size=3.0, sampling=2.0),
        }
    )
    resolved, case = find_case(ring, "untreated-severe-standing")
    solved = solve_case(resolved, case, mesh_of(resolved))
    write_inp(tmp_path / "case.inp", solved.problem)
    agreement = compare(solved, solve_with_calculix(tmp_path / "case.inp", solved.problem))
    assert agreement.displacement < 1e-5
    assert agreement.reaction < 1e-5  # the hips' torsion springs are large and nearly cancel in the reactions
    assert agreement.strain < 1e-4


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


def test_rods_are_refused(study: sacrofem.Study) -> None:
    """Their beams are no part of the exported matrix: another code would solve another model."""
    arm = sacrofem.Treatment(name="rod", implants=("transiliac_internal_fixator",))
    ring = {
        "extent": "pelvic_ring",
        "support": "ball_and_socket",
        "ligaments": "none",
        "loads": ("standing",),
        "treatments": (arm,),
    }
    resolved, case = find_case(study.model_copy(update=ring), "rod-severe-standing")
    with pytest.raises(ConfigError, match="transiliac_internal_fixator"):
        solve_case(resolved, case, block())
