"""Outlines without holes: each hole joined to what is around it by a cut of no width.

Readers that know CLOSED_PLANAR contours only take a hole for a region of its own. PS3.3 C.8.8.6.3
joins it to the outline around it: the contour runs along a cut to the hole, around it, and along
the same cut back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.structure_sets.contours import outlines

__all__ = ["keyholed_outlines"]


def keyholed_outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Trace a mask by outlines that have no holes, one for each of its parts.

    Parameters
    ----------
    mask
        Shape (rows, columns).

    Returns
    -------
    list of numpy.ndarray
        For each part, whose pixels share edges, the corners as (column, row), shape (n, 2). Cuts
        run along the edges of pixels, so that the pixels inside by the even-odd rule are the same.
    """
    loops = [(outline + 0.5).astype(np.int64) for outline in outlines(mask)]
    if len(loops) < 2:
        return [loop.astype(np.float64) - 0.5 for loop in loops]
    drawing = _Drawing(mask)
    for loop in loops:
        drawing.add(_from_leftmost(loop))
    return drawing.polygons()


def _from_leftmost(loop: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the corners from the topmost of the leftmost ones, along its vertical edge first."""
    start = int(np.lexsort((loop[:, 1], loop[:, 0]))[0])
    turned = np.roll(loop, -start, axis=0)
    if turned[1, 0] != turned[0, 0]:  # leave along the vertical edge
        turned = np.concatenate([turned[:1], turned[:0:-1]])
    return [(int(column), int(row)) for column, row in turned]


class _Drawing:
    """Corners in circles; a hole is let into the circle of the edge on its left."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self._mask = mask
        self._points: list[tuple[int, int]] = []
        self._next: list[int] = []
        self._edges: dict[tuple[int, int], int] = {}  # (column, row of the pixel beside) to corner
        self._begins: list[int] = []
        self._holes: list[int] = []

    def add(self, loop: Sequence[tuple[int, int]]) -> None:
        first = len(self._points)
        for point in loop:
            self._corner(point)
        count = len(loop)
        for index in range(count):
            self._next[first + index] = first + (index + 1) % count
            self._know_edge(first + index)
        column, row = loop[0]
        # The leftmost edge has the part's own pixels on its left only where it is a hole's.
        hole = column > 0 and bool(self._mask[row, column - 1])
        (self._holes if hole else self._begins).append(first)

    def polygons(self) -> list[NDArray[np.float64]]:
        for first in sorted(self._holes, key=lambda one: self._points[one][0]):
            self._let_in(first)
        return [self._walked(first) for first in self._begins]

    def _corner(self, point: tuple[int, int]) -> int:
        self._points.append(point)
        self._next.append(-1)
        return len(self._points) - 1

    def _know_edge(self, corner: int) -> None:
        (column, row), (other, end) = self._points[corner], self._points[self._next[corner]]
        if column == other:
            for beside in range(min(row, end), max(row, end)):
                self._edges[column, beside] = corner

    def _let_in(self, first: int) -> None:
        """Cut from the nearest edge on the left to the first corner of a hole, and back."""
        column, row = self._points[first]
        left = column - 1
        while (left, row) not in self._edges:
            left -= 1
        before = self._edges[left, row]
        after = self._next[before]
        there, back = self._corner((left, row)), self._corner((left, row))
        again = self._corner((column, row))
        last = first
        while self._next[last] != first:
            last = self._next[last]
        self._next[before], self._next[there] = there, first
        self._next[last], self._next[again], self._next[back] = again, back, after
        for corner in (before, back):
            self._know_edge(corner)

    def _walked(self, first: int) -> NDArray[np.float64]:
        corners, at = [self._points[first]], self._next[first]
        while at != first:
            corners.append(self._points[at])
            at = self._next[at]
        return np.array(corners, np.float64) - 0.5
