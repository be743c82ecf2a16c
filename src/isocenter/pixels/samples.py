"""Decoded values in the form that a display takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.errors import PixelDataError

from .attributes import Attributes
from .colour import to_rgb8
from .description import PixelDescription
from .lookup_tables import Palette, read_palette
from .modality import Padding

__all__ = ["display_format", "displayed_samples", "palette_of", "stored_bounds"]


def palette_of(root: Attributes, *, signed: bool) -> tuple[Palette, str]:
    """Read the palette of an image, or stand in for one that cannot be read.

    Parameters
    ----------
    root
        The data set.
    signed
        Whether stored values are signed.

    Returns
    -------
    palette : Palette
        Shades of gray where the object's own is unusable.
    problem : str
        A sentence that says so, or empty.
    """
    try:
        return read_palette(root, signed=signed), ""
    except PixelDataError as problem:
        gray = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        return Palette(0, gray), str(problem)


def display_format(description: PixelDescription) -> str:
    """Name the type of samples that a display gets: a NumPy name, or "rgb8" for colour.

    Parameters
    ----------
    description
        What the object says of its pixel data.

    Returns
    -------
    str
        64-bit integers become "float64": browsers draw with doubles, which hold 53 bits.
    """
    if not description.photometric_interpretation.monochrome:
        return "rgb8"
    return "float64" if description.dtype.itemsize == 8 else description.dtype.name


def displayed_samples(
    stored: NDArray[Any], description: PixelDescription, palette: Palette | None = None
) -> NDArray[Any]:
    """Bring decoded values to the format of their display model.

    Parameters
    ----------
    stored
        As `decode_frame` gives them.
    description
        What the object says of its pixel data.
    palette
        Colours of indices; what `DisplayModel.palette` holds.

    Returns
    -------
    ndarray
        `(rows, columns)` of `display_format(description)`, or `(rows, columns, 3)` of `uint8`.
    """
    if palette is not None:
        return palette.apply(stored)
    form = display_format(description)
    if form == "rgb8":
        return to_rgb8(stored, description.bits_stored)
    return stored.astype(np.dtype(form), copy=False)


def stored_bounds(
    samples: Sequence[NDArray[Any]], padding: Padding | None
) -> tuple[float, float] | None:
    """Find the lowest and highest stored value of some frames, padding and NaN left out.

    Parameters
    ----------
    samples
        Frames.
    padding
        Values to leave out.

    Returns
    -------
    tuple of float or None
        None when nothing is left.
    """
    lows: list[float] = []
    highs: list[float] = []
    for frame in samples:
        kept = frame if padding is None else frame[~padding.covers(frame)]
        kept = kept[np.isfinite(kept)] if kept.dtype.kind == "f" else kept
        if kept.size:
            lows.append(float(kept.min()))
            highs.append(float(kept.max()))
    return (min(lows), max(highs)) if lows else None
