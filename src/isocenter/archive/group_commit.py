"""Commits shared by all who wait for one at the same time."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["GroupCommit"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Hands what arrives during one commit to the next commit, together.

    The first caller commits for all who queued meanwhile; a lone caller commits for itself without
    waking any other thread.

    Parameters
    ----------
    write
        Commits many items at once; returns for each a result or the error that it met.
    largest
        How many items a commit takes at most.
    """

    def __init__(
        self, write: Callable[[Sequence[Item]], Sequence[Result | Exception]], *, largest: int = 256
    ) -> None:
        self._write = write
        self._largest = largest
        self._queue: deque[tuple[Item, Future[Result]]] = deque()
        self._committing = threading.Lock()

    def commit(self, item: Item) -> Result:
        """Wait until an item is committed.

        Raises
        ------
        Exception
            What `write` returned for the item, or raised for all.
        """
        future: Future[Result] = Future()
        self._queue.append((item, future))
        while not future.done():
            with self._committing:
                if not future.done():
                    self._commit_queued()
        return future.result()

    def _commit_queued(self) -> None:
        batch: list[tuple[Item, Future[Result]]] = []
        while self._queue and len(batch) < self._largest:
            batch.append(self._queue.popleft())
        try:
            results = self._write([item for item, _ in batch])
        except BaseException as error:
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
