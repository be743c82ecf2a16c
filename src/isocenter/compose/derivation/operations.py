"""What is done to the pixels of a series: smoothing, resampling, new pixels, a function.

Every operation turns a `SourceSeries` into `Result`: the new frames, where they lie, and which of
the sources went into each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.argument_types import check_members, check_positive, checked
from isocenter.compose.codes import Code
from isocenter.compose.derivation.codes import derivation_code
from isocenter.compose.derivation.quantisation import Range
from isocenter.compose.derivation.source_series import SourceSeries
from isocenter.compose.derivation.spools import Spool
from isocenter.compose.derivation.volume_filters import resampled, simple_itk, smoothed
from isocenter.compose.image_files import read_image
from isocenter.compose.planes import Plane, check_alike
from isocenter.compose.volume_grids import Grid
from isocenter.errors import CannotCompose

__all__ = ["Operation", "Pixels", "Resample", "Result", "Smooth", "each_slice"]

_WIDEST = 1e5  # mm; beyond that nothing but a mean is left of any body
_REACH = 3.0
"""In how many standard deviations a Gaussian has practically all of its weight (0.3 % are left)."""

_INTERPOLATORS = {"linear": 1, "nearest": 0.5, "b-spline": 2}
"""How far the voxels lie, in steps of the source's slices, that an interpolation looks at."""


class Frames(Protocol):
    """Frames that are made or read one at a time."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[Any]: ...


@dataclass(frozen=True, slots=True)
class Result:
    """New pixels, and what is known of them.

    Parameters
    ----------
    frames
        Arrays of shape (rows, columns) or (rows, columns, 3), NaN where there is no measurement.
    found
        The range of their values.
    sources
        For each frame, the slices of the source that went into it, nearest first.
    planes
        Where each frame lies, if not where the source's do.
    grid
        Where all lie, if not where the source's do.
    label
        What was done, for the Derivation Description.
    short
        The same for the Series Description.
    codes
        The same in codes of CID 7203.
    same_scale
        Whether a value means what it meant in the source, so that its windows still fit.
    """

    frames: Frames
    found: Range
    sources: Sequence[tuple[int, ...]]
    label: str
    short: str
    codes: tuple[Code, ...] = ()
    planes: tuple[Plane, ...] | None = None
    grid: Grid | None = None
    same_scale: bool = False


class Operation(Protocol):
    """Something to do with a series."""

    def __call__(self, series: SourceSeries) -> Result:
        """Do it."""
        ...


@dataclass(frozen=True, slots=True)
class Smooth:
    """Gaussian smoothing in mm along the real spacing of the images.

    Parameters
    ----------
    sigma
        Standard deviation in mm.

    Raises
    ------
    CannotCompose
        When it is no width, or wider than any image.
    """

    sigma: float

    def __post_init__(self) -> None:
        check_members(self)
        if not 0 < self.sigma <= _WIDEST:
            raise CannotCompose(
                f"A Gaussian of {self.sigma:g} mm smooths nothing; expected a width above 0 and "
                f"up to {_WIDEST:g} mm."
            )

    def __call__(self, series: SourceSeries) -> Result:
        """Smooth in three dimensions; images that do not say where they lie, in two."""
        stack = _stacked(series)
        grid = stack.grid
        volume, undefined = _volume(stack.series)
        reach = _REACH * self.sigma / grid.spacing[2] if series.placed else 0.0
        pixels = _by_volume(
            series,
            volume,
            undefined,
            lambda part, mask: smoothed(part, mask, grid, float(self.sigma)),
        )
        return Result(
            stack.returned(pixels),
            Range.of(pixels),
            [stack.named(_within(len(volume), reach)[number]) for number in stack.back],
            f"Gaussian smoothing, standard deviation {self.sigma:g} mm",
            f"smoothed {self.sigma:g} mm",
            (derivation_code("Gaussian blur"),),
            same_scale=True,
        )


@dataclass(frozen=True, slots=True)
class Resample:
    """Other distances of voxels, along the same axes and from the same first voxel.

    Parameters
    ----------
    spacing
        Distance of rows, of columns, and of slices in mm; of a single image, the first two.
    interpolation
        `linear`, `nearest` or `b-spline` (cubic).

    Raises
    ------
    CannotCompose
        When a distance is none, or there is no such interpolation.
    """

    spacing: tuple[float, ...]
    interpolation: str = "linear"

    def __post_init__(self) -> None:
        check_members(self)
        check_positive("spacing of Resample", self.spacing, 0x00280030)
        if self.interpolation not in _INTERPOLATORS:
            raise CannotCompose(
                f"{self.interpolation!r} is no interpolation; expected linear, nearest or b-spline."
            )

    def __call__(self, series: SourceSeries) -> Result:
        """Resample; no new voxel lies beyond the centres of the outermost old ones."""
        stack = _stacked(series)
        source = stack.grid
        target = self._target(source)
        volume, undefined = _volume(stack.series)
        pixels = _by_volume(
            series,
            volume,
            undefined,
            lambda part, mask: resampled(part, mask, source, target, self.interpolation),
        )
        sources = _within(len(volume), 0)
        if series.placed:
            sources = _overlapping(target, source, _INTERPOLATORS[self.interpolation])
        numbers = range(target.shape[0])
        written = "x".join(f"{one:g}" for one in self.spacing)
        return Result(
            pixels,
            Range.of(pixels),
            list(map(stack.named, sources)),
            f"Resampled to {written} mm, {self.interpolation} interpolation",
            f"resampled {written} mm",
            (derivation_code("Spatial resampling"),),
            planes=tuple(map(target.plane, numbers)) if series.placed else None,
            grid=target,
            same_scale=True,
        )

    def _target(self, source: Grid) -> Grid:
        flat = source.shape[0] == 1
        wanted = (*self.spacing, source.spacing[2])[:3] if flat else self.spacing
        if len(wanted) < 3:
            raise CannotCompose(
                "The new distances of rows, columns and slices are "
                f"{'x'.join(f'{one:g}' for one in self.spacing)} mm; expected "
                + ("two" if flat else "three")
                + " positive numbers.",
                tag=0x00280030,
                module="Image Plane",
            )
        spacing = np.array([wanted[1], wanted[0], wanted[2]])
        steps = (np.array(source.shape[::-1]) - 1) * source.spacing / spacing
        columns, rows, slices = (int(one) + 1 for one in np.floor(steps + 1e-6))
        return Grid(source.origin, spacing, source.directions, (slices, rows, columns))


@dataclass(frozen=True, slots=True)
class Pixels:
    """Pixels that were made elsewhere.

    Parameters
    ----------
    array
        Shape (slices, rows, columns) or (slices, rows, columns, 3), or without the first axis for
        one image.
    grid
        Where they lie; None for where the source's images do.
    new_geometry
        Whether `grid` may be another one than the source's.
    """

    array: NDArray[Any] = field(repr=False)
    grid: Grid | None = None
    new_geometry: bool = True

    def __post_init__(self) -> None:
        check_members(self)

    @classmethod
    @checked
    def read(cls, path: Path, *, new_geometry: bool = False) -> Pixels:
        """Read NIfTI, MetaImage, NRRD or what else SimpleITK reads.

        Parameters
        ----------
        path
            The file.
        new_geometry
            Whether the grid may be another one than the source's.

        Returns
        -------
        Pixels
            With the grid of the file; without one where it has two dimensions.

        Raises
        ------
        NotFound
            When the file does not exist.
        CannotCompose
            When it is no image of two or three dimensions.
        """
        sitk = simple_itk()
        image = read_image(path)
        array = sitk.GetArrayFromImage(image)
        if image.GetDimension() == 2:
            return cls(array[np.newaxis])
        if image.GetDimension() != 3:
            raise CannotCompose(
                f"{path} has {image.GetDimension()} dimensions; a series has 3 (extract a volume)."
            )
        return cls(array, Grid.of_image(image), new_geometry)

    def __call__(self, series: SourceSeries) -> Result:
        """Check the pixels against the source."""
        array = self.array if self.array.ndim > 2 else self.array[np.newaxis]
        if self.array.ndim == 3 and len(series.slices) == 1 and self.array.shape[2] == 3:
            array = self.array[np.newaxis]  # one colour image
        _check_pixels(array)
        if self.grid is None or self._is_flat(array, series):
            return self._in_place(array, series)
        stack = _stacked(series)
        source = stack.grid
        turned = self.grid.onto(source, array)
        if turned is not None:
            return self._in_place(stack.returned(turned), series)
        if not self.new_geometry:
            raise CannotCompose(
                "The new pixels do not lie where the images of the series do: "
                f"{self.grid.difference(source)}. Resample them to the series, or say that the "
                "geometry is new.",
                tag=0x00200032,
                module="Image Plane",
            )
        grid, array = self.grid.right_handed(array)
        return self._result(array, list(map(stack.named, _overlapping(grid, source, 1))), grid)

    def _is_flat(self, array: NDArray[Any], series: SourceSeries) -> bool:
        """Tell whether the images have no place, so that the place of the pixels says nothing."""
        return not series.placed and len(series.slices) == len(array)

    def _in_place(self, array: NDArray[Any], series: SourceSeries) -> Result:
        described = series.slices[0].image.description
        expected = (len(series.slices), described.rows, described.columns)
        if array.shape[:3] != expected:
            raise CannotCompose(
                f"The pixels have the shape {array.shape}; the source has {expected[0]} slices of "
                f"{expected[1]} rows and {expected[2]} columns. Give a grid if they lie elsewhere.",
                tag=0x00280010,
                module="Image Pixel",
            )
        return self._result(array, [(number,) for number in range(len(array))], None)

    def _result(
        self, array: NDArray[Any], sources: Sequence[tuple[int, ...]], grid: Grid | None
    ) -> Result:
        return Result(
            array,
            Range.of(array),
            sources,
            "New pixel values",
            "derived",
            planes=None if grid is None else tuple(grid.plane(n) for n in range(grid.shape[0])),
            grid=grid,
        )


def each_slice(function: Callable[[NDArray[Any]], NDArray[Any]]) -> Operation:
    """Return the operation that applies a function to one image after the other.

    Only one image is in memory at a time; results wait in a temporary file until the range of all
    of them is known.

    Parameters
    ----------
    function
        Takes the values of an image in their unit, shape (rows, columns) or (rows, columns, 3),
        padding among them as the number that it has; returns new ones, NaN where there is none.
    """

    def operation(series: SourceSeries) -> Result:
        spool = Spool()
        found: Range | None = None
        for one in series.slices:
            present, _ = one.values()
            made = np.asarray(function(present))
            _check_pixels(made[np.newaxis])
            measured = Range.of(made)
            found = measured if found is None else found | measured
            spool.append(made)
        name = getattr(function, "__name__", "a function").strip("<>")
        sources = [(number,) for number in range(len(series.slices))]
        label = "New pixel values" if name == "lambda" else f"New pixel values by {name}"
        return Result(spool, found or Range(0, 0, whole=True), sources, label, "derived")

    return operation


def _check_pixels(array: NDArray[Any]) -> None:
    if array.dtype.kind == "b" or (array.dtype.kind in "iuf" and array.size and _is_mask(array)):
        raise CannotCompose(
            "The pixels are a mask of 0 and 1, not an image; `isocenter compose rtstruct` makes "
            "regions of it, `isocenter compose seg` a segmentation.",
            tag=0x7FE00010,
            module="Image Pixel",
        )
    if array.dtype.kind not in "iuf" or not array.size:
        raise CannotCompose(
            f"An array of {array.dtype} has no place in pixel data; give integers or "
            "floating-point numbers.",
            tag=0x7FE00010,
            module="Image Pixel",
        )
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] != 3):
        raise CannotCompose(
            f"The pixels have the shape {array.shape}; expected (slices, rows, columns), with a "
            "last axis of 3 for RGB.",
            tag=0x00280010,
            module="Image Pixel",
        )


def _is_mask(array: NDArray[Any]) -> bool:
    """Tell whether there is nothing but 0 and 1; the first few pixels tell most arrays apart."""
    for part in (array.reshape(-1)[:1024], array):
        if not np.all((part == 0) | (part == 1)):
            return False
    return bool(array.max() == 1)


@dataclass(frozen=True, slots=True)
class _Stacked:
    """A series in the order of its normal, and the way back to its own order.

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

    @property
    def back(self) -> list[int]:
        """The place among the sorted frames of each frame of the series."""
        return [int(one) for one in np.argsort(self.order)]

    def returned(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return frames in the order of the series."""
        return pixels if self.back == sorted(self.back) else pixels[self.back]

    def named(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """Return numbers of sorted frames as those of the series."""
        return tuple(self.order[number] for number in numbers)


def _stacked(series: SourceSeries) -> _Stacked:
    """Sort a series; of images without a place, the grid is that of one by itself."""
    image = series.slices[0].image
    if series.placed:
        planes = series.planes()
        order = sorted(range(len(planes)), key=lambda number: planes[number].height)
        placed = tuple(planes[number] for number in order)
        check_alike(placed)
        slices = tuple(series.slices[number] for number in order)
        grid = Grid.of_planes(placed, image.thickness())
        return _Stacked(SourceSeries(slices), grid, tuple(order))
    row, column = image.spacing()
    described = image.description
    grid = Grid(
        np.zeros(3),
        np.array([column, row, 1.0]),
        np.eye(3),
        (1, described.rows, described.columns),
    )
    return _Stacked(series, grid, tuple(range(len(series.slices))))


def _volume(series: SourceSeries) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return the values of all slices, and where they are padding."""
    described = series.slices[0].image.description
    if not described.photometric_interpretation.monochrome:
        raise CannotCompose(
            "The images have colour; only a function of each image can be applied to them.",
            tag=0x00280004,
            module="Image Pixel",
        )
    volume = np.empty((len(series.slices), described.rows, described.columns), np.float32)
    undefined: NDArray[np.bool_] | None = None
    for number, one in enumerate(series.slices):
        volume[number], padded = one.values()
        if padded is not None:
            undefined = np.zeros(volume.shape, np.bool_) if undefined is None else undefined
            undefined[number] = padded
    return volume, undefined


def _by_volume(
    series: SourceSeries,
    volume: NDArray[Any],
    undefined: NDArray[np.bool_] | None,
    work: Callable[[NDArray[Any], NDArray[np.bool_] | None], NDArray[Any]],
) -> NDArray[Any]:
    """Work on the volume; on each image by itself where they do not say where they lie."""
    if series.placed:
        return work(volume, undefined)
    ones = (slice(n, n + 1) for n in range(len(volume)))
    return np.concatenate(
        [work(volume[one], None if undefined is None else undefined[one]) for one in ones]
    )


def _within(count: int, reach: float) -> list[tuple[int, ...]]:
    """Return for each slice those within some steps of it, nearest first."""
    far = int(reach)
    return [
        tuple(
            sorted(
                range(max(0, number - far), min(count, number + far + 1)),
                key=lambda other, own=number: (abs(other - own), other),
            )
        )
        for number in range(count)
    ]


def _overlapping(target: Grid, source: Grid, reach: float) -> list[tuple[int, ...]]:
    """Return for each new slice those of the source that its voxels lie between, nearest first."""
    normal = source.directions[:, 2]
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
        found.append(tuple(sorted(inside, key=lambda n, to=middle: (abs(n - to), n))))
    return found
