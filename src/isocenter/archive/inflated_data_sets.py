"""The data sets of deflated objects, in memory while they are read, within a bound for all."""

import threading
from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

__all__ = ["InflatedDataSets"]


class InflatedDataSets:
    """Keeps the data sets that were used last; each goes with the object that it belongs to.

    Parameters
    ----------
    limit
        Bytes that they take together. One that is larger is kept until the next is inflated.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: WeakKeyDictionary[object, memoryview] = WeakKeyDictionary()  # oldest first
        self._lock = threading.Lock()
        self._inflating = threading.Lock()

    def get(self, owner: object, pieces: Callable[[], Iterator[bytes]]) -> memoryview:
        """Give a data set. Whoever holds what this returns keeps it in memory.

        Parameters
        ----------
        owner
            Whose it is.
        pieces
            Inflates it.

        Raises
        ------
        Exception
            Whatever `pieces` raises.
        """
        kept = self.kept(owner)
        if kept is not None:
            return kept
        # One at a time: those who wait for the same find it, and others fill no memory beside it.
        with self._inflating:
            kept = self.kept(owner)
            return self._inflated(owner, pieces()) if kept is None else kept

    def kept(self, owner: object) -> memoryview | None:
        """Give a data set if it is in memory."""
        with self._lock:
            kept = self._kept.pop(owner, None)
            if kept is not None:
                self._kept[owner] = kept
            return kept

    def _inflated(self, owner: object, pieces: Iterator[bytes]) -> memoryview:
        whole = bytearray()
        for piece in pieces:
            whole += piece
            self._make_room(len(whole))
        inflated = memoryview(whole).toreadonly()
        with self._lock:
            self._kept[owner] = inflated
        return inflated

    def _make_room(self, size: int) -> None:
        with self._lock:
            sizes = [(owner, len(kept)) for owner, kept in self._kept.items()]
            size += sum(length for _, length in sizes)
            for owner, length in sizes:
                if size <= self._limit:
                    return
                del self._kept[owner]
                size -= length
