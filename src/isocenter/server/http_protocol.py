"""HTTP/1.1 by uvicorn, with limits on how much and how slowly a client sends before it asks."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["BoundedHttpProtocol"]


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes connections of clients that wait for no answer and do not ask, or ask without end."""

    HEAD_BYTES = 1 << 16
    """How long request line and headers may be, and what a body has besides its content."""
    HEAD_SECONDS = 30.0
    """How long they may take, from the connection or the answer before on."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._awaiting_head: asyncio.TimerHandle | None = None
        self._has_head = False
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
        """Take bytes, counting those that are no content."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes <= self.HEAD_BYTES or self.transport.is_closing():
            return
        if self._has_head:  # an answer may be on its way, behind which no other can be put
            self.transport.close()
        else:
            self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        """Begin with the headers of a request."""
        super().on_message_begin()
        self._has_head = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field; what comes behind a body nobody reads, and is let go of."""
        if not self._has_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End the wait."""
        self._has_head = True
        self._head_bytes = 0
        self._head_is_complete()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take content."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._head_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, and for the rest of a body that nobody wanted."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._await_head()

    def _await_head(self) -> None:
        self._head_is_complete()
        self._awaiting_head = self.loop.call_later(self.HEAD_SECONDS, self.transport.close)

    def _head_is_complete(self) -> None:
        if self._awaiting_head is not None:
            self._awaiting_head.cancel()
            self._awaiting_head = None
