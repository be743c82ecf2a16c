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
        """Take the room, unless it is taken or there is none."""
        if self._path is None or self._path.exists():
            return
        for size in _SIZES:
            if self._take(self._path, size):
                return

    def give_up(self) -> bool:
        """Give the room back; False where none was taken."""
        if self._path is None:
            return False
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def _take(self, path: Path, size: int) -> bool:
        try:
            # Zeros would take no room where the file system compresses.
            path.write_bytes(os.urandom(size))
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()
            return False
        return True
