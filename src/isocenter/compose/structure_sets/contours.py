"""Outlines of masks and masks of outlines, exact both ways.

An outline runs along the outer edges of pixels, at half-integer indices (the centre of the first
pixel is 0, 0), so that the pixels whose centres lie inside, by the even-odd rule, are those of the
mask, whatever its holes and islands.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["fill", "outlines"]


def outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Trace the outlines of a mask.

    Parameters
    ----------
    mask
        Shape (rows, columns).

    Returns
    -------
    list of numpy.ndarray
        For each closed outline its corners as (column, row), shape (n, 2), n at least 4, without
        repeating the first. Holes are outlines like any other: the even-odd rule tells them apart.
    """
    corners = _corners(mask)
    if not len(corners):
        return []
    along_row = _partners(corners, (corners[:, 0], corners[:, 1]))
    along_column = _partners(corners, (corners[:, 1], corners[:, 0]))
    points = corners[:, ::-1].astype(np.float64) - 0.5
    return [points[loop] for loop in _loops(along_row, along_column)]


def fill(polygons: Iterable[NDArray[np.floating]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels whose centres lie inside the polygons by the even-odd rule.

    Parameters
    ----------
    polygons
        Corners as (column, row) in pixel indices, shape (n, 2) each.
    shape
        Rows and columns of the mask.
    """
    crossings = np.zeros((shape[0], shape[1] + 1), np.int32)
    for polygon in polygons:
        _cross(crossings, np.asarray(polygon, np.float64))
    return (np.cumsum(crossings, axis=1)[:, :-1] & 1).astype(np.bool_)


def _corners(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the grid points (row, column) where an outline turns; twice where two touch."""
    padded = np.pad(mask.astype(np.int8), 1)
    a, b = padded[:-1, :-1], padded[:-1, 1:]
    c, d = padded[1:, :-1], padded[1:, 1:]
    turns = (a ^ b ^ c ^ d) == 1
    saddles = (a == d) & (b == c) & (a != b)
    once, twice = np.argwhere(turns), np.argwhere(saddles)
    return np.concatenate([once, twice, twice])


def _partners(
    corners: NDArray[np.intp], keys: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> NDArray[np.intp]:
    """Pair the corners on each line: an edge joins the first and second, third and fourth."""
    line, position = keys
    order = np.lexsort((position, line))
    partners = np.empty(len(corners), np.intp)
    partners[order[0::2]] = order[1::2]
    partners[order[1::2]] = order[0::2]
    return partners


def _loops(first: NDArray[np.intp], second: NDArray[np.intp]) -> list[list[int]]:
    """Walk along rows and columns in turn until every corner has been met."""
    step = (first.tolist(), second.tolist())
    met = bytearray(len(first))
    loops: list[list[int]] = []
    for start in range(len(first)):
        if met[start]:
            continue
        loop: list[int] = []
        at, turn = start, 0
        while not met[at]:
            met[at] = 1
            loop.append(at)
            at = step[turn][at]
            turn ^= 1
        loops.append(loop)
    return loops


def _cross(crossings: NDArray[np.int32], polygon: NDArray[np.float64]) -> None:
    """Count, for each row's centre line, the edges that pass left of each pixel's centre."""
    rows, columns = crossings.shape[0], crossings.shape[1] - 1
    x0, y0 = polygon[:, 0], polygon[:, 1]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    low, high = np.minimum(y0, y1), np.maximum(y0, y1)
    first = np.clip(np.ceil(low), 0, rows).astype(np.intp)
    last = np.clip(np.ceil(high), 0, rows).astype(np.intp)  # a line through the upper end is out
    counts = last - first
    if not counts.any():
        return
    edge = np.repeat(np.arange(len(polygon)), counts)
    begins = np.cumsum(counts) - counts
    row: NDArray[np.intp] = np.arange(len(edge)) - begins[edge] + first[edge]
    slope = (x1 - x0)[edge] / (y1 - y0)[edge]
    x: NDArray[np.float64] = x0[edge] + (row - y0[edge]) * slope
    column = np.clip(np.ceil(x), 0, columns).astype(np.intp)
    np.add.at(crossings, (row, column), 1)
