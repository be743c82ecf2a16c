"""What part of an image is shown, how large and which way round (PS3.3 C.10.4, C.10.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from isocenter.errors import InvalidAttribute
from isocenter.pixels.presentation.items import Item, Many, Said
from isocenter.pixels.presentation.references import ReferencedImage
from isocenter.pixels.presentation.spellings import DECIMALS, INTEGERS, SINGLE, TEXT, Term

__all__ = ["DisplayedArea", "Orientation", "SizeMode"]


class SizeMode(StrEnum):
    """Presentation Size Mode (0070,0100)."""

    SCALE_TO_FIT = "SCALE TO FIT"
    TRUE_SIZE = "TRUE SIZE"
    MAGNIFY = "MAGNIFY"


@dataclass(frozen=True, kw_only=True)
class DisplayedArea(Item):
    """The part of an image that is shown.

    Parameters
    ----------
    top_left, bottom_right
        Column and row, counted from 1 in the stored image, of the pixels that stand in these
        corners after rotation and flip; they may lie outside of the image. A presentation state
        that is being made takes any two opposite corners.
    mode
        How its size is chosen.
    spacing
        Size of a pixel in mm, row and column spacing; TRUE SIZE needs it.
    aspect
        Height and width of a pixel in whole numbers, where there is no spacing.
    magnification
        Display pixels for a pixel of the image; MAGNIFY needs it.
    origin
        `VOLUME` when corners count the total pixel matrix of a slide, `FRAME` or None if not.
    images
        What it is for; empty for all.
    """

    top_left: Annotated[tuple[int, ...], Said("DisplayedAreaTopLeftHandCorner", INTEGERS)]
    bottom_right: Annotated[tuple[int, ...], Said("DisplayedAreaBottomRightHandCorner", INTEGERS)]
    mode: Annotated[SizeMode, Said("PresentationSizeMode", Term(SizeMode))] = SizeMode.SCALE_TO_FIT
    spacing: Annotated[tuple[float, ...] | None, Said("PresentationPixelSpacing", DECIMALS)] = None
    aspect: Annotated[tuple[int, ...] | None, Said("PresentationPixelAspectRatio",
        INTEGERS)] = None  # fmt: skip
    magnification: Annotated[float | None, Said("PresentationPixelMagnificationRatio",
        SINGLE)] = None  # fmt: skip
    origin: Annotated[str | None, Said("PixelOriginInterpretation", TEXT)] = None
    images: Annotated[tuple[ReferencedImage, ...], Said("ReferencedImageSequence",
        Many(ReferencedImage, none_means_all=True))] = ()  # fmt: skip

    def check(self) -> None:
        """Refuse what cannot be an area, and sizes without what they are chosen by."""
        for name in ("top_left", "bottom_right", "spacing", "aspect"):
            value: tuple[float, ...] | None = getattr(self, name)
            if value is not None and len(value) != 2:
                raise InvalidAttribute(
                    f"{name} has {len(value)} values: a displayed area needs 2 (0070,005A)",
                    0x0070005A,
                )
        for name, tag in (("spacing", 0x00700101), ("aspect", 0x00700102)):
            value = getattr(self, name)
            if value is not None and min(value) <= 0:
                raise InvalidAttribute(f"{name} is {value}; expected more than 0", tag)
        if self.mode is SizeMode.TRUE_SIZE and self.spacing is None:
            raise InvalidAttribute(
                "TRUE SIZE has no PresentationPixelSpacing (0070,0101); give spacing in mm",
                0x00700101,
            )
        if self.mode is SizeMode.MAGNIFY and not (self.magnification and self.magnification > 0):
            raise InvalidAttribute(
                "MAGNIFY has no positive PresentationPixelMagnificationRatio (0070,0103); give "
                "magnification",
                0x00700103,
            )

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Height and width of a pixel, in any unit."""
        height, width = self.spacing or self.aspect or (1.0, 1.0)
        return height, width


@dataclass(frozen=True, slots=True)
class Orientation:
    """Rotation, then flip, of an image (PS3.3 C.10.6).

    Parameters
    ----------
    rotation
        Clockwise: 0, 90, 180 or 270 degrees.
    flipped
        Whether left and right change places after the rotation.
    """

    rotation: int = 0
    flipped: bool = False

    def apply(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Rotate and flip `(rows, columns)` or `(rows, columns, 3)`."""
        turned = np.rot90(picture, -self.rotation // 90)
        return turned[:, ::-1] if self.flipped else turned

    def matrix(self, rows: int, columns: int) -> NDArray[np.float64]:
        """Return what takes `(column, row, 1)` of the stored image to where it is shown.

        Parameters
        ----------
        rows, columns
            Size of the stored image.

        Returns
        -------
        ndarray
            2 by 3; coordinates begin at the outer corner of the first pixel.
        """
        turned = {
            0: [[1, 0, 0], [0, 1, 0]],
            90: [[0, -1, rows], [1, 0, 0]],
            180: [[-1, 0, columns], [0, -1, rows]],
            270: [[0, 1, 0], [-1, 0, columns]],
        }[self.rotation % 360]
        matrix = np.array(turned, np.float64)
        if self.flipped:
            width = columns if self.rotation % 180 == 0 else rows
            matrix[0] = [0, 0, width] - matrix[0]
        return matrix

    def arranged(self, area: DisplayedArea) -> DisplayedArea:
        """Return an area with those corners as its first and last that are shown there."""
        xs, ys = zip(area.top_left, area.bottom_right, strict=True)
        corners = [(x, y) for x in (min(xs), max(xs)) for y in (min(ys), max(ys))]
        shown = np.array(corners) @ self.matrix(0, 0)[:, :2].T
        order = shown.sum(axis=1)
        first, last = corners[int(order.argmin())], corners[int(order.argmax())]
        return replace(area, top_left=first, bottom_right=last)
