"""What every DICOMweb service does alike: negotiation, URLs, streaming, failures."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from isocenter import errors
from isocenter.dicomweb import (
    OCTET_STREAM,
    MediaRange,
    Representation,
    parse_accept,
    select,
)

__all__ = [
    "Accept",
    "Endpoint",
    "IteratorResponse",
    "accepts_gzip",
    "answered",
    "base_url",
    "document_headers",
    "entity_tags",
    "forwarded_prefix",
    "gathered",
    "negotiate",
    "not_modified",
    "primed",
]

_log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]

_STATUSES: Final[tuple[tuple[type[errors.IsocenterError], int], ...]] = (
    (errors.NotFound, 404),
    (errors.NotAcceptable, 406),
    (errors.UnsupportedTransferSyntax, 406),
    (errors.UnsupportedMediaType, 415),
    (errors.LimitExceeded, 413),
    (errors.InstanceConflict, 409),
    (errors.InvalidRequest, 400),
    (errors.QueryError, 400),
    (errors.InvalidDicom, 422),
    (errors.PixelDataError, 422),
    (errors.OutOfResources, 503),
)

_PIECE: Final = 1 << 20
_NEGOTIATED: Final = ("GET", "HEAD")

_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_FORWARDED_PAIR = re.compile(r'(?i)\b(proto|host)=("?)([^";,]+)\2')


def answered(endpoint: Endpoint) -> Endpoint:
    """Let an endpoint raise the errors of this project: each becomes its status and its sentence.

    What is read depends on the Accept header field, and its answer says so (RFC 9110 12.5.5).

    Parameters
    ----------
    endpoint
        What answers when all goes well.
    """

    async def guarded(request: Request) -> Response:
        try:
            answer = await endpoint(request)
        except errors.IsocenterError as error:
            answer = failure(error)
        if request.method in _NEGOTIATED and all(name != b"vary" for name, _ in answer.raw_headers):
            answer.raw_headers.append((b"vary", b"accept"))
        return answer

    guarded.__name__ = getattr(endpoint, "__name__", "endpoint")
    return guarded


def failure(error: errors.IsocenterError) -> Response:
    """Return the answer to a request that failed (PS3.18 8.5).

    Parameters
    ----------
    error
        Its text goes to the user agent.
    """
    status = next((code for kind, code in _STATUSES if isinstance(error, kind)), 500)
    if status >= 500:
        _log.error("DICOMweb request failed: %s", error)
    headers = {"retry-after": "30"} if status == 503 else None
    return PlainTextResponse(f"{error}\n", status_code=status, headers=headers)


class Accept(NamedTuple):
    """What a user agent accepts, as it wrote it: cheap to compare, and read once.

    Parameters
    ----------
    header
        The Accept header field; empty if there is none.
    parameter
        The `accept` query parameter, if there is one.
    """

    header: str
    parameter: str | None

    @classmethod
    def of(cls, request: Request) -> "Accept":
        """Take it from a request."""
        header = ", ".join(request.headers.getlist("accept"))
        parameter = request.query_params.get("accept") if request.url.query else None
        return cls(header, parameter)

    def ranges(self) -> tuple[MediaRange, ...]:
        """Read it, most wanted first.

        Raises
        ------
        InvalidRequest
            It cannot be read.
        """
        return _ranges(self)


@lru_cache(maxsize=1024)
def _ranges(accept: Accept) -> tuple[MediaRange, ...]:
    return parse_accept(accept.header, accept.parameter)


def negotiate(request: Request, offered: Sequence[Representation], resource: str) -> Representation:
    """Choose what to send by the Accept header field and the `accept` query parameter.

    Parameters
    ----------
    request
        What the user agent asked.
    offered
        What can be made, most preferred first.
    resource
        What was asked for, for the sentence of the error.

    Raises
    ------
    NotAcceptable
        None of it is accepted.
    InvalidRequest
        The accepted types cannot be read.
    """
    return select(Accept.of(request).ranges(), offered, resource)


def base_url(request: Request) -> str:
    """Return the URL of the service as the user agent sees it, without a slash at the end.

    Behind a proxy the `Forwarded` header field (RFC 7239) or its `X-Forwarded-` forerunners say
    what the user agent asked for; a value that is no host name is passed over.

    Parameters
    ----------
    request
        To any resource of the service.
    """
    scheme, host = request.url.scheme, request.headers.get("host") or request.url.netloc
    forwarded = _forwarded(request)
    if forwarded.get("proto", "").lower() in ("http", "https"):
        scheme = forwarded["proto"].lower()
    if _HOST.fullmatch(forwarded.get("host", "")):
        host = forwarded["host"]
    path = request.scope.get("root_path", "")
    return f"{scheme}://{host}{forwarded_prefix(request)}{path}"


def _forwarded(request: Request) -> dict[str, str]:
    """Read scheme and host; the first hop is the one next to the user agent."""
    if text := request.headers.get("forwarded"):
        first = text.partition(",")[0]
        return {m.group(1).lower(): m.group(3).strip() for m in _FORWARDED_PAIR.finditer(first)}
    return {
        name: value.partition(",")[0].strip()
        for name in ("proto", "host")
        if (value := request.headers.get(f"x-forwarded-{name}"))
    }


def document_headers(media_type: str) -> dict[str, str]:
    """Return the header fields for a document whose type a sender chose.

    A browser shows a PDF; anything else it saves, for a page from an object must not run as one of
    this server's own.

    Parameters
    ----------
    media_type
        What the object says that it holds.
    """
    headers = {"content-type": media_type, "x-content-type-options": "nosniff"}
    if media_type not in ("application/pdf", OCTET_STREAM):
        headers["content-disposition"] = "attachment"
    return headers


def forwarded_prefix(request: Request) -> str:
    """Return the path that a proxy took away, such as `/pacs`; empty where there is none.

    Parameters
    ----------
    request
        Its `X-Forwarded-Prefix` header field is read.
    """
    prefix = request.headers.get("x-forwarded-prefix", "").rstrip("/")
    return prefix if _PREFIX.fullmatch(prefix) else ""


def accepts_gzip(request: Request) -> bool:
    """Tell whether the user agent takes a body with `Content-Encoding: gzip` (RFC 9110 12.5.3).

    Parameters
    ----------
    request
        Its Accept-Encoding header field is read.
    """
    for element in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = element.replace(" ", "").partition(";q=")
        if coding in ("gzip", "*"):
            return weight.rstrip("0.") != "" if weight else True
    return False


def not_modified(request: Request, etag: str) -> bool:
    """Tell whether the user agent has the resource already (RFC 9110 13.1.2).

    Parameters
    ----------
    request
        Its If-None-Match header field is read.
    etag
        Of the resource now, with its quotes.
    """
    known = {tag.removeprefix("W/") for tag in entity_tags(request, "if-none-match")}
    return "*" in known or etag.removeprefix("W/") in known


def entity_tags(request: Request, name: str) -> list[str]:
    """List the entity tags that a header field names, in all its lines (RFC 9110 5.3).

    Parameters
    ----------
    request
        What the user agent asked.
    name
        If-Match or If-None-Match, in lower case.
    """
    text = ",".join(request.headers.getlist(name))
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def primed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Make the first piece now, so that an error in it is answered instead of cutting the body off.

    Parameters
    ----------
    pieces
        Of a body; what it raises for its first piece is raised here.
    """
    first = list(islice(pieces, 1))

    def all_of_them() -> Iterator[bytes]:
        try:
            while first:
                yield first.pop()  # and hold it no longer
            yield from pieces
        finally:
            if isinstance(pieces, Generator):
                pieces.close()

    return all_of_them()


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

    While one piece is on its way to the user agent the next is made, and not more. When the user
    agent goes away, the iterator is closed.

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
        sending = asyncio.ensure_future(self._send_pieces(send))
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

    async def _send_pieces(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        step = loop.run_in_executor(self._pool, next, self._pieces, None)
        try:
            # Shielded, for the step goes on in its thread when this task is cancelled.
            while (piece := await asyncio.shield(step)) is not None:
                step = loop.run_in_executor(self._pool, next, self._pieces, None)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            # A generator cannot be closed while a thread is inside of it.
            with contextlib.suppress(Exception):
                await asyncio.shield(step)
            if close := getattr(self._pieces, "close", None):
                await loop.run_in_executor(self._pool, close)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
