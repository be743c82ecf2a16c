"""The pixel data of a composed object in another transfer syntax, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, ExplicitVRLittleEndian

from isocenter.compose.element_values import copied_element
from isocenter.compose.lossy import LOSSY, mark_derived
from isocenter.dicom import transfer_syntax
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


def in_transfer_syntax(data_set: Dataset, present: UID, wanted: UID) -> Dataset:
    """Return the object with its pixel data in `wanted`: itself, or a copy where that changes it.

    Raises
    ------
    CannotCompose
        When there is no encoder for the transfer syntax, or it cannot hold these pixels.
    """
    if present == wanted or "PixelData" not in data_set:
        return data_set
    if not present.is_encapsulated and not wanted.is_encapsulated:
        return _native(data_set, swapped=(present == _BIG_ENDIAN) != (wanted == _BIG_ENDIAN))
    if wanted == _BIG_ENDIAN:
        little = in_transfer_syntax(data_set, present, ExplicitVRLittleEndian)
        return in_transfer_syntax(little, ExplicitVRLittleEndian, wanted)
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


def _native(data_set: Dataset, *, swapped: bool) -> Dataset:
    """Return the object without compression; words of pixel data are written as they are."""
    if not swapped or int(data_set.BitsAllocated) != 16:
        return data_set
    result = _copy(data_set)
    data = np.frombuffer(data_set.PixelData, "<u2").byteswap().tobytes()
    result.add_new(0x7FE00010, "OW", data)
    return result


def _frames(data_set: Dataset, present: UID) -> Iterator[bytes]:
    count = int(data_set.get("NumberOfFrames") or 1)
    if present.is_encapsulated:
        yield from generate_frames(data_set.PixelData, number_of_frames=count)
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
