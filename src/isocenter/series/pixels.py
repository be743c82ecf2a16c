"""The values of images: decoded, and in the units that their header gives them.

The type follows from the headers alone, before a pixel is read: stored values where nothing is to
be done to them; the smallest of int16, uint16, int32 and int64 that holds what whole slopes and
intercepts make of them; else float32, or float64 where they are stored with more than 16 bits.
Samples of colour become RGB, palette entries too.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.values import tag_of
from isocenter.errors import PixelDataError
from isocenter.pixels import (
    DataSetAttributes,
    ModalityTransform,
    PhotometricInterpretation,
    PixelDescription,
    Rescale,
    decode_frame,
    palette_of,
)
from isocenter.pixels.functional_groups import frames_of
from isocenter.pixels.modality import read_modality
from isocenter.series.frame import Frame
from isocenter.series.stored_image import StoredImage

__all__ = ["dtype_of", "read_values"]

_SLOPE, _INTERCEPT = tag_of("RescaleSlope"), tag_of("RescaleIntercept")
_NEED_HEADER = (tag_of("ModalityLUTSequence"), tag_of("DoseGridScaling"))
_INTEGERS = ("i2", "u2", "i4", "i8")
_ANGIOGRAPHY = "1.2.840.10008.5.1.4.1.1.12."
_WORKERS = min(4, os.cpu_count() or 1)


def dtype_of(frames: Sequence[Frame]) -> np.dtype[Any]:
    """Return the type that the values of `frames` have."""
    kinds = {(_description(frame), _transform(frame)) for frame in frames}
    types = {_dtype(description, transform) for description, transform in kinds}
    if len(types) == 1:
        return types.pop()
    return np.result_type(*types)


def read_values(
    frames: Sequence[Frame], rows: range, columns: range, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Read images.

    Parameters
    ----------
    frames
        The images; all of one size.
    rows, columns
        Which of them are wanted.
    dtype
        What `dtype_of` said.

    Returns
    -------
    ndarray
        Shape (frames, rows, columns), or (frames, rows, columns, 3) for colour.
    """
    color = _is_color(_description(frames[0]))
    shape = (len(frames), len(rows), len(columns)) + ((3,) if color else ())
    values = np.empty(shape, dtype)
    part = (_slice(rows), _slice(columns))

    def read(index: int) -> None:
        _read_into(values[index], frames[index], part)

    if len(frames) < 4:
        for index in range(len(frames)):
            read(index)
    else:
        with ThreadPoolExecutor(_WORKERS, "series") as executor:
            for _ in executor.map(read, range(len(frames))):
                pass
    return values


def _read_into(target: NDArray[Any], frame: Frame, part: tuple[slice, slice]) -> None:
    description, transform = _description(frame), _transform(frame)
    assert frame.stored is not None
    try:
        stored = decode_frame(frame.stored.frame(frame.number), description)
    except PixelDataError as error:
        raise PixelDataError(f"{frame.stored.name}, frame {frame.number}: {error}") from error
    if description.photometric_interpretation is PhotometricInterpretation.PALETTE_COLOR:
        attributes = DataSetAttributes(frame.stored.data_set)
        stored = palette_of(attributes, signed=description.signed)[0].apply(stored)
    _apply(transform, stored[part], target)


def _apply(transform: ModalityTransform, stored: NDArray[Any], target: NDArray[Any]) -> None:
    if not isinstance(transform, Rescale):
        target[...] = transform.apply(stored)
    elif target.dtype.kind in "iu":
        # Bounds were checked, so that wrapping on the way ends at the right number.
        np.copyto(target, stored, casting="unsafe")
        if transform.slope != 1:
            np.multiply(target, target.dtype.type(transform.slope), out=target)
        if transform.intercept:
            np.add(target, target.dtype.type(transform.intercept), out=target)
    else:
        target[...] = transform.apply(stored)


def _slice(part: range) -> slice:
    stop: int | None = part.stop
    if part.step < 0 and part.stop < 0:
        stop = None
    return slice(part.start, stop, part.step)


def _description(frame: Frame) -> PixelDescription:
    if frame.stored is None or frame.stored.description is None:
        raise PixelDataError("an image of the series has no Pixel Data (7FE0,0010)")
    return frame.stored.description


def _is_color(description: PixelDescription) -> bool:
    return not description.photometric_interpretation.monochrome


def _transform(frame: Frame) -> ModalityTransform:
    """Return what makes values of stored ones; from the scan where that says it all."""
    stored = frame.stored
    assert stored is not None
    if _is_color(_description(frame)):
        return Rescale()
    special = stored.is_multi_frame or any(tag in stored.values for tag in _NEED_HEADER)
    if special or stored.sop_class_uid.startswith(_ANGIOGRAPHY):
        return _by_header(stored, frame.number)
    slope, intercept = stored.number(_SLOPE), stored.number(_INTERCEPT)
    return _shared_rescale(slope or 1.0, intercept or 0.0)


@lru_cache(maxsize=1024)
def _shared_rescale(slope: float, intercept: float) -> Rescale:
    return Rescale(slope, intercept)


@lru_cache(maxsize=16)
def _transforms(stored: StoredImage) -> list[ModalityTransform]:
    description = stored.description
    assert description is not None
    groups = frames_of(DataSetAttributes(stored.data_set), description.number_of_frames)
    return [read_modality(group, signed=description.signed)[0] for group in groups]


def _by_header(stored: StoredImage, number: int) -> ModalityTransform:
    return _transforms(stored)[number - 1]


def _dtype(description: PixelDescription, transform: ModalityTransform) -> np.dtype[Any]:
    if _is_color(description):
        palette = description.photometric_interpretation is PhotometricInterpretation.PALETTE_COLOR
        return np.dtype(np.uint8) if palette else description.dtype
    if not isinstance(transform, Rescale):
        return np.dtype(np.uint16)
    if description.floating or (transform.slope == 1 and transform.intercept == 0):
        return description.dtype
    bits = description.bits_stored
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if description.signed else (0, 2**bits - 1)
    if transform.whole:
        ends = transform.bounds(low, high)
        for name in _INTEGERS:
            limits = np.iinfo(name)
            if limits.min <= ends[0] and ends[1] <= limits.max:
                return np.dtype(name)
    return np.dtype(np.float32 if bits <= 16 else np.float64)
