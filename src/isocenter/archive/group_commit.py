"""Commits shared by all who wait for one at the same time."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from .busy_index import ONE_TRY, PATIENCE, IndexBusy

__all__ = ["GroupCommit"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Turn(Generic[Item, Result]):
    """An item that waits, and what became of it; read and written under the commits' lock."""

    __slots__ = ("done", "item", "result", "since")

    def __init__(self, item: Item, since: float | None) -> None:
        self.item = item
        self.done = False
        self.result: Result | BaseException | None = None
        self.since = since

    def outcome(self) -> Result:
        """Give the result, or raise the error."""
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result  # pyright: ignore[reportReturnType] - one that is done has one


class GroupCommit(Generic[Item, Result]):
    """Hands what arrives during one commit to the next commit, together.

    The first caller commits for all who queued meanwhile; a lone caller commits for itself without
    waking any other thread.

    Parameters
    ----------
    write
        Commits many items at once; returns for each a result or the error that it met. Where it
        raises IndexBusy it is called again, for each as long as that has patience.
    largest
        How many items a commit takes at most.
    """

    def __init__(
        self, write: Callable[[Sequence[Item]], Sequence[Result | Exception]], *, largest: int = 256
    ) -> None:
        self._write = write
        self._largest = largest
        self._queue: deque[_Turn[Item, Result]] = deque()
        self._committing = threading.Lock()

    def commit(self, item: Item, since: float | None = None) -> Result:
        """Wait until an item is committed.

        Parameters
        ----------
        item
            What to commit.
        since
            From when on its patience counts, as `time.monotonic`; from its first try if not given.

        Raises
        ------
        Exception
            What `write` returned for the item, or raised for all.
        """
        turn: _Turn[Item, Result] = _Turn(item, since)
        self._queue.append(turn)
        self._await(turn)
        return turn.outcome()

    def commit_all(
        self, items: Sequence[Item], since: float | None = None
    ) -> list[Result | Exception]:
        """Wait until several items are committed, all in one commit unless they are many.

        Parameters
        ----------
        items
            What to commit.
        since
            As for one.

        Returns
        -------
        list
            For each its result, or the error that it met.
        """
        turns = [_Turn[Item, Result](item, since) for item in items]
        self._queue.extend(turns)
        results: list[Result | Exception] = []
        for turn in turns:
            self._await(turn)
            try:
                results.append(turn.outcome())
            except Exception as error:
                results.append(error)
        return results

    def _await(self, turn: _Turn[Item, Result]) -> None:
        while not turn.done:
            # Who commits may have been in vain for some, and go on for others.
            if self._committing.acquire(timeout=ONE_TRY):
                try:
                    if not turn.done:
                        self._commit_queued()
                finally:
                    self._committing.release()

    def _commit_queued(self) -> None:
        turns: list[_Turn[Item, Result]] = []
        while self._queue and len(turns) < self._largest:
            turns.append(self._queue.popleft())
        results: Sequence[Result | BaseException]
        try:
            results = self._write([turn.item for turn in turns])
        except IndexBusy as error:
            self._wait_on(turns, error)
            return
        except BaseException as error:
            results = [error] * len(turns)
        for turn, result in zip(turns, results, strict=True):
            turn.result = result
            turn.done = True

    def _wait_on(self, turns: list[_Turn[Item, Result]], error: IndexBusy) -> None:
        """Have turns wait for another try, and all behind them; refuse those that waited enough."""
        while self._queue:
            turns.append(self._queue.popleft())
        now = time.monotonic()
        patient: list[_Turn[Item, Result]] = []
        for turn in turns:
            turn.since = now if turn.since is None else turn.since
            # One try is over; the last takes another, and withdrawing the file a third.
            if now < turn.since + PATIENCE - 3 * ONE_TRY:
                patient.append(turn)
            else:
                turn.result, turn.done = error, True
        self._queue.extendleft(reversed(patient))
