"""Regular grids of voxels in the patient coordinate system, as SimpleITK describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.argument_types import check_members, real_array
from isocenter.compose.planes import Plane
from isocenter.errors import CannotCompose

__all__ = ["Grid"]

_TOLERANCE = 1e-3
_MODULE = "Image Plane"


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where the voxels of an array of shape (slices, rows, columns) lie.

    Parameters
    ----------
    origin
        Centre of the first voxel in mm (LPS), shape (3,).
    spacing
        Distance of voxels in mm along columns, rows and slices, shape (3,): SimpleITK's order.
    directions
        Shape (3, 3): the columns are the unit vectors in which the column, row and slice index
        increase. The third may be the cross product of the others or its opposite.
    shape
        Slices, rows, columns; at least one of each.

    Raises
    ------
    CannotCompose
        When a spacing is not positive, the axes are not perpendicular, or there are no voxels.
    """

    origin: NDArray[np.float64]
    spacing: NDArray[np.float64]
    directions: NDArray[np.float64]
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        check_members(self)
        for name, shape in (("origin", (3,)), ("spacing", (3,)), ("directions", (3, 3))):
            real_array(f"{name} of Grid", getattr(self, name), shape)
        if min(self.shape) < 1:
            raise CannotCompose(
                f"The shape of Grid is {self.shape}; expected at least one slice, row and column.",
                tag=0x00280010,
                module=_MODULE,
            )
        if np.any(self.spacing <= 0):
            raise CannotCompose(
                f"The spacing of the voxels is {self.spacing.tolist()} mm; expected three positive "
                "distances.",
                tag=0x00280030,
                module=_MODULE,
            )
        if not np.allclose(self.directions.T @ self.directions, np.eye(3), atol=_TOLERANCE):
            raise CannotCompose(
                "The axes of the volume are not perpendicular; resample it onto a rectangular "
                "grid.",
                tag=0x00200037,
                module=_MODULE,
            )

    @classmethod
    def of_planes(cls, planes: tuple[Plane, ...], thickness: float = 1.0) -> Grid:
        """Return the grid of parallel images in the order of their normal.

        Parameters
        ----------
        planes
            Alike and sorted, as `compose.planes.stack` gives them.
        thickness
            The distance that a single image is said to have to its neighbours, in mm.

        Returns
        -------
        Grid
            Right-handed.

        Raises
        ------
        CannotCompose
            When the distances differ (a slice is missing), or the images are shifted in their
            plane from one to the next (a tilted gantry).
        """
        first, last = planes[0], planes[-1]
        steps = np.diff([plane.height for plane in planes])
        step = float(np.median(steps)) if len(steps) else thickness
        _check_steps(planes, steps, step)
        normal = first.normal / np.linalg.norm(first.normal)
        drift = last.position - first.position - (last.height - first.height) * normal
        if np.abs(drift).max() > 10 * _TOLERANCE * max(step, 1):
            raise CannotCompose(
                f"The slices are shifted in their plane by {np.abs(drift).max():.2f} mm from the "
                "first to the last (a tilted gantry); their grid is not rectangular. Work slice "
                "by slice, or resample the series to a rectangular grid first.",
                tag=0x00200032,
                module=_MODULE,
            )
        return cls(
            first.position,
            np.array([first.spacing[1], first.spacing[0], step]),
            np.stack([first.along_row, first.along_column, normal], axis=1),
            (len(planes), first.rows, first.columns),
        )

    @classmethod
    def of_image(cls, image: Any) -> Grid:
        """Return the grid of a SimpleITK image of three dimensions.

        Parameters
        ----------
        image
            The image, in mm (LPS).

        Returns
        -------
        Grid
            The grid of its voxels.
        """
        return cls(
            np.array(image.GetOrigin()),
            np.array(image.GetSpacing()),
            np.array(image.GetDirection()).reshape(3, 3),
            tuple(reversed(image.GetSize())),
        )

    @property
    def steps(self) -> NDArray[np.float64]:
        """Shape (3, 3): the columns are the steps in mm from voxel to voxel."""
        return self.directions * self.spacing

    def plane(self, number: int) -> Plane:
        """Return where a slice lies, counted from 0.

        Parameters
        ----------
        number
            From 0 to `shape[0]` - 1.

        Returns
        -------
        Plane
            Its pixels in mm (LPS).
        """
        return Plane(
            self.origin + self.steps[:, 2] * number,
            self.directions[:, 0],
            self.directions[:, 1],
            (float(self.spacing[1]), float(self.spacing[0])),
            self.shape[1],
            self.shape[2],
        )

    def right_handed(self, array: NDArray[Any]) -> tuple[Grid, NDArray[Any]]:
        """Return grid and array with slices in the order of their normal, as series have them.

        Parameters
        ----------
        array
            Values on this grid, shape (slices, rows, columns, ...).

        Returns
        -------
        tuple of Grid and ndarray
            The same voxels; both as they are where they are right-handed already.
        """
        if np.linalg.det(self.directions) > 0:
            return self, array
        directions = self.directions * [1, 1, -1]
        last = self.origin + self.steps[:, 2] * (self.shape[0] - 1)
        return Grid(last, self.spacing, directions, self.shape), array[::-1]

    def onto(self, other: Grid, array: NDArray[Any]) -> NDArray[Any] | None:
        """Return `array`, which lies on this grid, in the axes of another grid of the same voxels.

        Parameters
        ----------
        other
            The other grid.
        array
            Values on this grid, shape (slices, rows, columns, ...).

        Returns
        -------
        ndarray or None
            Axes exchanged and turned around; None when the voxels are not the same.
        """
        mapping = np.linalg.inv(other.steps) @ self.steps
        signs = np.rint(mapping)
        extent = np.array(self.shape[::-1])
        drift = np.abs(mapping - signs) * extent
        if np.abs(np.linalg.det(signs)) != 1 or drift.max() > 10 * _TOLERANCE:
            return None
        axes = [int(np.argmax(np.abs(signs[row]))) for row in range(3)]  # ours for each of theirs
        sizes = extent[axes]
        turned = [signs[row, axis] < 0 for row, axis in enumerate(axes)]
        start = np.linalg.inv(other.steps) @ (self.origin - other.origin)
        expected = [size - 1 if turn else 0 for size, turn in zip(sizes, turned, strict=True)]
        same = tuple(sizes) == other.shape[::-1]
        if not same or np.abs(start - expected).max() > 10 * _TOLERANCE:
            return None
        order = [2 - axes[2], 2 - axes[1], 2 - axes[0]]  # array axes run slice, row, column
        turns = tuple(slice(None, None, -1 if turn else None) for turn in reversed(turned))
        return array.transpose([*order, *range(3, array.ndim)])[turns]

    def difference(self, other: Grid) -> str:
        """Say in words where two grids differ.

        Parameters
        ----------
        other
            A grid that `onto` found to be another.

        Returns
        -------
        str
            Shape, spacing, directions and origin, as far as they differ, in mm.
        """
        parts: list[str] = []
        if self.shape != other.shape:
            parts.append(f"{self.shape} slices, rows, columns against {other.shape}")
        if not np.allclose(self.spacing, other.spacing, atol=_TOLERANCE):
            ours, theirs = (np.round(one.spacing, 4).tolist() for one in (self, other))
            parts.append(f"spacing {ours} against {theirs} mm")
        if not np.allclose(self.directions, other.directions, atol=_TOLERANCE):
            parts.append("other directions")
        if not np.allclose(self.origin, other.origin, atol=_TOLERANCE):
            ours, theirs = (np.round(one.origin, 3).tolist() for one in (self, other))
            parts.append(f"first voxel at {ours} against {theirs} mm")
        return "; ".join(parts) or "the axes are arranged otherwise"


def _check_steps(planes: tuple[Plane, ...], steps: NDArray[Any], step: float) -> None:
    wrong = np.flatnonzero(np.abs(steps - step) > 10 * _TOLERANCE * max(step, 1))
    if len(wrong):
        at = int(wrong[0])
        raise CannotCompose(
            f"The slices are not evenly spaced: {planes[at].height:g} mm is followed by "
            f"{planes[at + 1].height:g} mm, where most lie {step:g} mm apart (a missing slice?). "
            "Complete the series, or work slice by slice.",
            tag=0x00200032,
            module=_MODULE,
        )
