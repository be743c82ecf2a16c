"""Lines that a peer may cause at will: one a second of a kind, and a count of the others."""

import logging
import time

import pytest

from isocenter.dimse.sparse_log import SparseLog

LOG = logging.getLogger("isocenter.dimse.tested")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in its only element, which stands still."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger=LOG.name)
    return caplog


def test_one_line_a_second_is_told_with_how_many_were_left_out_before_it(
    clock: list[float], told: pytest.LogCaptureFixture
) -> None:
    sparse = SparseLog(LOG)
    for number in range(30):
        sparse.say("refused", logging.WARNING, "refused number %d", number)
        clock[0] += 0.125

    assert told.messages == [
        "refused number 0",
        "refused number 8 (left out before this: 7 like it)",
        "refused number 16 (left out before this: 7 like it)",
        "refused number 24 (left out before this: 7 like it)",
    ]
    sparse.flush()
    sparse.flush()
    assert told.messages[4:] == ["refused or broken connections that were not told: 5"]


def test_one_peer_s_flood_does_not_hide_another_s_line(
    clock: list[float], told: pytest.LogCaptureFixture
) -> None:
    sparse = SparseLog(LOG)
    for _ in range(100):
        sparse.say("10.0.0.1", logging.INFO, "nothing came of %s", "10.0.0.1")
    sparse.say("10.0.0.2", logging.INFO, "nothing came of %s", "10.0.0.2")
    sparse.say("10.0.0.1", logging.INFO, "something else of %s", "10.0.0.1")

    assert [line.partition(" (")[0] for line in told.messages] == [
        "nothing came of 10.0.0.1",
        "nothing came of 10.0.0.2",
        "something else of 10.0.0.1",
    ]


def test_peers_without_number_cannot_fill_log_nor_memory(
    clock: list[float], told: pytest.LogCaptureFixture
) -> None:
    sparse = SparseLog(LOG)
    for number in range(10_000):
        sparse.say(number, logging.INFO, "nothing came of %d", number)
    assert len(told.messages) == 100
    clock[0] += 1.0
    sparse.say(-1, logging.INFO, "nothing came of %d", -1)
    assert told.messages[-1] == "nothing came of -1 (left out before this: 9900 like it)"


def test_a_line_below_the_log_s_level_takes_no_count_with_it(
    clock: list[float], told: pytest.LogCaptureFixture
) -> None:
    sparse = SparseLog(LOG)
    for kind in ("loud", "loud", "loud"):
        sparse.say(kind, logging.WARNING, "refused")
    sparse.say("quiet", logging.DEBUG, "hardly of interest")
    clock[0] += 1.0
    sparse.say("loud", logging.WARNING, "refused")

    assert told.messages == ["refused", "refused (left out before this: 2 like it)"]
