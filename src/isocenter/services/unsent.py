"""Answers that were made and that nobody takes: within a bound over all connections."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from isocenter.log_lines import RepeatedLines

__all__ = ["UNSENT_ANSWERS", "UnsentAnswers", "unsent_answers"]

UNSENT_ANSWERS: Final = "isocenter.unsent"
"""The name under which a server hands them to its application (ASGI, "Lifespan State")."""

_HEAD_START: Final = 1 << 16
_CLOSED: Final = (
    "closed the connection of %s: answers that are not taken hold %d bytes, and it takes its own "
    "most slowly"
)
_log = logging.getLogger(__name__)
_log.addFilter(RepeatedLines(_CLOSED))


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What a connection holds, and since when."""

    size: int
    unsent: int
    since: float


class UnsentAnswers:
    """Counts what slow user agents make the server hold, and closes connections beyond a limit.

    Those go first whose user agent takes least a second: one that takes nothing could otherwise
    keep its answer in memory for as long as it likes. Used on the event loop alone.

    Parameters
    ----------
    limit
        Bytes that all answers may take together. One that is larger closes all others, and stays.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[asyncio.WriteTransport, _Waiting] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """Bytes that are held."""
        return self._total

    @property
    def scarce(self) -> bool:
        """Whether so much is held that nothing should be made ahead of its time."""
        return self._total > self._limit // 4

    def hold(self, size: int) -> None:
        """Count bytes that are made and cannot be handed to their connection yet.

        Parameters
        ----------
        size
            How many; give them back by `release`.
        """
        self._total += size
        self._close_slowest(None)

    def release(self, size: int) -> None:
        """Forget bytes that `hold` counted."""
        self._total -= size

    def begin_wait(self, connection: asyncio.WriteTransport, size: int) -> None:
        """Count what a connection holds whose user agent does not keep up.

        Parameters
        ----------
        connection
            Until it is given to `end_wait`.
        size
            Bytes that stay in memory until all of them are taken.
        """
        self.end_wait(connection)
        unsent = connection.get_write_buffer_size()
        self._waiting[connection] = _Waiting(size, unsent, time.monotonic())
        self._total += size
        self._close_slowest(connection)

    def end_wait(self, connection: asyncio.WriteTransport) -> None:
        """Forget a connection that took what it was to take, or is closed."""
        if (waiting := self._waiting.pop(connection, None)) is not None:
            self._total -= waiting.size

    def _close_slowest(self, newcomer: asyncio.WriteTransport | None) -> None:
        while self._total > self._limit:
            others = [each for each in self._waiting if each is not newcomer]
            if not others:
                return
            slowest = min(others, key=self._pace)
            _log.warning(_CLOSED, slowest.get_extra_info("peername"), self._total)
            self.end_wait(slowest)
            slowest.abort()

    def _pace(self, connection: asyncio.WriteTransport) -> float:
        """Estimate the bytes that it takes a second; whoever has just begun is not the slowest."""
        waiting = self._waiting[connection]
        taken = waiting.unsent - connection.get_write_buffer_size()
        return (taken + _HEAD_START) / (time.monotonic() - waiting.since + 0.1)


_UNBOUNDED: Final = UnsentAnswers(1 << 62)


def unsent_answers(scope: Scope) -> UnsentAnswers:
    """Find those of the server that a request came to; without a bound where it has none.

    Parameters
    ----------
    scope
        Of the request.
    """
    return scope.get("state", {}).get(UNSENT_ANSWERS, _UNBOUNDED)
