"""Native pixel data to arrays and back: cells, byte order, planes (PS3.5 8.1.1)."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isocenter.errors import PixelDataError

from .description import PhotometricInterpretation, PixelDescription

__all__ = ["decode_native", "encode_native", "keep_stored_bits"]

Buffer: TypeAlias = bytes | bytearray | memoryview


def decode_native(data: Buffer, description: PixelDescription) -> NDArray[Any]:
    """Decode one native frame.

    Parameters
    ----------
    data
        Bytes that begin with the frame; what follows it is ignored.
    description
        How it is encoded.

    Returns
    -------
    ndarray
        `(rows, columns)`, or `(rows, columns, 3)` with chroma upsampled; a read-only view of
        `data` where nothing had to be changed.

    Raises
    ------
    PixelDataError
        When `data` is shorter than the description promises.
    """
    needed = (description.frame_bits + 7) // 8
    if len(data) < needed:
        raise PixelDataError(
            f"the frame has {len(data)} bytes, Rows (0028,0010) {description.rows}, Columns "
            f"(0028,0011) {description.columns} and Bits Allocated (0028,0100) "
            f"{description.bits_allocated} promise {needed}"
        )
    if description.bits_allocated in (8, 16, 32, 64):
        samples = _whole_cells(data, description)
    else:
        samples = _packed_cells(data, description)
    return keep_stored_bits(_arrange(samples, description), description)


def _whole_cells(data: Buffer, description: PixelDescription) -> NDArray[Any]:
    syntax = description.transfer_syntax
    big_endian = syntax.big_endian_pixels or not syntax.little_endian
    dtype = description.dtype.newbyteorder(">" if big_endian else "<")
    count = description.frame_bits // description.bits_allocated
    if dtype.itemsize == 1 and big_endian and description.word_data and not syntax.encapsulated:
        return _swapped_bytes(data, dtype, count)
    samples = np.frombuffer(data, dtype, count)
    return samples.astype(description.dtype) if big_endian and dtype.itemsize > 1 else samples


def _swapped_bytes(data: Buffer, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    even = count + count % 2
    if len(data) < even:  # the last word's other half lies in the next frame
        data = bytes(data) + bytes(even - len(data))
    return np.frombuffer(data, "<u2", even // 2).byteswap().view(dtype)[:count]


def _packed_cells(data: Buffer, description: PixelDescription) -> NDArray[Any]:
    """Cells that are no whole bytes, the first in the least significant bits (PS3.5 8.1.1)."""
    width = description.bits_allocated
    count = description.frame_bits // width
    packed = np.frombuffer(data, np.uint8, (count * width + 7) // 8)
    if not description.transfer_syntax.little_endian and description.word_data and width > 1:
        packed = _swapped_bytes(packed.tobytes(), np.dtype(np.uint8), packed.size)
    bits = np.unpackbits(packed, bitorder="little", count=count * width)
    if width == 1:
        return bits
    container = description.dtype.itemsize * 8
    cells = np.zeros((count, container), np.uint8)
    cells[:, :width] = bits.reshape(count, width)
    unsigned = np.packbits(cells, axis=1, bitorder="little").view(f"<u{container // 8}")
    return unsigned.reshape(count).view(description.dtype)


def keep_stored_bits(samples: NDArray[Any], description: PixelDescription) -> NDArray[Any]:
    """Clear the bits of the cell outside Bits Stored and extend the sign.

    Parameters
    ----------
    samples
        Cells as they were encoded, of `description.dtype`.
    description
        Gives Bits Stored, High Bit and Pixel Representation.

    Returns
    -------
    ndarray
        Values of Bits Stored bits; `samples` itself where all bits are stored.
    """
    container = samples.dtype.itemsize * 8
    if description.floating or description.bits_stored == container:
        return samples
    left = container - 1 - description.high_bit
    right = container - description.bits_stored
    if description.signed:
        return (samples << left) >> right
    low = description.high_bit + 1 - description.bits_stored
    mask = samples.dtype.type((1 << description.bits_stored) - 1)
    return (samples >> low) & mask if low else samples & mask


def _arrange(samples: NDArray[Any], description: PixelDescription) -> NDArray[Any]:
    rows, columns = description.rows, description.columns
    if description.samples_per_pixel == 1:
        return samples.reshape(rows, columns)
    match description.photometric_interpretation:
        case PhotometricInterpretation.YBR_FULL_422 | PhotometricInterpretation.YBR_PARTIAL_422:
            return _upsample_422(samples, description)
        case PhotometricInterpretation.YBR_PARTIAL_420:
            raise PixelDataError(
                "Photometric Interpretation (0028,0004) YBR_PARTIAL_420 has no native encoding"
            )
        case _ if description.planar_configuration == 1:
            planes = samples.reshape(3, rows, columns)
            return np.ascontiguousarray(planes.transpose(1, 2, 0))
        case _:
            return samples.reshape(rows, columns, 3)


def _upsample_422(samples: NDArray[Any], description: PixelDescription) -> NDArray[Any]:
    """Cb and Cr of a pair of pixels serve both (PS3.3 C.7.6.3.1.2)."""
    if description.columns % 2:
        raise PixelDataError(
            f"Columns (0028,0011) is {description.columns}; "
            f"{description.photometric_interpretation} needs an even number"
        )
    pairs = samples.reshape(description.rows, description.columns // 2, 4)
    full = np.empty((description.rows, description.columns, 3), samples.dtype)
    full[:, 0::2, 0], full[:, 1::2, 0] = pairs[..., 0], pairs[..., 1]
    full[:, 0::2, 1:] = full[:, 1::2, 1:] = pairs[..., 2:]
    return full


def encode_native(samples: NDArray[Any]) -> bytes:
    """One frame in Explicit VR Little Endian, samples of a pixel together.

    Parameters
    ----------
    samples
        `(rows, columns)` or `(rows, columns, 3)`.

    Returns
    -------
    bytes
        Its little-endian bytes, not padded.
    """
    return np.ascontiguousarray(samples, samples.dtype.newbyteorder("<")).tobytes()
