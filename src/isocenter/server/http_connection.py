"""HTTP/1.1 by uvicorn, with limits on what a client may send and on what it may leave untaken."""

import asyncio
from typing import Any, Final

import httptools
from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from isocenter.server.pacing import leave_unpaced_within_machine
from isocenter.server.transfer_encoding import refused_transfer_encoding
from isocenter.services.unsent import UnsentAnswers, unsent_answers

__all__ = ["NO_HTTP", "HttpConnection"]

NO_HTTP: Final = "Invalid HTTP request received."


class HttpConnection(HttpToolsProtocol):
    """A connection; closed where its client is not answered and does not ask, or asks without end.

    What it holds for a client that does not take its answers is counted with what all others hold.
    """

    HEAD_BYTES = 1 << 16
    """How long request line and headers may be, and what a body has besides its content."""
    HEAD_SECONDS = 30.0
    """How long they may take, from the connection or the answer before on."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._application: Any = self.app  # pyright: ignore[reportUnknownMemberType]
        self._unsent: UnsentAnswers = unsent_answers({"state": self.app_state})
        self._written: _Written
        self._next: tuple[RequestResponseCycle, Any] | None = None
        self._answered: RequestResponseCycle | None = None
        self._awaiting_head: asyncio.TimerHandle | None = None
        self._has_head = False
        self._offers_protocol = False
        self._bytes_beside_content = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        leave_unpaced_within_machine(transport)
        self._written = _Written(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer and what was held, and tell whatever answers."""
        self._stop_awaiting_head()
        self._unsent.end_wait(self.transport)
        self._next = None
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True  # uvicorn tells only the request that came last
            self._answered.message_event.set()
        super().connection_lost(exc)

    # What the client sends

    def data_received(self, data: bytes) -> None:
        """Take bytes, counting those that are no content."""
        self._unset_keepalive_if_required()
        self._bytes_beside_content += len(data)
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self.logger.warning(NO_HTTP)
            self._refuse(NO_HTTP)
            return
        if self._bytes_beside_content <= self.HEAD_BYTES or self.transport.is_closing():
            return
        if self._has_head:
            self.transport.close()
        else:
            self._refuse("The headers are too long.")

    def _refuse(self, sentence: str) -> None:
        """Close the connection; with a sentence, unless that would stand within an answer."""
        answer = self._answered
        if answer is not None and answer.response_started and not answer.response_complete:
            self.transport.close()
        else:
            self.send_400_response(sentence)

    def _parse(self, data: bytes) -> None:
        """Parse requests as if they offered no other protocol, as many programs do (RFC 9110 7.8).

        The parser takes what follows such a request for the other protocol: a body would be lost.
        """
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                data = data[offer.args[0] :]
            if not self._offers_protocol:  # but asks for a tunnel: what follows is not for us
                return
            self._offers_protocol = False
            head = self._head_without_offer()
            # The old one takes no more if the connection is to be closed.
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            self.parser.feed_data(head)

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        for name, value in self.headers:
            options = [each.strip() for each in value.split(b",")]
            if name == b"connection":
                kept = [option for option in options if option.lower() != b"upgrade"]
                lines.append(b"connection: " + b", ".join(kept))
            elif name != b"upgrade":
                lines.append(b"%b: %b" % (name, value))
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def on_message_begin(self) -> None:
        """Begin with the headers of a request."""
        super().on_message_begin()
        self._has_head = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field; what comes behind a body nobody reads, and is let go of."""
        if not self._has_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End the wait, and let the request be answered."""
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._offers_protocol = True
            return
        self._has_head = True
        self._bytes_beside_content = 0
        self._stop_awaiting_head()
        if any(name == b"transfer-encoding" for name, _ in self.headers):
            self._answer_if_delimited()
        else:
            super().on_headers_complete()
        self.cycle.transport = self._written  # pyright: ignore[reportAttributeAccessIssue]

    def _answer_if_delimited(self) -> None:
        """Refuse a request of which another program may think that it ends elsewhere."""
        refusal = refused_transfer_encoding(self.headers, self.parser.get_http_version())
        if refusal is None:
            super().on_headers_complete()
            return
        status, sentence = refusal
        self.app = PlainTextResponse(sentence, status)
        super().on_headers_complete()
        self.app = self._application
        self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take content."""
        self._bytes_beside_content = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._bytes_beside_content = 0
        if not self._offers_protocol:
            super().on_message_complete()

    def _await_head(self) -> None:
        self._stop_awaiting_head()
        self._awaiting_head = self.loop.call_later(self.HEAD_SECONDS, self.transport.close)

    def _stop_awaiting_head(self) -> None:
        if self._awaiting_head is not None:
            self._awaiting_head.cancel()
            self._awaiting_head = None

    # What the client takes

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin with an answer, but none behind one that is not taken: it would be held as well."""
        self._answered = cycle
        if self.flow.write_paused:
            self._next = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Wait for the next request, and for the rest of a body that nobody wanted."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._await_head()

    def pause_writing(self) -> None:
        """Count what is held now that the client does not keep up."""
        super().pause_writing()
        held = max(self._written.size, self.transport.get_write_buffer_size())
        self._unsent.begin_wait(self.transport, held)

    def resume_writing(self) -> None:
        """Go on, for the client took what there was."""
        super().resume_writing()
        self._unsent.end_wait(self.transport)
        if self._next is not None:
            (cycle, app), self._next = self._next, None
            super()._start_asgi_task(cycle, app)


class _Written:
    """The transport as an answer uses it; knows how much was written last.

    All of it stays in memory until its last byte is taken, of which the transport tells nothing.
    """

    __slots__ = ("_write", "close", "is_closing", "size")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._write = transport.write
        self.close = transport.close
        self.is_closing = transport.is_closing
        self.size = 0

    def write(self, data: bytes) -> None:
        self.size = len(data)
        self._write(data)
