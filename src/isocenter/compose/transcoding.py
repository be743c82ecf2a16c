"""The pixel data of a composed object in another transfer syntax, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, ExplicitVRLittleEndian

from isocenter.compose.element_values import copied_element
from isocenter.compose.lossy import LOSSY, mark_derived
from isocenter.dicom import transfer_syntax
from isocenter.dicom.component_collections import component_frames
from isocenter.errors import CannotCompose, IsocenterError
from isocenter.pixels import (
    DataSetAttributes,
    PhotometricInterpretation,
    PixelDescription,
    can_transcode,
    decode_frame,
    transcode_frame,
    transcoded,
)

__all__ = ["in_transfer_syntax"]

_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_PIXEL_DATA = 0x7FE00010
_WORD_SIZES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def in_transfer_syntax(data_set: Dataset, present: UID, wanted: UID) -> Dataset:
    """Return the object as `wanted` has pixels and words: itself, or a copy where that differs.

    Raises
    ------
    CannotCompose
        When there is no encoder for the transfer syntax, or it cannot hold these pixels.
    """
    if present == wanted:
        return data_set
    if present == _BIG_ENDIAN:
        return in_transfer_syntax(_words_swapped(data_set), ExplicitVRLittleEndian, wanted)
    if wanted == _BIG_ENDIAN:
        return _words_swapped(in_transfer_syntax(data_set, present, ExplicitVRLittleEndian))
    if "PixelData" not in data_set or not (present.is_encapsulated or wanted.is_encapsulated):
        return data_set
    target = transfer_syntax(wanted)
    try:
        description = PixelDescription.from_attributes(
            DataSetAttributes(data_set), transfer_syntax(present)
        )
        if wanted in LOSSY:
            return _with_loss(data_set, description, present, wanted)
        if not can_transcode(description, target):
            raise CannotCompose(
                f"The pixel data cannot be encoded as {wanted.name}; choose a lossless transfer "
                "syntax for 8 or 16 bits, or one without compression.",
                tag=0x7FE00010,
                module="Image Pixel",
            )
        frames = [
            transcode_frame(frame, description, target) for frame in _frames(data_set, present)
        ]
        return _with_frames(data_set, frames, transcoded(description, target), wanted)
    except CannotCompose:
        raise
    except IsocenterError as error:
        raise CannotCompose(
            f"The pixel data cannot be encoded as {wanted.name}: {error}.",
            tag=0x7FE00010,
            module="Image Pixel",
        ) from error


def _with_loss(
    data_set: Dataset, description: PixelDescription, present: UID, wanted: UID
) -> Dataset:
    encoding = LOSSY[wanted]
    plain = transcoded(description, transfer_syntax(ExplicitVRLittleEndian))
    result = encoding.described(plain, wanted.name)
    rgb = plain.photometric_interpretation is PhotometricInterpretation.RGB
    frames: list[bytes] = []
    size = 0
    for frame in _frames(data_set, present):
        samples = decode_frame(frame, description, rgb=rgb)
        size += samples.nbytes
        frames.append(encoding.encode(samples))
    made = _with_frames(data_set, frames, result, wanted)
    mark_derived(made, size / sum(map(len, frames)), encoding.method)
    return made


def _words_swapped(data_set: Dataset) -> Dataset:
    """Return a copy whose words have their bytes the other way round, in items too (PS3.5 7.3)."""
    result = Dataset()
    for element in data_set:
        if element.VR == "SQ":
            items = [_words_swapped(item) for item in element.value]
            result.add_new(element.tag, "SQ", items)
            continue
        size = _word_size(element, data_set)
        copied = copied_element(element)
        if size > 1 and element.value:
            words = np.frombuffer(element.value, f"<u{size}")
            copied.value = words.byteswap().tobytes()
        result.add(copied)
    return result


def _word_size(element: DataElement, data_set: Dataset) -> int:
    """Return of how many bytes a word of the value is; 1 where order does not matter."""
    size = _WORD_SIZES.get(element.VR, 1)
    if element.tag != _PIXEL_DATA or size == 1:
        return size
    bits = int(data_set.get("BitsAllocated") or 16)
    return 1 if bits < 8 else max(size, bits // 8)  # single bits keep the order of their bytes


def _frames(data_set: Dataset, present: UID) -> Iterator[bytes]:
    count = int(data_set.get("NumberOfFrames") or 1)
    if present.is_encapsulated:
        samples = int(data_set.get("SamplesPerPixel") or 1)
        shared = component_frames(data_set.PixelData, transfer_syntax(present), count, samples)
        yield from shared or generate_frames(data_set.PixelData, number_of_frames=count)
        return
    bits = data_set.Rows * data_set.Columns * data_set.SamplesPerPixel * data_set.BitsAllocated
    size = bits // 8
    for index in range(count):
        yield data_set.PixelData[index * size : (index + 1) * size]


def _with_frames(
    data_set: Dataset, frames: Iterable[bytes], description: PixelDescription, syntax: UID
) -> Dataset:
    result = _copy(data_set)
    photometric = description.photometric_interpretation
    result.PhotometricInterpretation = str(getattr(photometric, "value", photometric))
    if description.samples_per_pixel > 1:
        result.PlanarConfiguration = int(description.planar_configuration or 0)
    data: Any = encapsulate(list(frames)) if syntax.is_encapsulated else b"".join(frames)
    wide = not syntax.is_encapsulated and description.bits_allocated > 8
    result.add_new(0x7FE00010, "OW" if wide else "OB", data + b"\0" * (len(data) % 2))
    result["PixelData"].is_undefined_length = syntax.is_encapsulated
    return result


def _copy(data_set: Dataset) -> Dataset:
    """Return another data set whose elements can be changed without changing these."""
    result = Dataset()
    for element in data_set:
        result.add(copied_element(element))
    return result
