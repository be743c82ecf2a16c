"""Telling a full or failing disk from a mistake: the first is OutOfResources, and may pass."""

import errno
import sqlite3
from types import TracebackType

from sqlalchemy.exc import DatabaseError, OperationalError

from isocenter.errors import OutOfResources

__all__ = [
    "EXHAUSTED",
    "REMAKE_INDEX",
    "answer_of",
    "reported_as_out_of_resources",
    "said_of_exhaustion",
]

REMAKE_INDEX = (
    "the index is damaged; stop the server, move the files index.sqlite* elsewhere, and have "
    "`isocenter check --repair` make it anew from the stored files"
)
"""What to do where SQLite's file is broken."""

_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

EXHAUSTED = frozenset(
    getattr(errno, name)
    for name in (
        "ENOSPC",
        "EDQUOT",
        "EROFS",
        "EIO",
        "EFBIG",
        "EMFILE",
        "ENFILE",
        "ENOMEM",
        "EACCES",
    )
    if hasattr(errno, name)
)


class reported_as_out_of_resources:  # noqa: N801 - it reads as the verb of its statement
    """Turn what the system says about exhausted or failing storage into OutOfResources.

    Every piece of every arrival passes one: contextlib's makes twice as many calls.

    Parameters
    ----------
    doing
        What could not be done, to complete "could not ...".

    Raises
    ------
    OutOfResources
        The disk is full, read-only or failing, or the index cannot be written.
    """

    __slots__ = ("_doing",)

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None and (said := said_of_exhaustion(error)):
            raise OutOfResources(f"could not {self._doing}: {said}") from error


def said_of_exhaustion(error: BaseException) -> str:
    """Tell what is exhausted or failing; nothing where it is a mistake of ours."""
    if isinstance(error, OSError) and error.errno in EXHAUSTED:
        remedy = "free space or make the disk writable"
        if error.errno == errno.EACCES:
            remedy = "let the user that this runs as write there"
        return f"{error.strerror}; {remedy}"
    if isinstance(error, DatabaseError):
        said = f"the index answered: {answer_of(error)}"
        if _is_damaged(error):
            return f"{said}; {REMAKE_INDEX}"
        if isinstance(error, OperationalError):
            return said
    return ""


def _is_damaged(error: DatabaseError) -> bool:
    """Tell whether SQLite finds its file broken; the low byte of its code says what is wrong."""
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _BROKEN


def answer_of(error: BaseException) -> str:
    """Tell what a database said, without the values, hosts and users that PostgreSQL names.

    Parameters
    ----------
    error
        What SQLAlchemy raised. Its sentence goes to peers and into the log.
    """
    said = getattr(error, "orig", None) or error
    diagnostic: object = getattr(said, "diag", None)
    if diagnostic is None:  # SQLite, which names tables and columns only
        return str(said)
    return str(getattr(diagnostic, "message_primary", None) or "nothing, it cannot be reached")
