"""uvicorn, told to announce itself, to end with code 0, and to hold and wait for only so much."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from isocenter.server.http_connection import HttpConnection
from isocenter.services.unsent import UNSENT_ANSWERS, UnsentAnswers

__all__ = ["HttpServer"]

# Beyond these, requests are answered with 503 instead of exhausting the process.
_CONNECTIONS = 1000
_UNSENT_BYTES = 256 << 20
_INTERRUPTED = 130


class HttpServer(uvicorn.Server):
    """Serves an application on sockets that are open already.

    Parameters
    ----------
    app
        The application.
    grace
        Seconds that running requests get once the server stops.
    on_ready
        Called when requests are answered.
    on_stop
        Awaited when a signal has come, while running requests finish.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        grace: float,
        on_ready: Callable[[], None],
        on_stop: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=HttpConnection,
                ws="none",
                limit_concurrency=_CONNECTIONS,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=max(1, round(grace)),
            )
        )
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        self.lifespan.state[UNSENT_ANSWERS] = UnsentAnswers(_UNSENT_BYTES)
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening and let running requests finish."""
        await asyncio.gather(super().shutdown(sockets), self._on_stop())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at the first signal, at once at the second.

        uvicorn would raise the signal again after stopping; a server that was asked to stop and did
        so ends with code 0. At once is safe: what was acknowledged survives any end.
        """
        if self.should_exit:
            os._exit(_INTERRUPTED)
        self.should_exit = True
