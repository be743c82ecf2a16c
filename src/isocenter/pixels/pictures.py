"""Rendered frames to the picture formats that browsers and reports show: PNG, JPEG and GIF."""

from collections.abc import Sequence
from typing import Any, cast

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from isocenter.errors import PixelDataError

__all__ = ["to_gif", "to_jpeg", "to_png"]

_GIF_HEAD, _GIF_FRAME_HEAD = 1024, 64
"""Bytes, amply; a pixel takes a code of 12 bits at most (GIF89a appendix F)."""
_PNG_HEAD, _PNG_ROW_HEAD = 1024, 4
"""Bytes, amply; a row has one for its filter."""
# Level 1, run lengths only and one filter: three times faster than libpng's default at its size.
_PNG_SPEED = {"level": 1, "strategy": 3, "filter": 16}


def to_png(picture: NDArray[Any]) -> bytes:
    """Encode a rendered frame as PNG.

    Parameters
    ----------
    picture
        `(rows, columns)` or `(rows, columns, 3)`, `uint8` or `uint16`.

    Returns
    -------
    bytes
        A PNG file.
    """
    # What the codec takes for itself is too little for noise in narrow columns.
    room = _PNG_HEAD + picture.nbytes + picture.nbytes // 8 + _PNG_ROW_HEAD * len(picture)
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(picture), out=room, **_PNG_SPEED))


def to_jpeg(picture: NDArray[np.uint8], quality: int = 90) -> bytes:
    """Encode a rendered frame as baseline JPEG.

    Parameters
    ----------
    picture
        `(rows, columns)` or `(rows, columns, 3)`.
    quality
        1 to 100, as the `quality` parameter of PS3.18 8.3.5.1.2.

    Returns
    -------
    bytes
        A JFIF file.

    Raises
    ------
    PixelDataError
        When `quality` is out of range.
    """
    if not 1 <= quality <= 100:
        raise PixelDataError(f"JPEG quality is {quality}; expected 1 to 100")
    return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(picture), level=quality))


def to_gif(pictures: Sequence[NDArray[np.uint8]], frame_time: float = 100.0) -> bytes:
    """Encode rendered frames as one GIF that repeats forever.

    Parameters
    ----------
    pictures
        At least one, all `(rows, columns)` gray or all `(rows, columns, 3)`; colour is reduced to
        252 colours with an ordered dither.
    frame_time
        Milliseconds a frame stays; GIF counts hundredths of a second, browsers want at least two.

    Returns
    -------
    bytes
        A GIF89a file.

    Raises
    ------
    PixelDataError
        There is no frame.
    """
    if not pictures:
        raise PixelDataError("a GIF needs at least one frame")
    colour = pictures[0].ndim == 3
    indexed = np.stack([_dither(p) if colour else p for p in pictures])
    colours = _CUBE if colour else np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    # What the codec takes for itself is too little for noise.
    room = _GIF_HEAD + len(indexed) * _GIF_FRAME_HEAD + 2 * indexed.size
    still = bytes(imagecodecs.gif_encode(indexed, colormap=colours, out=room))
    return _animate(still, max(2, round(frame_time / 10)))


# Levels of red, green and blue in the colour cube: 6 * 7 * 6 = 252 entries.
_LEVELS = np.array([6, 7, 6])
_CUBE = np.zeros((256, 3), np.uint8)
_CUBE[:252] = np.stack(
    np.meshgrid(*[np.linspace(0, 255, n).round() for n in _LEVELS], indexing="ij"), axis=-1
).reshape(-1, 3)
_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 - 15 / 32


def _dither(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = picture.shape[:2]
    pattern = np.tile(_BAYER, (rows // 4 + 1, columns // 4 + 1))[:rows, :columns, None]
    levels = np.rint(picture / 255 * (_LEVELS - 1) + pattern * 0.8)
    red, green, blue = np.moveaxis(np.clip(levels, 0, _LEVELS - 1).astype(np.int32), -1, 0)
    return cast("NDArray[np.uint8]", ((red * 7 + green) * 6 + blue).astype(np.uint8))


def _animate(gif: bytes, delay: int) -> bytes:
    """Give every image of a GIF a delay, and the file an endless loop (GIF89a section 23)."""
    head = 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 0x80 else 0)
    parts = [b"GIF89a" + gif[6:head], b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"]
    control = b"\x21\xf9\x04\x04" + delay.to_bytes(2, "little") + b"\x00\x00"
    position = head
    while gif[position] != 0x3B:
        start = position
        image = gif[position] == 0x2C
        if image:
            flags = gif[position + 9]
            position += 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0) + 1
        else:
            position += 2
        while gif[position]:
            position += gif[position] + 1
        position += 1
        if image:  # extensions that the encoder wrote are replaced by ours
            parts += [control, gif[start:position]]
    return b"".join([*parts, b"\x3b"])
