"""Series as files and images of research, and back: NIfTI, MetaImage, NRRD, SimpleITK."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.acquisition.volumes import read_volume
from isocenter.compose.simple_itk import image_on, simple_itk
from isocenter.compose.volume_grids import Grid
from isocenter.compose.writing import require_replaceable
from isocenter.errors import CannotCompose, OutOfResources
from isocenter.series.axis import COLOR, SLICE, TAG
from isocenter.series.series import Series

if TYPE_CHECKING:
    from isocenter.series.axis import Axis

__all__ = ["grid_of", "image_of", "read_series", "write_image"]

_ONE_FILE = (".nii", ".nii.gz", ".mha", ".nrrd")
_SUFFIXES = (*_ONE_FILE, ".npy")
_SUITED = {"b": np.uint8, "e": np.float32}
_SECONDS = {"s": 1.0, "ms": 1e-3}


def grid_of(series: Series) -> Grid:
    """Return the grid of a series.

    Raises
    ------
    CannotCompose
        When the slices are not evenly spaced, or shifted in their plane (a tilted gantry).
    """
    matrix = series.affine
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    frames = series.table.frames
    shape = (frames.shape[1], len(series.table.rows), len(series.table.columns))
    return Grid(matrix[:3, 3], lengths, matrix[:3, :3] / lengths, shape)


def image_of(series: Series) -> Any:
    """Return a SimpleITK image; see `Series.to_sitk`."""
    grid, values = grid_of(series), _suited(series)
    if SLICE not in series.table.names:
        values = np.expand_dims(values, int(TAG in series.table.names))
    if TAG not in series.table.names:
        return image_on(grid, values, vectors=COLOR in series.table.names)
    image = simple_itk().GetImageFromArray(values, isVector=COLOR in series.table.names)
    directions = np.eye(4)
    directions[:3, :3] = grid.directions
    image.SetOrigin([*grid.origin.tolist(), 0.0])
    image.SetSpacing([*grid.spacing.tolist(), _step(series.axis(TAG))])
    image.SetDirection(directions.ravel().tolist())
    return image


def _step(axis: Axis) -> float:
    """Return the seconds between volumes where they are the same for all, else 1.

    ITK writes the fourth axis in seconds, whatever it is; echo times are in these too, b-values and
    angles are not.
    """
    steps = np.diff(axis.values)
    even = len(steps) and steps[0] > 0 and np.allclose(steps, steps[0])
    return float(steps[0]) * _SECONDS[axis.unit] if even and axis.unit in _SECONDS else 1.0


def _suited(series: Series) -> NDArray[Any]:
    values = series.array
    wanted = _SUITED.get(values.dtype.char if values.dtype.char == "e" else values.dtype.kind)
    return values.astype(wanted) if wanted is not None else values


def write_image(series: Series, path: Path) -> Path:
    """Write a series; see `Series.to_nifti`.

    Raises
    ------
    CannotCompose
        When the name says no format or is that of a device or the like, or the slices are not
        evenly spaced.
    OutOfResources
        When the file cannot be written; nothing half-written is left.
    """
    suffix = next((one for one in _SUFFIXES if path.name.lower().endswith(one)), None)
    if suffix is None:
        raise CannotCompose(
            f"{path.name} names no format of volumes; expected one of {', '.join(_SUFFIXES)}."
        )
    require_replaceable(path)
    scratch = path.with_name(f".{secrets.token_hex(8)}{suffix}")
    try:
        if suffix == ".npy":
            np.save(scratch, series.array)
        else:
            sitk = simple_itk()
            sitk.WriteImage(image_of(series), str(scratch), useCompression=suffix != ".nii")
        os.replace(scratch, path)
    except (OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise OutOfResources(f"{path} cannot be written: {reason}.") from error
    finally:
        scratch.unlink(missing_ok=True)
    return path


def read_series(path: Path, like: Series | None) -> Series:
    """Read a file of research as a series; see `Series.from_nifti`."""
    volume = read_volume(path)
    values = volume.values if volume.has_tags else volume.values[0]
    if like is not None:
        return like.with_values(_onto(like, volume.grid, values))
    grid = volume.grid
    if grid is None:
        raise CannotCompose(f"{path} does not say where its voxels lie; use `from_array`.")
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = grid.steps, grid.origin
    made = Series.from_array(values, affine=matrix)
    if volume.seconds is None or TAG not in made.table.names:
        return made
    times = np.arange(len(values)) * volume.seconds
    return made.with_table(replace(made.table, tag_values=times, unit="s"), values)


def _onto(like: Series, grid: Grid | None, values: NDArray[Any]) -> NDArray[Any]:
    """Return values in the axes of a series whose voxels they are."""
    if grid is None:
        return values
    wanted = grid_of(like)
    volumes = values if values.ndim == 4 else values[np.newaxis]
    turned = [grid.onto(wanted, one) for one in volumes]
    found = [one for one in turned if one is not None]
    if len(found) != len(turned):
        raise CannotCompose(
            f"The volume lies on another grid than the series: {grid.difference(wanted)}; resample "
            "it to the series.",
            tag=0x00200032,
            module="Image Plane",
        )
    return np.stack(found) if values.ndim == 4 else found[0]
