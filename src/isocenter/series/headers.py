"""What the images of a series say besides their values: its DICOM memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose.values import tag_of
from isocenter.series.frame import Frame, check_settable
from isocenter.series.table import Table, resorted

__all__ = ["Headers", "Which"]

Which = int | slice | Sequence[int] | None
"""Which slices or tags: an index, a slice, several indices, or None for all."""


class Headers:
    """The attributes of the images of a `Series`, read, and set in its memory alone."""

    _table: Table

    def get(self, keyword: str, *, slice: int = 0, tag: int = 0) -> Any:  # noqa: A002
        """Return an attribute of one image.

        Parameters
        ----------
        keyword
            Its keyword, or its tag as `GGGGEEEE`.
        slice, tag
            Which image, along the axes of these names.

        Returns
        -------
        Any
            As pydicom gives it; None where the image does not have it. Of an enhanced object the
            functional groups of the frame are looked in first.

        Raises
        ------
        CannotCompose
            When there is no such attribute.
        IndexError
            When there is no such image.
        """
        return self._frame(slice, tag).value(tag_of(keyword))

    def values_of(self, keyword: str) -> NDArray[Any]:
        """Return an attribute of every image, shape (tags, slices), as objects.

        Parameters
        ----------
        keyword
            Its keyword, or its tag as `GGGGEEEE`.

        Returns
        -------
        ndarray
            None where an image does not have it.

        Raises
        ------
        CannotCompose
            When there is no such attribute.
        """
        number = tag_of(keyword)
        found = np.empty(self._table.frames.shape, dtype=object)
        for index, frame in np.ndenumerate(self._table.frames):
            found[index] = frame.value(number)
        return found

    def set(
        self,
        keyword: str,
        value: Any,
        *,
        slice: Which = None,  # noqa: A002
        tag: Which = None,
    ) -> None:
        """Set an attribute in the memory of this series; files stay as they are.

        Parameters
        ----------
        keyword
            Its keyword, or its tag as `GGGGEEEE`.
        value
            The value; for a sequence mappings by keyword.
        slice, tag
            Of which images: an index, a slice, several; all by default.

        Raises
        ------
        CannotCompose
            When there is no such attribute, a position, orientation or spacing cannot be, or the
            attribute follows from the values (their encoding and rescale) or is the identity of an
            object.
        """
        number = tag_of(keyword)
        check_settable(number)
        frames: Any = self._table.frames.copy()
        chosen = np.ix_(
            *(_indices(one, n) for one, n in zip((tag, slice), frames.shape, strict=True))
        )
        for index in zip(*(part.flat for part in np.broadcast_arrays(*chosen)), strict=True):
            frames[index] = frames[index].changed(number, value)
        self._table = resorted(replace(self._table, frames=frames), number)

    def header(self, *, slice: int = 0, tag: int = 0) -> Dataset:  # noqa: A002
        """Return the whole header of one image, without pixels, as that of a single-frame image.

        Parameters
        ----------
        slice, tag
            Which image, along the axes of these names.

        Returns
        -------
        Dataset
            A copy; with what was set in the memory of the series.

        Raises
        ------
        IndexError
            When there is no such image.
        """
        return self._frame(slice, tag).header()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know: slices missing, uneven steps, duplicates left out."""
        return self._table.remarks

    def _frame(self, at_slice: int, at_tag: int) -> Frame:
        try:
            return self._table.frames[at_tag, at_slice]
        except IndexError:
            tags_, slices = self._table.frames.shape
            raise IndexError(
                f"slice {at_slice} of {slices}, tag {at_tag} of {tags_}: there is no such image"
            ) from None


def _indices(which: Which, count: int) -> NDArray[np.intp]:
    everything = np.arange(count)
    if which is None:
        return everything
    return np.atleast_1d(everything[which if isinstance(which, slice) else np.asarray(which)])
