"""Room for SQLite's write-ahead log, so that a commit waits for its bytes alone.

A log that grows makes each sync wait for the file system's journal too, which tells of the new
length; a log that overwrites what is there does not. That is a quarter of the time in which a small
object is kept. SQLite grows the log by itself, once a start, and has no setting for this.
"""

import contextlib
import os

__all__ = ["LOG_PAGES", "make_log_room"]

LOG_PAGES = 4000
"""After how many pages SQLite moves the log into the database and begins it anew."""

_PAGE = 4096 + 24
_LENGTH = LOG_PAGES * _PAGE
_PART = 1 << 20


def make_log_room(path: str) -> None:
    """Lengthen a write-ahead log by zeros, which no reader takes for a part of it.

    Call it inside a write transaction: nobody else can append to the log then. Where there is no
    space for it, the log stays as it is.

    Parameters
    ----------
    path
        The log. SQLite takes its locks on other files, so that it may be opened and closed here.

    References
    ----------
    https://www.sqlite.org/fileformat2.html#the_write_ahead_log (frames that are valid)
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
        try:
            _lengthen(descriptor)
        finally:
            os.close(descriptor)


def _lengthen(descriptor: int) -> None:
    start = end = os.lseek(descriptor, 0, os.SEEK_END)
    try:
        while end < _LENGTH:
            end += os.write(descriptor, bytes(min(_PART, _LENGTH - end)))
        if end > start:
            os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, start)
        raise
