"""SimpleITK, which is large and untyped: it is loaded when something needs it."""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from numpy.typing import NDArray

__all__ = ["image_on", "simple_itk"]


class _Grid(Protocol):
    """Where voxels lie, as ITK has it: all in mm, directions as columns."""

    @property
    def origin(self) -> NDArray[Any]: ...

    @property
    def spacing(self) -> NDArray[Any]: ...

    @property
    def directions(self) -> NDArray[Any]: ...


def simple_itk() -> Any:
    """Return the package."""
    return importlib.import_module("SimpleITK")


def image_on(grid: _Grid, array: NDArray[Any], *, vectors: bool = False) -> Any:
    """Return an array of shape (slices, rows, columns) as the image that lies on a grid.

    Parameters
    ----------
    grid
        Where its voxels lie.
    array
        Its values.
    vectors
        Whether each voxel has several, along a last axis.
    """
    image = simple_itk().GetImageFromArray(array, isVector=vectors)
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing.tolist())
    image.SetDirection(grid.directions.ravel().tolist())
    return image
