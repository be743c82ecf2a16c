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
from isocenter.compose.derivation.source_volumes import source_volume
from isocenter.compose.derivation.spools import Spool
from isocenter.compose.derivation.volume_filters import resampled, smoothed
from isocenter.compose.image_files import read_image
from isocenter.compose.planes import Plane
from isocenter.compose.simple_itk import simple_itk
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
        volume = source_volume(series)
        grid = volume.grid
        reach = _REACH * self.sigma / grid.spacing[2] if series.placed else 0.0
        pixels = volume.applied(lambda part, mask: smoothed(part, mask, grid, float(self.sigma)))
        return Result(
            volume.returned(pixels),
            Range.of(pixels),
            volume.near(reach),
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
        volume = source_volume(series)
        source = volume.grid
        target = self._target(source)
        pixels = volume.applied(
            lambda part, mask: resampled(part, mask, source, target, self.interpolation)
        )
        reach = _INTERPOLATORS[self.interpolation]
        numbers = range(target.shape[0])
        written = "x".join(f"{one:g}" for one in self.spacing)
        return Result(
            pixels,
            Range.of(pixels),
            volume.overlapping(target, reach) if series.placed else volume.near(0),
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
        volume = source_volume(series)
        turned = self.grid.onto(volume.grid, array)
        if turned is not None:
            return self._in_place(volume.returned(turned), series)
        if not self.new_geometry:
            raise CannotCompose(
                "The new pixels do not lie where the images of the series do: "
                f"{self.grid.difference(volume.grid)}. Resample them to the series, or say that "
                "the geometry is new.",
                tag=0x00200032,
                module="Image Plane",
            )
        grid, array = self.grid.right_handed(array)
        return self._result(array, volume.overlapping(grid, 1), grid)

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
