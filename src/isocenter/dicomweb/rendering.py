"""The query parameters of rendered resources and thumbnails (PS3.18 8.3.5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from isocenter.dicom.number_strings import parse_decimal
from isocenter.errors import InvalidRequest

__all__ = [
    "Annotation",
    "IccProfile",
    "RenderingParameters",
    "Viewport",
    "WindowFunction",
    "WindowParameter",
    "parse_rendering",
]

LARGEST_VIEWPORT: Final = 16384


class Annotation(StrEnum):
    """What to write onto the picture (PS3.18 8.3.5.1.1)."""

    PATIENT = "patient"
    TECHNIQUE = "technique"


class IccProfile(StrEnum):
    """Which colour space a picture is in and says that it is in (PS3.18 8.3.5.1.5)."""

    NO = "no"
    """Whichever it is, and the picture says nothing."""
    YES = "yes"
    """The image's own."""
    SRGB = "srgb"
    ADOBE_RGB = "adobergb"
    ROMM_RGB = "rommrgb"
    DISPLAY_P3 = "displayp3"


class WindowFunction(StrEnum):
    """How values between the edges of a window are spread (PS3.18 8.3.5.1.4)."""

    LINEAR = "linear"
    LINEAR_EXACT = "linear-exact"
    SIGMOID = "sigmoid"


@dataclass(frozen=True, slots=True)
class WindowParameter:
    """The window that the user agent wants.

    Parameters
    ----------
    center, width
        In output units of the modality transformation; the width is positive.
    function
        Shape of the window.
    """

    center: float
    width: float
    function: WindowFunction


@dataclass(frozen=True, slots=True)
class Viewport:
    """The size of the picture and the part of the image that it shows (PS3.18 8.3.5.1.3).

    Parameters
    ----------
    width, height
        Of the picture, 1 to 16384 pixels; the image keeps its proportions inside.
    left, top
        First column and row of the part, from 0.
    columns, rows
        Size of the part, None to the far edge.
    flip_horizontally, flip_vertically
        Whether the part is mirrored.
    """

    width: int
    height: int
    left: int = 0
    top: int = 0
    columns: int | None = None
    rows: int | None = None
    flip_horizontally: bool = False
    flip_vertically: bool = False


@dataclass(frozen=True, slots=True)
class RenderingParameters:
    """How a picture is to be made.

    Parameters
    ----------
    quality
        1 to 100 of a lossy picture, None for the server's choice.
    window
        None for the image's own.
    viewport
        None for the image's own size.
    annotations
        Empty for none.
    icc_profile
        None for the server's choice.
    """

    quality: int | None = None
    window: WindowParameter | None = None
    viewport: Viewport | None = None
    annotations: tuple[Annotation, ...] = ()
    icc_profile: IccProfile | None = None


def parse_rendering(parameters: Iterable[tuple[str, str]]) -> RenderingParameters:
    """Read the query string of a rendered resource or thumbnail.

    Parameters
    ----------
    parameters
        Decoded names and values; names that this transaction does not know are passed over.

    Returns
    -------
    RenderingParameters
        What was asked for.

    Raises
    ------
    InvalidRequest
        A parameter is given twice or has a malformed value.

    References
    ----------
    PS3.18 8.3.5.1
    """
    given: dict[str, str] = {}
    for name, value in parameters:
        if name in given and name in _KNOWN:
            raise InvalidRequest(f"the query parameter {name!r} is given twice; give it once")
        given[name] = value
    return RenderingParameters(
        quality=_quality(given["quality"]) if "quality" in given else None,
        window=_window(given["window"]) if "window" in given else None,
        viewport=_viewport(given["viewport"]) if "viewport" in given else None,
        annotations=_annotations(given["annotation"]) if "annotation" in given else (),
        icc_profile=_icc_profile(given["iccprofile"]) if "iccprofile" in given else None,
    )


_KNOWN: Final = frozenset({"quality", "window", "viewport", "annotation", "iccprofile"})


def _quality(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= 100):
        raise InvalidRequest(f"quality must be a whole number from 1 to 100, found {text[:60]!r}")
    return int(text)


def _window(text: str) -> WindowParameter:
    parts = text.split(",")
    if len(parts) != 3:
        raise InvalidRequest(
            "window must be center,width,function with a function of "
            f"{', '.join(WindowFunction)}, found {text[:60]!r}"
        )
    center, width = (_number("window", part) for part in parts[:2])
    if width <= 0:
        raise InvalidRequest(f"the width of window must be more than 0, found {parts[1][:60]!r}")
    try:
        function = WindowFunction(parts[2].strip().lower())
    except ValueError:
        raise InvalidRequest(
            f"the function of window must be one of {', '.join(WindowFunction)}, "
            f"found {parts[2][:60]!r}"
        ) from None
    return WindowParameter(center, width, function)


def _viewport(text: str) -> Viewport:
    parts = text.split(",")
    if len(parts) < 2 or len(parts) > 6:
        raise InvalidRequest(f"viewport must be width,height[,x,y,w,h], found {text[:60]!r}")
    width, height = (round(_number("viewport", part)) for part in parts[:2])
    if not (1 <= width <= LARGEST_VIEWPORT and 1 <= height <= LARGEST_VIEWPORT):
        raise InvalidRequest(
            f"viewport must be 1 to {LARGEST_VIEWPORT} pixels wide and high, found {text[:60]!r}"
        )
    # What is left out or empty is the whole image.
    numbers = [round(_number("viewport", part)) if part.strip() else None for part in parts[2:]]
    left, top, columns, rows = (*numbers, *(4 - len(numbers)) * [None])
    if (left or 0) < 0 or (top or 0) < 0 or columns == 0 or rows == 0:
        raise InvalidRequest(f"viewport shows no part of the image: {text[:60]!r}")
    return Viewport(
        width,
        height,
        left or 0,
        top or 0,
        abs(columns) if columns is not None else None,
        abs(rows) if rows is not None else None,
        flip_horizontally=(columns or 0) < 0,
        flip_vertically=(rows or 0) < 0,
    )


def _number(name: str, text: str) -> float:
    try:
        return parse_decimal(text)
    except ValueError:
        raise InvalidRequest(f"{name} must consist of numbers, found {text[:60]!r}") from None


def _annotations(text: str) -> tuple[Annotation, ...]:
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    try:
        if not names:
            raise ValueError
        return tuple(dict.fromkeys(Annotation(name) for name in names))
    except ValueError:
        raise InvalidRequest(
            f"annotation must be of {', '.join(Annotation)}, found {text[:60]!r}"
        ) from None


def _icc_profile(text: str) -> IccProfile:
    try:
        return IccProfile(text.strip().lower())
    except ValueError:
        raise InvalidRequest(
            f"iccprofile must be one of {', '.join(IccProfile)}, found {text[:60]!r}"
        ) from None
