"""Sequences of very many small items: made when somebody looks at them, written without staying."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, MutableSequence
from typing import Any, cast, overload

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

__all__ = ["RepeatedItems"]


class RepeatedItems(DicomSequence):
    """Items of a sequence that are made of something smaller, each when it is first looked at.

    An item takes some kilobytes in memory; a hundred thousand references that nobody looks at
    shall not take them all at once.

    Parameters
    ----------
    entries
        Data sets, which are items already, and what other items are made of. What is not made has
        no text, so that no character set depends on it.
    make
        Makes an item of what is no data set.
    identify
        Returns the UID in the item that is made of an entry, and what else the item depends on:
        those alike in this differ in the UID alone.
    """

    def __init__(
        self,
        entries: Iterable[Any],
        make: Callable[[Any], Dataset],
        identify: Callable[[Any], tuple[str, Hashable]],
    ) -> None:
        super().__init__()
        self._entries = _Entries(list(entries), make)
        self._identify = identify
        self._list = cast("list[Dataset]", self._entries)  # all methods go by way of it

    def made(self) -> Iterator[Dataset]:
        """Yield the items that are made."""
        return (one for one in self._entries.entries if isinstance(one, Dataset))

    def encoded(self, encode: Callable[[Dataset], bytes]) -> Iterator[bytes]:
        """Yield each item as `encode` gives it, which is asked once for those that are alike."""
        patterns: dict[Hashable, tuple[bytes, bytes] | None] = {}
        for one in self._entries.entries:
            if isinstance(one, Dataset):
                yield encode(one)
                continue
            uid, rest = self._identify(one)
            alike = rest, len(uid)
            if alike not in patterns:
                patterns[alike] = _around(uid, encode(self._entries.make(one)))
            if (around := patterns[alike]) is None:
                yield encode(self._entries.make(one))
            else:
                yield uid.encode("ascii").join(around)


def _around(uid: str, encoded: bytes) -> tuple[bytes, bytes] | None:
    """Return what stands before and behind a UID; None where it is not found once."""
    parts = encoded.split(uid.encode("ascii"))
    return (parts[0], parts[1]) if len(parts) == 2 else None


class _Entries(MutableSequence[Dataset]):
    """A list of items; see `RepeatedItems`."""

    def __init__(self, entries: list[Any], make: Callable[[Any], Dataset]) -> None:
        self.entries = entries
        self.make = make

    def _made(self, index: int) -> Dataset:
        found = self.entries[index]
        if not isinstance(found, Dataset):
            found = self.entries[index] = self.make(found)
        return found

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> Dataset: ...

    @overload
    def __getitem__(self, index: slice) -> list[Dataset]: ...

    def __getitem__(self, index: int | slice) -> Dataset | list[Dataset]:
        if isinstance(index, slice):
            return [self._made(one) for one in range(*index.indices(len(self)))]
        return self._made(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self.entries[index] = value

    def __delitem__(self, index: int | slice) -> None:
        del self.entries[index]

    def insert(self, index: int, value: Dataset) -> None:
        self.entries.insert(index, value)

    def __eq__(self, other: object) -> bool:
        return list(self) == other

    __hash__ = None  # pyright: ignore[reportAssignmentType]
