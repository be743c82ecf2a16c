"""Displacement fields on regular grids.

All are brought to one form: displacements in mm along the axes of the patient coordinate system
(LPS), on a grid whose columns run along the first direction, rows along the second, planes along
the third.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.argument_types import check_members, real_array
from isocenter.errors import CannotCompose

__all__ = ["DisplacementField"]

_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class DisplacementField:
    """A vector for each point of a grid.

    Parameters
    ----------
    vectors
        float32, or float64, of shape (planes, rows, columns, 3): displacement in mm along X, Y, Z
        of the patient coordinate system (PS3.3 C.7.6.2.1.1); NaN in all three where it is
        undefined.
    origin
        Centre of the first point in mm, shape (3,).
    spacing
        Distance of points in mm along columns, rows and planes, shape (3,), all positive.
    directions
        Shape (3, 3): the columns are the unit vectors in which the column, row and plane index
        increase.

    Raises
    ------
    CannotCompose
        When shapes disagree, a spacing is not positive, the axes are not perpendicular, a vector
        is partly NaN or infinite, or all of them are NaN.
    """

    vectors: NDArray[np.floating]
    origin: NDArray[np.float64]
    spacing: NDArray[np.float64]
    directions: NDArray[np.float64]

    def __post_init__(self) -> None:
        check_members(self)
        for name, shape in (("origin", (3,)), ("spacing", (3,)), ("directions", (3, 3))):
            real_array(f"{name} of DisplacementField", getattr(self, name), shape)
        _check_shape(self.vectors)
        _check_spacing(self.spacing)
        _check_directions(self.directions)
        _check_finite(self.vectors)

    @classmethod
    def from_array(
        cls,
        vectors: NDArray[Any],
        *,
        origin: Any = (0.0, 0.0, 0.0),
        spacing: Any = (1.0, 1.0, 1.0),
        directions: Any = None,
    ) -> DisplacementField:
        """Take an array of shape (planes, rows, columns, 3); see the class for units and axes.

        The nine numbers of `directions` may also stand in one row, as SimpleITK has them.
        """
        axes = np.eye(3) if directions is None else real_array("directions", directions)
        return cls(
            np.asarray(vectors, np.float32),
            real_array("origin", origin),
            real_array("spacing", spacing),
            axes.reshape(3, 3) if axes.size == 9 else axes,
        )

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """Columns, rows, planes: Grid Dimensions (0064,0007)."""
        planes, rows, columns, _ = self.vectors.shape
        return columns, rows, planes

    @property
    def is_left_handed(self) -> bool:
        """Whether planes run against the cross product of rows and columns: DICOM cannot say it."""
        return bool(np.linalg.det(self.directions) < 0)

    def right_handed(self) -> DisplacementField:
        """Return the same field with its planes in the order that PS3.3 C.20.3.1.1 wants.

        The grid's third axis is always the cross product of the first two; a left-handed grid has
        its planes turned around, and its origin moved to the plane that is first then.
        """
        if not self.is_left_handed:
            return self
        last = self.origin + self.directions[:, 2] * self.spacing[2] * (self.vectors.shape[0] - 1)
        directions = self.directions.copy()
        directions[:, 2] *= -1
        return replace(self, vectors=self.vectors[::-1], origin=last, directions=directions)

    def positions(self, plane: int) -> NDArray[np.float64]:
        """Return where the points of a plane lie in mm, shape (rows, columns, 3)."""
        columns, rows, _ = self.dimensions
        across, down, along = (self.directions * self.spacing).T
        start = self.origin + plane * along
        return start + np.arange(columns)[:, None] * across + np.arange(rows)[:, None, None] * down

    def points(self, coordinates: NDArray[Any]) -> NDArray[np.float64]:
        """Return grid indices (column, row, plane) of positions in mm; both of shape (…, 3)."""
        return (np.asarray(coordinates, np.float64) - self.origin) @ self.directions / self.spacing

    def sample(self, coordinates: NDArray[Any]) -> NDArray[np.float64]:
        """Return the displacement at positions, trilinear between points, NaN outside the grid.

        Parameters
        ----------
        coordinates
            Positions in the patient coordinate system, shape (…, 3), in mm.
        """
        index = self.points(coordinates)
        limits = np.array(self.dimensions) - 1
        inside = np.all((index >= -_TOLERANCE) & (index <= limits + _TOLERANCE), axis=-1)
        index = np.clip(index, 0, limits)
        low = np.minimum(np.floor(index).astype(np.intp), np.maximum(limits - 1, 0))
        fraction = index - low
        result = np.zeros(index.shape)
        for corner in np.ndindex(2, 2, 2):
            step = np.array(corner)
            at = np.minimum(low + step, limits)
            weight = np.prod(np.where(step, fraction, 1 - fraction), axis=-1)
            value = self.vectors[at[..., 2], at[..., 1], at[..., 0]]
            # A point of weight 0 must not spread its NaN.
            result += np.where(weight[..., np.newaxis] > 0, weight[..., np.newaxis] * value, 0.0)
        result[~inside] = np.nan
        return result


def _check_shape(vectors: NDArray[Any]) -> None:
    if vectors.ndim != 4 or vectors.shape[3] != 3 or 0 in vectors.shape:
        raise CannotCompose(
            f"The field has the shape {vectors.shape}; expected (planes, rows, columns, 3) with a "
            "displacement in mm along X, Y, Z at every point.",
            tag=0x00640009,
            module="Deformable Spatial Registration",
        )


def _check_spacing(spacing: NDArray[Any]) -> None:
    if np.any(spacing <= 0):
        raise CannotCompose(
            f"The grid's spacing is {spacing.tolist()}; expected three positive distances in mm.",
            tag=0x00640008,
            module="Deformable Spatial Registration",
        )


def _check_directions(directions: NDArray[Any]) -> None:
    if not np.allclose(directions.T @ directions, np.eye(3), atol=_TOLERANCE):
        raise CannotCompose(
            "The grid's axes are not perpendicular unit vectors (a sheared or scaled grid): "
            f"{np.round(directions, 6).tolist()}. Resample the field onto a rectangular grid, and "
            "give "
            "the shear as a post matrix of type AFFINE.",
            tag=0x00200037,
            module="Deformable Spatial Registration",
        )


def _check_finite(vectors: NDArray[Any]) -> None:
    if np.isfinite(vectors.sum()):
        return
    undefined = np.isnan(vectors)
    if np.any(np.isinf(vectors)):
        raise CannotCompose(
            "The field has infinite displacements; set all three components to NaN where it is "
            "undefined.",
            tag=0x00640009,
            module="Deformable Spatial Registration",
        )
    if np.all(undefined):
        raise CannotCompose(
            "The field is NaN, so undefined, at every point; give one that says something.",
            tag=0x00640009,
            module="Deformable Spatial Registration",
        )
    partly = np.any(undefined, axis=-1) & ~np.all(undefined, axis=-1)
    if np.any(partly):
        raise CannotCompose(
            f"{np.count_nonzero(partly)} vectors of the field are NaN in some components and not "
            "in "
            "others; a vector is undefined as a whole (PS3.3 C.20.3.1.3), so set all three to NaN.",
            tag=0x00640009,
            module="Deformable Spatial Registration",
        )
