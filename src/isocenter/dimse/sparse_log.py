"""Log lines of which a peer may cause any number: one a second of a kind is told, the rest counted.

Without this, whoever connects again and again fills the disk, and hides in the log what matters.
"""

import logging
import threading
import time
from collections.abc import Hashable

_SECONDS = 1.0
# So many kinds of lines are told in a second; they may be told apart by what the peer chooses.
_KINDS = 100


class SparseLog:
    """Tells some lines and counts the others; used by any number of threads.

    Parameters
    ----------
    log
        Where to.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._lock = threading.Lock()
        # Until when each kind of line has been told, in seconds of `time.monotonic`.
        self._told: dict[Hashable, float] = {}
        self._left_out = 0

    def say(self, kind: Hashable, level: int, message: str, *values: object) -> None:
        """Log a line unless one of its kind was logged less than a second ago.

        Parameters
        ----------
        kind
            Whom or what the line is about: of each, one line a second is told of a `message`.
        level, message, values
            As for `logging.Logger.log`.
        """
        if not self._log.isEnabledFor(level):
            return
        with self._lock:
            if not self._is_due((kind, message), time.monotonic()):
                self._left_out += 1
                return
            left_out, self._left_out = self._left_out, 0
        if left_out:
            message, values = f"{message} (left out before this: %d like it)", (*values, left_out)
        self._log.log(level, message, *values)

    def flush(self) -> None:
        """Say how many lines were left out since the last one that was told."""
        with self._lock:
            left_out, self._left_out = self._left_out, 0
        if left_out:
            self._log.warning("refused or broken connections that were not told: %d", left_out)

    def _is_due(self, kind: Hashable, now: float) -> bool:
        if self._told.get(kind, 0.0) > now:
            return False
        if kind not in self._told and len(self._told) >= _KINDS:
            self._told = {one: until for one, until in self._told.items() if until > now}
            if len(self._told) >= _KINDS:
                return False
        self._told[kind] = now + _SECONDS
        return True
