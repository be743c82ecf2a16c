"""What happened to the archive, in an order without gaps, and telling those who want to know."""

import enum
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, literal_column, select

from .index import AnyRow, Index, Transaction
from .prepared import Prepared
from .schema import change

__all__ = ["Action", "Change", "ChangeLog", "log_changes"]

_log = logging.getLogger(__name__)

_COLUMNS = change.c
_SINCE = Prepared(
    select(
        _COLUMNS.sequence,
        _COLUMNS.action,
        _COLUMNS.study_instance_uid,
        _COLUMNS.series_instance_uid,
        _COLUMNS.sop_instance_uid,
        _COLUMNS.time,
    )
    .where(_COLUMNS.sequence > bindparam("since"))
    .order_by(_COLUMNS.sequence)
    .limit(bindparam("count"))
    .offset(literal_column("0"))  # said, since SQLAlchemy gives SQLite one more parameter otherwise
)
_LAST = select(func.max(change.c.sequence))


class Action(enum.IntEnum):
    """What happened to an instance."""

    CREATED = 1
    REPLACED = 2
    DELETED = 3
    """Somebody wanted it gone."""
    LOST = 4
    """A check found its file missing or damaged and took it out of the index; it may come back."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one instance.

    Parameters
    ----------
    sequence
        Its place in the log: 1, 2, 3, without gaps, in order of commit.
    action
        What happened.
    study_instance_uid, series_instance_uid, sop_instance_uid
        To which instance.
    time
        When, in UTC.
    """

    sequence: int
    action: Action
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    time: datetime


Subscriber = Callable[[Sequence[Change]], None]


def log_changes(transaction: Transaction, rows: Sequence[AnyRow], action: Action) -> int:
    """Log the same of several instances.

    Parameters
    ----------
    transaction
        Where to; nothing else may be logged in it.
    rows
        Instances, with their three UIDs.
    action
        What happened to them.

    Returns
    -------
    int
        The sequence number of the last change now; those of `rows` are the last ones, in order.
    """
    moment = time.time_ns() // 1000
    changes = [
        {
            "sequence": sequence,
            "action": int(action),
            "study_instance_uid": row.study_instance_uid,
            "series_instance_uid": row.series_instance_uid,
            "sop_instance_uid": row.sop_instance_uid,
            "time": moment,
        }
        for sequence, row in enumerate(rows, transaction.sequence + 1)
    ]
    if changes:
        transaction.execute(insert(change), changes)
    return transaction.sequence + len(changes)


def _change(row: tuple[Any, ...]) -> Change:
    sequence, action, study, series, instance, time = row
    moment = datetime.fromtimestamp(time / 1_000_000, UTC)
    return Change(sequence, Action(action), study, series, instance, moment)


class ChangeLog:
    """Reads the log and calls subscribers.

    Subscribers are called from one thread, in order and with nothing left out, also for what
    another process did to the same archive.

    Parameters
    ----------
    index
        Where the log is kept.
    """

    POLL_SECONDS = 1.0
    PAUSE_SECONDS = 0.05
    _BATCH = 1000

    def __init__(self, index: Index) -> None:
        self._index = index
        self._subscribers: tuple[Subscriber, ...] = ()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._delivered = 0
        self._lock = threading.Lock()

    def close(self) -> None:
        """Stop calling subscribers."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=10)

    def last(self) -> int:
        """Give the sequence number of the last change; 0 where there is none."""
        with self._index.reading() as connection:
            return connection.execute(_LAST).scalar() or 0

    def since(self, sequence: int, limit: int) -> list[Change]:
        """Read up to `limit` changes that follow `sequence`."""
        rows = self._index.all(_SINCE, {"since": sequence, "count": limit})
        return [_change(row) for row in rows]

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with every change from now on.

        Returns
        -------
        callable
            Ends the subscription.
        """
        with self._lock:
            if self._thread is None:
                self._delivered = self.last()
                self._thread = threading.Thread(
                    target=self._deliver, name="archive-changes", daemon=True
                )
                self._thread.start()
            self._subscribers = (*self._subscribers, subscriber)

        def end() -> None:
            with self._lock:
                self._subscribers = tuple(s for s in self._subscribers if s is not subscriber)

        return end

    def notice(self) -> None:
        """Say that something was committed."""
        if not self._wake.is_set():
            self._wake.set()

    def _deliver(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(self.POLL_SECONDS)
            self._wake.clear()
            try:
                self._deliver_news()
            except Exception:  # whatever fails now is tried again at the next commit or poll
                _log.exception("changes could not be delivered")
            # While many instances arrive, one waking for all of them leaves them the processor.
            self._closing.wait(self.PAUSE_SECONDS)

    def _deliver_news(self) -> None:
        while not self._closing.is_set() and (news := self.since(self._delivered, self._BATCH)):
            for subscriber in self._subscribers:
                try:
                    subscriber(news)
                except Exception:  # one subscriber's fault must not keep the news from the others
                    _log.exception("a subscriber of changes failed")
            self._delivered = news[-1].sequence
            if len(news) < self._BATCH:
                return
