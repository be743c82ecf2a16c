"""Where images lie in the patient: planes, and stacks in geometric order (PS3.3 C.7.6.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose.sources import Source, Sources
from isocenter.errors import CannotCompose

__all__ = ["Plane", "Stack", "stack"]

_TOLERANCE = 1e-3
_MODULE = "Image Plane"


@dataclass(frozen=True, slots=True)
class Plane:
    """One image in the patient coordinate system.

    Parameters
    ----------
    position
        Centre of the first pixel in mm, shape (3,).
    along_row, along_column
        Unit vectors in which the column index and the row index increase, shape (3,).
    spacing
        Distance in mm between rows, between columns (the order of Pixel Spacing).
    rows, columns
        Size in pixels.
    """

    position: NDArray[np.float64]
    along_row: NDArray[np.float64]
    along_column: NDArray[np.float64]
    spacing: tuple[float, float]
    rows: int
    columns: int

    @classmethod
    def of(cls, data_set: Dataset) -> Plane:
        """Read the plane of a single-frame image.

        Raises
        ------
        CannotCompose
            When position, orientation or spacing is missing or cannot be.
        """
        position = _numbers(data_set, "ImagePositionPatient", 0x00200032, 3)
        orientation = _numbers(data_set, "ImageOrientationPatient", 0x00200037, 6)
        spacing = _numbers(data_set, "PixelSpacing", 0x00280030, 2)
        along_row, along_column = orientation[:3], orientation[3:]
        if abs(along_row @ along_column) > _TOLERANCE or not np.allclose(
            (along_row @ along_row, along_column @ along_column), 1, atol=_TOLERANCE
        ):
            raise CannotCompose(
                f"The orientation is {orientation.tolist()}; expected two perpendicular unit "
                "vectors.",
                tag=0x00200037,
                module=_MODULE,
            )
        return cls(
            position,
            along_row,
            along_column,
            (float(spacing[0]), float(spacing[1])),
            int(data_set.Rows),
            int(data_set.Columns),
        )

    @property
    def normal(self) -> NDArray[np.float64]:
        """The cross product of row and column direction."""
        return np.cross(self.along_row, self.along_column)

    @property
    def height(self) -> float:
        """How far along the normal the plane lies, in mm."""
        return float(self.position @ self.normal)

    def to_patient(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return positions in mm, shape (n, 3), of pixel indices (column, row), shape (n, 2)."""
        across = np.outer(points[:, 0] * self.spacing[1], self.along_row)
        down = np.outer(points[:, 1] * self.spacing[0], self.along_column)
        return self.position + across + down

    def to_pixels(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return pixel indices (column, row), shape (n, 2), of positions in mm, shape (n, 3)."""
        relative = np.asarray(points, np.float64) - self.position
        return np.stack(
            [
                relative @ self.along_row / self.spacing[1],
                relative @ self.along_column / self.spacing[0],
            ],
            axis=1,
        )


@dataclass(frozen=True, slots=True)
class Stack:
    """Parallel images of one size, in the order of their normal.

    Parameters
    ----------
    sources
        The images.
    planes
        Where each lies.
    """

    sources: tuple[Source, ...]
    planes: tuple[Plane, ...]

    def __len__(self) -> int:
        return len(self.planes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        return len(self.planes), self.planes[0].rows, self.planes[0].columns

    @property
    def heights(self) -> NDArray[np.float64]:
        """How far along the normal each image lies, in mm."""
        return np.array([plane.height for plane in self.planes])

    def nearest(self, point: NDArray[np.floating], tolerance: float = 1.0) -> int | None:
        """Return the index of the image that a point in mm lies in, None when it lies in none."""
        if not len(self):
            return None
        distance = np.abs(self.heights - float(point @ self.planes[0].normal))
        index = int(np.argmin(distance))
        return index if distance[index] <= tolerance else None


def stack(sources: Sources) -> Stack:
    """Sort images by where they lie.

    Raises
    ------
    CannotCompose
        When there are none, they are not parallel, differ in size, or two lie at the same place.
    """
    images = [source for source in sources if "Rows" in source.data_set]
    if not images:
        raise CannotCompose("The source has no images; give the folder of an image series.")
    placed = sorted(
        ((Plane.of(source.data_set), source) for source in images),
        key=lambda pair: pair[0].height,
    )
    planes = [plane for plane, _ in placed]
    _check_alike(planes)
    return Stack(tuple(source for _, source in placed), tuple(planes))


def _check_alike(planes: Sequence[Plane]) -> None:
    first = planes[0]
    for plane in planes[1:]:
        if (plane.rows, plane.columns) != (first.rows, first.columns):
            raise CannotCompose(
                f"The images differ in size: {first.rows} x {first.columns} and {plane.rows} x "
                f"{plane.columns}; give one series.",
                tag=0x00280010,
                module=_MODULE,
            )
        if not np.allclose(plane.normal, first.normal, atol=_TOLERANCE):
            raise CannotCompose(
                "The images are not parallel; give one series of parallel slices.",
                tag=0x00200037,
                module=_MODULE,
            )
    heights = np.array([plane.height for plane in planes])
    if len(heights) > 1 and np.min(np.diff(heights)) < _TOLERANCE:
        raise CannotCompose(
            f"Two images lie at the same place ({heights[int(np.argmin(np.diff(heights)))]:g} mm); "
            "give one time point or phase.",
            tag=0x00200032,
            module=_MODULE,
        )


def _numbers(data_set: Dataset, keyword: str, tag: int, count: int) -> NDArray[np.float64]:
    found = data_set.get(keyword)
    numbers = np.array([] if found is None else [float(one) for one in found])
    if len(numbers) != count or not np.all(np.isfinite(numbers)):
        raise CannotCompose(
            f"{data_set.get('SOPInstanceUID', 'An image')} has {len(numbers)} values of {keyword}; "
            f"expected {count} finite numbers.",
            tag=tag,
            module=_MODULE,
        )
    return numbers
