"""Files to pictures: one frame decoded and shown, with or without a presentation state."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.dicom import FrameTable, Header, frame_table, inflate, read_file_meta, scan_file
from isocenter.dicom.inflation import check_inflation
from isocenter.dicom.source import opened
from isocenter.errors import NotFound, PixelDataError

from .attributes import Attributes, DataSetAttributes
from .decode import decode_frame
from .description import PixelDescription
from .display import display_models
from .display_model import DisplayedFrame
from .overlays import OverlayPlane, embedded_overlay, overlay_bits
from .own_shutters import own_shutters
from .presentation import (
    ImageFrame,
    Overlay,
    PresentationState,
    read_state_file,
    render_presentation,
)
from .presentation.references import applies
from .presentation.shutters import Shutter, shuttered
from .render import render_frame
from .samples import displayed_samples, stored_bounds
from .voi import VoiTransform

__all__ = ["ImageFile", "render_file"]

_dcmread: Any = vars(importlib.import_module("pydicom"))["dcmread"]  # only partly typed


def render_file(
    path: str | Path,
    *,
    frame: int = 1,
    presentation_state: PresentationState | str | Path | None = None,
    viewport: tuple[int, int] | None = None,
    annotations: bool = True,
) -> NDArray[np.uint8]:
    """Render one frame of a file.

    Parameters
    ----------
    path
        A DICOM file with an image.
    frame
        Counted from 1.
    presentation_state
        How it is shown: a presentation state, or the file of one. Without, the frame is shown at
        its own size by its own first window, else by the range of its values, behind its own
        display shutter.
    viewport
        Width and height that a presentation state scales its displayed area to.
    annotations
        Whether the text and graphics of a presentation state are drawn.

    Returns
    -------
    ndarray
        `(rows, columns)` gray or `(rows, columns, 3)` RGB.

    Raises
    ------
    NotFound
        When the image has no such frame, or the presentation state is for other images or frames.
    InvalidAttribute
        When `presentation_state` names another kind of object.
    PixelDataError, UnsupportedTransferSyntax
        When it cannot be decoded.
    LimitExceeded
        When it is deflated and becomes too large.

    References
    ----------
    PS3.3 C.7.6.11, PS3.4 N.2
    """
    return ImageFile(Path(path)).rendered(
        frame,
        presentation_state=presentation_state,
        viewport=viewport,
        annotations=annotations,
    )


@dataclass(frozen=True)
class ImageFile:
    """A file with an image, of which what was read for one frame serves the next.

    Parameters
    ----------
    path
        The file, which must not change meanwhile.
    """

    path: Path

    def rendered(
        self,
        number: int,
        *,
        presentation_state: PresentationState | str | Path | None = None,
        viewport: tuple[int, int] | None = None,
        annotations: bool = True,
    ) -> NDArray[np.uint8]:
        """Render a frame; all else is as `render_file` says."""
        if not 1 <= number <= self.description.number_of_frames:
            raise NotFound(
                f"{self.path} has no frame {number}, only {self.description.number_of_frames}"
            )
        shown = self.frames[number - 1]
        if presentation_state is None:
            picture = render_frame(self.samples(number), shown.model, window=self.window(number))
            return shuttered(picture, self.shutters[number - 1])
        state = presentation_state
        if not isinstance(state, PresentationState):
            state = read_state_file(state)
        if not applies(state.images, self.header.sop_instance_uid, number):
            raise NotFound(f"the presentation state is not for frame {number} of {self.path}")
        return render_presentation(
            self._frame(number), state, viewport=viewport, annotations=annotations
        )

    def _frame(self, number: int) -> ImageFrame:
        return ImageFrame(
            sop_instance_uid=self.header.sop_instance_uid,
            model=self.frames[number - 1].model,
            samples=self.samples,
            number=number,
            count=self.description.number_of_frames,
            overlays=self.overlays(number),
        )

    @cached_property
    def header(self) -> Header:
        """What a scan finds."""
        return scan_file(self.path)

    @cached_property
    def description(self) -> PixelDescription:
        """How its pixels are encoded."""
        return PixelDescription.from_header(self.header)

    @cached_property
    def attributes(self) -> Attributes:
        """Its data set but for the pixels."""
        check_inflation(self.path, self.header)
        return DataSetAttributes(_dcmread(self.path, stop_before_pixels=True, force=True))

    @cached_property
    def frames(self) -> tuple[DisplayedFrame, ...]:
        """How every frame is shown."""
        return display_models(self.attributes, self.description)

    @cached_property
    def shutters(self) -> Sequence[Shutter | None]:
        """The image's own display shutter, for every frame."""
        return own_shutters(self.attributes, len(self.frames), [])

    @cached_property
    def _source(self) -> Path | bytes:
        if not self.header.inflated:
            return self.path
        content = self.path.read_bytes()
        return inflate(content[read_file_meta(content).data_set_offset :])

    @cached_property
    def _table(self) -> FrameTable:
        return frame_table(self._source, self.header)

    def data(self, number: int) -> bytes:
        """Return the bytes of a frame."""
        with opened(self._source) as (read, _):
            return self._table.read_frame(read, number)

    def samples(self, number: int) -> NDArray[Any]:
        """Return the samples of a frame."""
        stored = decode_frame(self.data(number), self.description)
        return displayed_samples(stored, self.description, self.frames[number - 1].model.palette)

    def window(self, number: int) -> VoiTransform | None:
        """Return the frame's own window, else one over its values."""
        shown = self.frames[number - 1]
        if shown.voi or shown.model.colour:
            return shown.voi[0] if shown.voi else None
        bounds = stored_bounds([self.samples(number)], shown.model.padding)
        return bounds and shown.model.window_over(*shown.model.modality.bounds(*bounds))

    def overlays(self, number: int) -> tuple[Overlay, ...]:
        """Return the image's own overlays that hold for a frame and can be read."""
        found: list[Overlay] = []
        for plane in self.frames[number - 1].model.overlays:
            if plane.holds_for(number):
                try:
                    bits = self._bits(plane, number)
                except PixelDataError:
                    continue  # what cannot be read is not drawn
                found.append(Overlay(bits, group=0x6000 + 2 * plane.index, origin=plane.origin))
        return tuple(found)

    def _bits(self, plane: OverlayPlane, number: int) -> NDArray[Any]:
        if plane.bit is not None:
            return embedded_overlay(plane, self.data(number), self.description)
        return overlay_bits(plane, self.attributes.data(plane.data_tag) or b"", number)
