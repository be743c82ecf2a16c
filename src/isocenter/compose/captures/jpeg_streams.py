"""JPEG streams: what their markers say, and those that go into an object as they are."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from isocenter.errors import CannotCompose

__all__ = ["EncodedJpeg", "JpegHeader", "read_jpeg_header"]

_ROTATION_TAG = 0x0112  # EXIF Orientation
_LOSSLESS = (0xC3, 0xC7, 0xCB, 0xCF)
_JPEG_LS = 0xF7


@dataclass(frozen=True, slots=True)
class EncodedJpeg:
    """A baseline or extended JPEG stream that goes into the object unchanged.

    Parameters
    ----------
    stream
        The whole JPEG stream.
    rows, columns
        Size in pixels.
    samples
        1 or 3.
    bits
        Bits a sample: 8 or 12.
    extended
        Whether the stream is extended sequential (process 2 and 4) rather than baseline.
    photometric_interpretation
        As PS3.5 8.2.1 has it for this stream.
    """

    stream: bytes
    rows: int
    columns: int
    samples: int
    bits: int
    extended: bool
    photometric_interpretation: str

    @property
    def compression_ratio(self) -> float:
        """Uncompressed size over compressed size (Lossy Image Compression Ratio)."""
        return self.rows * self.columns * self.samples / len(self.stream)


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What the markers of a JPEG stream say up to the frame header.

    Parameters
    ----------
    process
        The marker of the frame header: 0xC0 is baseline, 0xC1 extended, 0xC3 lossless.
    bits, rows, columns, samples
        Of the frame.
    adobe_transform
        The colour transform of an Adobe marker; None without one.
    rotated
        Whether EXIF says that the picture is to be turned.
    """

    process: int
    bits: int
    rows: int
    columns: int
    samples: int
    adobe_transform: int | None
    rotated: bool

    @property
    def lossless(self) -> bool:
        """Whether the process is one that loses nothing (ISO/IEC 10918-1 table B.1)."""
        return self.process in _LOSSLESS

    @property
    def photometric_interpretation(self) -> str:
        """As PS3.5 8.2.1 has it for this stream."""
        if self.samples == 1:
            return "MONOCHROME2"
        return "RGB" if self.adobe_transform == 0 else "YBR_FULL_422"


def read_jpeg_header(content: bytes, name: str) -> JpegHeader:
    """Read the markers up to the frame header (ISO/IEC 10918-1 B.2.2).

    Raises
    ------
    CannotCompose
        When the stream breaks off, or is one of JPEG-LS.
    """
    adobe: int | None = None
    rotated = False
    position = 2
    while position + 4 <= len(content):
        marker, length = content[position + 1], _u16(content, position + 2)
        body = content[position + 4 : position + 2 + length]
        if content[position] != 0xFF or length < 2:
            break
        if marker == _JPEG_LS:
            raise CannotCompose(
                f"{name} is a JPEG-LS picture, which is not read here; convert it to PNG or TIFF.",
                tag=0x7FE00010,
                module="Image Pixel",
            )
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if len(body) < 6:
                break
            bits, rows, columns, samples = struct.unpack_from(">BHHB", body)
            if content.rfind(b"\xff\xd9", position) < 0:
                raise CannotCompose(
                    f"{name} is a JPEG that breaks off before its end; give the whole file.",
                    tag=0x7FE00010,
                    module="Image Pixel",
                )
            return JpegHeader(marker, bits, rows, columns, samples, adobe, rotated)
        if marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        if marker == 0xE1 and body[:6] == b"Exif\0\0":
            rotated = _exif_orientation(body[6:]) not in (0, 1)
        position += 2 + length
    raise CannotCompose(f"{name} is a JPEG that breaks off before its frame header.")


def _exif_orientation(tiff: bytes) -> int:
    """Return the orientation of an EXIF block (TIFF 6.0 layout), 0 when it says none."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 0
    (directory,) = struct.unpack_from(order + "I", tiff, 4)
    if directory + 2 > len(tiff):
        return 0
    (count,) = struct.unpack_from(order + "H", tiff, directory)
    for index in range(min(count, (len(tiff) - directory - 2) // 12)):
        tag, _kind, _n, value = struct.unpack_from(order + "HHIH", tiff, directory + 2 + 12 * index)
        if tag == _ROTATION_TAG:
            return value
    return 0


def _u16(content: bytes, offset: int) -> int:
    return content[offset] << 8 | content[offset + 1]
