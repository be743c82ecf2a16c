"""Attributes that follow from the content of an object, so that nobody can set them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from isocenter.compose import values
from isocenter.errors import CannotCompose

__all__ = ["OF_PIXELS", "refuse_fixed"]

OF_PIXELS = (
    "SOPClassUID",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PlanarConfiguration",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "NumberOfFrames",
    "FloatPixelData",
    "DoubleFloatPixelData",
    "PixelData",
)
"""What describes pixels: another value would make other pixels of the same bytes."""


def refuse_fixed(
    keywords: Iterable[str], *, fixed: Iterable[str] = OF_PIXELS, by: str = ""
) -> None:
    """Refuse to set what follows from the content.

    Parameters
    ----------
    keywords
        What somebody wants to set, by keyword or tag.
    fixed
        The keywords of attributes that nobody can.
    by
        Where it was said, such as a template's name.

    Raises
    ------
    CannotCompose
        At the first that cannot be set.
    """
    tags = _tags(tuple(fixed))
    for keyword in keywords:
        if (tag := values.tag_of(keyword)) in tags:
            where = f" by {by}" if by else ""
            raise CannotCompose(
                f"{values.described(tag)} follows from the content of the object and cannot be "
                f"set{where}; leave it out.",
                tag=tag,
            )


@cache
def _tags(keywords: tuple[str, ...]) -> frozenset[int]:
    return frozenset(map(values.tag_of, keywords))
