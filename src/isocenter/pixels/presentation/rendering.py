"""Images as a presentation state shows them (PS3.4 N.2, N.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.errors import PixelDataError
from isocenter.pixels.display_model import DisplayModel, Presentation
from isocenter.pixels.modality import Rescale, TabulatedModality
from isocenter.pixels.presentation.areas import DisplayedArea, SizeMode
from isocenter.pixels.presentation.cielab import CIELab, gray_level, to_srgb
from isocenter.pixels.presentation.drawing import Canvas, draw_annotations
from isocenter.pixels.presentation.masks import subtracted
from isocenter.pixels.presentation.overlays import Overlay
from isocenter.pixels.presentation.shutters import shuttered
from isocenter.pixels.presentation.state import PresentationState
from isocenter.pixels.render import render_frame
from isocenter.pixels.scaling import scaled
from isocenter.pixels.voi import Window, full_window

__all__ = ["ImageFrame", "LARGEST_SIDE", "render_presentation"]

LARGEST_SIDE = 16384
MOST_PIXELS = 1 << 26

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class ImageFrame:
    """A frame that a presentation state is applied to.

    Parameters
    ----------
    sop_instance_uid
        Of the image.
    model
        How the frame would be shown without.
    samples
        Gives the samples of a frame by its number, as `displayed_samples` does.
    number
        Which frame, counted from 1.
    count
        Number of frames.
    overlays
        Bits of the image's own overlay planes that hold for the frame, by group, each with row
        and column of its first pixel, counted from 1.
    """

    sop_instance_uid: str
    model: DisplayModel
    samples: Callable[[int], NDArray[Any]]
    number: int = 1
    count: int = 1
    overlays: Sequence[Overlay] = ()


def render_presentation(
    image: ImageFrame,
    state: PresentationState,
    *,
    viewport: tuple[int, int] | None = None,
    display_spacing: float | None = None,
    annotations: bool = True,
) -> Picture:
    """Render a frame as a presentation state says.

    The order is that of PS3.4 N.2: modality transformation, mask, VOI transformation, presentation
    LUT, shutter, overlays, rotation and flip, displayed area, annotations by layer.

    Parameters
    ----------
    image
        The frame.
    state
        The presentation state.
    viewport
        Width and height in which a displayed area that is scaled to fit stands; without, a pixel
        of the image becomes one of the picture.
    display_spacing
        Size of a display pixel in mm, which a displayed area of TRUE SIZE needs; without, it is
        scaled to fit.
    annotations
        Whether text and graphics are drawn.

    Returns
    -------
    ndarray
        `(rows, columns)` gray, or `(rows, columns, 3)` RGB where the image or something drawn has
        colour.

    Raises
    ------
    PixelDataError
        When the mask lies outside of the frames, or the picture would have more than 16384 rows or
        columns.
    """
    picture = _transformed(image, state)
    shutter = state.shutter
    if shutter is not None:
        bitmap = shutter.bitmap
        covered = _covered(state.overlays, bitmap.overlay_group, picture) if bitmap else None
        picture = shuttered(picture, shutter, covered)
    picture = _overlaid(picture, image, state)
    area = state.area_of(image.sop_instance_uid, image.number)
    placed = _placed(picture, state, area, viewport, display_spacing)
    return (
        draw_annotations(placed, state, image.sop_instance_uid, image.number)
        if annotations
        else placed.picture
    )


def _transformed(image: ImageFrame, state: PresentationState) -> Picture:
    """Apply what acts on values: modality, mask, VOI and presentation LUT."""
    model, frame = image.model, image.number
    if model.colour:
        return render_frame(image.samples(frame), model)
    model = replace(
        model,
        modality=state.modality or Rescale(),
        presentation=state.presentation or Presentation(),
        default_window=None,
        supplemental=None,
    )
    voi = state.voi_of(image.sop_instance_uid, frame)
    mask = state.mask
    if mask is None or not mask.applies(frame):
        return render_frame(image.samples(frame), model, window=voi or _whole_range(model))
    modality = model.modality
    difference = subtracted(
        mask, frame, image.count, lambda number: modality.apply(image.samples(number))
    )
    low, high = modality.bounds(*model.stored_range)
    whole = model.window_over(low - high, high - low)
    plain = replace(model, modality=Rescale(), format="float64", padding=None)
    return render_frame(difference, plain, window=voi or whole)


def _whole_range(model: DisplayModel) -> Window:
    """Return the window for no VOI transformation: all that the modality one can give."""
    if isinstance(model.modality, TabulatedModality):
        return full_window(0, (1 << model.modality.table.bits) - 1)
    return model.fallback_window()


def _coloured(picture: Picture, colour: CIELab | None) -> Picture:
    """Return a picture that can take a colour, if there is one that is not gray."""
    if colour is None or picture.ndim == 3 or len(set(to_srgb(colour))) == 1:
        return picture
    return np.repeat(picture[..., None], 3, axis=2)


def _ink(picture: Picture, gray: int, colour: CIELab | None) -> NDArray[np.uint8] | int:
    if picture.ndim == 2:
        return gray if colour is None else to_srgb(colour)[0]
    return np.array(to_srgb(colour) if colour is not None else (gray,) * 3, np.uint8)


def _covered(overlays: Sequence[Overlay], group: int, picture: Picture) -> NDArray[np.bool_]:
    """Return where the overlay plane of a bitmap shutter covers an image."""
    rows, columns = picture.shape[:2]
    covered = np.zeros((rows, columns), bool)
    for overlay in overlays:
        if overlay.group == group:
            covered |= _over(overlay, rows, columns)
    return covered


def _over(overlay: Overlay, rows: int, columns: int) -> NDArray[np.bool_]:
    """Return where an overlay covers an image."""
    covered = np.zeros((rows, columns), bool)
    top, left = overlay.origin[0] - 1, overlay.origin[1] - 1
    bits = overlay.bits[max(0, -top) : max(0, rows - top), max(0, -left) : max(0, columns - left)]
    covered[max(0, top) :, max(0, left) :][: bits.shape[0], : bits.shape[1]] = bits
    return covered


def _overlaid(picture: Picture, image: ImageFrame, state: PresentationState) -> Picture:
    """Draw overlays in the order of their layers."""
    layers = {layer.name: layer for layer in state.layers}
    bitmap = state.shutter.bitmap.overlay_group if state.shutter and state.shutter.bitmap else None
    own = {overlay.group: overlay for overlay in image.overlays}
    drawn = [
        replace(own[active.group], layer=active.layer)
        for active in state.activations
        if active.group in own
    ]
    drawn += [overlay for overlay in state.overlays if overlay.group != bitmap]
    drawn = [overlay for overlay in drawn if overlay.layer in layers]
    for overlay in sorted(drawn, key=lambda one: layers[one.layer].order):
        layer = layers[overlay.layer]
        gray = 255 if layer.grayscale is None else gray_level(layer.grayscale)
        picture = _coloured(picture.copy(), layer.colour)
        covered = _over(overlay, *picture.shape[:2])
        picture[covered] = _ink(picture, gray, layer.colour)
    return picture


def _placed(
    picture: Picture,
    state: PresentationState,
    area: DisplayedArea | None,
    viewport: tuple[int, int] | None,
    display_spacing: float | None,
) -> Canvas:
    """Rotate, flip, cut out the displayed area and bring it to size."""
    rows, columns = picture.shape[:2]
    orientation = state.orientation
    matrix = orientation.matrix(rows, columns)
    turned = orientation.apply(picture)
    if area is None:
        area = DisplayedArea(top_left=(1, 1), bottom_right=(columns, rows))
    left, top, width, height = _corners(area, matrix)
    _check_size(width, height)
    tall, wide = area.pixel_size if state.rotation % 180 == 0 else area.pixel_size[::-1]
    out = _size(area, (width, height), (wide, tall), viewport, display_spacing)
    _check_size(*out)
    shown = scaled(_cut(turned, top, left, height, width), out[1], out[0])
    scale = np.array([out[0] / width, out[1] / height])
    onto = (matrix - [[0, 0, left], [0, 0, top]]) * scale[:, None]
    return Canvas(np.ascontiguousarray(shown), onto)


def _corners(area: DisplayedArea, matrix: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """Return left, top, width and height of the area in the turned image."""
    first, last = (
        matrix @ [corner[0] - 0.5, corner[1] - 0.5, 1]
        for corner in (area.top_left, area.bottom_right)
    )
    left, top = (int(value) for value in np.floor(np.minimum(first, last)))
    right, bottom = (int(value) for value in np.floor(np.maximum(first, last)))
    return left, top, right - left + 1, bottom - top + 1


def _cut(turned: Picture, top: int, left: int, height: int, width: int) -> Picture:
    """Cut a part out of a picture; what lies outside is black."""
    rows, columns = turned.shape[:2]
    if (top, left, height, width) == (0, 0, rows, columns):
        return turned
    part = np.zeros((height, width, *turned.shape[2:]), np.uint8)
    inside = turned[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)]
    part[max(0, -top) :, max(0, -left) :][: inside.shape[0], : inside.shape[1]] = inside
    return part


def _size(
    area: DisplayedArea,
    size: tuple[int, int],
    pixel: tuple[float, float],
    viewport: tuple[int, int] | None,
    display_spacing: float | None,
) -> tuple[int, int]:
    """Return width and height of the picture, in its pixels."""
    width, height = size[0] * pixel[0], size[1] * pixel[1]
    if area.mode is SizeMode.MAGNIFY and area.magnification:
        scale = area.magnification / pixel[0]
    elif area.mode is SizeMode.TRUE_SIZE and display_spacing:
        scale = 1 / display_spacing
    elif viewport is not None:
        scale = min(viewport[0] / width, viewport[1] / height)
    else:
        scale = 1 / min(pixel)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _check_size(width: int, height: int) -> None:
    if max(width, height) > LARGEST_SIDE or width * height > MOST_PIXELS:
        raise PixelDataError(
            f"the displayed area (0070,005A) becomes {width} by {height} pixels; pictures have at "
            f"most {LARGEST_SIDE} rows and columns, and {MOST_PIXELS} pixels"
        )
