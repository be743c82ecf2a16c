"""The frames that something was measured or marked on, in geometric order where they have one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.planes import Stack, refuse_tiles, stack
from isocenter.compose.references import Reference, uid_of
from isocenter.compose.source_numbers import image_size, number_of_frames
from isocenter.compose.sources import Source, Sources
from isocenter.errors import CannotCompose

__all__ = ["SourceFrames", "source_frames"]

_PLACES = ("ImagePositionPatient", "PerFrameFunctionalGroupsSequence")


@dataclass(frozen=True, slots=True)
class SourceFrames:
    """Frames of equal size.

    Parameters
    ----------
    images
        The images that they belong to: in the order of frames, or one of several frames.
    shape
        Frames, rows, columns.
    stack
        Where they lie; None where the images do not say.
    """

    images: tuple[Source, ...]
    shape: tuple[int, int, int]
    stack: Stack | None = None

    @property
    def apart(self) -> float | None:
        """How far in mm neighbours lie apart; None where there is no telling."""
        if self.stack is None or len(self.stack) < 2:
            return None
        return float(np.median(np.diff(self.stack.heights)))

    def in_their_order(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array in geometric order in the order in which the images have their frames."""
        if self.stack is None or len(self.images) > 1 or len(self.stack) == 1:
            return array
        numbers = [frame or 1 for frame in self.stack.frames]
        return array[np.argsort(numbers)]


def source_frames(sources: Sources) -> SourceFrames:
    """Return the frames of a series of single-frame images, or of one multi-frame image.

    Raises
    ------
    CannotCompose
        When there are none, several multi-frame images, or images that do not fit together.
    """
    images = [source for source in sources if "Rows" in source.data_set]
    if not images:
        raise CannotCompose("The source has no images; give the folder of an image series.")
    refuse_tiles(images)
    for one in images:
        Reference.to(one.data_set)  # what is measured refers to them
        uid_of(one.data_set, 0x00200052)
    several = [one for one in images if number_of_frames(one.data_set) > 1]
    if several and len(images) > 1:
        raise CannotCompose(
            f"The source has {len(images)} images, {len(several)} of them of several frames; give "
            "one multi-frame image, or single-frame images only.",
            tag=0x00280008,
            module="Multi-frame",
        )
    if any(keyword in images[0].data_set for keyword in _PLACES):
        placed = stack(sources)
        members = (images[0],) if len(images) == 1 else placed.sources
        return SourceFrames(members, placed.shape, placed)
    if len(images) > 1:
        raise CannotCompose(
            "The images do not say where they lie, so they have no order; give one of them.",
            tag=0x00200032,
            module="Image Plane",
        )
    only = images[0].data_set
    shape = (number_of_frames(only), *image_size(only))
    return SourceFrames((images[0],), shape)
