"""Text and graphics drawn over a picture, layer by layer (PS3.3 C.10.5, C.10.7)."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from isocenter.pixels.presentation.annotations import (
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GraphicType,
    TextObject,
    Units,
)
from isocenter.pixels.presentation.cielab import CIELab, gray_level, to_srgb
from isocenter.pixels.presentation.compounds import plain_objects
from isocenter.pixels.presentation.lettering import SHARES, has_face, letters
from isocenter.pixels.presentation.references import applies
from isocenter.pixels.presentation.spellings import Point
from isocenter.pixels.presentation.state import PresentationState
from isocenter.pixels.presentation.styles import (
    DashingStyle,
    FillMode,
    HorizontalAlignment,
    LineStyle,
    ShadowStyle,
    TextStyle,
    VerticalAlignment,
)

__all__ = ["Canvas", "draw_annotations"]

_image_font: Any = importlib.import_module("PIL.ImageFont")  # its types are only partly known

_STEPS = 16
"""Straight parts of an interpolated curve from point to point."""
_ELLIPSE_STEPS = 180
_FAR = 1e5
_MOST_DASHES = 1_000_000
_THICKEST = 100
_DOWN = {VerticalAlignment.CENTER: 0.5, VerticalAlignment.BOTTOM: 1.0}
_DASH = 1
"""Display pixels of one bit of a line pattern."""


@dataclass(frozen=True)
class Canvas:
    """A picture and where the image stands on it.

    Parameters
    ----------
    picture
        `(rows, columns)` or `(rows, columns, 3)`.
    onto
        2 by 3: takes `(column, row, 1)` of the stored image to column and row of the picture.
    """

    picture: NDArray[np.uint8]
    onto: NDArray[np.float64]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.picture.shape[1], self.picture.shape[0]

    def place(self, points: Sequence[Point], units: Units) -> NDArray[np.float64]:
        """Return where points stand on the picture, `(points, 2)`."""
        if units is Units.DISPLAY:
            placed = np.asarray(points, np.float64) * self.size
        else:
            ones = np.ones((len(points), 1))
            placed = np.hstack([np.asarray(points, np.float64), ones]) @ self.onto.T
        return np.clip(placed, -_FAR, _FAR)  # what lies beyond would only keep Pillow busy


def draw_annotations(
    canvas: Canvas, state: PresentationState, sop_instance_uid: str, frame: int
) -> NDArray[np.uint8]:
    """Draw the annotations of one frame in the order of their layers.

    Parameters
    ----------
    canvas
        The picture, and where the image stands on it.
    state
        The presentation state.
    sop_instance_uid, frame
        What is shown.

    Returns
    -------
    ndarray
        Gray, or RGB where something has colour.
    """
    layers = {layer.name: layer for layer in state.layers}
    unknown = GraphicLayer(name="?", order=0)
    chosen = [
        (layers.get(annotation.layer, unknown), annotation)
        for annotation in state.annotations
        if applies(annotation.images, sop_instance_uid, frame)
    ]
    if not chosen:
        return canvas.picture
    pen = _Pen(canvas, any(_has_colour(*one) for one in chosen))
    for layer, annotation in sorted(chosen, key=lambda one: one[0].order):
        pen.draw(annotation, layer)
    return pen.finished()


def _has_colour(layer: GraphicLayer, annotation: GraphicAnnotation) -> bool:
    colours: list[CIELab | None] = [layer.colour]
    for graphic in annotation.graphics:
        colours.append(graphic.line_style and graphic.line_style.colour)
        colours.append(graphic.fill_style and graphic.fill_style.colour)
    for text in annotation.texts:
        colours += [text.style.colour, text.style.shadow_colour] if text.style else []
    for compound in annotation.compounds:
        colours.append(compound.line_style and compound.line_style.colour)
    return any(colour is not None and len(set(to_srgb(colour))) > 1 for colour in colours)


class _Pen:
    def __init__(self, canvas: Canvas, colour: bool) -> None:
        self._canvas = canvas
        image = Image.fromarray(canvas.picture)
        self._image = image.convert("RGB") if colour or canvas.picture.ndim == 3 else image
        self._draw = ImageDraw.Draw(self._image)

    def finished(self) -> NDArray[np.uint8]:
        return np.asarray(self._image)

    def draw(self, annotation: GraphicAnnotation, layer: GraphicLayer) -> None:
        rendered = {one.compound_id for one in (*annotation.graphics, *annotation.texts)}
        graphics, texts = list(annotation.graphics), list(annotation.texts)
        for compound in annotation.compounds:
            if compound.instance_id not in rendered:
                more, labels = plain_objects(compound, *self._image_size())
                graphics += more
                texts += labels
        for graphic in graphics:
            self._graphic(graphic, layer)
        for text in texts:
            self._text(text, layer)

    def _image_size(self) -> tuple[int, int]:
        """Return rows and columns that the picture shows, counted in pixels of the image."""
        back = np.linalg.inv(self._canvas.onto[:, :2])
        columns, rows = np.abs(back @ self._canvas.size)
        return max(1, round(float(rows))), max(1, round(float(columns)))

    def _ink(self, layer: GraphicLayer, colour: CIELab | None) -> Any:
        own = colour or layer.colour
        if own is not None:
            red, green, blue = to_srgb(own)
            return (red, green, blue) if self._image.mode == "RGB" else green
        gray = 255 if layer.grayscale is None else gray_level(layer.grayscale)
        return (gray,) * 3 if self._image.mode == "RGB" else gray

    def _graphic(self, graphic: GraphicObject, layer: GraphicLayer) -> None:
        outline = self._canvas.place(_outline(graphic), graphic.units)
        style = graphic.line_style
        ink = self._ink(layer, style.colour if style else None)
        if graphic.type is GraphicType.POINT:
            (x, y), reach = outline[0], 2
            self._line([(x - reach, y), (x + reach, y)], ink, None)
            self._line([(x, y - reach), (x, y + reach)], ink, None)
            return
        points = [(float(x), float(y)) for x, y in outline]
        if graphic.filled and graphic.closed:
            fill = graphic.fill_style
            self._fill(points, self._ink(layer, fill.colour) if fill else ink, fill and fill.mode)
        self._line(points, ink, style)

    def _fill(self, points: list[Point], ink: Any, mode: FillMode | None) -> None:
        if mode is not FillMode.STIPPLED:
            self._draw.polygon(_on_pixels(points), fill=ink)
            return
        covered = Image.new("1", self._image.size)
        ImageDraw.Draw(covered).polygon(_on_pixels(points), fill=1)
        chess = np.indices(np.asarray(covered).shape).sum(axis=0) % 2 == 0
        self._image.paste(ink, mask=Image.fromarray(np.asarray(covered) & chess))

    def _line(self, points: Sequence[Point], ink: Any, style: LineStyle | None) -> None:
        width = 1 if style is None else round(min(max(style.thickness, 1), _THICKEST))
        parts: Iterable[Sequence[Point]] = [points]
        if style is not None and style.dashing is DashingStyle.DASHED and style.pattern:
            parts = _dashes(points, style.pattern)
        for part in parts:
            self._draw.line(_on_pixels(part), fill=ink, width=width, joint="curve")

    def _text(self, text: TextObject, layer: GraphicLayer) -> None:
        style = text.style
        ink = self._ink(layer, style.colour if style else None)
        if text.top_left is None or text.bottom_right is None:
            self._label(text, ink, layer)
            return
        corners = self._canvas.place([text.top_left, text.bottom_right], text.box_units)
        left, top = np.minimum(*corners)
        right, bottom = np.maximum(*corners)
        font = _font(_fitting(text.text, float(right - left), float(bottom - top)))
        box = self._draw.multiline_textbbox((0, 0), text.text, font=font)
        align = _alignment(text)
        x = float(left) + (float(right - left) - box[2]) * SHARES.get(align, 0.0)
        down = _DOWN.get(style.vertical, 0.0) if style and style.vertical else 0.0
        y = float(top) + (float(bottom - top) - box[3]) * down
        self._write(text, (x, y), font, ink, layer)
        if text.anchor is not None and text.anchor_visible:
            (end,) = self._canvas.place([text.anchor], text.anchor_units)
            start = np.clip(end, [left, top], [right, bottom])
            self._line(
                [(float(start[0]), float(start[1])), (float(end[0]), float(end[1]))], ink, None
            )

    def _label(self, text: TextObject, ink: Any, layer: GraphicLayer) -> None:
        """Write a text beside its anchor."""
        if text.anchor is None:
            return
        (anchor,) = self._canvas.place([text.anchor], text.anchor_units)
        x, y = float(anchor[0]), float(anchor[1])
        away = 4 if text.anchor_visible else 0
        if away:
            self._line([(x, y), (x + away, y + away)], ink, None)
        self._write(text, (x + away, y + away), _font(12), ink, layer)

    def _write(self, text: TextObject, at: Point, font: Any, ink: Any, layer: GraphicLayer) -> None:
        """Write lines from their first corner on, over the shadow that their style asks for."""
        style, align = text.style, _alignment(text)
        if style is None or not (has_face(style) or style.shadow is not ShadowStyle.OFF):
            align_name = align.lower()
            self._draw.multiline_text(at, text.text, fill=ink, font=font, align=align_name)
            return
        plain = letters(text.text, font, style, align)
        if style.shadow is not ShadowStyle.OFF:
            self._shadow(text, at, font, style, layer)
        self._paste(plain, at, ink)

    def _shadow(
        self, text: TextObject, at: Point, font: Any, style: TextStyle, layer: GraphicLayer
    ) -> None:
        outlined = style.shadow is ShadowStyle.OUTLINED
        dark = letters(text.text, font, style, _alignment(text), thicker=int(outlined))
        units = text.box_units if text.top_left is not None else text.anchor_units
        zero, end = self._canvas.place(
            [(0.0, 0.0), (style.shadow_x or 0.0, style.shadow_y or 0.0)], units
        )
        said = 1.0 if style.shadow_opacity is None else style.shadow_opacity
        opacity = float(np.clip(np.nan_to_num(said), 0, 1))
        faint = dark.point([round(level * opacity) for level in range(256)])
        x, y = (float(part) for part in np.array(at) + (end - zero) - int(outlined))
        self._paste(faint, (x, y), self._ink(layer, style.shadow_colour))

    def _paste(self, ink: Image.Image, at: Point, colour: Any) -> None:
        x, y = np.clip(np.nan_to_num(at), -_FAR, _FAR)  # foreign states may say anything
        self._image.paste(colour, (round(float(x)), round(float(y))), mask=ink)


def _alignment(text: TextObject) -> HorizontalAlignment:
    """Return how lines stand: as the style says, else as the text does."""
    own = text.style.horizontal if text.style else None
    said = own if own not in (None, HorizontalAlignment.LEFT) else text.justification
    return HorizontalAlignment(said)


def _on_pixels(points: Sequence[Point]) -> list[Point]:
    """Return points as Pillow counts: the centre of the first pixel is 0,0."""
    return [(x - 0.5, y - 0.5) for x, y in points]


def _outline(graphic: GraphicObject) -> list[Point]:
    """Return the points that a graphic's line goes through."""
    points = list(graphic.points)
    match graphic.type:
        case GraphicType.CIRCLE:
            center, edge = np.array(points)
            radius = float(np.hypot(*(edge - center)))
            return _curve(center, np.array([radius, 0.0]), np.array([0.0, radius]))
        case GraphicType.ELLIPSE:
            ends = np.array(points)
            center = ends.mean(axis=0)
            return _curve(center, (ends[1] - ends[0]) / 2, (ends[3] - ends[2]) / 2)
        case GraphicType.INTERPOLATED:
            return _spline(points)
        case _:
            return points


def _curve(
    center: NDArray[np.float64], across: NDArray[np.float64], down: NDArray[np.float64]
) -> list[Point]:
    angle = np.linspace(0, 2 * np.pi, _ELLIPSE_STEPS + 1)[:, None]
    return [(x, y) for x, y in (center + np.cos(angle) * across + np.sin(angle) * down).tolist()]


def _spline(points: Sequence[Point]) -> list[Point]:
    """Return a smooth curve through points (Catmull-Rom)."""
    known = np.array(points)
    closed = len(points) > 2 and points[0] == points[-1]
    before, after = (known[-2], known[1]) if closed else (known[0], known[-1])
    p = np.vstack([before, known, after])
    t = (np.arange(_STEPS) / _STEPS)[:, None]
    found: list[Point] = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
        part = b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        found += [(x, y) for x, y in part.tolist()]
    return [*found, points[-1]]


def _dashes(points: Sequence[Point], pattern: int) -> Iterable[list[Point]]:
    """Cut a line into the pieces that a pattern of 32 bits draws."""
    path = np.array(points)
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    if lengths[-1] > _MOST_DASHES:
        yield list(points)
        return
    for start in range(0, int(lengths[-1]) + 1, _DASH):
        if pattern >> (start // _DASH % 32) & 1:
            ends = np.array([start, min(start + _DASH, lengths[-1])])
            xs = np.interp(ends, lengths, path[:, 0])
            ys = np.interp(ends, lengths, path[:, 1])
            yield [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]


def _fitting(text: str, width: float, height: float) -> int:
    """Return the size at which a text fits its box, within what can be read."""
    lines = text.split("\n")
    longest = max(map(len, lines), default=1) or 1
    return int(min(max(min(height / len(lines) / 1.2, width / longest * 1.8), 8), 96))


@lru_cache(maxsize=32)
def _font(size: int) -> Any:
    return _image_font.load_default(size)
