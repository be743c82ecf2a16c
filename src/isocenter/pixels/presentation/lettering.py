"""Text with the face that a style asks for: bold, italic, underlined (PS3.3 Table C.10-5a)."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from isocenter.pixels.presentation.styles import HorizontalAlignment, TextStyle

__all__ = ["SHARES", "has_face", "letters"]

SHARES = {HorizontalAlignment.CENTER: 0.5, HorizontalAlignment.RIGHT: 1.0}
"""How much of the room that is left goes before a line."""

_SLANT = 0.2
_BOLD = 16
"""Of how many parts of its size a bold letter is thicker by one."""
_LARGEST_SIDE = 1 << 14
_MOST_PIXELS = 1 << 26
"""As pictures have; foreign states may say as much text as they like."""


def has_face(style: TextStyle | None) -> bool:
    """Tell whether letters look otherwise than plain ones."""
    return style is not None and (style.bold or style.italic or style.underlined)


def letters(
    text: str, font: Any, style: TextStyle | None, align: HorizontalAlignment, thicker: int = 0
) -> Image.Image:
    """Return how much ink each pixel gets, 0 to 255, of text that begins in the first corner.

    What is larger than any picture is cut off at its right and its foot.

    Parameters
    ----------
    text
        Lines.
    font
        A font of Pillow.
    style
        Whether it is bold, italic, underlined; None for plain.
    align
        How lines stand to each other.
    thicker
        By how many pixels all strokes are wider, on each side.
    """
    lines = text.split("\n")
    bold = style is not None and style.bold
    stroke = thicker + (max(1, round(font.size / _BOLD / 2)) if bold else 0)
    widths = [float(font.getlength(line)) for line in lines]
    ascent, descent = font.getmetrics()
    height = ascent + descent + stroke
    slant = round(_SLANT * height) if style is not None and style.italic else 0
    size = (int(max(widths)) + 2 * stroke + slant + 1, height * len(lines) + stroke)
    ink = Image.new("L", _within_reason(*size))
    draw = ImageDraw.Draw(ink)
    for number, (line, width) in enumerate(zip(lines, widths, strict=True)):
        x = stroke + (max(widths) - width) * SHARES.get(align, 0.0)
        y = stroke + number * height
        if y > ink.height:
            break
        draw.text((x, y), line, fill=255, font=font, stroke_width=stroke)
        if style is not None and style.underlined:
            below = y + ascent + 1
            draw.line([(x, below), (x + width, below)], fill=255, width=1 + stroke)
    return _slanted(ink, height, slant, len(lines)) if slant else ink


def _within_reason(width: int, height: int) -> tuple[int, int]:
    wide = min(width, _LARGEST_SIDE)
    return wide, min(height, _LARGEST_SIDE, _MOST_PIXELS // wide)


def _slanted(ink: Image.Image, height: int, slant: int, lines: int) -> Image.Image:
    """Move each row to the right by how far it stands above the foot of its line."""
    pixels = np.asarray(ink)
    found = np.zeros_like(pixels)
    for row in range(len(pixels)):
        above = height - 1 - min(row - min(row // height, lines - 1) * height, height - 1)
        away = slant * above // height
        found[row, away:] = pixels[row, : pixels.shape[1] - away]
    return Image.fromarray(found)
