"""HTTP/1.1 by uvicorn, with limits on how much and how slowly a client sends before it asks."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["BoundedHttpProtocol"]


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes connections whose request line and headers do not come, or do not end."""

    HEAD_BYTES = 1 << 16
    """How long request line and headers may be."""
    HEAD_SECONDS = 30.0
    """How long they may take, from the connection or the first byte of a later request on."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._awaiting_head: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._head_is_complete()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, counting those of request line and headers."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._awaiting_head is not None and self._head_bytes > self.HEAD_BYTES:
            self._head_is_complete()
            self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of a request on a connection that is kept alive."""
        super().on_message_begin()
        if self._awaiting_head is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        """End the wait."""
        self._head_is_complete()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._awaiting_head = self.loop.call_later(self.HEAD_SECONDS, self.transport.close)

    def _head_is_complete(self) -> None:
        if self._awaiting_head is not None:
            self._awaiting_head.cancel()
            self._awaiting_head = None
