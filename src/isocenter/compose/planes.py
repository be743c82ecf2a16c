"""Where images lie in the patient: planes, and stacks in geometric order (PS3.3 C.7.6.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose.references import Reference
from isocenter.compose.source_numbers import image_size, number_of_frames
from isocenter.compose.sources import Source, Sources
from isocenter.errors import CannotCompose

__all__ = ["Plane", "Stack", "check_alike", "refuse_tiles", "stack"]

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
        return cls._of(data_set, data_set, data_set, data_set)

    @classmethod
    def of_frame(cls, data_set: Dataset, number: int) -> Plane:
        """Read the plane of a frame, from 1, of a multi-frame image by its functional groups.

        Raises
        ------
        CannotCompose
            When position, orientation or spacing is missing or cannot be.
        """
        return cls._of(
            data_set,
            _macro(data_set, number, "PlanePositionSequence"),
            _macro(data_set, number, "PlaneOrientationSequence"),
            _macro(data_set, number, "PixelMeasuresSequence"),
        )

    @classmethod
    def _of(cls, image: Dataset, placed: Dataset, oriented: Dataset, measured: Dataset) -> Plane:
        return cls.from_values(
            _numbers(placed, "ImagePositionPatient"),
            _numbers(oriented, "ImageOrientationPatient"),
            _numbers(measured, "PixelSpacing"),
            image_size(image),
            name=str(image.get("SOPInstanceUID", "An image")),
        )

    @classmethod
    def from_values(
        cls,
        position: Sequence[float],
        orientation: Sequence[float],
        spacing: Sequence[float],
        size: tuple[int, int],
        *,
        name: str = "An image",
    ) -> Plane:
        """Make a plane of the values of its attributes.

        Parameters
        ----------
        position, orientation, spacing
            Image Position (Patient), Image Orientation (Patient), Pixel Spacing.
        size
            Rows, columns.
        name
            How messages call the image.

        Raises
        ------
        CannotCompose
            When one of them cannot be.
        """
        start = _checked(position, "ImagePositionPatient", 0x00200032, 3, name)
        directions = _checked(orientation, "ImageOrientationPatient", 0x00200037, 6, name)
        distances = _checked(spacing, "PixelSpacing", 0x00280030, 2, name)
        along_row, along_column = directions[:3], directions[3:]
        lengths = (along_row @ along_row, along_column @ along_column)
        if abs(along_row @ along_column) > _TOLERANCE or any(
            abs(length - 1) > _TOLERANCE for length in lengths
        ):
            raise CannotCompose(
                f"The orientation is {directions.tolist()}; expected two perpendicular unit "
                "vectors.",
                tag=0x00200037,
                module=_MODULE,
            )
        if not distances.min() > 0:
            raise CannotCompose(
                f"The pixel spacing is {distances.tolist()} mm; expected two positive distances.",
                tag=0x00280030,
                module=_MODULE,
            )
        apart = (float(distances[0]), float(distances[1]))
        return cls(start, along_row, along_column, apart, size[0], size[1])

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
        The image of each plane; a multi-frame image again for each of its frames.
    planes
        Where each lies.
    frames
        The frame of the image, from 1; None for the whole of a single-frame one.
    """

    sources: tuple[Source, ...]
    planes: tuple[Plane, ...]
    frames: tuple[int | None, ...]
    heights: NDArray[np.float64] = field(init=False, compare=False)
    """How far along the normal each plane lies, in mm."""

    def __post_init__(self) -> None:
        heights = np.array([plane.height for plane in self.planes])
        object.__setattr__(self, "heights", heights)

    def references(self) -> list[Reference]:
        """Return a reference to the image or frame of each plane."""
        return [
            replace(Reference.to(source.data_set), frames=() if frame is None else (frame,))
            for source, frame in zip(self.sources, self.frames, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.planes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        return len(self.planes), self.planes[0].rows, self.planes[0].columns

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
    refuse_tiles(images)
    placed = sorted(
        (one for source in images for one in _placed(source)), key=lambda one: one[0].height
    )
    check_alike([plane for plane, _, _ in placed])
    return Stack(
        tuple(source for _, source, _ in placed),
        tuple(plane for plane, _, _ in placed),
        tuple(frame for _, _, frame in placed),
    )


def refuse_tiles(images: Sequence[Source]) -> None:
    """Refuse images of slides, whose frames are tiles beside each other (PS3.3 C.8.12.4).

    Raises
    ------
    CannotCompose
        When one of them is tiled.
    """
    for image in images:
        if "TotalPixelMatrixColumns" in image.data_set:
            raise CannotCompose(
                f"{image.name} is a whole-slide image, whose frames are tiles that lie on a slide "
                "and not in the patient; nothing is marked or measured on tiles here. Give images "
                "that lie in the patient, or cut the region out as a picture of its own.",
                tag=0x00480006,
                module="Whole Slide Microscopy Image",
            )


def _placed(source: Source) -> Iterator[tuple[Plane, Source, int | None]]:
    """Yield the planes of an image; one that says its position itself is of a single frame."""
    if "ImagePositionPatient" in source.data_set or "NumberOfFrames" not in source.data_set:
        yield Plane.of(source.data_set), source, None
        return
    for number in range(1, number_of_frames(source.data_set) + 1):
        yield Plane.of_frame(source.data_set, number), source, number


def _macro(data_set: Dataset, number: int, keyword: str) -> Dataset:
    """Return a functional group of a frame, its own or the shared one (PS3.3 C.7.6.16)."""
    own: Sequence[Dataset] = data_set.get("PerFrameFunctionalGroupsSequence") or ()
    groups = [own[number - 1]] if number <= len(own) else []
    groups += data_set.get("SharedFunctionalGroupsSequence") or ()
    for group in groups:
        if items := group.get(keyword):
            return items[0]
    return Dataset()


def _differ(vectors: Sequence[Sequence[float] | NDArray[np.floating]]) -> bool:
    """Tell whether vectors differ by more than their writers round."""
    found = np.array(vectors, np.float64)
    return bool((np.abs(found - found[0]) > _TOLERANCE * max(1.0, np.abs(found[0]).max())).any())


def check_alike(planes: Sequence[Plane], *, apart: bool = True) -> None:
    """Refuse planes, sorted by their height, that are no stack.

    Parameters
    ----------
    planes
        The planes.
    apart
        Whether two may not lie at the same place.

    Raises
    ------
    CannotCompose
        When they are not parallel, differ in direction, size or spacing, or two lie at the same
        place.
    """
    if not planes:
        return
    first = planes[0]
    for plane in planes[1:]:
        if (plane.rows, plane.columns) != (first.rows, first.columns):
            raise CannotCompose(
                f"The images differ in size: {first.rows} x {first.columns} and {plane.rows} x "
                f"{plane.columns}; give one series.",
                tag=0x00280010,
                module=_MODULE,
            )
    if _differ([plane.normal for plane in planes]):
        raise CannotCompose(
            "The images are not parallel; give one series of parallel slices.",
            tag=0x00200037,
            module=_MODULE,
        )
    if _differ([plane.along_row for plane in planes]):
        raise CannotCompose(
            "The images are turned to each other in their plane; give one series of one direction.",
            tag=0x00200037,
            module=_MODULE,
        )
    if _differ([plane.spacing for plane in planes]):
        raise CannotCompose(
            "The images differ in Pixel Spacing; give one series of one spacing.",
            tag=0x00280030,
            module=_MODULE,
        )
    heights = np.array([plane.height for plane in planes])
    if apart and len(heights) > 1 and np.min(np.diff(heights)) < _TOLERANCE:
        raise CannotCompose(
            f"Two images lie at the same place ({heights[int(np.argmin(np.diff(heights)))]:g} mm); "
            "give one time point or phase.",
            tag=0x00200032,
            module=_MODULE,
        )


def _numbers(data_set: Dataset, keyword: str) -> list[float]:
    found = data_set.get(keyword)
    try:
        return [] if found is None else [float(one) for one in found]
    except (TypeError, ValueError):  # text that is no number
        return []


def _checked(
    found: Sequence[float], keyword: str, tag: int, count: int, name: str
) -> NDArray[np.float64]:
    numbers = np.array(found, np.float64)
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise CannotCompose(
            f"{name} has {len(numbers)} values of {keyword}; expected {count} finite numbers.",
            tag=tag,
            module=_MODULE,
        )
    return numbers
