"""Volumes as research keeps them: numpy, NIfTI, MetaImage, NRRD, TIFF, with where they lie."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.acquisition.file_geometry import grid_of
from isocenter.compose.argument_types import real_array
from isocenter.compose.captures import images
from isocenter.compose.captures.losses import Loss
from isocenter.compose.image_files import read_image
from isocenter.compose.reading import no_file
from isocenter.compose.simple_itk import simple_itk
from isocenter.compose.volume_grids import Grid
from isocenter.errors import CannotCompose, NotFound

__all__ = ["Volume", "VolumeLike", "read_volume"]

VolumeLike: TypeAlias = NDArray[Any] | str | Path | Sequence[str | Path] | Any
"""An array, a file, a folder or list of TIFF pictures, or a SimpleITK image."""

_NPY = b"\x93NUMPY"
_TIFF = (".tif", ".tiff")
_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_TIME_UNITS, _TIMES = 0x38, (8, 16, 24)  # NIfTI-1: seconds, milliseconds, microseconds
_MODULE = "Image Plane"


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Values on a grid, several times where there are several time points or weightings.

    Parameters
    ----------
    values
        Shape (tags, slices, rows, columns).
    grid
        Where they lie; None where nothing says so.
    has_tags
        Whether the first axis was there from the start.
    seconds
        From one time to the next; None where nothing says so.
    loss
        The lossy compression that pictures have been through; None for none.
    """

    values: NDArray[Any]
    grid: Grid | None = None
    has_tags: bool = False
    seconds: float | None = None
    loss: Loss | None = None

    def upright(self) -> Volume:
        """Return the same voxels with slices, rows and columns as radiologists look at them.

        Axial pictures run right to left and front to back, coronal ones right to left and top to
        bottom, sagittal ones front to back and top to bottom; slices follow in the order of their
        normal. Axes are exchanged and turned around, values stay what they are.
        """
        if self.grid is None:
            return self
        grid, values = self.grid, self.values
        directions = grid.directions
        across, down = (
            int(np.abs(directions[:, 0]).argmax()),
            int(np.abs(directions[:, 1]).argmax()),
        )
        if across > down:  # left to right before front to back before feet to head
            values = values.swapaxes(2, 3)
            grid = _reordered(grid)
        for axis in (0, 1):
            main = int(np.abs(grid.directions[:, axis]).argmax())
            # Feet to head is shown upward, the other two axes as LPS counts them.
            if (grid.directions[main, axis] < 0) != (main == 2):
                grid = _turned(grid, axis)
                values = np.flip(values, 3 - axis)
        return replace(self, values=values, grid=grid).in_order()

    def in_order(self) -> Volume:
        """Return the same voxels with slices in the order of their normal."""
        if self.grid is None or np.linalg.det(self.grid.directions) > 0:
            return self
        return replace(self, values=self.values[:, ::-1], grid=_turned(self.grid, 2))


def read_volume(
    content: VolumeLike,
    *,
    affine: NDArray[np.floating] | Sequence[Sequence[float]] | None = None,
    space: str = "LPS",
    spacing: Sequence[float] | None = None,
) -> Volume:
    """Read a volume.

    Parameters
    ----------
    content
        An array of shape (slices, rows, columns), or with tags (time points, b-values) in front; a
        NIfTI, MetaImage, NRRD or other file that SimpleITK reads; a NumPy file (.npy); a TIFF file
        of several pages, a folder or a list of TIFF files; a SimpleITK image.
    affine
        Matrix (4, 4) from indices (column, row, slice, 1) to mm; wins over the file's own.
    space
        The coordinates that `affine` leads to: LPS as DICOM and ITK count, RAS as NIfTI does.
    spacing
        Where there is no affine: distance of voxels in mm along slices, rows and columns.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When the content is no volume of one sample a voxel, or its axes are not perpendicular.
    """
    volume = _read(content)
    if affine is not None:
        return replace(
            volume, grid=_grid(real_array("affine", affine, (4, 4)), space, volume.values)
        )
    if spacing is not None:
        distances = np.asarray(spacing, np.float64)
        if distances.shape != (3,):
            raise _misplaced(f"The spacing is {distances.tolist()}; expected slices, rows, columns")
        shape: Any = volume.values.shape[1:]
        origin, directions = np.zeros(3), np.eye(3)
        if volume.grid is not None:
            origin, directions = volume.grid.origin, volume.grid.directions
        return replace(volume, grid=Grid(origin, distances[::-1], directions, shape))
    return volume


def _read(content: Any) -> Volume:
    sitk = simple_itk()
    if isinstance(content, np.ndarray):
        return _of_array(cast("NDArray[Any]", content))
    if isinstance(content, sitk.Image):
        return _of_image(content, "The image")
    if isinstance(content, str | Path):
        return _of_path(Path(content))
    if isinstance(content, Sequence) and not isinstance(content, bytes):
        return _of_pictures([Path(str(one)) for one in cast("Sequence[Any]", content)])
    raise CannotCompose(
        f"A volume of type {type(content).__name__} is not understood; give an array, a file or a "
        "SimpleITK image."
    )


def _of_path(path: Path) -> Volume:
    if path.is_dir():
        return _of_pictures(
            sorted((one for one in path.iterdir() if one.suffix.lower() in _TIFF), key=_as_counted)
        )
    if not path.is_file():
        raise no_file(path, "volume")
    if path.suffix.lower() in _TIFF:
        return _of_pictures([path])
    if path.suffix.lower() == ".npy":
        return _of_npy(path)
    return _of_image(read_image(path), str(path), path)


def _of_npy(path: Path) -> Volume:
    try:
        return _of_array(np.load(path, allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise CannotCompose(f"{path} is no array that can be read: {_why_none(path)}.") from error


def _why_none(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(len(_NPY))
    if not head:
        return "it is empty; expected a file that numpy.save wrote"
    if head != _NPY:
        return "it does not begin as files of NumPy do; expected one that numpy.save wrote"
    return (
        f"its {path.stat().st_size} bytes are not all values of which its header speaks, or these "
        "are no numbers; copy the whole file again, or save numbers"
    )


def _of_array(array: NDArray[Any]) -> Volume:
    if array.dtype.kind not in "uifb":
        raise CannotCompose(f"The volume is of type {array.dtype}; expected real numbers.")
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise CannotCompose(
            f"The volume has the shape {array.shape}; expected (slices, rows, columns), with time "
            "points or the like in front where there are several.",
            tag=0x00280010,
            module="Image Pixel",
        )
    if array.ndim == 4 and array.shape[3] in (3, 4) and array.dtype == np.uint8:
        raise _colored("The volume")
    values = array if array.ndim == 4 else array[np.newaxis]
    return Volume(values, has_tags=array.ndim == 4)


def _of_image(image: Any, name: str, path: Path | None = None) -> Volume:
    sitk = simple_itk()
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise _colored(name)
    dimensions = image.GetDimension()
    if dimensions not in (3, 4):
        raise CannotCompose(
            f"{name} has {dimensions} dimensions; expected 3, or 4 with time points or the like.",
            tag=0x00280010,
            module="Image Pixel",
        )
    volume = _of_array(sitk.GetArrayFromImage(image))  # a view would outlive its image
    shape: Any = volume.values.shape[1:]
    grid = grid_of(image, shape, path)
    return replace(volume, grid=grid, seconds=_seconds(image))


def _seconds(image: Any) -> float | None:
    """Return the step of the fourth axis of a NIfTI file that says it is time; ITK scales it."""
    if image.GetDimension() != 4 or not image.HasMetaDataKey("xyzt_units"):
        return None
    units = int(image.GetMetaData("xyzt_units"))
    return float(image.GetSpacing()[3]) if units & _TIME_UNITS in _TIMES else None


def _of_pictures(paths: Sequence[Path]) -> Volume:
    if not paths:
        raise NotFound(
            "There is no TIFF picture; give the folder or the files of a stack. DICOM images "
            "become a new series by `isocenter derive`, or a volume by `isocenter volume`."
        )
    pictures = [images.read_values(path) for path in paths]
    pages = [one.pixels for one in pictures if one.pixels is not None]
    found = {(one.shape[1:], str(one.dtype)) for one in pages}
    if len(found) > 1:
        listed = ", ".join(f"{shape} {kind}" for shape, kind in sorted(found))
        raise CannotCompose(
            f"The pictures of the stack differ in size or type: {listed}; slices are all alike.",
            tag=0x00280010,
            module="Image Pixel",
        )
    stack = np.concatenate(pages)
    if stack.ndim == 4:
        raise _colored(str(paths[0]))
    losses = [one.loss for one in pictures if one.loss is not None]
    return replace(_of_array(stack), loss=losses[0] if losses else None)


def _as_counted(path: Path) -> list[tuple[int, str]]:
    """Sort key by which slice2 comes before slice10."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]


def _grid(affine: NDArray[np.float64], space: str, values: NDArray[Any]) -> Grid:
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or np.any(affine[3] != [0, 0, 0, 1]):
        raise _misplaced(
            f"The affine matrix is {affine.tolist()}; expected 4 x 4 finite numbers whose last row "
            "is 0 0 0 1"
        )
    if space not in ("LPS", "RAS"):
        raise CannotCompose(f"The space {space!r} is unknown; expected LPS or RAS.")
    matrix = _RAS @ affine if space == "RAS" else affine
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if not lengths.min() > 0:
        raise _misplaced(
            f"The affine matrix has steps of {lengths.tolist()} mm; expected none of 0"
        )
    shape: Any = values.shape[1:]
    return Grid(matrix[:3, 3], lengths, matrix[:3, :3] / lengths, shape)


def _reordered(grid: Grid) -> Grid:
    slices, rows, columns = grid.shape
    order = [1, 0, 2]
    return Grid(
        grid.origin, grid.spacing[order], grid.directions[:, order], (slices, columns, rows)
    )


def _turned(grid: Grid, axis: int) -> Grid:
    """Return the grid with one index counted from the other end; axis 0 is columns."""
    count = grid.shape[2 - axis]
    directions = grid.directions.copy()
    directions[:, axis] *= -1
    return Grid(
        grid.origin + grid.steps[:, axis] * (count - 1), grid.spacing, directions, grid.shape
    )


def _misplaced(message: str) -> CannotCompose:
    return CannotCompose(
        f"{message}; resample the volume onto a rectangular grid.",
        tag=0x00200037,
        module=_MODULE,
    )


def _colored(name: str) -> CannotCompose:
    return CannotCompose(
        f"{name} has several samples a voxel; CT, MR and PET hold one. Give one channel, or make a "
        "Secondary Capture of colours.",
        tag=0x00280002,
        module="Image Pixel",
    )
