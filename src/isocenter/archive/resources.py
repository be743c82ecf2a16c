"""Telling a full or failing disk from a mistake: the first is OutOfResources, and may pass."""

import contextlib
import errno
from collections.abc import Generator

from sqlalchemy.exc import OperationalError

from isocenter.errors import OutOfResources

__all__ = ["EXHAUSTED", "answer_of", "reported_as_out_of_resources"]

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


@contextlib.contextmanager
def reported_as_out_of_resources(doing: str) -> Generator[None]:
    """Turn what the system says about exhausted or failing storage into OutOfResources.

    Parameters
    ----------
    doing
        What could not be done, to complete "could not ...".

    Raises
    ------
    OutOfResources
        The disk is full, read-only or failing, or the index cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in EXHAUSTED:
            raise
        raise OutOfResources(
            f"could not {doing}: {error.strerror}; free space or make the disk writable"
        ) from error
    except OperationalError as error:
        said = answer_of(error)
        raise OutOfResources(f"could not {doing}: the index answered: {said}") from error


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
