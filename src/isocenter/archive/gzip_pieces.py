"""Gzip streams put together from pieces that were compressed long before.

RFC 1952 lets a stream have several members, and browsers and HTTP libraries stop after the first.
So pieces are kept as runs of deflate blocks, none of them final, that end at a byte: behind one
another, with one header and one trailer around them all, they are a single member. The trailer's
checksum follows from those of the pieces.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

__all__ = ["Piece", "gzip_stream"]

_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_FINAL_BLOCK = b"\x03\0"  # empty, with fixed codes
_FRAME = struct.Struct("<4sIQQ")
_FORM = b"gzp1"  # changes with the form in which pieces are kept
_FLUSHED = b"\0\0\xff\xff"  # how the blocks of a piece end
_POLYNOMIAL = 0xEDB88320


@dataclass(frozen=True, slots=True)
class Piece:
    """Some compressed content.

    Parameters
    ----------
    checksum
        CRC-32 of the content.
    length
        Of the content, in bytes.
    blocks
        Deflate blocks (RFC 1951), none of them final, ending at a byte.
    """

    checksum: int
    length: int
    blocks: bytes

    @classmethod
    def of(cls, content: bytes, level: int) -> "Piece":
        """Compress some content, 0 (not at all) to 9."""
        compressor = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
        blocks = compressor.compress(content) + compressor.flush(zlib.Z_FULL_FLUSH)
        return cls(zlib.crc32(content), len(content), blocks)

    def content(self) -> bytes:
        """Give the content back."""
        return zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(self.blocks)

    def to_bytes(self) -> bytes:
        """Write the piece so that others can stand behind it; `read_all` reads them."""
        return _FRAME.pack(_FORM, self.checksum, self.length, len(self.blocks)) + self.blocks

    @classmethod
    def read_all(cls, data: bytes) -> "Iterator[Piece]":
        """Read what `to_bytes` wrote, any number of them behind one another.

        Raises
        ------
        ValueError
            The bytes are something else, such as pieces in the form of another version.
        """
        offset = 0
        while offset < len(data):
            start = offset + _FRAME.size
            if start > len(data):
                raise ValueError("the frame of a piece is cut off")
            form, checksum, length, size = _FRAME.unpack_from(data, offset)
            offset = start + size
            blocks = data[start:offset]
            if form != _FORM or len(blocks) < size or not blocks.endswith(_FLUSHED):
                raise ValueError("these bytes are no pieces")
            yield cls(checksum, length, blocks)


def gzip_stream(pieces: Iterable[Piece]) -> bytes:
    """Put pieces together to one gzip member.

    Parameters
    ----------
    pieces
        In the order of their content.

    References
    ----------
    RFC 1952 2.2, RFC 1951 3.2.3
    """
    parts, checksum, length = [_HEADER], 0, 0
    for piece in pieces:
        parts.append(piece.blocks)
        checksum = _times(_shift(piece.length), checksum) ^ piece.checksum
        length += piece.length
    parts += [_FINAL_BLOCK, struct.pack("<II", checksum, length & 0xFFFFFFFF)]
    return b"".join(parts)


def _times(a: int, b: int) -> int:
    """Multiply two polynomials over GF(2), bits reversed, modulo that of CRC-32."""
    product, bit = 0, 1 << 31
    while bit:
        if a & bit:
            product ^= b
        bit >>= 1
        b = b >> 1 ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


@cache
def _squared(times: int) -> int:
    """Return x squared so many times over."""
    return 1 << 30 if times == 0 else _times(_squared(times - 1), _squared(times - 1))


@lru_cache(maxsize=4096)
def _shift(length: int) -> int:
    """Return what a checksum is multiplied with when so many bytes follow: x to the 8 * length."""
    power, exponent, bits = 1 << 31, 0, 8 * length
    while bits:
        if bits & 1:
            power = _times(_squared(exponent), power)
        bits >>= 1
        exponent += 1
    return power
