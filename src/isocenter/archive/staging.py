"""Memory from which files are written past the system's cache.

The system copies what is written into a cache of its own, page by page, and takes the disk's time
and the processor's once more to write that. Bytes that nobody is about to read go to the disk
straight from here (`O_DIRECT`), which asks for whole blocks, in memory and in the file.
"""

import mmap
import threading
from collections import deque

__all__ = ["BLOCK", "STAGED", "Staging", "StagingPool"]

BLOCK = 4096
"""What addresses, offsets and lengths are multiples of, in bytes: the largest that disks ask."""

STAGED = 1 << 20
"""How many bytes one file collects before they are written."""

_MOST = 16


class Staging:
    """Collects bytes of one file at a time.

    Attributes
    ----------
    memory
        `STAGED` bytes, at the beginning of a page.
    length
        How many of them are the file's.
    """

    __slots__ = ("length", "memory")

    def __init__(self) -> None:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # no child writes into it
        self.memory = memoryview(mmap.mmap(-1, STAGED, flags=flags))
        self.length = 0


class StagingPool:
    """Lends memory to files that arrive, some megabytes of it in all."""

    def __init__(self) -> None:
        self._idle: deque[Staging] = deque()
        self._left = _MOST
        self._lock = threading.Lock()

    def take(self) -> Staging | None:
        """Lend memory until `give_back`; None while all of it is lent, or the system has none."""
        try:
            return self._idle.pop()
        except IndexError:
            pass
        with self._lock:
            if not self._left:
                return None
            self._left -= 1
        try:
            return Staging()
        except (OSError, MemoryError):
            with self._lock:
                self._left += 1
            return None

    def give_back(self, staging: Staging) -> None:
        """Take memory back, whatever it holds."""
        staging.length = 0
        self._idle.append(staging)
