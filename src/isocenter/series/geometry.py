"""Where the voxels of parallel images lie: steps, gaps and affine matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.planes import Plane
from isocenter.errors import CannotCompose

__all__ = ["LPS_TO_RAS", "affine", "cropped", "same_planes", "slice_steps"]

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Turns coordinates of DICOM into those of NIfTI, and back."""

_EVEN = 0.01
"""Of a step: positions are rounded by their writers."""

_SAME = 1e-2


def slice_steps(planes: Sequence[Plane]) -> NDArray[np.float64]:
    """Return the distance in mm from each slice to the next along the normal, shape (n - 1,)."""
    normal = planes[0].normal
    return np.diff(np.array([plane.position @ normal for plane in planes]))


def affine(planes: Sequence[Plane], thickness: float) -> NDArray[np.float64]:
    """Return the matrix from indices (column, row, slice, 1) to mm (LPS), shape (4, 4).

    Parameters
    ----------
    planes
        The slices in order.
    thickness
        The step in mm that a single slice is given.

    Raises
    ------
    CannotCompose
        When the slices are not evenly spaced along a line.
    """
    first = planes[0]
    positions = np.array([plane.position for plane in planes])
    step = first.normal * thickness
    if len(planes) > 1:
        step = (positions[-1] - positions[0]) / (len(planes) - 1)
        straight = positions[0] + np.arange(len(planes))[:, np.newaxis] * step
        away = float(np.abs(positions - straight).max())
        if away > _EVEN * float(np.linalg.norm(step)) + _SAME:
            raise CannotCompose(
                f"The slices are not evenly spaced (one is {away:.2f} mm off), so that no matrix "
                "says where they lie; use `positions`, or take the slices that are.",
                tag=0x00200032,
                module="Image Plane",
            )
    matrix = np.eye(4)
    matrix[:3, 0] = first.along_row * first.spacing[1]
    matrix[:3, 1] = first.along_column * first.spacing[0]
    matrix[:3, 2] = step
    matrix[:3, 3] = positions[0]
    return matrix


def cropped(plane: Plane, rows: range, columns: range) -> Plane:
    """Return the plane of some of the rows and columns of an image; steps may be negative."""
    down, across = rows.step, columns.step
    start = plane.to_patient(np.array([[columns.start, rows.start]], np.float64))[0]
    return replace(
        plane,
        position=start,
        along_row=plane.along_row * np.sign(across),
        along_column=plane.along_column * np.sign(down),
        spacing=(plane.spacing[0] * abs(down), plane.spacing[1] * abs(across)),
        rows=len(rows),
        columns=len(columns),
    )


def same_planes(ours: Plane | None, theirs: Plane | None) -> bool:
    """Tell whether two images show the same place; what lies nowhere may lie anywhere."""
    if ours is None or theirs is None:
        return True
    return all(
        np.allclose(getattr(ours, name), getattr(theirs, name), atol=_SAME)
        for name in ("position", "along_row", "along_column", "spacing")
    )
