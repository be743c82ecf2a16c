"""Segmentations read back: masks and label maps on their own grid or on that of the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose.argument_types import checked
from isocenter.compose.derivation.frame_places import FramePlace, functional_group, places
from isocenter.compose.measured.segmentation import SegmentationKind
from isocenter.compose.measured.segments import Segment
from isocenter.compose.measured.stored_frames import stored_frames
from isocenter.compose.planes import Stack
from isocenter.compose.reading import data_set_of_file
from isocenter.compose.source_numbers import whole_number_of
from isocenter.compose.sources import SourceLike, Sources
from isocenter.errors import CannotCompose, InvalidAttribute

__all__ = ["SegmentationContent", "SegmentedFrame", "read_segmentation"]


@dataclass(frozen=True, slots=True)
class SegmentedFrame:
    """One frame of a segmentation.

    Parameters
    ----------
    values
        Stored values, shape (rows, columns): 0 and 1, fractions as they are stored, or labels.
    segment
        The number of the segment; None in a label map.
    place
        Where the frame lies.
    """

    values: NDArray[Any]
    segment: int | None
    place: FramePlace


@dataclass(frozen=True, slots=True)
class SegmentationContent:
    """What a segmentation marks.

    Parameters
    ----------
    kind
        BINARY, FRACTIONAL or LABELMAP.
    segments
        Its segments in ascending order of their numbers, without the background of a label map.
    frames
        Its frames.
    maximum
        The stored value that stands for the fraction 1.
    """

    kind: SegmentationKind
    segments: tuple[Segment, ...]
    frames: tuple[SegmentedFrame, ...]
    maximum: int = 1

    @property
    def numbers(self) -> tuple[int, ...]:
        """The number of each segment."""
        return tuple(segment.number or 0 for segment in self.segments)

    def masks(self, source: SourceLike | Sources | Stack | None = None) -> NDArray[Any]:
        """Return a mask for each segment.

        Parameters
        ----------
        source
            The images that were segmented; None for the grid of the segmentation itself: the
            planes in which it has frames, in geometric order.

        Returns
        -------
        numpy.ndarray
            Shape (segments, slices, rows, columns): bool, or fractions from 0 to 1 as float64.

        Raises
        ------
        CannotCompose
            When a frame lies in none of the images, or has other pixels than they.
        """
        shape, slices = self._places(source)
        fractions = self.kind is SegmentationKind.FRACTIONAL
        masks = np.zeros((len(self.segments), *shape), np.float64 if fractions else np.bool_)
        row = {number: index for index, number in enumerate(self.numbers)}
        for frame, place in zip(self.frames, slices, strict=True):
            if frame.segment is None:
                for number, index in row.items():
                    masks[index, place] |= frame.values == number
            elif fractions:
                masks[row[frame.segment], place] = frame.values / self.maximum
            else:
                masks[row[frame.segment], place] |= frame.values.astype(np.bool_)
        return masks

    def label_map(self, source: SourceLike | Sources | Stack | None = None) -> NDArray[np.uint16]:
        """Return the number of the segment of each pixel, 0 where there is none.

        Parameters
        ----------
        source
            As for `masks`.

        Returns
        -------
        numpy.ndarray
            Shape (slices, rows, columns).

        Raises
        ------
        CannotCompose
            When segments overlap, or are fractional, or a frame does not lie in the images.
        """
        if self.kind is SegmentationKind.FRACTIONAL:
            raise _refused("Fractions are no labels; take `masks`, and a threshold.", 0x00620001)
        shape, slices = self._places(source)
        labels = np.zeros(shape, np.uint16)
        for frame, place in zip(self.frames, slices, strict=True):
            number = frame.segment
            marked = frame.values != 0
            if np.any(labels[place][marked]):
                raise _refused(
                    "Segments overlap, which a label map cannot say; take `masks`, or one segment "
                    "(--segment NUMBER)."
                )
            labels[place][marked] = frame.values[marked] if number is None else number
        return labels

    def _places(
        self, source: SourceLike | Sources | Stack | None
    ) -> tuple[tuple[int, int, int], list[int]]:
        rows, columns = self.frames[0].values.shape if self.frames else (0, 0)
        return places([frame.place for frame in self.frames], (rows, columns), source)


@checked
def read_segmentation(segmentation: Dataset | str | Path) -> SegmentationContent:
    """Read a Segmentation or Label Map Segmentation.

    Parameters
    ----------
    segmentation
        The object, or its file.

    Returns
    -------
    SegmentationContent
        Its segments by number, and its frames.

    Raises
    ------
    InvalidAttribute
        When the object has no segments, frames that belong to none, or too little pixel data.
    PixelDataError
        When compressed pixel data cannot be decoded.
    NotFound
        When there is no such file.
    InvalidDicom
        When it is no DICOM file, or cannot be read to its end.

    References
    ----------
    PS3.3 C.8.20.
    """
    data_set = data_set_of_file(segmentation)
    items: Sequence[Dataset] = data_set.get("SegmentSequence") or ()
    if not items:
        raise InvalidAttribute(
            "Segment Sequence is missing or empty: this is no segmentation.", 0x00620002
        )
    kind = _kind(data_set)
    segments = sorted((Segment.read(item) for item in items), key=lambda one: one.number or 0)
    if kind is SegmentationKind.LABELMAP:
        segments = [one for one in segments if one.number]
    known = {one.number for one in segments}
    frames = tuple(
        _frame(data_set, number, values, kind)
        for number, values in enumerate(stored_frames(data_set), 1)
    )
    for frame in frames:
        if frame.segment is not None and frame.segment not in known:
            raise InvalidAttribute(
                f"A frame belongs to segment {frame.segment}, and Segment Sequence has "
                f"{sorted(one for one in known if one is not None)}.",
                0x0062000B,
            )
    return SegmentationContent(
        kind,
        tuple(segments),
        frames,
        whole_number_of(data_set, "MaximumFractionalValue", otherwise=1, least=1),
    )


def _kind(data_set: Dataset) -> SegmentationKind:
    try:
        return SegmentationKind(str(data_set.get("SegmentationType") or "BINARY"))
    except ValueError as error:
        expected = ", ".join(one.value for one in SegmentationKind)
        raise InvalidAttribute(
            f"Segmentation Type is none that there is; expected one of {expected}.", 0x00620001
        ) from error


def _refused(message: str, tag: int = 0x7FE00010) -> CannotCompose:
    return CannotCompose(message, tag=tag, module="Segmentation Image")


def _frame(
    data_set: Dataset, number: int, values: NDArray[Any], kind: SegmentationKind
) -> SegmentedFrame:
    segment = None
    if kind is not SegmentationKind.LABELMAP:
        identified = functional_group(data_set, number, "SegmentIdentificationSequence")
        if identified is None:
            raise InvalidAttribute(
                f"Frame {number} does not say which segment it belongs to.", 0x0062000A
            )
        segment = whole_number_of(identified, "ReferencedSegmentNumber")
    return SegmentedFrame(values, segment, FramePlace.of(data_set, number))
