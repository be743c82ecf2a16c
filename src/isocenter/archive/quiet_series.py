"""Preparing the metadata of series in the background, once nothing more arrives for them."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from isocenter.errors import IsocenterError

from .change_log import Action, Change

__all__ = ["QuietSeries"]

_log = logging.getLogger(__name__)

_ARRIVALS = (Action.CREATED, Action.REPLACED)


class QuietSeries:
    """Notes the series that change and names them when they have been quiet for a while.

    Parameters
    ----------
    prepare
        Called with study and series, from a thread of its own.
    seconds
        How long nothing may arrive, for a series or for any other, before it is prepared: what
        arrives needs the processor and the disk more.
    patience
        How long a series waits at most for the others, in seconds.
    """

    _MOST = 10_000

    def __init__(
        self,
        prepare: Callable[[str, str], object],
        *,
        seconds: float = 2.0,
        patience: float = 60.0,
    ) -> None:
        self._prepare = prepare
        self._seconds = seconds
        self._patience = max(seconds, patience)
        self._latest = 0.0
        self._last: dict[tuple[str, str], float] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="archive-metadata", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; what is being prepared is finished."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=30)

    def note(self, changes: Sequence[Change]) -> None:
        """Take notice of changes, as a subscriber of the change log."""
        now = time.monotonic()
        with self._changed:
            for change in changes:
                if (
                    change.action in (Action.CREATED, Action.REPLACED)
                    and len(self._last) < self._MOST
                ):
                    name = (change.study_instance_uid, change.series_instance_uid)
                    self._last.pop(name, None)
                    self._last[name] = self._latest = now
            self._changed.notify()

    def _run(self) -> None:
        while (name := self._next()) is not None:
            try:
                self._prepare(*name)
            except IsocenterError:  # deleted meanwhile, for example
                _log.debug("metadata of a series could not be prepared", exc_info=True)
            except Exception:  # the next series must not suffer from this one
                _log.exception("metadata of a series could not be prepared")

    def _next(self) -> tuple[str, str] | None:
        """Wait for a time to prepare; name the series that has been quiet longest."""
        with self._changed:
            while not self._closed:
                if not self._last:
                    self._changed.wait()
                    continue
                name, last = next(iter(self._last.items()))
                due = min(self._latest + self._seconds, last + self._patience)
                rest = due - time.monotonic()
                if rest <= 0:
                    del self._last[name]
                    return name
                self._changed.wait(rest)
        return None
