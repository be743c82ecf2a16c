"""Codestreams of JPEG 2000 Part 2, written for tests: components as they are, and what to undo."""

import struct
from collections.abc import Sequence

import imagecodecs
import numpy as np
from numpy.typing import NDArray

CBD, MCT, MCC, MCO = 0xFF78, 0xFF74, 0xFF75, 0xFF77
DEPENDENCY, DECORRELATION, OFFSET, WAVELET = 0, 1, 2, 3
ELEMENTS = ("i2", "i4", "f4", "f8")


def components(values: NDArray[np.generic], **options: bool) -> bytes:
    """Part 1's codestream of an image, by OpenJPEG."""
    given = {"codecformat": "j2k", "reversible": True, "mct": False, "planar": False, **options}
    return bytes(imagecodecs.jpeg2k_encode(values, level=0, **given))


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">HH", marker, len(body) + 2) + body


def cbd(count: int, depth: int = 8, signed: bool = False) -> bytes:
    """One depth for all components."""
    return segment(CBD, struct.pack(">HB", 0x8000 | count, depth - 1 | (0x80 if signed else 0)))


def series(marker: int, index: bytes, data: bytes, parts: int = 1) -> bytes:
    """Data in one segment or more."""
    size = -(-len(data) // parts)
    pieces = [data[n * size : (n + 1) * size] for n in range(parts)]
    heads = [struct.pack(">H", n) + index for n in range(parts)]
    heads[0] += struct.pack(">H", parts - 1)
    return b"".join(
        segment(marker, head + piece) for head, piece in zip(heads, pieces, strict=True)
    )


def mct(
    kind: int, index: int, elements: Sequence[float], dtype: str = "i2", parts: int = 1
) -> bytes:
    data = np.asarray(elements).astype(">" + dtype).tobytes()
    imct = ELEMENTS.index(dtype) << 10 | kind << 8 | index
    return series(MCT, struct.pack(">H", imct), data, parts)


def indices(values: Sequence[int], wide: bool = False) -> bytes:
    dtype, flag = (">u2", 0x8000) if wide else (">u1", 0)
    return struct.pack(">H", flag | len(values)) + np.asarray(values).astype(dtype).tobytes()


def collection(
    kind: int,
    inputs: Sequence[int],
    outputs: Sequence[int],
    array: int,
    offset: int = 0,
    *,
    flags: int = 0,
    wide: bool = False,
) -> bytes:
    """One collection of an MCC segment; flags are the first byte of Tmcc."""
    head = bytes([kind]) + indices(inputs, wide) + indices(outputs, wide)
    return head + bytes([flags, offset, array])


def mcc(index: int, *collections: bytes, parts: int = 1) -> bytes:
    data = struct.pack(">H", len(collections)) + b"".join(collections)
    return series(MCC, bytes([index]), data, parts)


def mco(*order: int) -> bytes:
    return segment(MCO, bytes([len(order), *order]))


def part_2(codestream: bytes, *segments: bytes, use: int = 2, capabilities: int = 0x8100) -> bytes:
    """Part 1's codestream with segments behind SIZ, Rsiz and SGcod as they must be then."""
    behind = 4 + int.from_bytes(codestream[4:6], "big")
    style = codestream.index(b"\xff\x52", behind) + 8
    rest = codestream[behind:style] + bytes([use]) + codestream[style + 1 :]
    head = codestream[:6] + struct.pack(">H", capabilities) + codestream[8:behind]
    return head + b"".join(segments) + rest
