"""Deflated data sets (PS3.5 A.5): inflated as far as they are needed, and bounded."""

import math
import zlib
from collections.abc import Iterator

from isocenter.dicom.encoding import Buffer
from isocenter.dicom.header import Header
from isocenter.dicom.source import ReadAt, Source, opened
from isocenter.errors import InvalidDicom, LimitExceeded

MAXIMUM_INFLATED_LENGTH = 1 << 30
"""How large a deflated data set may become unless the caller sets another limit."""

MAXIMUM_INFLATED_HEADER = 1 << 27
"""How far a deflated data set is inflated in search of Pixel Data, and behind it."""

_PIECE = 1 << 16


def inflate(data: Buffer, *, limit: int = MAXIMUM_INFLATED_LENGTH) -> bytes:
    """Inflate a deflated data set (PS3.5 A.5).

    Parameters
    ----------
    data
        The raw deflate stream behind the File Meta Information, with or without padding.
    limit
        The most bytes that it may become; memory is never taken for more.

    Returns
    -------
    bytes
        The data set in Explicit VR Little Endian.

    Raises
    ------
    LimitExceeded
        If the data set is larger than `limit`.
    InvalidDicom
        If the stream is broken or cut off.
    """
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = stream.decompress(data, limit + 1)
    except zlib.error as error:
        raise InvalidDicom(f"the deflated data set cannot be inflated: {error}") from error
    if len(inflated) > limit:
        raise LimitExceeded(f"the deflated data set is larger than {limit} bytes when inflated")
    if not stream.eof:
        raise InvalidDicom("the deflated data set is truncated; send the complete object")
    return inflated


class Inflation:
    """Reads a deflated data set from its beginning on, in the memory of what is asked for at once.

    Parameters
    ----------
    read
        Reads the file.
    offset
        Where the raw deflate stream begins in it.
    limit
        How far to inflate at most, in bytes.
    """

    def __init__(self, read: ReadAt, offset: int, *, limit: int) -> None:
        self._pieces = _unbounded_pieces(read, offset)
        self._limit = limit
        self._window = bytearray()
        self._begin = 0  # of the window
        self._ended = False

    def size(self) -> float:
        """Tell how long the data set is; infinity as long as its end has not been seen."""
        return self._begin + len(self._window) if self._ended else math.inf

    def read(self, offset: int, length: int) -> bytes:
        """Read inflated bytes, from where the last reading began or behind that.

        Returns
        -------
        bytes
            Fewer than `length` only at the end.

        Raises
        ------
        LimitExceeded
            They lie behind the limit.
        InvalidDicom
            If the stream is broken or cut off.
        """
        self._forget(offset)
        while not self._ended and self._begin + len(self._window) < offset + length:
            piece = next(self._pieces, None)
            self._ended = piece is None
            self._window += piece or b""
            self._forget(offset)
            if self._begin + len(self._window) > self._limit:
                raise LimitExceeded(
                    f"the first {self._limit} inflated bytes hold no Pixel Data and do not end"
                )
        start = offset - self._begin
        return bytes(self._window[start : start + length])

    def _forget(self, offset: int) -> None:
        passed = min(offset - self._begin, len(self._window))
        del self._window[:passed]
        self._begin += passed


def inflated_pieces(
    read: ReadAt, offset: int, *, limit: int = MAXIMUM_INFLATED_LENGTH
) -> Iterator[bytes]:
    """Inflate a deflated data set piece by piece.

    Parameters
    ----------
    read
        Reads the file.
    offset
        Where the raw deflate stream begins in it.
    limit
        The most bytes that it may become.

    Yields
    ------
    bytes
        At most 64 kB, of the data set in order.

    Raises
    ------
    LimitExceeded
        If the data set is larger than `limit`.
    InvalidDicom
        If the stream is broken or cut off.
    """
    length = 0
    for piece in _unbounded_pieces(read, offset):
        length += len(piece)
        if length > limit:
            raise LimitExceeded(f"the deflated data set is larger than {limit} bytes when inflated")
        yield piece


def inflated_length(read: ReadAt, offset: int, *, limit: int = MAXIMUM_INFLATED_LENGTH) -> int:
    """Find how long a deflated data set is in bytes, in the memory of a piece of it.

    Parameters
    ----------
    read, offset, limit
        As for `inflated_pieces`, which raises the same.
    """
    return sum(map(len, inflated_pieces(read, offset, limit=limit)))


def check_inflation(source: Source, header: Header) -> None:
    """Check that a data set, if it is deflated, can be inflated into memory as a whole.

    It is inflated piece by piece, and nothing is kept of it.

    Parameters
    ----------
    source
        The file.
    header
        What a scan of it found.

    Raises
    ------
    LimitExceeded
        If it becomes larger than `MAXIMUM_INFLATED_LENGTH`.
    InvalidDicom
        If it is broken or cut off.
    """
    if header.inflated:
        with opened(source) as (read, _):
            inflated_length(read, header.data_set_offset, limit=MAXIMUM_INFLATED_LENGTH)


def _unbounded_pieces(read: ReadAt, offset: int) -> Iterator[bytes]:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    while not stream.eof:
        packed = stream.unconsumed_tail
        if not packed:
            packed = read(offset, _PIECE)
            offset += len(packed)
        try:
            piece = stream.decompress(packed, _PIECE)
        except zlib.error as error:
            raise InvalidDicom(f"the deflated data set cannot be inflated: {error}") from error
        # Without more to read, there may still be bytes that the last piece had no room for.
        if not (packed or piece or stream.eof):
            raise InvalidDicom("the deflated data set is truncated; send the complete object")
        yield piece
