"""How text, lines and areas of annotations look (PS3.3 Tables C.10-5a to C.10-5c)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from isocenter.pixels.presentation.cielab import CIELab, to_cielab
from isocenter.pixels.presentation.items import Item, Said
from isocenter.pixels.presentation.spellings import COLOUR, FLAG, INTEGER, SINGLE, TEXT, Term

__all__ = [
    "DashingStyle",
    "FillMode",
    "FillStyle",
    "HorizontalAlignment",
    "LineStyle",
    "ShadowStyle",
    "TextStyle",
    "VerticalAlignment",
]

_WHITE, _BLACK = to_cielab("#ffffff"), to_cielab("#000000")


class HorizontalAlignment(StrEnum):
    """Where text stands between the vertical edges of its box."""

    LEFT = "LEFT"
    CENTER = "CENTER"
    RIGHT = "RIGHT"


class VerticalAlignment(StrEnum):
    """Where text stands between the horizontal edges of its box."""

    TOP = "TOP"
    CENTER = "CENTER"
    BOTTOM = "BOTTOM"


class ShadowStyle(StrEnum):
    """Shadow Style (0070,0244)."""

    NORMAL = "NORMAL"
    OUTLINED = "OUTLINED"
    OFF = "OFF"


class DashingStyle(StrEnum):
    """Line Dashing Style (0070,0254)."""

    SOLID = "SOLID"
    DASHED = "DASHED"


class FillMode(StrEnum):
    """Fill Mode (0070,0257), in the standard's own spelling."""

    SOLID = "SOLID"
    STIPPLED = "STIPPELED"


@dataclass(frozen=True, kw_only=True)
class TextStyle(Item):
    """How text looks (PS3.3 Table C.10-5a).

    Parameters
    ----------
    colour
        As PCS-Values or `#rrggbb`.
    css_font_name
        A generic font name of CSS.
    font_name
        A font of ISO 32000, for example `Helvetica`; None for none.
    horizontal, vertical
        Alignment of text in its bounding box; LEFT and TOP where there is one and nothing is said.
    underlined, bold, italic
        Its face.
    shadow, shadow_x, shadow_y, shadow_colour, shadow_opacity
        Its shadow: style, offset in units of the annotation, colour, opacity from 0 to 1.
    """

    colour: Annotated[CIELab, Said("TextColorCIELabValue", COLOUR)] = _WHITE
    css_font_name: Annotated[str, Said("CSSFontName", TEXT)] = "Arial"
    font_name: Annotated[str | None, Said("FontName", TEXT)] = None
    horizontal: Annotated[
        HorizontalAlignment | None, Said("HorizontalAlignment", Term(HorizontalAlignment))
    ] = None
    vertical: Annotated[
        VerticalAlignment | None, Said("VerticalAlignment", Term(VerticalAlignment))
    ] = None
    underlined: Annotated[bool, Said("Underlined", FLAG)] = False
    bold: Annotated[bool, Said("Bold", FLAG)] = False
    italic: Annotated[bool, Said("Italic", FLAG)] = False
    shadow: Annotated[ShadowStyle, Said("ShadowStyle", Term(ShadowStyle))] = ShadowStyle.OFF
    shadow_x: Annotated[float | None, Said("ShadowOffsetX", SINGLE)] = None
    shadow_y: Annotated[float | None, Said("ShadowOffsetY", SINGLE)] = None
    shadow_colour: Annotated[CIELab | None, Said("ShadowColorCIELabValue", COLOUR)] = None
    shadow_opacity: Annotated[float | None, Said("ShadowOpacity", SINGLE)] = None

    def check(self) -> None:
        """Give a shadow what it cannot do without."""
        if self.shadow is not ShadowStyle.OFF:
            defaults = {"shadow_x": 1.0, "shadow_y": 1.0, "shadow_opacity": 1.0}
            for name, default in {**defaults, "shadow_colour": _BLACK}.items():
                if getattr(self, name) is None:
                    object.__setattr__(self, name, default)

    def derived(self) -> dict[str, Any]:
        """Name the kind of font name."""
        return {"FontNameType": "ISO_32000"} if self.font_name else {}


@dataclass(frozen=True, kw_only=True)
class LineStyle(Item):
    """How lines look (PS3.3 Table C.10-5b).

    Parameters
    ----------
    colour, opacity
        Of the line; opacity from 0 to 1.
    off_colour, off_opacity
        Of the gaps of a dashed line.
    thickness
        In pixels of the display.
    dashing, pattern
        Whether the line is dashed, and a bit for each part of 32: 1 for line, 0 for gap.
    shadow, shadow_x, shadow_y, shadow_colour, shadow_opacity
        Its shadow.
    """

    colour: Annotated[CIELab, Said("PatternOnColorCIELabValue", COLOUR)] = _WHITE
    opacity: Annotated[float, Said("PatternOnOpacity", SINGLE)] = 1.0
    off_colour: Annotated[CIELab | None, Said("PatternOffColorCIELabValue", COLOUR)] = None
    off_opacity: Annotated[float | None, Said("PatternOffOpacity", SINGLE)] = None
    thickness: Annotated[float, Said("LineThickness", SINGLE)] = 1.0
    dashing: Annotated[DashingStyle, Said("LineDashingStyle",
        Term(DashingStyle))] = DashingStyle.SOLID  # fmt: skip
    pattern: Annotated[int | None, Said("LinePattern", INTEGER)] = None
    shadow: Annotated[ShadowStyle, Said("ShadowStyle", Term(ShadowStyle))] = ShadowStyle.OFF
    shadow_x: Annotated[float, Said("ShadowOffsetX", SINGLE)] = 0.0
    shadow_y: Annotated[float, Said("ShadowOffsetY", SINGLE)] = 0.0
    shadow_colour: Annotated[CIELab, Said("ShadowColorCIELabValue", COLOUR)] = _BLACK
    shadow_opacity: Annotated[float, Said("ShadowOpacity", SINGLE)] = 0.0

    def check(self) -> None:
        """Give a dashed line its pattern."""
        if self.dashing is DashingStyle.DASHED and self.pattern is None:
            object.__setattr__(self, "pattern", 0x00FF)


@dataclass(frozen=True, kw_only=True)
class FillStyle(Item):
    """How areas are filled (PS3.3 Table C.10-5c).

    Parameters
    ----------
    colour, opacity
        Of the fill.
    off_colour, off_opacity
        Of what a stippled fill leaves out.
    mode
        Solid or stippled; a stippled fill has the pattern of a chess board.
    """

    colour: Annotated[CIELab, Said("PatternOnColorCIELabValue", COLOUR)] = _WHITE
    opacity: Annotated[float, Said("PatternOnOpacity", SINGLE)] = 1.0
    off_colour: Annotated[CIELab | None, Said("PatternOffColorCIELabValue", COLOUR)] = None
    off_opacity: Annotated[float, Said("PatternOffOpacity", SINGLE)] = 0.0
    mode: Annotated[FillMode, Said("FillMode", Term(FillMode))] = FillMode.SOLID

    def derived(self) -> dict[str, Any]:
        """Return the pattern of a stippled fill, 32 by 32 bits."""
        stippled = self.mode is FillMode.STIPPLED
        return {"FillPattern": b"\xaa\xaa\xaa\xaa\x55\x55\x55\x55" * 16} if stippled else {}
