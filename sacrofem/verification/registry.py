"""The list of checks: the command, the tests and the page in the documentation all run this one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sacrofem.errors import output_errors
from sacrofem.verification.outcome import Check, Verdict, run_check

_TNSB = "NAFEMS, The Standard NAFEMS Benchmarks, TNSB Rev. 3, 1990"
_BENCH = "forms, cut space, solver"
_MODEL = "whole model"

CHECKS: tuple[Check, ...] = (
    Check(
        "patch",
        "Constant strain on a distorted mesh",
        "Exact: linear displacement is in the space (Irons's patch test)",
        "elasticity.check_patch",
        True,
        _BENCH,
    ),
    Check(
        "manufactured",
        "Order of convergence against a manufactured solution",
        "Theory: order + 1 in L2 (Ciarlet); Roache 2002, J Fluids Eng 124:4",
        "elasticity.check_manufactured",
        True,
        _BENCH,
    ),
    Check(
        "boussinesq",
        "Point force on a half-space",
        "Boussinesq; Timoshenko and Goodier, Theory of Elasticity, art. 138",
        "elasticity.check_boussinesq",
        True,
        _BENCH,
    ),
    Check(
        "thick_sphere",
        "Thick-walled sphere under internal pressure",
        "Lame; Timoshenko and Goodier, art. 136",
        "elasticity.check_thick_sphere",
        True,
        _BENCH,
    ),
    Check(
        "thick_cylinder",
        "Thick-walled cylinder under internal pressure, plane strain",
        "Lame; Timoshenko and Goodier, art. 28",
        "elasticity.check_thick_cylinder",
        True,
        _BENCH,
    ),
    Check(
        "two_materials",
        "Sphere of two layers, 1 to 50 in stiffness",
        "Lame in each layer, joined (derived in layered_sphere)",
        "elasticity.check_two_materials",
        True,
        _BENCH,
    ),
    Check(
        "membrane",
        "Cortex as a membrane on a sphere against a resolved shell",
        "Lame in two layers, the outer of the membrane's thickness",
        "elasticity.check_membrane",
        True,
        f"{_BENCH}, membrane",
    ),
    Check(
        "sandwich",
        "Cantilever with membrane faces",
        "Beam theory: EI of core and faces, shear of the core",
        "joints.check_sandwich",
        True,
        f"{_MODEL}, membrane",
    ),
    Check(
        "core",
        "Cantilever of bone with a titanium core",
        "Beam theory: EI and EA of the composite polygon",
        "joints.check_core",
        True,
        f"{_MODEL}, treatment",
    ),
    Check(
        "springs",
        "Springs in a row: bar, fracture, foundation",
        "Statics",
        "joints.check_springs",
        True,
        f"{_MODEL}, interface, supports",
    ),
    Check(
        "thin_layer",
        "Interface of stiffness E/t against a soft layer of thickness t",
        "Limit of a thin layer; the layer itself is solved",
        "joints.check_thin_layer",
        True,
        f"{_MODEL}, interface",
    ),
    Check(
        "lifting_joint",
        "Contact with a part that lifts: a block pressed out of its middle third",
        "Statics of a joint without tension (bearing length 3 c)",
        "contact.check_lifting_joint",
        True,
        f"{_MODEL}, contact",
    ),
    Check(
        "hertz",
        "A rigid sphere on an elastic half-space",
        "Hertz; Johnson, Contact Mechanics, ch. 4 (RECALLED)",
        "contact.check_hertz",
        True,
        f"{_MODEL}, contact with a gap that varies",
    ),
    Check(
        "edge_crack",
        "Edge crack in a strip, plane strain: opening at its mouth",
        "Tada, Paris and Irwin, The Stress Analysis of Cracks Handbook (1 % formula; RECALLED)",
        "cracks.check_edge_crack",
        True,
        _BENCH,
    ),
    Check(
        "penny",
        "Penny-shaped crack under pressure: mean opening",
        "Sneddon 1946, Proc R Soc A 187:229",
        "cracks.check_penny",
        True,
        _BENCH,
    ),
    Check("penny_fine", "The same, finer", "Sneddon 1946, Proc R Soc A 187:229", "cracks.check_penny_fine", False, _BENCH),
    Check("le10", "Elliptic thick plate under pressure", f"{_TNSB}, LE10", "nafems.check_thick_plate", True, _BENCH),
    Check("le10_fine", "The same, finer", f"{_TNSB}, LE10", "nafems.check_thick_plate_fine", False, _BENCH),
    Check("le11", "Solid cylinder, taper and sphere, heated", f"{_TNSB}, LE11", "nafems.check_heated_solid", True, _BENCH),
    Check("le11_fine", "The same, finer", f"{_TNSB}, LE11", "nafems.check_heated_solid_fine", False, _BENCH),
)

_BEGIN, _END = "<!-- table of checks: begin -->", "<!-- table of checks: end -->"


def list_checks(quick: bool) -> tuple[Check, ...]:
    """The checks of ``--quick``, or all."""
    return tuple(check for check in CHECKS if check.quick or not quick)


def run_checks(checks: Iterable[Check], told: Callable[[Check], None] = lambda _: None) -> Iterator[Verdict]:
    """Run checks one after the other.

    Args:
        checks: Which.
        told: Called with each check before it runs.
    """
    for check in checks:
        told(check)
        yield run_check(check)


def format_page(verdicts: Iterable[Verdict]) -> str:
    """The table of checks in Markdown."""
    lines = ["| check | figure | expected | got | deviation | tolerance | pass | source |", "|---|---|---|---|---|---|---|---|"]
    for verdict in verdicts:
        for i, outcome in enumerate(verdict.outcomes):
            first = i == 0
            lines.append(
                f"| {f'{verdict.check.title} (`{verdict.check.name}`)' if first else ''} | {outcome.quantity} "
                f"| {outcome.expected:.6g} | {outcome.got:.6g} | {outcome.deviation:.1e} | {outcome.tolerance:.0e} "
                f"| {'yes' if outcome.passed else '**no**'} | {verdict.check.source if first else ''} |"
            )
    return "\n".join(lines)


def write_page(path: Path, verdicts: Iterable[Verdict]) -> None:
    """Put the table of checks into a page, between its two marks; a page without marks gets them at its end."""
    with output_errors(path, "another page"):
        text = path.read_text() if path.exists() else "# Verification\n"
        if _BEGIN not in text or _END not in text:
            text = f"{text.rstrip()}\n\n{_BEGIN}\n{_END}\n"
        before, after = text.split(_BEGIN)[0], text.split(_END)[1]
        path.write_text(f"{before}{_BEGIN}\n{format_page(verdicts)}\n{_END}{after}")
