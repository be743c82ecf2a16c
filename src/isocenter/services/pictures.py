"""Pictures of kept instances: decoded, windowed, cut and scaled as a user agent asks."""

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from isocenter.archive import StoredInstance
from isocenter.dicom.json_model import file_json
from isocenter.dicomweb import RenderingParameters, Viewport, WindowFunction, WindowParameter
from isocenter.errors import IsocenterError, NotFound
from isocenter.pixels import (
    DisplayedFrame,
    JsonAttributes,
    PixelDescription,
    VoiFunction,
    VoiTransform,
    Window,
    decode_frame,
    decodes,
    display_models,
    displayed_samples,
    render_frame,
    stored_bounds,
    to_gif,
    to_jpeg,
    to_png,
)
from isocenter.pixels.colour_profiles import with_profile
from isocenter.pixels.own_shutters import own_shutters
from isocenter.pixels.presentation.shutters import Shutter, shuttered
from isocenter.pixels.scaling import scaled
from isocenter.services.bulk_data import value_of

__all__ = [
    "Picture",
    "Pictures",
    "encoded",
    "is_picture",
    "representative_frame",
    "require_part",
    "whole_frames",
]

Picture = NDArray[np.uint8]

_QUALITY: Final = 90
_MOST_KNOWN: Final = 64
_FUNCTIONS: Final = {
    WindowFunction.LINEAR: VoiFunction.LINEAR,
    WindowFunction.LINEAR_EXACT: VoiFunction.LINEAR_EXACT,
    WindowFunction.SIGMOID: VoiFunction.SIGMOID,
}


@dataclass(frozen=True, slots=True)
class _Shown:
    """How the frames of an instance are shown."""

    description: PixelDescription
    frames: tuple[DisplayedFrame, ...]
    shutters: Sequence[Shutter | None]


class Pictures:
    """Renders frames; what it has found out of an instance it remembers for the next frame."""

    def __init__(self) -> None:
        # By the names of bytes: an instance itself would keep its file open, also a deleted one.
        self._known: OrderedDict[str, _Shown] = OrderedDict()
        self._lock = threading.Lock()

    def picture(
        self, instance: StoredInstance, number: int, parameters: RenderingParameters
    ) -> Picture:
        """Render a frame.

        Parameters
        ----------
        instance
            Where it is.
        number
            Which one, from 1.
        parameters
            Window and viewport.

        Returns
        -------
        ndarray
            `(rows, columns)` gray or `(rows, columns, 3)` RGB.

        Raises
        ------
        NotFound
            The instance has no such frame, or none at all.
        PixelDataError, UnsupportedTransferSyntax
            The frame cannot be decoded.
        """
        table = instance.frame_table
        table.spans(number)  # raises where there is no such frame
        shown = self._shown(instance)
        frame = shown.frames[number - 1]
        stored = decode_frame(instance.frame(number), shown.description)
        samples = displayed_samples(stored, shown.description, frame.model.palette)
        window = _window(frame, samples, parameters.window)
        picture = render_frame(samples, frame.model, window=window)
        picture = shuttered(picture, shown.shutters[number - 1])
        if parameters.viewport is None:
            return picture
        return _in_viewport(picture, frame.model.aspect, parameters.viewport)

    def frame_time(self, instance: StoredInstance) -> float:
        """Return how many milliseconds a frame of a cine stays."""
        return self._shown(instance).frames[0].model.frame_time or 100.0

    def _shown(self, instance: StoredInstance) -> _Shown:
        name = instance.version
        with self._lock:
            if (known := self._known.get(name)) is not None:
                self._known.move_to_end(name)
                return known
        shown = _shown(instance)
        with self._lock:
            self._known[name] = shown
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return shown


def _shown(instance: StoredInstance) -> _Shown:
    description = PixelDescription.from_header(instance.header)
    text = file_json(instance.descriptor, instance.header, bulk_data_uri="")

    def fetch(uri: str) -> bytes | None:
        try:
            return value_of(instance, uri.lstrip("/"))
        except NotFound:
            return None

    attributes = JsonAttributes(json.loads(text), fetch)
    frames = display_models(attributes, description)
    return _Shown(description, frames, own_shutters(attributes, len(frames), []))


def is_picture(instance: StoredInstance) -> bool:
    """Tell whether an instance has frames that can be rendered."""
    if instance.header.pixel_data is None:
        return False
    try:
        return decodes(PixelDescription.from_header(instance.header))
    except IsocenterError:
        return False


def representative_frame(instance: StoredInstance) -> int:
    """Choose the frame that stands for an instance: the one in the middle.

    Parameters
    ----------
    instance
        With pixel data.
    """
    return (instance.frame_table.number_of_frames + 1) // 2


def whole_frames(instance: StoredInstance, numbers: Sequence[int] | None = None) -> Sequence[int]:
    """Make sure that frames have their bytes, before an answer with all of them has begun.

    Parameters
    ----------
    instance
        With pixel data.
    numbers
        Which frames, from 1; None for all that the object promises.

    Returns
    -------
    Sequence of int
        The numbers.

    Raises
    ------
    NotFound
        The object promises fewer frames.
    PixelDataError
        Its pixel data holds fewer than it promises, or they cannot be told apart.
    """
    table = instance.frame_table
    if numbers is None:
        numbers = range(1, table.number_of_frames + 1)
    for number in numbers:
        table.spans(number)
    return numbers


def require_part(rows: int, columns: int, viewport: Viewport) -> None:
    """Refuse a viewport that shows nothing of an image.

    Parameters
    ----------
    rows, columns
        Of the image.
    viewport
        Which part of it is asked for.

    Raises
    ------
    NotFound
        The part lies outside of the image.
    """
    if viewport.top >= rows or viewport.left >= columns:
        raise NotFound(f"the viewport lies outside of the image of {columns} by {rows} pixels")


def _window(
    frame: DisplayedFrame, samples: NDArray[np.generic], asked: WindowParameter | None
) -> VoiTransform | None:
    """Choose the window: the one asked for, the object's own, or what shows all values."""
    if asked is not None:
        return Window(asked.center, asked.width, _FUNCTIONS[asked.function])
    if frame.voi:
        return frame.voi[0]
    if frame.model.colour or frame.model.default_window is not None:
        return None
    bounds = stored_bounds([samples], frame.model.padding)
    if bounds is None:
        return None
    return frame.model.window_over(*frame.model.modality.bounds(*bounds))


def _in_viewport(picture: Picture, aspect: tuple[float, float], viewport: Viewport) -> Picture:
    """Cut the part out, mirror it, and fit it into the viewport with its proportions kept.

    Raises
    ------
    NotFound
        The part lies outside of the image.
    """
    rows, columns = picture.shape[:2]
    require_part(rows, columns, viewport)
    bottom = rows if viewport.rows is None else viewport.top + viewport.rows
    right = columns if viewport.columns is None else viewport.left + viewport.columns
    part = picture[viewport.top : bottom, viewport.left : right]
    if viewport.flip_vertically:
        part = part[::-1]
    if viewport.flip_horizontally:
        part = part[:, ::-1]
    height, width = part.shape[0] * aspect[0], part.shape[1] * aspect[1]
    scale = min(viewport.height / height, viewport.width / width)
    return scaled(part, max(1, round(height * scale)), max(1, round(width * scale)))


def encoded(
    picture: Picture, media_type: str, quality: int | None, profile: bytes | None = None
) -> bytes:
    """Write a picture as a file.

    Parameters
    ----------
    picture
        Rendered.
    media_type
        `image/jpeg`, `image/png` or `image/gif`.
    quality
        1 to 100 for JPEG, None for 90.
    profile
        ICC profile to put into a PNG or JPEG.
    """
    if media_type == "image/gif":
        return to_gif([picture])
    png = media_type == "image/png"
    file = to_png(picture) if png else to_jpeg(picture, quality or _QUALITY)
    return file if profile is None else with_profile(file, profile)
