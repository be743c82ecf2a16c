"""RLE Lossless frames (PS3.5 annex G)."""

import struct
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from isocenter.errors import PixelDataError

from .description import PixelDescription
from .native import Buffer, keep_stored_bits

__all__ = ["decode_rle", "encode_rle"]

_HEADER = struct.Struct("<16I")


def decode_rle(data: Buffer, description: PixelDescription) -> NDArray[Any]:
    """Decode one RLE frame.

    Parameters
    ----------
    data
        Header and segments of the frame.
    description
        What the object says of it.

    Returns
    -------
    ndarray
        `(rows, columns)` or `(rows, columns, 3)`.

    Raises
    ------
    PixelDataError
        When the header does not fit the description or a segment is truncated.
    """
    data = bytes(data)
    offsets = _segment_offsets(data, description)
    size = description.dtype.itemsize
    samples = description.samples_per_pixel
    pixels = description.rows * description.columns
    # Segments come most significant byte first; their places in memory are those of little endian.
    cells = np.empty((pixels, samples, size), np.uint8)
    for index, (start, end) in enumerate(offsets):
        sample, byte = divmod(index, size)
        cells[:, sample, size - 1 - byte] = _segment(data[start:end], pixels, index)
    frame = cells.reshape(-1).view(description.dtype.newbyteorder("<"))
    shape = (description.rows, description.columns, samples)[: 2 + (samples > 1)]
    return keep_stored_bits(frame.reshape(shape), description)


def _segment_offsets(view: bytes, description: PixelDescription) -> list[tuple[int, int]]:
    expected = description.samples_per_pixel * description.dtype.itemsize
    if len(view) < _HEADER.size:
        raise PixelDataError(f"the RLE frame has {len(view)} bytes, less than its 64-byte header")
    count, *starts = _HEADER.unpack_from(view)
    if count != expected:
        raise PixelDataError(
            f"the RLE frame has {count} segments; Samples per Pixel (0028,0002) and Bits Allocated "
            f"(0028,0100) make {expected}"
        )
    bounds = [*starts[:count], len(view)]
    pairs = list(zip(bounds[:-1], bounds[1:], strict=True))
    if bounds[0] < _HEADER.size or any(end < start for start, end in pairs):
        raise PixelDataError(f"the RLE header's segment offsets {starts[:count]} are out of order")
    return pairs


def _segment(packed: bytes, pixels: int, index: int) -> NDArray[np.uint8]:
    if len(packed) * 64 < pixels:  # two bytes make at most 128
        raise PixelDataError(
            f"RLE segment {index + 1} has {len(packed)} bytes, too few for {pixels} pixels"
        )
    try:
        # Room for twice the frame: some writers run over its end, and no more is believed.
        unpacked = imagecodecs.packbits_decode(packed, out=bytearray(2 * pixels + 128))
    except Exception as error:
        raise PixelDataError(f"RLE segment {index + 1} cannot be decoded: {error}") from None
    if len(unpacked) < pixels:
        raise PixelDataError(
            f"RLE segment {index + 1} decodes to {len(unpacked)} bytes; the frame has {pixels} "
            "pixels"
        )
    if len(unpacked) > pixels + 1:
        _check_overrun(packed, pixels, index)
    return np.frombuffer(unpacked, np.uint8, pixels)


def _check_overrun(packed: bytes, pixels: int, index: int) -> None:
    """Forgive a last run that goes beyond the frame, and zeros behind it; refuse further runs."""
    position = found = 0
    while found < pixels:
        control = packed[position]
        found += 257 - control if control > 128 else control + 1 if control < 128 else 0
        position += 2 if control > 128 else control + 2 if control < 128 else 1
    if packed[position:].strip(b"\0"):
        raise PixelDataError(
            f"RLE segment {index + 1} goes on for {len(packed) - position} bytes behind the last "
            f"of the frame's {pixels} pixels: the frame is damaged, or another's"
        )


def encode_rle(samples: NDArray[Any]) -> bytes:
    """Encode one frame as RLE Lossless.

    Parameters
    ----------
    samples
        `(rows, columns)` or `(rows, columns, 3)` of an integer type.

    Returns
    -------
    bytes
        Header and segments, each row encoded by itself and each segment of even length
        (PS3.5 G.3.1, G.4).

    Raises
    ------
    PixelDataError
        When a pixel takes more than the fifteen bytes that the header has room for.
    """
    rows, columns = samples.shape[:2]
    size = samples.dtype.itemsize
    little = np.ascontiguousarray(samples, samples.dtype.newbyteorder("<"))
    cells = little.view(np.uint8).reshape(rows, columns, -1, size)
    planes = [
        cells[:, :, sample, byte].copy()  # also of one pixel, whose strides the codec looks at
        for sample in range(cells.shape[2])
        for byte in reversed(range(size))
    ]
    if len(planes) > 15:
        raise PixelDataError(f"a pixel of {len(planes)} bytes does not fit the 15 RLE segments")
    segments = [bytes(imagecodecs.packbits_encode(plane, axis=-1)) for plane in planes]
    segments = [segment + bytes(len(segment) % 2) for segment in segments]
    starts = [_HEADER.size + sum(map(len, segments[:n])) for n in range(len(segments))]
    header = _HEADER.pack(len(segments), *starts, *[0] * (15 - len(segments)))
    return header + b"".join(segments)
