"""Bytes that are sent as they stand in a file: whole, in part, or not again (RFC 9110 13, 14)."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from isocenter.archive import StoredInstance
from isocenter.dicom.frames import Span
from isocenter.dicomweb import parse_byte_range
from isocenter.errors import InvalidDicom
from isocenter.services.streaming import IteratorResponse, gathered
from isocenter.services.web import entity_tags, not_modified

__all__ = [
    "Content",
    "asks_for_part",
    "content_answer",
    "content_headers",
    "inflated_stretch",
    "stretches_of",
    "whole_file",
]

# Up to this size an answer is read at once: that takes less time than another step of a thread.
_AT_ONCE: Final = 1 << 20
_CONDITIONS: Final = frozenset({b"range", b"if-none-match", b"if-match"})


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that can be read from any place on.

    Parameters
    ----------
    size
        How many there are.
    etag
        Names them, with its quotes: a strong validator, for other bytes have another name.
    read
        Reads a part, given its offset and length in bytes.
    """

    size: int
    etag: str
    read: Callable[[int, int], Iterator[bytes]]


def stretches_of(instance: StoredInstance, spans: Sequence[Span]) -> Content:
    """Take stretches of an instance's file for the content, one behind the other.

    Parameters
    ----------
    instance
        Open for reading, and as long as the content is used.
    spans
        Offset and length of each, in bytes.

    Raises
    ------
    InvalidDicom
        The file ends before one of them does.
    """
    end = max((offset + length for offset, length in spans), default=0)
    if end > instance.size:
        raise InvalidDicom(
            f"the file of instance {instance.header.sop_instance_uid} has {instance.size} bytes; "
            f"what was asked for ends at {end}. Run `isocenter check`"
        )

    def read(offset: int, length: int) -> Iterator[bytes]:
        for start, size in spans:
            part = min(size - offset, length)
            if part > 0:
                yield from instance.chunks(start + offset, part)
                length -= part
            offset = max(0, offset - size)

    return Content(sum(length for _, length in spans), _etag(instance), read)


def whole_file(instance: StoredInstance) -> Content:
    """Take the whole file of an instance for the content."""
    return Content(instance.size, _etag(instance), instance.chunks)


def inflated_stretch(instance: StoredInstance, start: int, size: int) -> Content:
    """Take a stretch of the data set of a deflated instance, inflated, for the content.

    Parameters
    ----------
    instance
        Open for reading.
    start, size
        In bytes of the inflated data set.
    """

    def read(offset: int, length: int) -> Iterator[bytes]:
        return instance.inflated_chunks(start + offset, length)

    return Content(size, _etag(instance), read)


def _etag(instance: StoredInstance) -> str:
    return f'"{instance.version}"'


def asks_for_part(request: Request) -> bool:
    """Tell whether the answer may be other than the whole, or none."""
    return any(name in _CONDITIONS for name, _ in request.scope["headers"])


def content_headers(instance: StoredInstance, media_type: str) -> dict[str, str]:
    """Return the header fields of an answer with bytes that could be asked for in parts.

    Parameters
    ----------
    instance
        Whose bytes they are.
    media_type
        In which the user agent gets them.
    """
    return {"content-type": media_type} | _validators(_etag(instance))


def _validators(etag: str) -> dict[str, str]:
    return {"accept-ranges": "bytes", "etag": etag}


def content_answer(
    request: Request, content: Content, headers: dict[str, str], pool: ThreadPoolExecutor
) -> Response:
    """Answer with the part that is asked for, or the whole; this may block.

    Parameters
    ----------
    request
        Its Range, If-Range, If-Match and If-None-Match header fields are read.
    content
        The whole.
    headers
        What says which media type it is.
    pool
        Where it is read.

    References
    ----------
    RFC 9110 13.2.2 (the order of the conditions), 14.2 and 14.4
    """
    validators = _validators(content.etag)
    if not _matches(request, content.etag):
        sentence = "these are other bytes than those that If-Match names; ask without it\n"
        return PlainTextResponse(sentence, 412, validators)
    if not_modified(request, content.etag):
        return Response(status_code=304, headers=validators)
    wanted = _wanted(request, content)
    headers = headers | validators
    if wanted is None:
        return _read(request, content, range(content.size), 200, headers, pool)
    if not wanted:
        sentence = f"there are {content.size} bytes, none of which the Range header field names\n"
        unsatisfied = validators | {"content-range": f"bytes */{content.size}"}
        return PlainTextResponse(sentence, 416, unsatisfied)
    headers["content-range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{content.size}"
    return _read(request, content, wanted, 206, headers, pool)


def _matches(request: Request, etag: str) -> bool:
    if "if-match" not in request.headers:
        return True
    tags = entity_tags(request, "if-match")
    return tags == ["*"] or etag in tags


def _wanted(request: Request, content: Content) -> range | None:
    """Read which part is wanted; None for the whole."""
    fields = request.headers.getlist("range")
    # GET is the only method that a range is defined for.
    if len(fields) != 1 or request.method != "GET":
        return None
    # A date matches nothing: there is no Last-Modified. Nor does a weak tag (RFC 9110 13.1.5).
    if request.headers.get("if-range", content.etag).strip() != content.etag:
        return None
    return parse_byte_range(fields[0], content.size)


def _read(
    request: Request,
    content: Content,
    wanted: range,
    status: int,
    headers: dict[str, str],
    pool: ThreadPoolExecutor,
) -> Response:
    headers["content-length"] = str(len(wanted))
    parts = content.read(wanted.start, len(wanted))
    if len(wanted) <= _AT_ONCE and request.method != "HEAD":
        return Response(b"".join(parts), status, headers)
    return IteratorResponse(gathered(parts), headers, pool, status)
