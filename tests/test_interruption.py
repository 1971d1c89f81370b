"""A request to stop waits until what is solved is kept; a second one does not."""

from __future__ import annotations

import pytest

from sacrofem import interruption


@pytest.fixture(autouse=True)
def _nothing_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "_asked", False)
    monkeypatch.setattr(interruption, "_postponed", False)


def test_a_first_request_waits_for_the_end_of_the_block() -> None:
    kept: list[str] = []

    def keep() -> None:
        with interruption.postponed():
            interruption._ask(15, None)
            interruption.check()
            kept.append("case")

    with pytest.raises(KeyboardInterrupt):
        keep()
    assert kept == ["case"]


def test_a_second_request_stops_at_once() -> None:
    kept: list[str] = []

    def keep() -> None:
        with interruption.postponed():
            interruption._ask(15, None)
            interruption._ask(2, None)
            kept.append("case")

    with pytest.raises(KeyboardInterrupt):
        keep()
    assert kept == []


def test_outside_of_blocks_a_request_stops_at_once() -> None:
    with interruption.postponed():
        pass
    with pytest.raises(KeyboardInterrupt):
        interruption._ask(2, None)
