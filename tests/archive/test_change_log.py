"""The log tells everything once and in order, also what others did."""

import threading
import time

from tests.archive.conftest import keep
from tests.factories import small_object

from isocenter.archive import Action
from isocenter.archive.change_log import ChangeLog


class Listener:
    def __init__(self) -> None:
        self.changes: list = []
        self.arrived = threading.Condition()

    def __call__(self, changes) -> None:
        with self.arrived:
            self.changes += changes
            self.arrived.notify_all()

    def wait_for(self, count: int) -> list[int]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.changes) >= count, timeout=30)
            return [change.sequence for change in self.changes]


def test_changes_are_read_from_where_a_reader_stopped(archive):
    keep(archive, *(small_object() for _ in range(5)))
    assert [change.sequence for change in archive.changes(since=2, limit=2)] == [3, 4]
    assert archive.changes(since=5) == []


def test_a_subscriber_hears_everything_in_order(archive):
    keep(archive, small_object())
    archive.subscribe(listener := Listener())
    dataset = small_object()
    keep(archive, dataset, *(small_object() for _ in range(9)))
    archive.delete(dataset.StudyInstanceUID)
    assert listener.wait_for(11) == list(range(2, 13))
    assert listener.changes[-1].action is Action.DELETED


def test_a_subscriber_hears_of_what_another_process_did(open_archive):
    first, second = open_archive(), open_archive()
    first.subscribe(listener := Listener())
    keep(second, small_object())
    assert listener.wait_for(1) == [1]


def test_a_subscriber_that_fails_keeps_nothing_from_the_others(sqlite_archive):
    def fail(changes) -> None:
        raise ValueError("mine")

    sqlite_archive.subscribe(fail)
    sqlite_archive.subscribe(listener := Listener())
    keep(sqlite_archive, small_object(), small_object())
    assert listener.wait_for(2) == [1, 2]


def test_a_subscription_ends(sqlite_archive):
    end = sqlite_archive.subscribe(ended := Listener())
    sqlite_archive.subscribe(listener := Listener())
    end()
    keep(sqlite_archive, small_object())
    listener.wait_for(1)
    time.sleep(0.01)
    assert ended.changes == []


def test_more_changes_than_are_read_at_once_are_all_delivered(sqlite_archive, monkeypatch):
    monkeypatch.setattr(ChangeLog, "_BATCH", 2)
    listener = Listener()
    keep(sqlite_archive, *(small_object() for _ in range(5)))
    sqlite_archive.subscribe(listener)
    keep(sqlite_archive, *(small_object() for _ in range(5)))
    assert listener.wait_for(5) == [6, 7, 8, 9, 10]
