"""`multipart/related` bodies, read as they arrive and written as they leave.

The reader holds no socket and no file: bytes go in as they come, events come out, in the same order
however the bytes were cut. It keeps only what it cannot decide yet, so memory stays within the
limits whatever a peer sends (RFC 2046 5.1, PS3.18 8.6.1.2).
"""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache

from isocenter.dicomweb.media_types import MULTIPART_RELATED, MediaType, parse_media_type
from isocenter.errors import InvalidRequest, LimitExceeded

# RFC 2046 allows 70 characters out of a small alphabet. Peers send longer ones and other
# characters; what matters is that a delimiter stays one printable line.
_BOUNDARY = re.compile(rb"[\x20-\x7e]{0,199}[\x21-\x7e]")
_CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class MultipartLimits:
    """How much of a body the reader takes before it refuses the rest.

    Parameters
    ----------
    header_bytes
        Of the header fields of one part, and of padding behind a delimiter.
    preamble_bytes
        In front of the first part.
    parts
        In one body.
    part_bytes
        Of the content of one part.
    """

    header_bytes: int = 16 * 1024
    preamble_bytes: int = 64 * 1024
    parts: int = 100_000
    part_bytes: int = 1 << 40


@dataclass(frozen=True, slots=True)
class PartStarted:
    """The header fields of a part have been read.

    Parameters
    ----------
    headers
        By name in lower case; of a repeated field the first value counts.
    """

    headers: Mapping[str, str]

    @property
    def media_type(self) -> MediaType | None:
        """The Content-Type of the part, None if it has none.

        Raises
        ------
        InvalidRequest
            The field is no media type.
        """
        text = self.headers.get("content-type")
        return parse_media_type(text) if text else None


@dataclass(frozen=True, slots=True)
class PartData:
    """Some bytes of the content of the part that was started last; never empty.

    Parameters
    ----------
    data
        A view of what was received, so that it is copied no more.
    """

    data: memoryview


@dataclass(frozen=True, slots=True)
class PartEnded:
    """The part is complete."""


@dataclass(frozen=True, slots=True)
class BodyEnded:
    """The closing delimiter has been read; what follows is passed over."""


Event = PartStarted | PartData | PartEnded | BodyEnded


class _State(Enum):
    PREAMBLE = auto()
    DELIMITER = auto()
    HEADERS = auto()
    CONTENT_START = auto()
    CONTENT = auto()
    EPILOGUE = auto()


def boundary_of(content_type: MediaType) -> str:
    """Return the boundary of a multipart media type.

    Parameters
    ----------
    content_type
        Of the request or response.

    Returns
    -------
    str
        1 to 200 printable ASCII characters.

    Raises
    ------
    InvalidRequest
        The type is not multipart, or its boundary is missing or unusable.
    """
    if content_type.type != "multipart":
        raise InvalidRequest(f"expected a multipart media type, found {content_type.essence}")
    boundary = content_type.parameter("boundary")
    if boundary is None:
        raise InvalidRequest("the multipart Content-Type has no boundary parameter")
    if not boundary.isascii() or not _BOUNDARY.fullmatch(boundary.encode("ascii")):
        raise InvalidRequest("the multipart boundary is empty, too long or not printable ASCII")
    return boundary


class MultipartReader:
    """Turns the bytes of a multipart body into events, whatever pieces they arrive in.

    Parameters
    ----------
    boundary
        From `boundary_of`.
    limits
        What to refuse.
    """

    def __init__(self, boundary: str, limits: MultipartLimits | None = None) -> None:
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._limits = limits or MultipartLimits()
        # A delimiter at the very start has no line break in front of it; this lends it one.
        self._held = _CRLF
        self._at = 0
        self._state = _State.PREAMBLE
        self._passed_over = 0
        self._parts = 0
        self._part_bytes = 0
        self._steps = {
            _State.PREAMBLE: self._preamble,
            _State.DELIMITER: self._after_delimiter,
            _State.HEADERS: self._headers,
            _State.CONTENT_START: self._content_start,
            _State.CONTENT: self._content,
            _State.EPILOGUE: self._epilogue,
        }

    @property
    def ended(self) -> bool:
        """Whether the closing delimiter has been read."""
        return self._state is _State.EPILOGUE

    def receive(self, data: bytes) -> Iterator[Event]:
        """Take the next bytes of the body.

        Parameters
        ----------
        data
            Any number of bytes. The iterator must be run to its end before the next call.

        Yields
        ------
        Event
            What the bytes complete; runs of content are not joined.

        Raises
        ------
        InvalidRequest
            The body breaks the grammar.
        LimitExceeded
            Something is larger than the limits allow.
        """
        self._held = self._held + data if self._held else data
        while True:
            before = self._state
            event = self._steps[before]()
            if event is not None:
                yield event
            elif self._state is before:
                break
        # Cut once a call, not once an event: many small parts must not copy what follows them.
        self._held = self._held[self._at :]
        self._at = 0

    def finish(self) -> None:
        """Say that no more bytes will come.

        Raises
        ------
        InvalidRequest
            The closing delimiter is missing: the body was cut off.
        """
        if not self.ended:
            raise InvalidRequest("the multipart body ends before its closing delimiter")

    def _preamble(self) -> Event | None:
        found = self._held.find(self._delimiter, self._at)
        kept_from = max(self._at, len(self._held) - len(self._delimiter) + 1)
        end = found if found >= 0 else kept_from
        self._passed_over += end - self._at
        self._at = end
        if self._passed_over > self._limits.preamble_bytes:
            raise InvalidRequest("the multipart body does not begin with its boundary")
        if found >= 0:
            self._at += len(self._delimiter)
            self._state = _State.DELIMITER
        return None

    def _after_delimiter(self) -> Event | None:
        """Tell the closing delimiter from one that begins a part, past any padding."""
        if self._held.startswith(b"--", self._at):
            self._state = _State.EPILOGUE
            return BodyEnded()
        end = self._at
        while self._held.startswith((b" ", b"\t"), end):
            end += 1
        if end - self._at > self._limits.header_bytes:
            raise LimitExceeded("too much padding behind a multipart delimiter")
        if self._held.startswith(_CRLF, end):
            # The line break stays: with the next one it ends a part that has no header fields.
            self._at = end
            self._state = _State.HEADERS
            return None
        if self._held[end : end + 2] in (b"", b"\r") or self._held[self._at :] == b"-":
            return None
        raise InvalidRequest("unexpected bytes behind a multipart delimiter")

    def _headers(self) -> Event | None:
        limit = self._limits.header_bytes + len(b"\r\n\r\n")
        end = self._held.find(b"\r\n\r\n", self._at, self._at + limit)
        if end < 0:
            if len(self._held) - self._at >= limit:
                raise LimitExceeded(
                    f"the header fields of a part exceed {self._limits.header_bytes} bytes"
                )
            return None
        self._parts += 1
        if self._parts > self._limits.parts:
            raise LimitExceeded(f"more than {self._limits.parts} parts in one request")
        headers = _parse_headers(self._held[self._at + 2 : end])
        # The second line break may be the first bytes of the next delimiter: an empty part.
        self._at = end + 2
        self._part_bytes = 0
        self._state = _State.CONTENT_START
        return PartStarted(headers)

    def _content_start(self) -> Event | None:
        length = len(self._held) - self._at
        if length < len(self._delimiter) and self._delimiter.startswith(self._held[self._at :]):
            return None
        if not self._held.startswith(self._delimiter, self._at):
            self._at += 2
        self._state = _State.CONTENT
        return None

    def _content(self) -> Event | None:
        found = self._held.find(self._delimiter, self._at)
        if found == self._at:
            self._at += len(self._delimiter)
            self._state = _State.DELIMITER
            return PartEnded()
        end = found if found > 0 else self._decided_end()
        content = memoryview(self._held)[self._at : end]
        self._at = end
        return self._data(content) if content else None

    def _decided_end(self) -> int:
        """Return where the bytes begin that may turn out to be the beginning of a delimiter."""
        start = self._held.rfind(b"\r", max(self._at, len(self._held) - len(self._delimiter) + 1))
        if start < 0 or not self._delimiter.startswith(self._held[start:]):
            return len(self._held)
        return start

    def _data(self, content: memoryview) -> Event:
        self._part_bytes += len(content)
        if self._part_bytes > self._limits.part_bytes:
            raise LimitExceeded(f"a part of more than {self._limits.part_bytes} bytes")
        return PartData(content)

    def _epilogue(self) -> Event | None:
        self._at = len(self._held)
        return None


def _parse_headers(block: bytes) -> dict[str, str]:
    """Read header fields; a folded line continues the one before it (RFC 822 3.1.1)."""
    headers: dict[str, str] = {}
    unfolded = re.sub(rb"\r\n[ \t]+", b" ", block)
    for line in unfolded.split(_CRLF):
        if not line:
            continue
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not name.strip():
            raise InvalidRequest(f"a part has a malformed header field: {line[:60]!r}")
        headers.setdefault(name.strip().lower(), value.strip())
    return headers


@dataclass(frozen=True, slots=True)
class MultipartWriter:
    """Frames parts for a `multipart/related` body; the caller sends their content in between.

    Parameters
    ----------
    media_type
        Of the parts: the `type` parameter.
    transfer_syntax
        Of all parts, None where they differ or have none.

    Attributes
    ----------
    boundary
        Unguessable, so that content cannot hold it.
    """

    media_type: str
    transfer_syntax: str | None = None
    boundary: str = field(init=False, default_factory=lambda: secrets.token_hex(20))

    @property
    def content_type(self) -> str:
        """The value of the Content-Type header field of the whole body."""
        return f"{_related(self.media_type, self.transfer_syntax)}; boundary={self.boundary}"

    def head(self, content_type: str, *, location: str | None = None, first: bool) -> bytes:
        """Return what stands in front of the content of a part.

        Parameters
        ----------
        content_type
            Of the part, with parameters.
        location
            URI of the content (Content-Location), if it has one.
        first
            Whether this is the first part; every other one begins by ending the part before it.

        Returns
        -------
        bytes
            Delimiter, header fields and the empty line behind them.
        """
        lines = [f"--{self.boundary}", f"Content-Type: {content_type}"]
        if location is not None:
            lines.append(f"Content-Location: {location}")
        text = "\r\n".join(lines) + "\r\n\r\n"
        return (text if first else "\r\n" + text).encode("latin-1")

    @property
    def closing(self) -> bytes:
        """What stands behind the content of the last part."""
        return f"\r\n--{self.boundary}--\r\n".encode("ascii")

    def frame(self, parts: Sequence[tuple[str, bytes]]) -> bytes:
        """Return a whole body.

        Parameters
        ----------
        parts
            The content type and content of each, at least one.

        Returns
        -------
        bytes
            The parts in order, and the closing delimiter.
        """
        pieces: list[bytes] = []
        for index, (content_type, content) in enumerate(parts):
            pieces += [self.head(content_type, first=index == 0), content]
        pieces.append(self.closing)
        return b"".join(pieces)


@lru_cache(maxsize=64)
def _related(media_type: str, transfer_syntax: str | None) -> str:
    """Write the type of a body whose parts are all of one type, without its boundary."""
    parameters = [("type", media_type)]
    if transfer_syntax:
        parameters.append(("transfer-syntax", transfer_syntax))
    return str(MediaType("multipart", MULTIPART_RELATED.partition("/")[2], tuple(parameters)))
