"""Label maps of research formats, laid onto an image series: each label becomes a region."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose import sources
from isocenter.compose.argument_types import check_positive, checked
from isocenter.compose.image_files import read_image, write_image
from isocenter.compose.measured.segments import COLORS
from isocenter.compose.planes import Stack, stack
from isocenter.compose.simple_itk import image_on, simple_itk
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.structure_sets.regions import Region
from isocenter.compose.volume_grids import Grid
from isocenter.errors import CannotCompose

__all__ = ["read_grid", "read_label_map", "write_label_map"]

_TOLERANCE = 0.1
"""Of a pixel or slice: NIfTI stores its geometry in single precision."""


@checked
def read_label_map(
    label_map: Any, *, source: SourceLike | Sources | Stack, names: Mapping[int, str] | None = None
) -> list[Region]:
    """Return a region for each label of a label map that lies on the grid of a series.

    Parameters
    ----------
    label_map
        A NIfTI, MetaImage or NRRD file, or a SimpleITK image, of whole numbers; 0 is background.
        Its axes may be flipped or exchanged against those of the series.
    source
        The series.
    names
        ROI names by label; `Region 1` and so on where it has none.

    Returns
    -------
    list of Region
        In ascending order of labels, with masks of shape (slices, rows, columns) in the geometric
        order of the series.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When the file is no label map, has no label, or lies on another grid than the series.
    """
    images = source if isinstance(source, Stack) else stack(sources.load(source))
    labels = read_grid(label_map, source=images)
    found = [int(one) for one in np.unique(labels) if one]
    if not found:
        raise _no_region("The label map holds no label other than 0, so there is no region in it.")
    if missing := sorted(set(names or {}) - set(found)):
        raise _no_region(f"The label map has no label {missing[0]}; it has {found[:20]}.")
    return [
        Region(
            (names or {}).get(label, f"Region {label}"),
            labels == label,
            color=COLORS[(label - 1) % len(COLORS)],
        )
        for label in found
    ]


def read_grid(
    values: Any, *, source: SourceLike | Sources | Stack | None, whole_numbers: bool = True
) -> NDArray[Any]:
    """Return the values of an image of research formats that lies on the grid of a series.

    Parameters
    ----------
    values
        A NIfTI, MetaImage or NRRD file, or a SimpleITK image, of one component a voxel. Its axes
        may be flipped or exchanged against those of the series.
    source
        The series; None says that it has no geometry, which is refused.
    whole_numbers
        Whether values with a fraction are refused; those without become integers.

    Returns
    -------
    numpy.ndarray
        Shape (slices, rows, columns), in the geometric order of the series.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When the file is no such image, or lies on another grid than the series.
    """
    if source is None:
        raise _refused("The source does not say where it lies; give an array instead of a file.")
    images = source if isinstance(source, Stack) else stack(sources.load(source))
    return _on_grid(_image(values), images, whole_numbers)


@checked
def write_label_map(
    labels: NDArray[Any],
    path: str | Path,
    *,
    source: SourceLike | Sources | Stack,
    thickness: float = 1.0,
) -> Path:
    """Write an array on the grid of a series as NIfTI, MetaImage or NRRD, told by the suffix.

    Parameters
    ----------
    labels
        Shape (slices, rows, columns), slices in the geometric order of the series; labels or any
        other values.
    path
        The file.
    source
        The series.
    thickness
        The distance that a single slice is said to have to its neighbours, in mm.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CannotCompose
        When the shape differs from that of the series, its slices are not at equal distances, or
        the suffix is unknown.
    """
    check_positive("thickness", (thickness,), 0x00180050)
    images = source if isinstance(source, Stack) else stack(sources.load(source))
    if labels.shape != images.shape:
        raise _refused(
            f"The array has the shape {labels.shape}, the series {images.shape} (slices, rows, "
            "columns)."
        )
    if labels.dtype.kind not in "buif":
        raise _refused(f"The array is of type {labels.dtype}; expected real numbers.")
    grid = Grid.of_planes(images.planes, thickness)
    values = labels.astype(np.uint8) if labels.dtype == np.bool_ else labels
    return write_image(image_on(grid, values), path)


def _no_region(message: str) -> CannotCompose:
    return CannotCompose(message, tag=0x30060020, module="Structure Set")


def _refused(message: str) -> CannotCompose:
    return CannotCompose(message, tag=0x00200032, module="Image Plane")


def _image(volume: Any) -> Any:
    if isinstance(volume, str | Path):
        volume = read_image(volume)
    if not hasattr(volume, "GetNumberOfComponentsPerPixel"):
        raise _refused(
            f"A volume of type {type(volume).__name__} is not understood; expected a file or a "
            "SimpleITK image."
        )
    if volume.GetDimension() != 3 or volume.GetNumberOfComponentsPerPixel() != 1:
        raise _refused(
            f"The volume has {volume.GetDimension()} dimensions and "
            f"{volume.GetNumberOfComponentsPerPixel()} components a voxel; expected 3 and 1."
        )
    return volume


def _on_grid(image: Any, images: Stack, whole_numbers: bool) -> NDArray[Any]:
    """Return the values as (slices, rows, columns) of the series, or say where the grids differ."""
    axes, signs, first, numbers = _axes(image, images)
    sitk = simple_itk()
    labels = np.transpose(sitk.GetArrayViewFromImage(image), [2 - axis for axis in axes])
    if labels.dtype.kind == "f" and whole_numbers:
        if not np.array_equal(labels, np.rint(labels)):
            raise _refused("The label map has values that are no whole numbers; threshold it.")
        labels = labels.astype(np.int64)
    _check_extent(labels, signs, first, images)
    across, down = (slice(None, None, sign) for sign in signs)
    outside = np.ones(len(labels), np.bool_)
    inside = (numbers >= 0) & (numbers < len(labels))
    if not inside.all():
        raise _refused(
            f"The volume covers {int(inside.sum())} of the {len(images)} slices of the series; "
            "give one on the grid of the series."
        )
    outside[numbers] = False
    if labels[outside].any():
        raise _refused(
            "The volume has values other than 0 between or beyond the slices of the series."
        )
    return labels[numbers][:, down, across]


def _axes(
    image: Any, images: Stack
) -> tuple[list[int], tuple[int, int], NDArray[Any], NDArray[np.int64]]:
    """Return axes for slice, row, column; signs of column and row; first pixel; slice numbers."""
    directions = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    inverse = np.linalg.inv(directions)
    plane = images.planes[0]
    column = inverse @ (plane.along_row * plane.spacing[1])
    row = inverse @ (plane.along_column * plane.spacing[0])
    column_axis, row_axis = int(np.argmax(np.abs(column))), int(np.argmax(np.abs(row)))
    signs = (int(np.sign(column[column_axis])), int(np.sign(row[row_axis])))
    expected = np.zeros((2, 3))
    expected[0, column_axis], expected[1, row_axis] = signs
    # A small difference a pixel grows over the whole picture.
    drift = np.abs(np.stack([column, row]) - expected) * [[plane.columns], [plane.rows]]
    if column_axis == row_axis or drift.max() > 10 * _TOLERANCE:
        raise _refused(
            "The volume's directions or spacing differ from those of the series: spacing "
            f"{tuple(round(one, 4) for one in image.GetSpacing())} mm against "
            f"{plane.spacing[1]:g}, {plane.spacing[0]:g} mm in the plane; resample it "
            "to the series."
        )
    origin = np.array(image.GetOrigin())
    places = np.array([inverse @ (one.position - origin) for one in images.planes])
    slice_axis = 3 - column_axis - row_axis
    numbers = np.rint(places[:, slice_axis]).astype(np.int64)
    if np.abs(places[:, slice_axis] - numbers).max() > _TOLERANCE:
        raise _refused(
            "The slices of the volume lie between those of the series; resample it to the series."
        )
    return (
        [slice_axis, row_axis, column_axis],
        signs,
        places[:, [column_axis, row_axis]],
        numbers,
    )


def _check_extent(
    labels: NDArray[Any], signs: tuple[int, int], first: NDArray[Any], images: Stack
) -> None:
    _, rows, columns = images.shape
    if labels.shape[1:] != (rows, columns):
        raise _refused(
            f"The volume has {labels.shape[1]} rows and {labels.shape[2]} columns, the series "
            f"{rows} and {columns}; resample it to the series."
        )
    corner = [0 if signs[0] > 0 else columns - 1, 0 if signs[1] > 0 else rows - 1]
    if np.abs(first - corner).max() > _TOLERANCE:
        away = np.abs(first - corner).max()
        raise _refused(
            f"The volume is shifted against the series by up to {away:.2f} pixels; resample it "
            "to the series."
        )
