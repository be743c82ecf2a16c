"""Log lines that come in floods."""

import logging
import threading
import time

import pytest

from isocenter.log_lines import RepeatedLines

CLOSED = "closed a connection from %s"


@pytest.fixture
def log() -> logging.Logger:
    logger = logging.Logger.manager.getLogger(f"flooded.{time.monotonic_ns()}")
    logger.addFilter(RepeatedLines(CLOSED, seconds=0.2))
    return logger


def lines(caplog: pytest.LogCaptureFixture, count: int) -> list[str]:
    """Wait for so many lines, and for those that should not come."""
    end = time.monotonic() + 20
    while len(caplog.messages) < count and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.5)
    return caplog.messages


def test_the_first_line_is_written_at_once_and_the_rest_as_one_with_their_count(log, caplog):
    for number in range(500):
        log.warning(CLOSED, f"10.0.0.{number}")
    assert caplog.messages == ["closed a connection from 10.0.0.0"]
    assert lines(caplog, 2)[1:] == [
        "closed a connection from 10.0.0.499 (the last of 499 such lines within 0.2 s)"
    ]
    assert caplog.records[1].levelno == logging.WARNING


def test_a_line_that_comes_alone_stays_alone(log, caplog):
    log.warning(CLOSED, "a")
    assert lines(caplog, 2) == ["closed a connection from a"]
    log.warning(CLOSED, "b")
    assert lines(caplog, 2) == ["closed a connection from a", "closed a connection from b"]


def test_of_two_lines_both_are_written_as_they_are(log, caplog):
    log.warning(CLOSED, "a")
    log.warning(CLOSED, "b")
    assert lines(caplog, 2) == ["closed a connection from a", "closed a connection from b"]


def test_a_flood_that_goes_on_is_told_of_again_and_again(log, caplog):
    end = time.monotonic() + 1.1
    while time.monotonic() < end:
        log.warning(CLOSED, "a")
        time.sleep(0.001)
    assert 4 <= len(lines(caplog, 5)) <= 7


def test_other_lines_pass(log, caplog):
    for _ in range(3):
        log.warning("something else about %s", "a")
        log.error(ValueError("no text at all"))
    assert len(caplog.messages) == 6


def test_where_no_thread_can_be_had_every_line_is_written(log, caplog, monkeypatch):
    def refused(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    for _ in range(3):
        log.warning(CLOSED, "a")
    assert len(caplog.messages) == 3
