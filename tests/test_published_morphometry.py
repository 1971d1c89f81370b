"""The committed page of morphometry is what the code makes, and what it says lies within the published spreads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sacrofem.catalogue.library import Library
from sacrofem.report.morphometry import write_morphometry

DOCS = Path(__file__).parents[1] / "docs"
NUMBER = re.compile(r"[-+]?\d+\.\d+")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_morphometry(tmp_path_factory.mktemp("docs"), Library.standard(), pictures=False).read_text()


def test_the_committed_page_is_what_the_code_makes(page: str) -> None:
    """Word for word; of a measured figure the last digit may round otherwise on another machine."""
    committed = (DOCS / "morphometry.md").read_text()
    assert NUMBER.sub("#", page) == NUMBER.sub("#", committed)
    made, kept = ([float(number) for number in NUMBER.findall(text)] for text in (page, committed))
    assert made == pytest.approx(kept, abs=0.15)


def test_dimensions_with_a_published_spread_lie_within_two_deviations(page: str) -> None:
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ") and line.count(" | ") == 7]
    spreads = [(row[0], float(row[6])) for row in rows if NUMBER.fullmatch(row[6].strip())]
    assert len(spreads) > 25
    assert [(name, shares) for name, shares in spreads if abs(shares) > 2.0] == []
    assert "**no**" not in page


def test_every_landmark_of_both_anatomies_is_on_the_page(page: str) -> None:
    for name in ("O_S1_endplate_centre", "AUR_corner", "HJC", "ASIS", "InfRamus_lateral"):
        assert len(re.findall(rf"^\| {name} \|", page, re.MULTILINE)) == 2


def test_pictures_of_the_page_are_committed() -> None:
    for picture in re.findall(r"\]\((morphometry/[^)]+)\)", (DOCS / "morphometry.md").read_text()):
        assert (DOCS / picture).is_file()
