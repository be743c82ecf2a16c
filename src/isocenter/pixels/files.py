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

from isocenter.dicom import Header, frame_table, inflate, read_file_meta, scan_file
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

__all__ = ["render_file"]

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
    image = _Image(Path(path))
    if not 1 <= frame <= image.description.number_of_frames:
        raise NotFound(f"{path} has no frame {frame}, only {image.description.number_of_frames}")
    shown = image.frames[frame - 1]
    if presentation_state is None:
        picture = render_frame(image.samples(frame), shown.model, window=image.window(frame))
        return shuttered(picture, image.shutters[frame - 1])
    state = presentation_state
    if not isinstance(state, PresentationState):
        state = read_state_file(state)
    if not applies(state.images, image.header.sop_instance_uid, frame):
        raise NotFound(f"the presentation state is not for frame {frame} of {path}")
    applied = ImageFrame(
        sop_instance_uid=image.header.sop_instance_uid,
        model=shown.model,
        samples=image.samples,
        number=frame,
        count=image.description.number_of_frames,
        overlays=image.overlays(frame),
    )
    return render_presentation(applied, state, viewport=viewport, annotations=annotations)


@dataclass(frozen=True)
class _Image:
    path: Path

    @cached_property
    def header(self) -> Header:
        return scan_file(self.path)

    @cached_property
    def description(self) -> PixelDescription:
        return PixelDescription.from_header(self.header)

    @cached_property
    def attributes(self) -> Attributes:
        check_inflation(self.path, self.header)
        return DataSetAttributes(_dcmread(self.path, stop_before_pixels=True, force=True))

    @cached_property
    def frames(self) -> tuple[DisplayedFrame, ...]:
        return display_models(self.attributes, self.description)

    @cached_property
    def shutters(self) -> Sequence[Shutter | None]:
        return own_shutters(self.attributes, len(self.frames), [])

    def data(self, number: int) -> bytes:
        """Return the bytes of a frame."""
        source: Path | bytes = self.path
        if self.header.inflated:
            content = self.path.read_bytes()
            source = inflate(content[read_file_meta(content).data_set_offset :])
        table = frame_table(source, self.header)
        with opened(source) as (read, _):
            return table.read_frame(read, number)

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
