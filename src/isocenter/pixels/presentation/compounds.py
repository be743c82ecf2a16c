"""Compound graphics as plain ones, for displays that know no others (PS3.3 C.10.5.1.3)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from isocenter.pixels.presentation.annotations import (
    CompoundGraphic,
    CompoundType,
    GraphicObject,
    GraphicType,
    TextObject,
    TickAlignment,
    Units,
)
from isocenter.pixels.presentation.spellings import Point

__all__ = ["plain_objects"]

_ARROW_HEAD = 0.02
_TICK = 0.01
_LABEL = 0.04
"""Sizes as fractions of the drawing space."""
_DIVISIONS = 10

Line = tuple[Point, Point]


def plain_objects(
    compound: CompoundGraphic, rows: int, columns: int
) -> tuple[tuple[GraphicObject, ...], tuple[TextObject, ...]]:
    """Return the plain graphics and texts that show what a compound graphic does.

    Parameters
    ----------
    compound
        The compound graphic.
    rows, columns
        Of the image, in whose pixels it is drawn unless its units are DISPLAY.

    Returns
    -------
    graphics, texts
        With the `compound_id` of the compound graphic; lines end at the border of the image.
    """
    width, height = (1.0, 1.0) if compound.units is Units.DISPLAY else (columns, rows)
    return _Rendering(compound, float(width), float(height)).objects()


@dataclass(frozen=True)
class _Rendering:
    compound: CompoundGraphic
    width: float
    height: float

    def objects(self) -> tuple[tuple[GraphicObject, ...], tuple[TextObject, ...]]:
        kind = self.compound.type
        if kind in (CompoundType.RECTANGLE, CompoundType.ELLIPSE):
            return (self._closed(),), ()
        lines = [self._clipped(line) for line in self._gapped(self._lines())]
        graphics = tuple(self._polyline(line) for line in lines if line is not None)
        return graphics, tuple(self._labels())

    def _size(self, share: float) -> float:
        return share * max(self.width, self.height)

    def _turned(self, point: Point) -> Point:
        """Rotate a point counterclockwise, as one sees it: rows grow downwards."""
        if not self.compound.rotation_angle:
            return point
        x0, y0 = self.compound.rotation_point or self.compound.points[0]
        angle = math.radians(self.compound.rotation_angle)
        x, y = point[0] - x0, point[1] - y0
        return (
            x0 + x * math.cos(angle) + y * math.sin(angle),
            y0 - x * math.sin(angle) + y * math.cos(angle),
        )

    def _lines(self) -> list[Line]:
        points = [self._turned(point) for point in self.compound.points]
        match self.compound.type:
            case CompoundType.MULTILINE:
                return list(zip(points[::2], points[1::2], strict=True))
            case CompoundType.INFINITELINE:
                return [self._extended((points[0], points[1]))]
            case CompoundType.CUTLINE:
                line = self._extended((points[0], points[1]))
                return [line, *self._viewing_arrows(self._clipped(line) or line)]
            case CompoundType.RANGELINE:
                line = points[0], points[1]
                return [line, *(self._across(line, end, 2 * _TICK) for end in (0.0, 1.0))]
            case CompoundType.RULER | CompoundType.AXIS:
                line = points[0], points[1]
                return [line, *(self._across(line, place, _TICK) for place in self._ticks())]
            case CompoundType.CROSSHAIR:
                return self._cross(points[0])
            case _:
                return _arrow((points[1], points[0]), self._size(_ARROW_HEAD))

    def _ticks(self) -> list[float]:
        majors = [tick.position for tick in self.compound.major_ticks]
        return majors or [place / _DIVISIONS for place in range(_DIVISIONS + 1)]

    def _across(self, line: Line, place: float, share: float) -> Line:
        """Return a short line across another one; its alignment says to which side."""
        (x, y), (dx, dy) = _at(line, place), _direction(line)
        length = self._size(share)
        alignment = self.compound.tick_alignment
        up = 0.0 if alignment is TickAlignment.BOTTOM else length
        down = 0.0 if alignment is TickAlignment.TOP else length
        return (x + dy * up, y - dx * up), (x - dy * down, y + dx * down)

    def _cross(self, center: Point) -> list[Line]:
        reach = self._size(self.compound.diameter_of_visibility or 0.0) / 2
        x, y = center
        corners = [(x - reach, y), (x + reach, y), (x, y - reach), (x, y + reach)]
        a, b, c, d = (self._turned(corner) for corner in corners)
        return [(a, b), (c, d)]

    def _extended(self, line: Line) -> Line:
        (x, y), (dx, dy) = line[0], _direction(line)
        reach = 2 * (self.width + self.height)
        return (x - dx * reach, y - dy * reach), (x + dx * reach, y + dy * reach)

    def _viewing_arrows(self, line: Line) -> list[Line]:
        """Return arrows that point at the middle of each half of a line, from its right side."""
        dx, dy = _direction(line)
        length = self._size(2 * _ARROW_HEAD)
        found: list[Line] = []
        for place in (0.25, 0.75):
            x, y = _at(line, place)
            found += _arrow(((x - dy * length, y + dx * length), (x, y)), self._size(_TICK))
        return found

    def _gapped(self, lines: Iterable[Line]) -> Iterable[Line]:
        """Leave out of lines what lies within the gap."""
        radius = self._size(self.compound.gap_length or 0.0) / 2
        center = self.compound.rotation_point
        if self.compound.type is CompoundType.CROSSHAIR:
            center = self._turned(self.compound.points[0])
        for line in lines:
            yield from _outside(line, center, radius) if radius and center else (line,)

    def _clipped(self, line: Line) -> Line | None:
        """Return the part of a line within the drawing space."""
        (x0, y0), (x1, y1) = line
        enter, leave = 0.0, 1.0
        for start, change, most in ((x0, x1 - x0, self.width), (y0, y1 - y0, self.height)):
            if change == 0:
                if not 0 <= start <= most:
                    return None
                continue
            first, last = sorted(((0 - start) / change, (most - start) / change))
            enter, leave = max(enter, first), min(leave, last)
        if enter >= leave:
            return None
        return self._within(_at(line, enter)), self._within(_at(line, leave))

    def _within(self, point: Point) -> Point:
        return min(max(point[0], 0.0), self.width), min(max(point[1], 0.0), self.height)

    def _polyline(self, line: Sequence[Point]) -> GraphicObject:
        return GraphicObject(
            type=GraphicType.POLYLINE,
            points=tuple(line),
            units=self.compound.units,
            compound_id=self.compound.instance_id,
            group_id=self.compound.group_id,
            line_style=self.compound.line_style,
        )

    def _closed(self) -> GraphicObject:
        (left, top), (right, bottom) = self.compound.points
        if self.compound.type is CompoundType.RECTANGLE:
            kind = GraphicType.POLYLINE
            corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        else:
            kind = GraphicType.ELLIPSE
            x, y = (left + right) / 2, (top + bottom) / 2
            across, down = [(left, y), (right, y)], [(x, top), (x, bottom)]
            wide = abs(right - left) >= abs(bottom - top)
            corners = [*across, *down] if wide else [*down, *across]
        return GraphicObject(
            type=kind,
            points=tuple(self._turned(corner) for corner in corners),
            units=self.compound.units,
            filled=bool(self.compound.filled),
            compound_id=self.compound.instance_id,
            group_id=self.compound.group_id,
            line_style=self.compound.line_style,
            fill_style=self.compound.fill_style,
        )

    def _labels(self) -> Iterable[TextObject]:
        if not self.compound.show_tick_labels or not self.compound.major_ticks:
            return
        line = self._turned(self.compound.points[0]), self._turned(self.compound.points[1])
        dx, dy = _direction(line)
        side = -1 if self.compound.tick_label_alignment is TickAlignment.TOP else 1
        away, half = self._size(_TICK) + self._size(_LABEL) / 2, self._size(_LABEL) / 2
        for tick in self.compound.major_ticks:
            x, y = _at(line, tick.position)
            x, y = x - dy * away * side, y + dx * away * side
            yield TextObject(
                text=tick.label,
                top_left=self._within((x - half, y - half)),
                bottom_right=self._within((x + half, y + half)),
                box_units=self.compound.units,
                compound_id=self.compound.instance_id,
                group_id=self.compound.group_id,
                style=self.compound.text_style,
            )


def _direction(line: Line) -> Point:
    (x0, y0), (x1, y1) = line
    length = math.hypot(x1 - x0, y1 - y0)
    return ((x1 - x0) / length, (y1 - y0) / length) if length else (1.0, 0.0)


def _at(line: Line, place: float) -> Point:
    (x0, y0), (x1, y1) = line
    return x0 + (x1 - x0) * place, y0 + (y1 - y0) * place


def _arrow(line: Line, head: float) -> list[Line]:
    """Return an arrow from the first point to the second."""
    (dx, dy), (x, y) = _direction(line), line[1]
    left = x - head * (dx + dy / 2), y - head * (dy - dx / 2)
    right = x - head * (dx - dy / 2), y - head * (dy + dx / 2)
    return [line, (left, (x, y)), (right, (x, y))]


def _outside(line: Line, center: Point, radius: float) -> list[Line]:
    """Return the parts of a line outside of a circle."""
    (dx, dy), (x0, y0) = _direction(line), line[0]
    length = math.hypot(line[1][0] - x0, line[1][1] - y0)
    along = (center[0] - x0) * dx + (center[1] - y0) * dy
    aside = (center[0] - x0) * dy - (center[1] - y0) * dx
    if abs(aside) >= radius or length == 0:
        return [line]
    half = math.sqrt(radius**2 - aside**2)
    first, last = (along - half) / length, (along + half) / length
    parts: list[Line] = []
    if first > 0:
        parts.append((line[0], _at(line, min(first, 1.0))))
    if last < 1:
        parts.append((_at(line, max(last, 0.0)), line[1]))
    return parts
