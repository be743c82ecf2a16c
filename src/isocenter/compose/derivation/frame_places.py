"""Where the frames of derived objects lie: on a grid of their own, or on that of their source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from isocenter.compose import sources
from isocenter.compose.measured.source_frames import SourceFrames, source_frames
from isocenter.compose.planes import Plane, Stack
from isocenter.compose.sources import SourceLike, Sources
from isocenter.errors import CannotCompose

__all__ = ["FramePlace", "functional_group", "places"]

_NEAR = 1e-2
"""Of a pixel: what rounding to 16 characters may move a position by."""

_MODULE = "Multi-frame Functional Groups"


@dataclass(frozen=True, slots=True)
class FramePlace:
    """Where one frame lies.

    Parameters
    ----------
    plane
        In the patient; None where the frame does not say.
    source_frame
        The frame of the source image that it was derived from, if it says so.
    """

    plane: Plane | None
    source_frame: int | None = None

    @classmethod
    def of(cls, data_set: Dataset, number: int) -> FramePlace:
        """Read the place of a frame, from 1, of a multi-frame object."""
        placed = functional_group(data_set, number, "PlanePositionSequence") is not None
        plane = Plane.of_frame(data_set, number) if placed else None
        return cls(plane, _source_frame(data_set, number))


def functional_group(data_set: Dataset, number: int, keyword: str) -> Dataset | None:
    """Return the item of a functional group of a frame, from 1; its own or the shared one."""
    for group in _groups(data_set, number):
        if items := group.get(keyword):
            return items[0]
    return None


def places(
    frames: Sequence[FramePlace],
    size: tuple[int, int],
    source: SourceLike | Sources | Stack | None,
) -> tuple[tuple[int, int, int], list[int]]:
    """Return the shape of a grid, and for each frame the index of its slice on it.

    Parameters
    ----------
    frames
        Where the frames lie.
    size
        Their rows and columns.
    source
        The images whose grid is meant, or the planes of it; None for the planes of the frames
        themselves, in geometric order.

    Raises
    ------
    CannotCompose
        When a frame lies in none of the images, or has other pixels than they.
    """
    if source is None:
        return _own(frames, size)
    given = _given(source)
    if size != given.shape[1:]:
        raise _refused(
            f"The frames have {size[0]} rows and {size[1]} columns, the images {given.shape[1]} "
            f"and {given.shape[2]}; give the images that they were made on.",
            0x00280010,
        )
    if given.stack is not None:
        stack = given.stack
        return given.shape, [_place_in(frame.plane, stack) for frame in frames]
    if given.shape[0] == 1:
        return given.shape, [0] * len(frames)
    return given.shape, [_frame_in(frame, given.shape[0]) for frame in frames]


def _given(source: SourceLike | Sources | Stack) -> SourceFrames:
    if isinstance(source, Stack):
        return SourceFrames((), source.shape, source)
    return source_frames(sources.load(source))


def _refused(message: str, tag: int) -> CannotCompose:
    return CannotCompose(message, tag=tag, module=_MODULE)


def _groups(data_set: Dataset, number: int) -> Iterator[Dataset]:
    own: Sequence[Dataset] = data_set.get("PerFrameFunctionalGroupsSequence") or ()
    if number <= len(own):
        yield own[number - 1]
    yield from data_set.get("SharedFunctionalGroupsSequence") or ()


def _source_frame(data_set: Dataset, number: int) -> int | None:
    derivation = functional_group(data_set, number, "DerivationImageSequence")
    for image in (derivation or Dataset()).get("SourceImageSequence") or ():
        frame = image.get("ReferencedFrameNumber")
        return int(frame) if isinstance(frame, int) else None
    return None


def _own(
    frames: Sequence[FramePlace], size: tuple[int, int]
) -> tuple[tuple[int, int, int], list[int]]:
    if all(frame.plane is None for frame in frames):
        numbers = [frame.source_frame or 1 for frame in frames]
        return (max(numbers, default=0), *size), [number - 1 for number in numbers]
    heights = [0.0 if frame.plane is None else frame.plane.height for frame in frames]
    distinct, found = np.unique(np.round(heights, 3), return_inverse=True)
    return (len(distinct), *size), found.tolist()


def _place_in(plane: Plane | None, images: Stack) -> int:
    """Return the index of the image with the same pixels in the same place."""
    if plane is None:
        raise _refused(
            "A frame does not say where it lies; give the images without position that it was "
            "made on.",
            0x00200032,
        )
    index = images.nearest(plane.position, tolerance=0.1)
    here = None if index is None else images.planes[index]
    corners = np.array([[0, 0], [plane.columns - 1, 0], [0, plane.rows - 1]], np.float64)
    away = np.inf
    if here is not None:
        away = float(np.abs(here.to_pixels(plane.to_patient(corners)) - corners).max())
    if index is None or away > _NEAR:
        raise _refused(
            f"A frame lies at {plane.position.tolist()} mm, where none of the images has the same "
            "pixels; give the images that it was made on.",
            0x00200032,
        )
    return index


def _frame_in(frame: FramePlace, count: int) -> int:
    """Return the index of the frame that a frame without position was derived from."""
    number = frame.source_frame
    if number is None or number > count:
        raise _refused("A frame does not say which frame it was made on.", 0x00081160)
    return number - 1
