"""Colour spaces to RGB (PS3.3 C.7.6.3.1.2)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .description import PhotometricInterpretation

__all__ = ["to_rgb", "to_rgb8"]

# PS3.3 C.7.6.3.1.2 gives RGB to YCbCr; these are the inverses, which ITU-T T.871 prints as
# R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb.
_FULL_TO_RGB = np.linalg.inv(
    np.array([[0.2990, 0.5870, 0.1140], [-0.1687, -0.3313, 0.5000], [0.5000, -0.4187, -0.0813]])
)
_PARTIAL_TO_RGB = np.linalg.inv(
    np.array([[0.2568, 0.5041, 0.0979], [-0.1482, -0.2910, 0.4392], [0.4392, -0.3678, -0.0714]])
)


def to_rgb(samples: NDArray[Any], photometric: PhotometricInterpretation) -> NDArray[Any]:
    """Convert samples to RGB of the same type.

    Parameters
    ----------
    samples
        `(rows, columns, 3)` unsigned, full range of its type.
    photometric
        What the samples are; YBR_ICT and YBR_RCT are already RGB, since their transformation is
        undone by the JPEG 2000 decoder.

    Returns
    -------
    ndarray
        RGB, rounded to nearest and clipped.
    """
    match photometric:
        case PhotometricInterpretation.YBR_FULL | PhotometricInterpretation.YBR_FULL_422:
            return _convert(samples, _FULL_TO_RGB, black=0)
        case PhotometricInterpretation.YBR_PARTIAL_422 | PhotometricInterpretation.YBR_PARTIAL_420:
            return _convert(samples, _PARTIAL_TO_RGB, black=16)
        case _:
            return samples


def _convert(samples: NDArray[Any], matrix: NDArray[np.float64], black: int) -> NDArray[Any]:
    scale = 1 << (samples.dtype.itemsize * 8 - 8)
    offset = np.array([black * scale, 128 * scale, 128 * scale], np.float32)
    kind = np.float32 if samples.dtype.itemsize == 1 else np.float64
    rgb = (samples.astype(kind) - offset) @ matrix.T.astype(kind)
    return np.clip(np.rint(rgb), 0, np.iinfo(samples.dtype).max).astype(samples.dtype)


def to_rgb8(rgb: NDArray[Any], bits_stored: int) -> NDArray[np.uint8]:
    """RGB of any depth reduced to 8 bits, which is what screens and PNG viewers show.

    Parameters
    ----------
    rgb
        `(rows, columns, 3)` unsigned with `bits_stored` significant bits.
    bits_stored
        1 to 32.

    Returns
    -------
    ndarray
        `uint8`; the most significant eight bits, or fewer bits stretched to the full range.
    """
    if bits_stored == 8:
        return rgb.astype(np.uint8, copy=False)
    if bits_stored > 8:
        return (rgb >> (bits_stored - 8)).astype(np.uint8)
    top = (1 << bits_stored) - 1
    return (rgb.astype(np.uint16) * 255 // top).astype(np.uint8)
