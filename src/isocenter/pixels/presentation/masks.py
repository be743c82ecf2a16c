"""Mask subtraction: what a contrast agent changed between frames (PS3.3 C.7.6.10, C.11.13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from isocenter.errors import InvalidAttribute, PixelDataError
from isocenter.pixels.presentation.items import Item, Said
from isocenter.pixels.presentation.spellings import INTEGER, INTEGERS, SINGLES, TEXT, Term

__all__ = ["Mask", "MaskOperation", "subtracted"]


class MaskOperation(StrEnum):
    """Mask Operation (0028,6101)."""

    AVG_SUB = "AVG_SUB"
    TID = "TID"


@dataclass(frozen=True, kw_only=True)
class Mask(Item):
    """What is subtracted from frames.

    Parameters
    ----------
    operation
        AVG_SUB subtracts the average of the mask frames, TID the frame that lies `tid_offset`
        frames before.
    mask_frames
        Frames of AVG_SUB, counted from 1.
    frame_range
        First and last frame, or several such pairs, that it applies to; empty for all.
    contrast_frame_averaging
        How many frames, from the shown one on, are averaged before the mask is subtracted.
    sub_pixel_shift
        Row and column shift of the mask, in pixels, before it is subtracted.
    tid_offset
        Frames back to the mask of TID.
    explanation
        Why.
    """

    operation: Annotated[MaskOperation, Said("MaskOperation", Term(MaskOperation))]
    mask_frames: Annotated[tuple[int, ...], Said("MaskFrameNumbers", INTEGERS)] = ()
    frame_range: Annotated[tuple[int, ...], Said("ApplicableFrameRange", INTEGERS)] = ()
    contrast_frame_averaging: Annotated[int | None, Said("ContrastFrameAveraging", INTEGER)] = None
    sub_pixel_shift: Annotated[tuple[float, ...], Said("MaskSubPixelShift", SINGLES)] = ()
    tid_offset: Annotated[int | None, Said("TIDOffset", INTEGER)] = None
    explanation: Annotated[str | None, Said("MaskOperationExplanation", TEXT)] = None

    def check(self) -> None:
        """Refuse a mask without frames, and add the defaults of its operation."""
        averaged = self.operation is MaskOperation.AVG_SUB
        if averaged and not self.mask_frames:
            raise InvalidAttribute(
                "an AVG_SUB mask has no frames: MaskFrameNumbers (0028,6110); give mask_frames",
                0x00286110,
            )
        if len(self.frame_range) % 2 or len(self.sub_pixel_shift) not in (0, 2):
            raise InvalidAttribute(
                "a mask applies to pairs of first and last frame (0028,6102) and is shifted by "
                "rows and columns (0028,6114); found another number of values",
                0x00286102 if len(self.frame_range) % 2 else 0x00286114,
            )
        if self.contrast_frame_averaging is None:
            object.__setattr__(self, "contrast_frame_averaging", 1)
        if not averaged and self.tid_offset is None:
            object.__setattr__(self, "tid_offset", 1)

    def applies(self, frame: int) -> bool:
        """Tell whether a frame is subtracted from."""
        pairs = zip(self.frame_range[::2], self.frame_range[1::2], strict=True)
        return not self.frame_range or any(first <= frame <= last for first, last in pairs)


FrameValues = Callable[[int], NDArray[Any]]


def subtracted(mask: Mask, frame: int, count: int, values: FrameValues) -> NDArray[np.float64]:
    """Subtract a mask from a frame, after the modality transformation.

    Parameters
    ----------
    mask
        What to subtract.
    frame
        The shown frame, counted from 1.
    count
        Number of frames.
    values
        Gives the output of the modality transformation for a frame.

    Returns
    -------
    ndarray
        Differences, zero where nothing changed.

    Raises
    ------
    PixelDataError
        When the mask lies outside of the frames.
    """
    if mask.operation is MaskOperation.TID:
        numbers = [frame - (mask.tid_offset or 1)]
    else:
        numbers = list(mask.mask_frames)
    wrong = [number for number in numbers if not 1 <= number <= count]
    if wrong:
        raise PixelDataError(
            f"MaskSubtractionSequence (0028,6100) subtracts frame {wrong[0]} from frame {frame}; "
            f"the image has {count}"
        )
    last = min(count, frame + max(1, mask.contrast_frame_averaging or 1) - 1)
    contrast = _average([values(number) for number in range(frame, last + 1)])
    background = _average([values(number) for number in numbers])
    if any(mask.sub_pixel_shift):
        background = _shifted(background, *mask.sub_pixel_shift)
    return contrast - background


def _average(frames: list[NDArray[Any]]) -> NDArray[np.float64]:
    return np.mean(np.stack(frames).astype(np.float64), axis=0)


def _shifted(values: NDArray[np.float64], down: float, right: float) -> NDArray[np.float64]:
    """Move values by fractions of a pixel, interpolated; edges are repeated."""
    return _along(_along(values, down, 0), right, 1)


def _along(values: NDArray[np.float64], by: float, axis: int) -> NDArray[np.float64]:
    length = values.shape[axis]
    places: NDArray[np.float64] = np.clip(np.arange(length, dtype=np.float64) - by, 0, length - 1)
    before = places.astype(np.intp)
    share: NDArray[np.float64] = (places - before).reshape((-1, 1) if axis == 0 else (1, -1))
    after = np.minimum(before + 1, length - 1)
    return np.take(values, before, axis) * (1 - share) + np.take(values, after, axis) * share
