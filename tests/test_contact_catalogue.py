"""Faces come to rest on every fracture of the catalogue, in dense bone and in weak, with and without friction."""

from __future__ import annotations

import pytest

from benchmarks.contact import INTERFACES, list_fractures, solve_cases

#: Fractures that are run with quadratic elements, too.
QUADRATIC = ("denis1_right", "u_type", "bakker_b1_bilateral")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("fracture", [*list_fractures(), *list_fractures(ring=True)])
def test_faces_come_to_rest_in_fifteen_steps(fracture: str, interface: str) -> None:
    for row in solve_cases(fracture, interface):
        assert 0 < row.steps <= 15, (row.level, row.load)
        assert row.penetration <= row.allowed, (row.level, row.load)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("fracture", QUADRATIC)
def test_quadratic_elements_need_no_more(fracture: str, interface: str) -> None:
    for row in solve_cases(fracture, interface, levels=["severe"], loads=["standing"], order=2):
        assert 0 < row.steps <= 15
        assert row.penetration <= row.allowed
