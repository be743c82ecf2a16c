"""Display shutters: what of an image is hidden (PS3.3 C.7.6.11, C.7.6.15, C.11.12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from isocenter.errors import InvalidAttribute
from isocenter.pixels.attributes import Attributes
from isocenter.pixels.presentation.cielab import CIELab, gray_level, to_srgb
from isocenter.pixels.presentation.items import Item, Said, read_item
from isocenter.pixels.presentation.spellings import COLOUR, INTEGER, INTEGERS

__all__ = [
    "BitmapShutter",
    "CircularShutter",
    "PolygonalShutter",
    "RectangularShutter",
    "Shutter",
    "ink",
    "read_shutter",
    "shuttered",
]

_MOST_VERTICES = 1000
# Squares of it are exact; no image has more rows or columns than 65535.
_FARTHEST = 1 << 20


def _check_within(coordinates: tuple[int, ...], keyword: str, tag: int) -> None:
    if max(map(abs, coordinates)) > _FARTHEST:
        raise InvalidAttribute(
            f"a shutter lies beyond all images: {keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X}); "
            f"expected -{_FARTHEST} to {_FARTHEST}",
            tag,
        )


@dataclass(frozen=True, kw_only=True)
class RectangularShutter(Item):
    """What lies outside of a rectangle is hidden.

    Parameters
    ----------
    left, right, upper, lower
        Columns and rows of its edges, counted from 1; pixels on an edge are seen.
    """

    left: Annotated[int, Said("ShutterLeftVerticalEdge", INTEGER)]
    right: Annotated[int, Said("ShutterRightVerticalEdge", INTEGER)]
    upper: Annotated[int, Said("ShutterUpperHorizontalEdge", INTEGER)]
    lower: Annotated[int, Said("ShutterLowerHorizontalEdge", INTEGER)]

    def check(self) -> None:
        """Refuse edges on the wrong side of each other."""
        if self.left > self.right or self.upper > self.lower:
            raise InvalidAttribute(
                "a rectangular shutter has its edges the wrong way round: left "
                f"{self.left}, right {self.right}, upper {self.upper}, lower {self.lower}",
                0x00181602,
            )

    def hidden(self, rows: int, columns: int) -> NDArray[np.bool_]:
        """Return which pixels of an image are hidden."""
        mask = np.ones((rows, columns), bool)
        seen_rows = slice(max(0, self.upper - 1), max(0, self.lower))
        seen_columns = slice(max(0, self.left - 1), max(0, self.right))
        mask[seen_rows, seen_columns] = False
        return mask


@dataclass(frozen=True, kw_only=True)
class CircularShutter(Item):
    """What lies outside of a circle is hidden.

    Parameters
    ----------
    center
        Row and column, counted from 1.
    radius
        In columns.
    """

    center: Annotated[tuple[int, ...], Said("CenterOfCircularShutter", INTEGERS)]
    radius: Annotated[int, Said("RadiusOfCircularShutter", INTEGER)]

    def check(self) -> None:
        """Refuse a centre that is none, and a negative radius."""
        if len(self.center) != 2 or self.radius < 0:
            raise InvalidAttribute(
                f"a circular shutter has {len(self.center)} coordinates and the radius "
                f"{self.radius}; expected a row, a column and a positive radius",
                0x00181610,
            )
        _check_within(self.center, "CenterOfCircularShutter", 0x00181610)

    def hidden(self, rows: int, columns: int) -> NDArray[np.bool_]:
        """Return which pixels of an image are hidden."""
        row, column = np.ogrid[1 : rows + 1, 1 : columns + 1]
        distance = (row - self.center[0]) ** 2 + (column - self.center[1]) ** 2
        return distance > self.radius**2


@dataclass(frozen=True, kw_only=True)
class PolygonalShutter(Item):
    """What lies outside of a polygon is hidden.

    Parameters
    ----------
    vertices
        Row and column of each, counted from 1, in one list; the last is joined to the first.
    """

    vertices: Annotated[tuple[int, ...], Said("VerticesOfThePolygonalShutter", INTEGERS)]

    def check(self) -> None:
        """Refuse what encloses nothing."""
        if len(self.vertices) < 6 or len(self.vertices) % 2:
            raise InvalidAttribute(
                f"a polygonal shutter has {len(self.vertices)} numbers: "
                "VerticesOfThePolygonalShutter (0018,1620); expected row and column of at least 3",
                0x00181620,
            )
        if len(self.vertices) > 2 * _MOST_VERTICES:
            raise InvalidAttribute(
                f"a polygonal shutter has {len(self.vertices) // 2} vertices: "
                f"VerticesOfThePolygonalShutter (0018,1620); at most {_MOST_VERTICES} are drawn",
                0x00181620,
            )
        _check_within(self.vertices, "VerticesOfThePolygonalShutter", 0x00181620)

    def hidden(self, rows: int, columns: int) -> NDArray[np.bool_]:
        """Return which pixels of an image are hidden; those on an edge are seen."""
        corners = [
            (column - 1, row - 1)
            for row, column in zip(self.vertices[::2], self.vertices[1::2], strict=True)
        ]
        seen = Image.new("1", (columns, rows))
        ImageDraw.Draw(seen).polygon(corners, fill=1, outline=1)
        return ~np.asarray(seen, bool)


@dataclass(frozen=True, kw_only=True)
class BitmapShutter(Item):
    """What an overlay plane of the presentation state covers is hidden.

    Parameters
    ----------
    overlay_group
        Group of the overlay, 0x6000 to 0x601E.
    """

    overlay_group: Annotated[int, Said("ShutterOverlayGroup", INTEGER)]


Shape: TypeAlias = RectangularShutter | CircularShutter | PolygonalShutter
_SHAPES: dict[str, type[Shape]] = {
    "RECTANGULAR": RectangularShutter,
    "CIRCULAR": CircularShutter,
    "POLYGONAL": PolygonalShutter,
}


@dataclass(frozen=True, kw_only=True)
class Shutter(Item):
    """What is hidden, and what stands in its place.

    Parameters
    ----------
    shapes
        One of each kind at most; only what lies inside of all is seen.
    bitmap
        In place of shapes.
    value
        P-Value in place of what is hidden, 0 to 65535.
    colour
        Colour in place of what is hidden.
    """

    shapes: tuple[Shape, ...] = ()
    bitmap: BitmapShutter | None = None
    value: Annotated[int, Said("ShutterPresentationValue", INTEGER)] = 0
    colour: Annotated[CIELab | None, Said("ShutterPresentationColorCIELabValue", COLOUR)] = None

    def check(self) -> None:
        """Refuse what the attributes cannot say."""
        object.__setattr__(self, "shapes", tuple(self.shapes))
        if len({type(shape) for shape in self.shapes}) < len(self.shapes):
            raise InvalidAttribute(
                "a shutter has two shapes of a kind: ShutterShape (0018,1600); give one of each",
                0x00181600,
            )
        if bool(self.shapes) == (self.bitmap is not None):
            raise InvalidAttribute(
                "a shutter is made of shapes or of a bitmap: ShutterShape (0018,1600); give one",
                0x00181600,
            )
        if not 0 <= self.value <= 0xFFFF:
            raise InvalidAttribute(
                f"ShutterPresentationValue (0018,1622) is {self.value}; expected 0 to 65535",
                0x00181622,
            )

    def derived(self) -> dict[str, Any]:
        """Return which shapes there are."""
        return {
            "ShutterShape": [name for name, cls in _SHAPES.items() if self._of(cls)] or ["BITMAP"]
        }

    def _of(self, cls: type[Shape]) -> bool:
        return any(isinstance(shape, cls) for shape in self.shapes)

    def hidden(self, rows: int, columns: int) -> NDArray[np.bool_]:
        """Return which pixels of an image its shapes hide."""
        hidden = np.zeros((rows, columns), bool)
        for shape in self.shapes:
            hidden |= shape.hidden(rows, columns)
        return hidden


def ink(shutter: Shutter, colour: bool) -> tuple[int, int, int]:
    """Return what stands in place of what a shutter hides, as red, green and blue.

    Parameters
    ----------
    shutter
        Of a frame or presentation state.
    colour
        Whether the picture has colour; a gray one takes the P-Value.
    """
    if colour and shutter.colour is not None:
        return to_srgb(shutter.colour)
    level = gray_level(shutter.value)
    return level, level, level


def shuttered(
    picture: NDArray[np.uint8],
    shutter: Shutter | None,
    covered: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Hide what a shutter hides.

    Parameters
    ----------
    picture
        `(rows, columns)` gray or `(rows, columns, 3)` RGB, a pixel for each of the frame.
    shutter
        Of the frame or presentation state, if any.
    covered
        `(rows, columns)`, what the overlay plane of a bitmap shutter covers.
    """
    if shutter is None:
        return picture
    hidden = shutter.hidden(*picture.shape[:2])
    if covered is not None:
        hidden |= covered
    shown = picture.copy()
    instead = np.array(ink(shutter, picture.ndim == 3), np.uint8)
    shown[hidden] = instead if picture.ndim == 3 else instead[0]
    return shown


_SHUTTER_SHAPE, _SHUTTER_VALUE, _SHUTTER_COLOUR = 0x00181600, 0x00181622, 0x00181624


def read_shutter(root: Attributes, problems: list[str]) -> Shutter | None:
    """Read the shutter of an image or presentation state.

    Raises
    ------
    InvalidAttribute
        When its attributes do not say where it is.
    """
    names = root.texts(_SHUTTER_SHAPE)
    if not any(names):
        return None
    value = root.integer(_SHUTTER_VALUE) or 0
    colour = COLOUR.read(root, _SHUTTER_COLOUR, problems)
    if "BITMAP" in names:
        return Shutter(bitmap=read_item(BitmapShutter, root, problems), value=value, colour=colour)
    shapes = tuple(read_item(_SHAPES[name], root, problems) for name in names if name in _SHAPES)
    return Shutter(shapes=shapes, value=value, colour=colour)
