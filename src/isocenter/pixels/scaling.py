"""Pictures at another size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["scaled"]


def scaled(picture: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Bring a picture to another size: averaged where it shrinks, interpolated where it grows.

    Parameters
    ----------
    picture
        `(rows, columns)` or `(rows, columns, 3)`.
    rows, columns
        The wanted size, at least 1 each.

    Returns
    -------
    ndarray
        `(rows, columns)` or `(rows, columns, 3)`.
    """
    if picture.shape[:2] == (rows, columns):
        return picture
    values = picture.astype(np.float32)
    # The axis that shrinks more goes first: the other then has less to do.
    axes = ((0, rows), (1, columns))
    for axis, count in sorted(axes, key=lambda each: each[1] / picture.shape[each[0]]):
        values = _resampled(values, count, axis)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _resampled(values: NDArray[np.float32], count: int, axis: int) -> NDArray[np.float32]:
    length = values.shape[axis]
    if count == length:
        return values
    return _averaged(values, count, axis) if count < length else _between(values, count, axis)


def _averaged(values: NDArray[np.float32], count: int, axis: int) -> NDArray[np.float32]:
    """Average over the stretch of each new line, its ends counted by their share."""
    length = values.shape[axis]
    total = np.cumsum(values, axis=axis, dtype=np.float64)
    edges = np.arange(count + 1, dtype=np.float64) * (length / count)
    whole = np.minimum(edges.astype(np.intp), length - 1)
    shape = [-1 if each == axis else 1 for each in range(values.ndim)]
    share: NDArray[Any] = (edges - whole - 1).reshape(shape)
    # Up to an edge: all lines to the one it lies in, less what of that lies behind it.
    up_to: NDArray[Any] = np.take(total, whole, axis) + np.take(values, whole, axis) * share
    return (np.diff(up_to, axis=axis) * (count / length)).astype(np.float32)


def _between(values: NDArray[np.float32], count: int, axis: int) -> NDArray[np.float32]:
    length = values.shape[axis]
    places = np.clip((np.arange(count) + 0.5) * length / count - 0.5, 0, length - 1)
    before = places.astype(np.intp)
    after = np.minimum(before + 1, length - 1)
    shape = [-1 if each == axis else 1 for each in range(values.ndim)]
    share: NDArray[Any] = (places - before).astype(np.float32).reshape(shape)
    return np.take(values, before, axis) * (1 - share) + np.take(values, after, axis) * share
