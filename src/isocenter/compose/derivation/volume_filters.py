"""Smoothing and resampling of volumes by SimpleITK, with padding that weighs nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.simple_itk import image_on, simple_itk
from isocenter.compose.volume_grids import Grid

__all__ = ["resampled", "smoothed"]


def smoothed(
    volume: NDArray[Any], undefined: NDArray[np.bool_] | None, grid: Grid, sigma: float
) -> NDArray[Any]:
    """Smooth a volume by a Gaussian; what is undefined weighs nothing and stays so.

    Parameters
    ----------
    volume
        float32 of shape (slices, rows, columns); of one slice, it is smoothed in its plane.
    undefined
        Where there is no measurement, same shape; None if there is everywhere.
    grid
        Where it lies.
    sigma
        Standard deviation in mm.

    Returns
    -------
    ndarray
        float32 of the same shape, NaN where it is undefined.
    """
    if undefined is None:
        return _gaussian(volume, grid, sigma)
    weights = (~undefined).astype(np.float32)
    spread = _gaussian(weights, grid, sigma)
    smoothed = _gaussian(volume * weights, grid, sigma) / np.maximum(spread, 1e-6)
    smoothed[undefined] = np.nan
    return smoothed


def _gaussian(volume: NDArray[Any], grid: Grid, sigma: float) -> NDArray[Any]:
    """Smooth by SimpleITK's recursive filter, which wants four voxels along each axis."""
    sitk = simple_itk()
    if len(volume) == 1:
        image = sitk.GetImageFromArray(volume[0])
        image.SetSpacing(grid.spacing[:2].tolist())
        return sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(image, sigma))[np.newaxis]
    # It takes the outermost voxel to go on for ever, so more of the same changes nothing.
    before = max(0, (5 - len(volume)) // 2)
    after = max(0, 4 - len(volume) - before)
    padded = np.pad(volume, ((before, after), (0, 0), (0, 0)), mode="edge")
    smoothed = sitk.SmoothingRecursiveGaussian(image_on(grid, padded), sigma)
    return sitk.GetArrayFromImage(smoothed)[before : before + len(volume)]


def resampled(
    volume: NDArray[Any],
    undefined: NDArray[np.bool_] | None,
    source: Grid,
    target: Grid,
    interpolation: str,
) -> NDArray[Any]:
    """Resample a volume; what is undefined weighs nothing, and where it prevails, it stays.

    Parameters
    ----------
    volume
        float32 of shape (slices, rows, columns).
    undefined
        Where there is no measurement, same shape; None if there is everywhere.
    source, target
        Where the voxels lie, and where the new ones do.
    interpolation
        `linear`, `nearest` or `b-spline`.

    Returns
    -------
    ndarray
        float32 of the target's shape, NaN where it is undefined.
    """
    if undefined is None:
        return _interpolated(volume, source, target, interpolation)
    weights = (~undefined).astype(np.float32)
    kind = interpolation if interpolation == "nearest" else "linear"
    share = _interpolated(weights, source, target, kind)
    filled = np.where(undefined, volume[~undefined].min() if weights.any() else 0, volume)
    if interpolation == "linear":
        values = _interpolated(volume * weights, source, target, kind) / np.maximum(share, 1e-6)
    else:
        values = _interpolated(filled.astype(np.float32), source, target, interpolation)
    values[share < 0.5] = np.nan
    return values


def _interpolated(
    volume: NDArray[Any], source: Grid, target: Grid, interpolation: str
) -> NDArray[Any]:
    sitk = simple_itk()
    kinds = {
        "linear": sitk.sitkLinear,
        "nearest": sitk.sitkNearestNeighbor,
        "b-spline": sitk.sitkBSpline,
    }
    resampled = sitk.Resample(
        image_on(source, volume),
        [int(one) for one in target.shape[::-1]],
        sitk.Transform(),
        kinds[interpolation],
        target.origin.tolist(),
        target.spacing.tolist(),
        target.directions.ravel().tolist(),
        0.0,
        sitk.sitkFloat32,
    )
    return sitk.GetArrayFromImage(resampled)
