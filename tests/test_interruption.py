"""A request to stop waits until what is solved is kept; a second one does not."""

from __future__ import annotations

import os
import signal

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


class _Dying:
    """Is asked to stop while it is finalised."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):  # Python handles signals between two instructions
            pass


def test_a_request_during_a_finaliser_is_neither_lost_nor_printed(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    interruption.listen()
    try:
        dying = _Dying()
        del dying
        with pytest.raises(KeyboardInterrupt):
            interruption.check()
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
    assert capfd.readouterr().err == ""
