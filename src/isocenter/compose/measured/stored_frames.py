"""The stored values of multi-frame objects that measure or mark: segmentations, parametric maps."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian

from isocenter.compose.source_numbers import image_size, number_of_frames, whole_number_of
from isocenter.dicom import TransferSyntax, transfer_syntax
from isocenter.dicom.component_collections import component_frames
from isocenter.errors import InvalidAttribute
from isocenter.pixels import DataSetAttributes, PixelDescription, decode_frame

__all__ = ["stored_frames"]

_FLOATS = {"FloatPixelData": "f4", "DoubleFloatPixelData": "f8"}


def stored_frames(data_set: Dataset) -> NDArray[np.generic]:
    """Return the stored values of an object of one sample a pixel, shape (frames, rows, columns).

    Raises
    ------
    InvalidAttribute
        When there is no pixel data, it is shorter than rows, columns and frames ask for, or does
        not fall into frames.
    UnsupportedTransferSyntax
        When nobody knows how it is encoded.
    PixelDataError
        When compressed pixel data cannot be decoded.
    """
    shape = (number_of_frames(data_set), *image_size(data_set))
    for keyword, kind in _FLOATS.items():
        if keyword in data_set:
            return _native(data_set[keyword].value or b"", _order(data_set) + kind, shape)
    if "PixelData" not in data_set:
        raise InvalidAttribute("Pixel Data is missing: the object has no frames.", 0x7FE00010)
    syntax = _syntax(data_set)
    if syntax.encapsulated:
        description = PixelDescription.from_attributes(DataSetAttributes(data_set), syntax)
        frames = _encapsulated(data_set.PixelData or b"", shape[0], syntax)
        return np.stack([decode_frame(frame, description) for frame in frames]).reshape(shape)
    bits = whole_number_of(data_set, "BitsAllocated", least=1)
    if bits == 1:
        return _bits(data_set.PixelData or b"", shape)
    sign = "i" if data_set.get("PixelRepresentation") else "u"
    return _native(data_set.PixelData or b"", f"{_order(data_set)}{sign}{bits // 8}", shape)


def _syntax(data_set: Dataset) -> TransferSyntax:
    meta = getattr(data_set, "file_meta", None)
    return transfer_syntax(str((meta and meta.get("TransferSyntaxUID")) or ExplicitVRLittleEndian))


def _order(data_set: Dataset) -> str:
    return "<" if _syntax(data_set).little_endian else ">"


def _encapsulated(data: bytes, count: int, syntax: TransferSyntax) -> Iterable[bytes]:
    shared = component_frames(data, syntax, count, 1)
    if shared is not None:
        return shared
    try:
        frames = list(generate_frames(data, number_of_frames=count))
    except (ValueError, EOFError, struct.error):
        frames = []
    if len(frames) != count:
        raise InvalidAttribute(
            f"Pixel Data (7FE0,0010) does not fall into fragments of {count} frames (PS3.5 A.4); "
            "give an undamaged object.",
            0x7FE00010,
        )
    return frames


def _native(data: bytes, kind: str, shape: tuple[int, int, int]) -> NDArray[np.generic]:
    count = int(np.prod(shape))
    _check(len(data), count * np.dtype(kind).itemsize)
    return np.frombuffer(data, kind, count).reshape(shape)


def _bits(data: bytes, shape: tuple[int, int, int]) -> NDArray[np.generic]:
    """Unpack frames of one bit, which follow each other without a gap (PS3.5 8.1.1)."""
    count = int(np.prod(shape))
    _check(len(data), (count + 7) // 8)
    octets = np.frombuffer(data, np.uint8)
    return np.unpackbits(octets, count=count, bitorder="little").reshape(shape)


def _check(found: int, expected: int) -> None:
    if found < expected:
        raise InvalidAttribute(
            f"The pixel data has {found} bytes; rows, columns and frames make {expected}.",
            0x7FE00010,
        )
