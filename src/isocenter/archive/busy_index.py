"""Waiting for others who write the index, for as long as a sender may wait for its answer."""

import sqlite3
from typing import Any

from isocenter.errors import OutOfResources

__all__ = ["ONE_TRY", "PATIENCE", "IndexBusy", "is_busy"]

PATIENCE = 15.0
"""Seconds for which whoever writes waits for others, all in all, and whoever reads for a table that
is locked. Some peers wait 30 s for us."""

ONE_TRY = 0.5
"""Seconds for which the database waits by itself; then somebody else's patience may be over."""

_LOCK_NOT_AVAILABLE = "55P03"


class IndexBusy(OutOfResources):
    """Others wrote the index all the time, or kept it locked; nothing was written, or read."""

    def __init__(self) -> None:
        super().__init__(
            "the index is locked by another program or a long repair; let that end and try again"
        )


def is_busy(error: BaseException) -> bool:
    """Tell whether a database says that somebody else has it locked.

    Parameters
    ----------
    error
        What the driver or SQLAlchemy raised.

    References
    ----------
    https://www.sqlite.org/rescode.html#busy,
    https://www.postgresql.org/docs/current/errcodes-appendix.html
    """
    said: Any = getattr(error, "orig", None) or error
    if getattr(said, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
        return True
    return getattr(said, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
