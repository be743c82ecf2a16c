"""A series as one volume: its frames in the order of their normal, and the way back to its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.derivation.source_series import SourceSeries
from isocenter.compose.planes import check_alike
from isocenter.compose.volume_grids import Grid
from isocenter.errors import CannotCompose

__all__ = ["SourceVolume", "source_volume"]


@dataclass(frozen=True, slots=True)
class SourceVolume:
    """The frames of a series, sorted.

    Parameters
    ----------
    series
        The same frames, sorted.
    grid
        Where they lie.
    order
        The number of each sorted frame in the series.
    """

    series: SourceSeries
    grid: Grid
    order: tuple[int, ...]

    def applied(
        self, work: Callable[[NDArray[Any], NDArray[np.bool_] | None], NDArray[Any]]
    ) -> NDArray[Any]:
        """Return what `work` makes of the volume; of each image alone where it has no place.

        Parameters
        ----------
        work
            Takes values, shape (slices, rows, columns), and where they are padding, or None.
        """
        volume, undefined = self._values()
        if self.series.placed:
            return work(volume, undefined)
        ones = (slice(n, n + 1) for n in range(len(volume)))
        return np.concatenate(
            [work(volume[one], None if undefined is None else undefined[one]) for one in ones]
        )

    def returned(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return sorted frames in the order of the series."""
        back = self._back()
        return pixels if back == sorted(back) else pixels[back]

    def near(self, reach: float) -> list[tuple[int, ...]]:
        """Return for each frame of the series those within some steps of it, nearest first."""
        count, far = len(self.order), int(reach)
        return [
            self._named(
                sorted(
                    range(max(0, number - far), min(count, number + far + 1)),
                    key=lambda other, own=number: (abs(other - own), other),
                )
            )
            for number in self._back()
        ]

    def overlapping(self, target: Grid, reach: float) -> list[tuple[int, ...]]:
        """Return for each slice of a grid the frames that its voxels lie between, nearest first.

        Parameters
        ----------
        target
            Where the new slices lie.
        reach
            How far around a voxel frames count, in steps of theirs.
        """
        source, normal = self.grid, self.grid.directions[:, 2]
        found: list[tuple[int, ...]] = []
        for number in range(target.shape[0]):
            plane = target.plane(number)
            ends = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * [plane.columns - 1, plane.rows - 1]
            heights = (plane.to_patient(ends) - source.origin) @ normal / source.spacing[2]
            middle, low, high = heights.mean(), heights.min(), heights.max()
            exact = np.ptp(heights) < 1e-3 and abs(middle - round(middle)) < 1e-3
            near = 0.5 if exact and reach <= 1 else reach
            inside = [n for n in range(source.shape[0]) if low - near < n < high + near]
            inside = inside or [int(np.clip(round(middle), 0, source.shape[0] - 1))]
            found.append(self._named(sorted(inside, key=lambda n, to=middle: (abs(n - to), n))))
        return found

    def _back(self) -> list[int]:
        """Return the place among the sorted frames of each frame of the series."""
        return [int(one) for one in np.argsort(self.order)]

    def _named(self, numbers: list[int]) -> tuple[int, ...]:
        """Return numbers of sorted frames as those of the series."""
        return tuple(self.order[number] for number in numbers)

    def _values(self) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the values of all frames, and where they are padding."""
        slices = self.series.slices
        described = slices[0].image.description
        if not described.photometric_interpretation.monochrome:
            raise CannotCompose(
                "The images have colour; only a function of each image can be applied to them.",
                tag=0x00280004,
                module="Image Pixel",
            )
        volume = np.empty((len(slices), described.rows, described.columns), np.float32)
        undefined: NDArray[np.bool_] | None = None
        for number, one in enumerate(slices):
            volume[number], padded = one.values()
            if padded is not None:
                undefined = np.zeros(volume.shape, np.bool_) if undefined is None else undefined
                undefined[number] = padded
        return volume, undefined


def source_volume(series: SourceSeries) -> SourceVolume:
    """Sort a series; of images without a place, the grid is that of one by itself.

    Raises
    ------
    CannotCompose
        When the images differ in direction or distance of pixels, or not all say where they lie.
    """
    image = series.slices[0].image
    if series.placed:
        planes = series.planes()
        order = sorted(range(len(planes)), key=lambda number: planes[number].height)
        placed = tuple(planes[number] for number in order)
        check_alike(placed)
        slices = tuple(series.slices[number] for number in order)
        grid = Grid.of_planes(placed, image.thickness())
        return SourceVolume(SourceSeries(slices), grid, tuple(order))
    row, column = image.spacing()
    described = image.description
    grid = Grid(
        np.zeros(3),
        np.array([column, row, 1.0]),
        np.eye(3),
        (1, described.rows, described.columns),
    )
    return SourceVolume(series, grid, tuple(range(len(series.slices))))
