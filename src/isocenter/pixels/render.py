"""The grayscale pipeline: stored values to what a screen shows (PS3.4 N.2, PS3.3 C.11)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .display_model import DisplayModel
from .overlays import OverlayPlane
from .voi import VoiTransform, apply_voi

__all__ = ["render_frame"]


def render_frame(
    samples: NDArray[Any],
    model: DisplayModel,
    *,
    window: VoiTransform | None = None,
    invert: bool = False,
    overlays: Sequence[tuple[OverlayPlane, NDArray[np.uint8]]] = (),
) -> NDArray[np.uint8]:
    """Render a frame at its own size.

    Each grayscale pixel is: modality transformation, VOI transformation to 0..1, presentation LUT
    or inversion, times 255, rounded to nearest with halves upwards. Padding is black whatever the
    inversion. Colour is shown as it is.

    Parameters
    ----------
    samples
        As `displayed_samples` gives them.
    model
        How the frame is shown.
    window
        Window or VOI LUT; `model.fallback_window()` without.
    invert
        Whether to turn the picture into its negative, on top of what the model says.
    overlays
        Overlay planes and their bits, drawn white.

    Returns
    -------
    ndarray
        `(rows, columns)` gray or `(rows, columns, 3)` RGB.
    """
    if model.colour:
        picture = 255 - samples if invert else samples
    else:
        picture = _gray(samples, model, window or model.fallback_window(), invert)
        if model.supplemental is not None:
            picture = _with_supplemental(picture, samples, model)
    for plane, bits in overlays:
        picture = _drawn(picture, plane, bits)
    return picture


def _gray(
    samples: NDArray[Any], model: DisplayModel, voi: VoiTransform, invert: bool
) -> NDArray[np.uint8]:
    kind, size = samples.dtype.kind, samples.dtype.itemsize
    if kind in "iu" and size <= 2:
        table = _table(kind, size, model, voi, invert)
        return table[samples.view(np.dtype(f"u{size}"))]
    return _levels(samples, model, voi, invert)


@lru_cache(maxsize=64)
def _table(
    kind: str, size: int, model: DisplayModel, voi: VoiTransform, invert: bool
) -> NDArray[np.uint8]:
    """Render every value that a small integer can have, once."""
    patterns = np.arange(1 << 8 * size, dtype=f"u{size}")
    return _levels(patterns.view(f"{kind}{size}"), model, voi, invert)


def _levels(
    samples: NDArray[Any], model: DisplayModel, voi: VoiTransform, invert: bool
) -> NDArray[np.uint8]:
    shades = apply_voi(model.modality.apply(samples), voi)
    table = model.presentation.table
    if table is not None:
        last = len(table.values) - 1
        shades = table.values[np.floor(shades * last + 0.5).astype(np.intp)] / (
            (1 << table.bits) - 1
        )
    if model.presentation.inverse != invert:
        shades = 1 - shades
    levels = np.floor(np.nan_to_num(shades, nan=0.0) * 255 + 0.5).astype(np.uint8)
    if model.padding is not None:
        levels[model.padding.covers(samples)] = 0
    return levels


def _with_supplemental(
    gray: NDArray[np.uint8], samples: NDArray[Any], model: DisplayModel
) -> NDArray[np.uint8]:
    palette = model.supplemental
    assert palette is not None
    picture = np.repeat(gray[..., None], 3, axis=2)
    coloured = samples >= palette.first
    picture[coloured] = palette.apply(samples[coloured])
    return picture


def _drawn(
    picture: NDArray[np.uint8], plane: OverlayPlane, bits: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    rows, columns = picture.shape[:2]
    top, left = plane.origin[0] - 1, plane.origin[1] - 1
    visible = bits[
        max(0, -top) : max(0, rows - top), max(0, -left) : max(0, columns - left)
    ].astype(bool)
    drawn = picture.copy()
    part = drawn[max(0, top) :, max(0, left) :][: visible.shape[0], : visible.shape[1]]
    part[visible] = 255
    return drawn
