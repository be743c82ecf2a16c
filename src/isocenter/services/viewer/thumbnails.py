"""Small pictures of frames."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.pixels import DisplayModel, VoiTransform, render_frame, scaled, to_jpeg
from isocenter.pixels.presentation.shutters import Shutter, shuttered

__all__ = ["SIZE", "reduced", "thumbnail"]

SIZE = 256
_QUALITY = 80


def thumbnail(
    samples: NDArray[Any],
    model: DisplayModel,
    voi: VoiTransform | None,
    shutter: Shutter | None = None,
) -> bytes:
    """Render a frame no larger than `SIZE` in either direction.

    Parameters
    ----------
    samples
        As `displayed_samples` gives them.
    model
        How the frame is shown.
    voi
        Its first window or VOI LUT, if any.
    shutter
        What of it is hidden.

    Returns
    -------
    bytes
        A JPEG file.
    """
    picture = shuttered(render_frame(samples, model, window=voi), shutter)
    return to_jpeg(reduced(picture, model.aspect, SIZE), _QUALITY)


def reduced(
    picture: NDArray[np.uint8], aspect: tuple[float, float], size: int
) -> NDArray[np.uint8]:
    """Shrink a picture by averaging, with square pixels.

    Parameters
    ----------
    picture
        `(rows, columns)` or `(rows, columns, 3)`.
    aspect
        Vertical and horizontal size of its pixels.
    size
        Largest number of rows and columns.

    Returns
    -------
    ndarray
        Never larger than the picture would be with square pixels.
    """
    rows, columns = picture.shape[:2]
    height, width = rows * aspect[0] / aspect[1], float(columns)
    if height > rows:  # keep the longer side's pixels: shrink, never stretch
        height, width = float(rows), columns * aspect[1] / aspect[0]
    scale = min(1.0, size / max(height, width))
    return scaled(picture, max(1, round(height * scale)), max(1, round(width * scale)))
