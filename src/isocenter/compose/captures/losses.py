"""What was lost before a picture came here, as far as its file says it (PS3.3 C.7.6.1.1.5)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

__all__ = ["Loss", "loss_of"]

JPEG, _JPEG_2000, _HTJ2K = "ISO_10918_1", "ISO_15444_1", "ISO_15444_15"
_WEBP, _AVIF = "WEBP", "AVIF"  # for which the standard has no term of its own
_COMPRESSION, _STRIPS, _TILES = 0x0103, 0x0117, 0x0145  # TIFF 6.0, and how many bytes each has
_IN_TIFF = {6: JPEG, 7: JPEG, 34892: JPEG}
_J2K_IN_TIFF, _WEBP_IN_TIFF = (33003, 33004, 33005, 34712), 50001


@dataclass(frozen=True, slots=True)
class Loss:
    """A compression with loss.

    Parameters
    ----------
    method
        Lossy Image Compression Method (0028,2114).
    ratio
        Uncompressed size over compressed size.
    """

    method: str
    ratio: float


def loss_of(picture: Any, content: bytes, size: int) -> Loss | None:
    """Return how the present page of an opened picture was compressed; None without loss.

    Parameters
    ----------
    picture
        As Pillow opens it.
    content
        The whole file.
    size
        Bytes of the page's pixels without compression.
    """
    if picture.format == "TIFF":
        return _in_tiff(picture.tag_v2, content, size)
    match picture.format:
        case "JPEG" | "MPO":
            method = JPEG
        case "WEBP":
            method = "" if b"VP8 " not in _riff_chunks(content) else _WEBP
        case "JPEG2000":
            method = _jpeg_2000(content)
        case "AVIF":
            method = _AVIF
        case _:
            method = ""
    pages = getattr(picture, "n_frames", 1)
    return Loss(method, size * pages / len(content)) if method else None


def _in_tiff(tags: Any, content: bytes, size: int) -> Loss | None:
    kind = tags.get(_COMPRESSION)
    starts = tags.get(0x0111) or tags.get(0x0144) or (0,)
    lengths = tags.get(_STRIPS) or tags.get(_TILES) or (0,)
    first = content[starts[0] : starts[0] + lengths[0]]
    method = _IN_TIFF.get(kind, "")
    if kind in _J2K_IN_TIFF:
        method = _jpeg_2000(first)
    elif kind == _WEBP_IN_TIFF and b"VP8 " in _riff_chunks(first):
        method = _WEBP
    return Loss(method, size / max(sum(lengths), 1)) if method else None


def _riff_chunks(content: bytes) -> set[bytes]:
    """Return the names of the chunks of a WebP file, those of animated frames among them."""
    found: set[bytes] = set()
    position = 12
    while position + 8 <= len(content):
        name = content[position : position + 4]
        (length,) = struct.unpack_from("<I", content, position + 4)
        found.add(name)
        # A frame of an animation has its own chunks behind 16 bytes.
        position += 24 if name == b"ANMF" else 8 + length + length % 2
    return found


def _jpeg_2000(content: bytes) -> str:
    """Return the method of a codestream with the irreversible transform (ISO/IEC 15444-1 A.6.1).

    One with the reversible transform that was cut short cannot be told from a whole one.
    """
    position = content.find(b"\xff\x4f\xff\x51") + 2
    high_throughput = False
    while position >= 2 and position + 4 <= len(content):
        marker, length = struct.unpack_from(">HH", content, position)
        if marker == 0xFF50:  # CAP, of Part 15
            high_throughput = True
        if marker == 0xFF52:  # COD
            reversible = content[position + 13 : position + 14] == b"\x01"
            return "" if reversible else _HTJ2K if high_throughput else _JPEG_2000
        position += 2 + length
    return ""
