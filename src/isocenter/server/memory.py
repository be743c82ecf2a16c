"""Memory that is free, given back to the system while the server goes on."""

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

__all__ = ["free_memory_given_back"]

_SECONDS: Final = 10.0
# So much may stay with the process: what is used again and again should not come anew each time.
_KEPT: Final = 64 << 20
_PAGES: Final = Path("/proc/self/statm")
_M_ARENA_MAX: Final = -8  # malloc.h of glibc


@contextlib.contextmanager
def free_memory_given_back(seconds: float = _SECONDS) -> Generator[None]:
    """Have the system take back, while the block runs, what the process has freed.

    The allocator of glibc would keep what large images took, for each thread that made one, as long
    as the process lives; other allocators are left alone. With one arena for all threads, what one
    has freed serves the next, and all of it can be given back; of others, the end never is.

    Large blocks that come from the system and go back one by one (a fixed `M_MMAP_THRESHOLD`) would
    cost more: every page of each comes as a fault, and a frame of 27 MB took two fifths longer.

    Parameters
    ----------
    seconds
        How often to look whether the process holds much more than it did at the beginning.
    """
    allocator = _glibc()
    if allocator is None:
        yield
        return
    allocator.mallopt(_M_ARENA_MAX, 1)
    ended = threading.Event()
    work = (allocator, _own_memory() + _KEPT, seconds, ended)
    thread = threading.Thread(target=_give_back, args=work, name="memory", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _give_back(allocator: Any, most: int, seconds: float, ended: threading.Event) -> None:
    while not ended.wait(seconds):
        if _own_memory() > most:
            allocator.malloc_trim(ctypes.c_size_t(0))  # without the interpreter's lock


def _glibc() -> Any:
    """Find the allocator that keeps memory, or None where it is another (musl has no trimming)."""
    if sys.platform != "linux" or not _PAGES.exists():
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None


def _own_memory() -> int:
    """Bytes in memory that belong to no file; files that are mapped go by themselves."""
    _, resident, shared, *_ = map(int, _PAGES.read_bytes().split())
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")
