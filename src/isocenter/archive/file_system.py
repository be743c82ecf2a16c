"""What an archive asks of a file system, where systems differ or have two answers."""

import contextlib
import os
from collections.abc import Callable

from .resources import EXHAUSTED

if os.name == "nt":
    _FULL_SYNC = None
else:
    import fcntl

    _FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)

__all__ = ["O_BINARY", "is_there", "link_new", "sync", "sync_bytes"]

O_BINARY: int = getattr(os, "O_BINARY", 0)
"""Windows' flag for files whose line ends stay what they are."""

_SYNC_BYTES: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


def sync(descriptor: int, usual: Callable[[int], None] = os.fsync) -> None:
    """Wait for the disk; macOS's own fsync would leave the bytes in the drive's cache."""
    if _FULL_SYNC is not None:
        with contextlib.suppress(OSError):  # a network file system may not know it
            fcntl.fcntl(descriptor, _FULL_SYNC)
            return
    usual(descriptor)


def sync_bytes(descriptor: int) -> None:
    """Wait until what a file holds is on the disk, and as much about it as reading that takes."""
    sync(descriptor, _SYNC_BYTES)


def is_there(path: str | os.PathLike[str]) -> bool:
    """Whether a file stands there; what the disk says of its own failing is raised, and no "no"."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    return True


def link_new(source: str, place: str) -> bool:
    """Give a file a name where none stands, moving it where a file has only one; False if taken."""
    try:
        os.link(source, place)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in EXHAUSTED or isinstance(error, FileNotFoundError):
            raise
        if is_there(place):
            return False
        os.replace(source, place)  # a file system that gives a file only one name
    return True
