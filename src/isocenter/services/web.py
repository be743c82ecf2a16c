"""What every DICOMweb service does alike: negotiation, URLs, failures."""

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from isocenter import errors
from isocenter.dicomweb import (
    OCTET_STREAM,
    MediaRange,
    Representation,
    parse_accept,
    select,
)
from isocenter.log_lines import RepeatedLines

__all__ = [
    "Accept",
    "Endpoint",
    "accepts_gzip",
    "answered",
    "base_url",
    "document_headers",
    "entity_tags",
    "forwarded_prefix",
    "negotiate",
    "not_modified",
]

_FAILED: Final = "DICOMweb request failed: %s"
_log = logging.getLogger(__name__)
_log.addFilter(RepeatedLines(_FAILED))

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
        _log.error(_FAILED, error)
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
        asked = bool(request.scope["query_string"])
        parameter = request.query_params.get("accept") if asked else None
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
