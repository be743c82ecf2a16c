"""Where the slices of a series lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.planes import Plane
from isocenter.compose.values import tag_of
from isocenter.dicom import tags
from isocenter.errors import CannotCompose
from isocenter.series import geometry
from isocenter.series.table import Table

__all__ = ["Placed"]


class Placed:
    """The geometry of a `Series`, as its images tell it (PS3.3 C.7.6.2)."""

    _table: Table

    @property
    def planes(self) -> tuple[Plane, ...]:
        """Where each slice lies.

        Raises
        ------
        CannotCompose
            When the images do not say.
        """
        planes = [frame.plane for frame in self._table.frames[0]]
        if None in planes:
            raise CannotCompose(
                "The images do not say where they lie.",
                tag=tags.ImagePositionPatient,
                module="Image Plane",
            )
        return tuple(planes)

    @property
    def positions(self) -> NDArray[np.float64]:
        """Centre of the first pixel of each slice in mm (LPS), shape (slices, 3)."""
        return np.array([plane.position for plane in self.planes])

    @property
    def steps(self) -> NDArray[np.float64]:
        """Distance in mm from each slice to the next along the normal, shape (slices - 1,)."""
        return geometry.slice_steps(self.planes)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of voxel centres in mm along slices, rows and columns.

        Between slices it is the usual one: gaps stand in `remarks` and `steps`.
        """
        plane = self.planes[0]
        steps = self.steps
        along = abs(float(np.median(steps))) if len(steps) else self._thickness()
        return along, plane.spacing[0], plane.spacing[1]

    @property
    def affine(self) -> NDArray[np.float64]:
        """Matrix (4, 4) from indices (column, row, slice, 1) to mm in LPS coordinates.

        Raises
        ------
        CannotCompose
            When the slices are not evenly spaced.
        """
        return geometry.affine(self.planes, self._thickness())

    @property
    def affine_ras(self) -> NDArray[np.float64]:
        """The same matrix to RAS coordinates, as NIfTI has it."""
        return geometry.LPS_TO_RAS @ self.affine

    def _thickness(self) -> float:
        for keyword in ("SpacingBetweenSlices", "SliceThickness"):
            number = self._table.frames[0, 0].number_of(tag_of(keyword))
            if number:
                return abs(number)
        return 1.0
