"""What an array of images remembers: headers, places, and what its axes stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.planes import Plane
from isocenter.compose.values import tag_of
from isocenter.dicom import tags
from isocenter.errors import CannotCompose
from isocenter.series.arrangement import Arrangement, ordering_keyword
from isocenter.series.axis import COLOR, COLUMN, ROW, SLICE, TAG, Axis
from isocenter.series.frame import Frame
from isocenter.series.numbers import unit_of

__all__ = ["Table", "axis_of", "new_table", "resorted", "table_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What an array of images remembers besides its values.

    Parameters
    ----------
    frames
        The images, shape (tags, slices).
    names
        The axes that the array has, of tag, slice, row, column, colour.
    rows, columns
        Which pixels of the stored images they are.
    keyword, tag_values, unit
        What the tag axis is sorted by, its numbers, and what they count.
    remarks
        What was found when the series was opened.
    """

    frames: NDArray[Any]
    names: tuple[str, ...]
    rows: range
    columns: range
    keyword: str = ""
    tag_values: NDArray[np.float64] | None = None
    unit: str = ""
    remarks: tuple[str, ...] = ()


def axis_of(table: Table, name: str) -> Axis:
    """Return what the indices along an axis stand for."""
    if name == TAG:
        numbers = table.tag_values
        values = np.arange(len(table.frames), dtype=float) if numbers is None else numbers
        return Axis(TAG, table.unit, values, table.keyword)
    if name == SLICE:
        return _slice_axis([frame.plane for frame in table.frames[0]])
    if name == COLOR:
        return Axis(COLOR, "", np.arange(3.0))
    plane = table.frames[0, 0].plane
    count = len(table.rows if name == ROW else table.columns)
    if plane is None:
        return Axis(name, "", np.arange(float(count)))
    return Axis(name, "mm", np.arange(count) * plane.spacing[name == COLUMN])


def _slice_axis(planes: list[Plane | None]) -> Axis:
    placed = [plane for plane in planes if plane is not None]
    if len(placed) != len(planes):
        return Axis(SLICE, "", np.arange(float(len(planes))))
    normal = placed[0].normal
    return Axis(SLICE, "mm", np.array([plane.position @ normal for plane in placed]))


def resorted(table: Table, tag: int) -> Table:
    """Return the table with the numbers of its tag axis read anew, if that is what was set."""
    if not table.keyword or tag_of(table.keyword) != tag:
        return table
    numbers = [frame.number_of(tag) for frame in table.frames[:, 0]]
    return replace(table, tag_values=np.array([np.nan if n is None else n for n in numbers]))


def table_of(arrangement: Arrangement) -> Table:
    """Return what is remembered of images in order."""
    frames = arrangement.frames
    description = frames[0, 0].stored.description
    names = [SLICE, ROW, COLUMN]
    if not description.photometric_interpretation.monochrome:
        names.append(COLOR)
    if len(frames) > 1:
        names.insert(0, TAG)
    return Table(
        frames,
        tuple(names),
        range(description.rows),
        range(description.columns),
        arrangement.keyword,
        arrangement.tag_values,
        arrangement.unit,
        arrangement.remarks,
    )


def new_table(
    values: NDArray[Any],
    affine: NDArray[np.floating] | None,
    tag: tuple[str, Sequence[float]] | None,
) -> Table:
    """Return what is remembered of an array; see `Series.from_array`."""
    color = values.ndim > 3 and values.shape[-1] == 3 and values.dtype == np.uint8
    spatial = values.ndim - int(color)
    if spatial not in (3, 4) or 0 in values.shape:
        raise CannotCompose(
            f"The values have the shape {values.shape}; expected (slices, rows, columns), with "
            "tags in front and 3 colours of uint8 behind where there are.",
            tag=tags.Rows,
        )
    slices, rows, columns = values.shape[spatial - 3 : spatial]
    numbers = np.arange(len(values), dtype=float) if spatial == 4 else np.zeros(1)
    keyword = ""
    if tag is not None:
        keyword, numbers = str(ordering_keyword(tag[0])), np.asarray(tag[1], np.float64)
    if len(numbers) != (len(values) if spatial == 4 else 1):
        raise CannotCompose(f"There are {len(numbers)} tags for {len(values)} volumes.")
    planes: list[Plane] = _planes(
        np.eye(4) if affine is None else np.asarray(affine), (slices, rows, columns)
    )
    frames: NDArray[Any] = np.empty((len(numbers), slices), dtype=object)
    for n, k in np.ndindex(frames.shape):
        changes = {tag_of(keyword): float(numbers[n])} if keyword else {}
        frames[n, k] = Frame(plane=planes[int(k)], changes=changes)
    names = ((TAG,) if spatial == 4 else ()) + (SLICE, ROW, COLUMN) + ((COLOR,) if color else ())
    unit = unit_of(keyword) if keyword else ""
    return Table(frames, names, range(rows), range(columns), keyword, numbers, unit)


def _planes(matrix: NDArray[Any], shape: tuple[int, int, int]) -> list[Plane]:
    lengths = np.linalg.norm(matrix[:3, :2], axis=0)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not lengths.min() > 0:
        raise CannotCompose(
            f"The affine matrix is {matrix.tolist()}; expected four rows of four finite numbers "
            "whose columns are steps of some length.",
            tag=tags.PixelSpacing,
            module="Image Plane",
        )
    across, down = matrix[:3, 0] / lengths[0], matrix[:3, 1] / lengths[1]
    return [
        Plane.from_values(
            list(matrix[:3, 3] + k * matrix[:3, 2]),
            [*across, *down],
            [float(lengths[1]), float(lengths[0])],
            shape[1:],
        )
        for k in range(shape[0])
    ]
