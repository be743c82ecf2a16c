"""Parts of a series: what an index keeps of its headers and of its values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from isocenter.series import geometry
from isocenter.series.axis import COLOR, COLUMN, ROW, SLICE, TAG

if TYPE_CHECKING:
    from isocenter.series.series import Series
    from isocenter.series.table import Table

__all__ = ["part"]


def part(series: Series, key: Any) -> Any:
    """Return `series[key]`, a `Series` where the result is made of images, else an array."""
    keys = _expanded(key, series.ndim)
    if keys is None or not _keeps_images(keys, series.table.names):
        return series.array[_plain(key)]
    table, values = series.table, series.array if series.is_loaded else None
    color = dict(zip(table.names, keys, strict=True)).get(COLOR, slice(None))
    if values is None and not _is_whole(color):
        values = series.array
    names = table.names
    for name, one in reversed(list(zip(names, keys, strict=True))):
        if _is_whole(one):
            continue
        if values is not None:
            at = names.index(name)
            values = values[(slice(None),) * at + (one,)]
        table = _along(table, name, one)
    if values is not None and np.may_share_memory(values, series.array):
        values = values.copy()  # as if it were read: what is changed in a part is changed there
    return series.with_table(table, values)


def _expanded(key: Any, ndim: int) -> list[Any] | None:
    """Return one key an axis; None for what NumPy does and headers cannot follow."""
    keys: list[Any] = list(cast("tuple[Any, ...]", key)) if isinstance(key, tuple) else [key]
    if sum(one is Ellipsis for one in keys) > 1 or any(one is None for one in keys):
        return None
    at = next((n for n, one in enumerate(keys) if one is Ellipsis), None)
    if at is not None:
        keys[at : at + 1] = [slice(None)] * (ndim - len(keys) + 1)
    if len(keys) > ndim:
        return None
    keys = [_simple(one) for one in keys] + [slice(None)] * (ndim - len(keys))
    several = sum(isinstance(one, np.ndarray) for one in keys)
    return None if several > 1 or any(one is None for one in keys) else keys


def _simple(one: Any) -> int | slice | NDArray[np.intp] | None:
    if isinstance(one, slice):
        return cast("slice", one)
    if isinstance(one, int | np.integer) and not isinstance(one, bool):
        return int(cast("int", one))
    array = np.asarray(one)
    if array.ndim == 1 and array.dtype.kind in "iub" and array.size:
        return np.flatnonzero(array) if array.dtype.kind == "b" else array.astype(np.intp)
    return None


def _keeps_images(keys: list[Any], names: tuple[str, ...]) -> bool:
    """Whether rows and columns stay, in even steps, and colours all or one."""
    for name, one in zip(names, keys, strict=True):
        if name in (ROW, COLUMN) and not isinstance(one, slice):
            return False
        if name == COLOR and not (isinstance(one, int) or _is_whole(one)):
            return False
    return ROW in names and COLUMN in names


def _is_whole(one: Any) -> bool:
    return isinstance(one, slice) and one == slice(None)


def _plain(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(_plain(one) for one in cast("tuple[Any, ...]", key))
    if isinstance(key, slice | int | type(None)) or key is Ellipsis:
        return cast("Any", key)
    return np.asarray(key)


def _along(table: Table, name: str, one: Any) -> Table:
    """Return what is remembered of a part along one axis."""
    names = table.names if not isinstance(one, int) else _without(table.names, name)
    if name == COLOR:
        return replace(table, names=names)
    if name in (ROW, COLUMN):
        return _cropped(table, name, cast("slice", one))
    kept = slice(one, one + 1 or None) if isinstance(one, int) else one
    if isinstance(one, int):
        _check_index(one, table.frames.shape[0 if name == TAG else 1], name)
    if name == SLICE:
        return replace(table, names=names, frames=table.frames[:, kept])
    values = None if table.tag_values is None else table.tag_values[kept]
    return replace(table, names=names, frames=table.frames[kept], tag_values=values)


def _check_index(index: int, count: int, name: str) -> None:
    if not -count <= index < count:
        raise IndexError(f"{name} {index} of {count}")


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(one for one in names if one != name)


def _cropped(table: Table, name: str, one: slice) -> Table:
    every = {ROW: range(len(table.rows)), COLUMN: range(len(table.columns))}
    kept = {**every, name: every[name][one]}
    frames = np.empty(table.frames.shape, dtype=object)
    for index, frame in np.ndenumerate(table.frames):
        plane = frame.plane
        if plane is not None:
            plane = geometry.cropped(plane, kept[ROW], kept[COLUMN])
        frames[index] = replace(frame, plane=plane)
    if name == ROW:
        return replace(table, frames=frames, rows=table.rows[one])
    return replace(table, frames=frames, columns=table.columns[one])
