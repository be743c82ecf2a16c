"""Bodies that are made while they are sent: a piece at a time, in a worker thread."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from isocenter import errors
from isocenter.services.unsent import UnsentAnswers, unsent_answers

__all__ = ["IteratorResponse", "gathered", "primed"]

_log = logging.getLogger(__name__)

_PIECE: Final = 1 << 20


class Primed(Iterator[bytes]):
    """A body whose first piece is made.

    Parameters
    ----------
    pieces
        Of the body; what it raises for its first piece is raised here.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._first = next(pieces, None)

    def take_first(self) -> bytes | None:
        """Give the first piece if nobody had it, and hold it no longer."""
        first, self._first = self._first, None
        return first

    def __next__(self) -> bytes:
        """Give the next piece."""
        first = self.take_first()
        return next(self._pieces) if first is None else first

    def close(self) -> None:
        """End what makes the pieces."""
        if close := getattr(self._pieces, "close", None):
            close()


def primed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Make the first piece now, so that an error in it is answered instead of cutting the body off.

    Parameters
    ----------
    pieces
        Of a body; what it raises for its first piece is raised here.
    """
    return Primed(pieces)


def gathered(parts: Iterator[bytes], size: int = _PIECE) -> Iterator[bytes]:
    """Join small parts, so that each step of a response is worth its thread switch.

    Parameters
    ----------
    parts
        Of a body.
    size
        In bytes, from which on a piece is large enough.
    """
    joined: list[bytes] = []
    length = 0
    for part in parts:
        joined.append(part)
        length += len(part)
        if length >= size:
            del part  # of which a user agent that is slow should hold no second copy
            yield _joined(joined)
            length = 0
    if joined:
        yield _joined(joined)


def _joined(parts: list[bytes]) -> bytes:
    whole = b"".join(parts)
    parts.clear()
    return whole


class IteratorResponse(Response):
    """Sends what a blocking iterator yields, each step made in a worker thread.

    While one piece is on its way to the user agent the next is made, and not more; where user
    agents hold much that they do not take, only when that one is gone. When the user agent goes
    away, the iterator is closed.

    Parameters
    ----------
    pieces
        The body; large pieces (about a megabyte) keep the number of steps small.
    headers
        Of the response; with a Content-Length where the length is known.
    pool
        Where the steps run.
    status
        Of the response.
    """

    def __init__(
        self,
        pieces: Iterator[bytes],
        headers: dict[str, str],
        pool: ThreadPoolExecutor,
        status: int = 200,
    ) -> None:
        self._pieces = pieces
        self._pool = pool
        self.status_code = status
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        sending = asyncio.ensure_future(self._send_pieces(send, unsent_answers(scope)))
        leaving = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
        except errors.IsocenterError as error:
            # Whoever returns without an end has the connection closed: half an answer is none.
            _log.error("an answer was broken off: %s", error)
        finally:
            leaving.cancel()
            if not sending.done():
                sending.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sending

    async def _send_pieces(self, send: Send, unsent: UnsentAnswers) -> None:
        step = self._first_step()
        try:
            # Shielded, for the step goes on in its thread when this task is cancelled.
            while (piece := await asyncio.shield(step)) is not None:
                ahead = not unsent.scarce
                step = self._step() if ahead else _made(None)
                # The next piece, which is about as large, waits with this one.
                held = len(piece) << ahead
                unsent.hold(held)
                try:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                finally:
                    unsent.release(held)
                if not ahead:
                    del piece  # so that only what is on its way is held
                    # Nothing is sent once all before it is on its way.
                    await send({"type": "http.response.body", "body": b"", "more_body": True})
                    step = self._step()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            # A generator cannot be closed while a thread is inside of it.
            with contextlib.suppress(Exception):
                await asyncio.shield(step)
            if close := getattr(self._pieces, "close", None):
                await asyncio.get_running_loop().run_in_executor(self._pool, close)

    def _first_step(self) -> asyncio.Future[bytes | None]:
        """Take the first piece without a thread if it is made: it should not wait for others."""
        first = self._pieces.take_first() if isinstance(self._pieces, Primed) else None
        return self._step() if first is None else _made(first)

    def _step(self) -> asyncio.Future[bytes | None]:
        return asyncio.get_running_loop().run_in_executor(self._pool, next, self._pieces, None)


def _made(piece: bytes | None) -> asyncio.Future[bytes | None]:
    step = asyncio.get_running_loop().create_future()
    step.set_result(piece)
    return step


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
