"""A series of images as an array with DICOM memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.dicom import tags
from isocenter.errors import CannotCompose
from isocenter.series import indexing, writing
from isocenter.series.arrangement import arrange, ordering_keyword
from isocenter.series.axis import SLICE, TAG, Axis
from isocenter.series.frame import Frame, frames_of
from isocenter.series.headers import Headers
from isocenter.series.opening import Where, stored_images
from isocenter.series.pixels import dtype_of, read_values
from isocenter.series.placed import Placed
from isocenter.series.reductions import Reductions
from isocenter.series.stored_image import StoredImage
from isocenter.series.table import Table, axis_of, new_table, table_of

__all__ = ["Series"]


class Series(Reductions, Placed, Headers):
    """A series of images as an array with DICOM memory.

    Its axes are tag, slice, row, column and colour, as far as it has them: a volume has shape
    (slices, rows, columns); where several images share each place, what tells them apart (time,
    b-value, echo) comes first; colour comes last. Values are real ones, rescaled by each image's
    header; they are read when they are first asked for, so that `series[3]` or `series[:, 10]`
    of a large study reads only its own images. NumPy's functions take it as an array; slicing,
    arithmetic and reductions along tag, slice and colour give a `Series` whose headers follow.

    Use `Series.open`, `Series.from_array` or `Series.from_nifti` to make one.
    """

    def __init__(
        self, table: Table, values: NDArray[Any] | None, resources: ExitStack | None = None
    ) -> None:
        self._table = table
        self._values = values
        self._resources = resources  # what pixels are read from stays open as long as this

    # -- where series come from ------------------------------------------------------------------

    @classmethod
    def open(cls, where: Where, *, series: str | None = None, by: str | None = None) -> Series:
        """Open a series; headers are scanned, pixels left where they are.

        Parameters
        ----------
        where
            A folder, a file, a DICOMDIR, a ZIP file, an archive or its folder, the URL of a series
            on a DICOMweb server (which is fetched to a temporary folder), pydicom data sets, or
            several of these.
        series
            The Series Instance UID that is wanted, where there are several.
        by
            Keyword of the attribute that tells images of one place apart ("EchoTime", or "echo",
            "b-value", "time", "trigger", "flip"), or sorts slices where there is one a place. By
            itself slices are sorted by where they lie, and the first of Echo Time, b-value, Flip
            Angle, Inversion Time, Trigger Time, temporal position and acquisition or content time
            that tells images apart is taken.

        Returns
        -------
        Series
            Its values are read when they are first asked for.

        Raises
        ------
        NotFound
            When there is no image.
        CannotCompose
            When there are several series or patients, or the images differ in size or direction,
            or a volume is incomplete.
        """
        found = cls.open_all(where, series=series, by=by)
        if len(found) > 1:
            listed = "; ".join(
                f"{uid} ({one.get('Modality')}, {one._table.frames.size} images)"
                for uid, one in found.items()
            )
            raise CannotCompose(
                f"There are {len(found)} series: {listed}. Name one by `series=`.",
                tag=tags.SeriesInstanceUID,
            )
        return next(iter(found.values()))

    @classmethod
    def open_all(
        cls, where: Where, *, series: str | None = None, by: str | None = None
    ) -> dict[str, Series]:
        """Open every series that there is, by Series Instance UID; see `open`.

        Parameters
        ----------
        where, series, by
            As `open` takes them.

        Returns
        -------
        dict of str to Series
            In the order in which the series are met.

        Raises
        ------
        NotFound
            When there is no image.
        CannotCompose
            When images of a series are of several patients, differ in size or direction, or nothing
            tells those of one place apart.
        """
        resources = ExitStack()
        keyword = ordering_keyword(by)
        groups: dict[str, list[StoredImage]] = {}
        for image in stored_images(where, resources, series=series, by=keyword):
            groups.setdefault(image.text(tags.SeriesInstanceUID), []).append(image)
        return {
            uid: cls(table_of(arrange(_frames(images), keyword)), None, resources)
            for uid, images in groups.items()
        }

    @classmethod
    def from_array(
        cls,
        values: NDArray[Any],
        *,
        like: Series | None = None,
        affine: NDArray[np.floating] | None = None,
        tag: tuple[str, Sequence[float]] | None = None,
    ) -> Series:
        """Make a series of an array.

        Parameters
        ----------
        values
            Shape (slices, rows, columns), with tags in front and colour behind where there are.
        like
            A series of the same shape whose headers and places it takes.
        affine
            Matrix (4, 4) from indices (column, row, slice, 1) to mm in the patient coordinate
            system (LPS); by default voxels of 1 mm.
        tag
            Keyword and numbers of the tag axis, such as `("EchoTime", [10, 20])`.

        Returns
        -------
        Series
            With `values` as they are, no copy.

        Raises
        ------
        CannotCompose
            When the shape is none of a series, or not that of `like`.
        """
        values = np.asarray(values)
        if like is not None:
            return like.with_values(values)
        return cls(new_table(values, affine, tag), values)

    @classmethod
    def from_nifti(cls, path: str | Path, *, like: Series | None = None) -> Series:
        """Read a NIfTI file, or any other that SimpleITK reads.

        Parameters
        ----------
        path
            The file; of 3 or, with tags in front, 4 dimensions.
        like
            A series on the same grid whose headers it takes; axes are exchanged and turned around
            to match.

        Returns
        -------
        Series
            Without `like` the tag axis has the seconds that the file says lie between volumes.

        Raises
        ------
        CannotCompose
            When the voxels are not those of `like`, or the file does not say where they lie and
            `like` is not given.
        """
        from isocenter.series.volume_files import read_series

        return read_series(Path(path), like)

    # -- an array --------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self._table.names)

    @property
    def size(self) -> int:
        """How many values there are."""
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values, known before they are read."""
        if self._values is not None:
            return self._values.dtype
        return dtype_of(list(self._table.frames.flat))

    @property
    def is_loaded(self) -> bool:
        """Whether the values are in memory."""
        return self._values is not None

    @property
    def array(self) -> NDArray[Any]:
        """The values; read when first asked for, and kept."""
        if self._values is None:
            self._values = self._read()
        return self._values

    def _read(self) -> NDArray[Any]:
        table = self._table
        values = read_values(list(table.frames.flat), table.rows, table.columns, self.dtype)
        values = values.reshape(table.frames.shape + values.shape[1:])
        dropped = [n for n, name in enumerate((TAG, SLICE)) if name not in table.names]
        return values.reshape([size for n, size in enumerate(values.shape) if n not in dropped])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        values = self.array
        if dtype is not None and values.dtype != np.dtype(dtype):
            return values.astype(dtype)
        return values.copy() if copy else values

    def __len__(self) -> int:
        if not self._table.names:
            raise TypeError("a single number has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """Return a part: a `Series` while rows and columns remain, else an array."""
        return indexing.part(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Change values, which are read first."""
        self.array[np.asarray(key) if isinstance(key, Series) else key] = value

    def __repr__(self) -> str:
        axes = ", ".join(f"{axis.name} {len(axis)}" for axis in self.axes)
        where = "in memory" if self.is_loaded else "not read"
        return f"<Series {self.get('Modality') or ''} ({axes}) {self.dtype}, {where}>"

    def __bool__(self) -> bool:
        return bool(self.array)

    def __float__(self) -> float:
        return float(self.array)

    def astype(self, dtype: Any) -> Series:
        """Return the series with its values in another type.

        Parameters
        ----------
        dtype
            As `numpy.ndarray.astype` takes it.

        Returns
        -------
        Series
            Of the same headers; the values are a copy.
        """
        return self.with_values(self.array.astype(dtype))

    def copy(self) -> Series:
        """Return the series with values of its own.

        Returns
        -------
        Series
            Of the same headers; neither changes with the other.
        """
        return self.with_values(self.array.copy())

    # -- what its parts use ----------------------------------------------------------------------

    @property
    def table(self) -> Table:
        """What it remembers besides its values."""
        return self._table

    def with_values(self, values: NDArray[Any]) -> Series:
        """Return a series of the same headers with other values.

        Parameters
        ----------
        values
            Of the shape of the series.

        Returns
        -------
        Series
            With `values` as they are, no copy.

        Raises
        ------
        CannotCompose
            When their shape is another.
        """
        if values.shape != self.shape:
            raise CannotCompose(
                f"The values have the shape {values.shape}, the series {self.shape}; give one for "
                "each of its voxels.",
                tag=tags.Rows,
            )
        return Series(self._table, values, self._resources)

    def with_table(self, table: Table, values: NDArray[Any] | None) -> Series:
        """Return a series of other headers, whose values may still be unread.

        Parameters
        ----------
        table
            What it remembers.
        values
            Those of the axes that `table` names; None to read them from its images when asked for.

        Returns
        -------
        Series
            Its files stay open as long as those of this one.
        """
        return Series(table, values, self._resources)

    # -- geometry --------------------------------------------------------------------------------

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, in the order of `shape`."""
        return tuple(self.axis(name) for name in self._table.names)

    def axis(self, name: str) -> Axis:
        """Return an axis by its name: tag, slice, row, column or colour.

        Parameters
        ----------
        name
            That of the axis.

        Returns
        -------
        Axis
            Its values, with their unit.
        """
        return axis_of(self._table, name)

    # -- ways out --------------------------------------------------------------------------------

    def to_sitk(self) -> Any:
        """Return a SimpleITK image of three or, with a tag axis, four dimensions.

        Returns
        -------
        SimpleITK.Image
            Colour as components of its pixels; booleans as uint8, float16 as float32.

        Raises
        ------
        CannotCompose
            When the slices are not evenly spaced, or shifted in their plane (a tilted gantry).
        """
        from isocenter.series.volume_files import image_of

        return image_of(self)

    def to_nifti(self, path: str | Path) -> Path:
        """Write values and geometry as NIfTI, MetaImage or NRRD, told by the file's name.

        Parameters
        ----------
        path
            `.nii`, `.nii.gz`, `.mha`, `.nrrd`; or `.npy`, values alone. A file that is there is
            replaced.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        CannotCompose
            When the name says no format, or the slices are not evenly spaced.
        OutOfResources
            When the file cannot be written; nothing half-written is left.
        """
        from isocenter.series.volume_files import write_image

        return write_image(self, Path(path))

    def write(self, folder: str | Path, **options: Any) -> writing.Written:
        """Write the series as a new one, derived from the images that it was made from.

        Parameters
        ----------
        folder
            Where to; made if it is not there. One that has files already is refused.
        **options
            As `isocenter.compose.derived_series` takes them: `description`, `codes`,
            `series_description`, `series_number`, `template_file`, `overrides`, `keep_private`,
            `transfer_syntax_uid`. Without a source, as `isocenter.compose.acquired_series` does:
            `modality`, `source` and more.

        Returns
        -------
        Written
            A list of the files; `left_out` says what the sources say wrongly and they do not.
            `notes`, such as that values are rounded, are a UserWarning each, too.

        Raises
        ------
        CannotCompose
            When the folder has files already, an option cannot be, or the pixels cannot be encoded
            so.
        OutOfResources
            When the folder cannot be written; nothing half-written is left.
        """
        return writing.write(self, Path(folder), options)


def _frames(images: Sequence[StoredImage]) -> list[Frame]:
    return [frame for image in images for frame in frames_of(image)]
