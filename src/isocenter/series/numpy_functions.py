"""What NumPy's functions give of a series: a series where headers can follow, else an array."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from isocenter.errors import CannotCompose
from isocenter.series import geometry
from isocenter.series.axis import COLOR, SLICE, TAG
from isocenter.series.frame import Frame

if TYPE_CHECKING:
    from isocenter.series.series import Series
    from isocenter.series.table import Table

__all__ = ["apply_function", "apply_ufunc"]

_VOXELWISE: frozenset[Callable[..., Any]] = frozenset(
    {
        np.around,
        np.astype,
        np.clip,
        np.copy,
        np.empty_like,
        np.full_like,
        np.imag,
        np.isclose,
        np.nan_to_num,
        np.ones_like,
        np.real,
        np.round,
        np.where,
        np.zeros_like,
    }
)
"""Functions whose result has a value for each voxel, at its place."""

_REDUCTIONS: frozenset[Callable[..., Any]] = frozenset(
    {
        np.all,
        np.any,
        np.argmax,
        np.argmin,
        np.max,
        np.mean,
        np.median,
        np.min,
        np.nanmax,
        np.nanmean,
        np.nanmedian,
        np.nanmin,
        np.nanstd,
        np.nansum,
        np.percentile,
        np.prod,
        np.ptp,
        np.quantile,
        np.std,
        np.sum,
        np.var,
    }
)
"""Functions that give one value for all along an axis."""

_AXIS_FIRST: frozenset[Callable[..., Any]] = frozenset({np.percentile, np.quantile})


def apply_ufunc(
    ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: dict[str, Any]
) -> Any:
    """Apply a universal function; see `numpy.lib.mixins.NDArrayOperatorsMixin`."""
    series = _series_in(inputs)
    targets = options.pop("out", None)
    if targets is not None:
        options["out"] = tuple(_array(one) for one in targets)
    result = getattr(ufunc, method)(*(_array(one) for one in inputs), **options)
    if targets is not None:
        return targets[0] if len(targets) == 1 else targets
    if method == "reduce":
        return _reduced(series[0], result, options.get("axis", 0), options.get("keepdims", False))
    if method != "__call__":
        return result
    if isinstance(result, tuple):
        return tuple(_like(series, one) for one in cast("tuple[Any, ...]", result))
    return _like(series, result)


def apply_function(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """Apply any other function of NumPy."""
    series = _series_in((*args, *kwargs.values()))
    result = function(*(_array(one) for one in args), **{k: _array(v) for k, v in kwargs.items()})
    if function in _VOXELWISE:
        return _like(series, result)
    if function in _REDUCTIONS and args and args[0] is series[0]:
        at = 2 if function in _AXIS_FIRST else 1
        axis = kwargs.get("axis", args[at] if len(args) > at else None)
        return _reduced(series[0], result, axis, bool(kwargs.get("keepdims")))
    return result


def _array(one: Any) -> Any:
    from isocenter.series.series import Series

    if isinstance(one, Series):
        return one.array
    if isinstance(one, list | tuple):
        each = [_array(part) for part in cast("Sequence[Any]", one)]
        return tuple(each) if isinstance(one, tuple) else each
    return one


def _series_in(values: Sequence[Any]) -> list[Series]:
    from isocenter.series.series import Series

    found: list[Series] = []
    for one in values:
        if isinstance(one, Series):
            found.append(one)
        elif isinstance(one, list | tuple):
            found.extend(_series_in(cast("Sequence[Any]", one)))
    return found


def _like(series: Sequence[Series], result: Any) -> Any:
    """Give a result the headers of the series that it has the shape of, if all lie alike."""
    if not isinstance(result, np.ndarray):
        return result
    values = cast("NDArray[Any]", result)
    like = next((one for one in series if one.shape == values.shape), None)
    if like is None:
        return values
    for other in series:
        _check_same_place(like, other)
    return like.with_values(values)


def _check_same_place(one: Series, other: Series) -> None:
    ours, theirs = one.table.frames, other.table.frames
    if one is other or ours is theirs:
        return
    if ours.shape[1] != theirs.shape[1]:
        return  # NumPy has spread one over the other
    for mine, yours in zip(ours[0], theirs[0], strict=True):
        if not geometry.same_planes(mine.plane, yours.plane):
            raise CannotCompose(
                "The two series lie at different places; resample one to the other, or use their "
                "arrays if that is meant.",
                tag=0x00200032,
                module="Image Plane",
            )


def _reduced(series: Series, result: Any, axis: Any, keepdims: bool) -> Any:
    """Keep of the headers what all images along the reduced axes agree about."""
    if not isinstance(result, np.ndarray) or axis is None or keepdims:
        return cast("Any", result)
    values = cast("NDArray[Any]", result)
    several = cast("tuple[int, ...]", axis if isinstance(axis, tuple) else (axis,))
    gone = {series.table.names[one] for one in several}
    if not gone <= {TAG, SLICE, COLOR}:
        return values
    table = _merged(series.table, gone)
    if values.ndim != len(table.names):
        return values  # several percentiles at once
    return series.with_table(table, values)


def _merged(table: Table, gone: set[str]) -> Table:
    frames = table.frames
    if TAG in gone:
        frames = _over(frames.T, keeps_place=True).reshape(1, -1)
        table = replace(table, keyword="", tag_values=None, unit="")
    if SLICE in gone:
        frames = _over(frames, keeps_place=False).reshape(-1, 1)
    names = tuple(name for name in table.names if name not in gone)
    return replace(table, frames=frames, names=names)


def _over(rows: NDArray[Any], *, keeps_place: bool) -> NDArray[Any]:
    merged = np.empty(len(rows), dtype=object)
    for n, row in enumerate(rows):
        plane = row[0].plane if keeps_place or len(row) == 1 else None
        merged[n] = row[0] if len(row) == 1 else Frame(plane=plane, members=tuple(row))
    return merged
