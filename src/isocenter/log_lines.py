"""Log lines that come in floods: what anybody may cause as often as they like must not fill a disk.

A logger that writes such lines takes them by their text::

    _REFUSED = "closed a connection from %s: %d are open"
    _log = logging.getLogger(__name__)
    _log.addFilter(RepeatedLines(_REFUSED))
    ...
    _log.warning(_REFUSED, host, total)
"""

import logging
import threading
from dataclasses import dataclass

__all__ = ["RepeatedLines"]


@dataclass(slots=True)
class _Flood:
    """The lines that were kept back since the last one was written."""

    count: int = 0
    last: logging.LogRecord | None = None


class RepeatedLines(logging.Filter):
    """Writes the first of some lines at once, then one for all of each second.

    One that stands for several says how many they were.

    It belongs to a logger, not to a handler. Any thread may log.

    Parameters
    ----------
    *texts
        Of the lines, as they are given to the logger, `%s` included. All others pass.
    seconds
        For how long lines are counted.
    """

    def __init__(self, *texts: str, seconds: float = 1.0) -> None:
        super().__init__()
        self._texts = frozenset(texts)
        self._seconds = seconds
        self._lock = threading.Lock()
        self._floods: dict[str, _Flood] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is written now."""
        if not isinstance(record.msg, str) or record.msg not in self._texts:
            return True
        with self._lock:
            flood = self._floods.get(record.msg)
            if flood is not None:
                flood.count, flood.last = flood.count + 1, record
                return False
            self._watch(record.msg)
        return True

    def _watch(self, text: str) -> None:
        """Count for a while; where no thread can be had for that, the lines are written."""
        timer = threading.Timer(self._seconds, self._tell, (text,))
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:
            self._floods.pop(text, None)
        else:
            self._floods[text] = _Flood()

    def _tell(self, text: str) -> None:
        with self._lock:
            flood = self._floods.pop(text)
            if flood.last is not None:
                self._watch(text)
        if flood.last is None:
            return
        log, level = logging.getLogger(flood.last.name), flood.last.levelno
        line = flood.last.getMessage()
        if flood.count == 1:
            log.log(level, "%s", line)
        else:
            told = "%s (the last of %d such lines within %g s)"
            log.log(level, told, line, flood.count, self._seconds)
