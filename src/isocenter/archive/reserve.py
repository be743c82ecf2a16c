"""Room on the index's disk that is kept for deleting: on a full disk, deleting writes first."""

import contextlib
import os
from pathlib import Path

__all__ = ["Reserve"]

_SIZES = (1 << 19, 1 << 18, 1 << 17)
"""Bytes, the most that fit: a delete logs some tens of pages, an index that is opened twelve."""


class Reserve:
    """A file beside the index that is given up where a delete finds no room, and made again after.

    Parameters
    ----------
    path
        The file; None for an index that is no file.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def make(self) -> None:
        """Take the room, or what is missing of it: a kill may have cut the writing short."""
        if self._path is None:
            return
        for size in _SIZES:
            with contextlib.suppress(OSError):
                if _lengthen(self._path, size):
                    return

    def give_up(self) -> int:
        """Give the room back; returns how many bytes, 0 where none were taken."""
        if self._path is None:
            return 0
        try:
            size = self._path.stat().st_size
            self._path.unlink()
        except OSError:
            return 0
        return size


def _lengthen(path: Path, size: int) -> bool:
    """Make a file that long; where there is no room for it, it is what it was."""
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        # Zeros would take no room where the file system compresses.
        try:
            if before >= size or file.write(os.urandom(size - before)) == size - before:
                return True
        except OSError:
            pass
        file.truncate(before)
    if not before:
        path.unlink()
    return False
