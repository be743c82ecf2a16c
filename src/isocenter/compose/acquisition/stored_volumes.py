"""How the values of a volume are stored: in which form, and with which window they are shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.acquisition.modules import Modality
from isocenter.compose.acquisition.source_slices import SourceSlices
from isocenter.compose.acquisition.tag_axes import TagAxis
from isocenter.compose.acquisition.volumes import Volume
from isocenter.compose.derivation.quantisation import Range, new_form
from isocenter.compose.derivation.tables import limits_of
from isocenter.compose.volume_grids import Grid
from isocenter.errors import CannotCompose

__all__ = ["StoredVolume", "check_values", "stored_volume"]

_MODULE = "Image Pixel"
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class StoredVolume:
    """A volume and how its values are stored.

    Parameters
    ----------
    kind
        What images it becomes.
    values
        Shape (tags, slices, rows, columns).
    grid
        Where they lie.
    axis
        What tells volumes apart; None where there is one.
    slices
        What the source's images say of the same places.
    forms
        The `StoredForm` of each image, shape (tags, slices).
    window
        Centre and width that show the values.
    enhanced
        Whether all images become one object.
    """

    kind: Modality
    values: NDArray[Any]
    grid: Grid
    axis: TagAxis | None
    slices: SourceSlices
    forms: NDArray[Any]
    window: tuple[float, float]
    enhanced: bool


def stored_volume(
    kind: Modality, volume: Volume, axis: TagAxis | None, slices: SourceSlices, enhanced: bool
) -> StoredVolume:
    """Choose how the values of a placed volume are stored."""
    assert volume.grid is not None
    array = volume.values.astype(np.uint8) if volume.values.dtype == bool else volume.values
    window = kind.window or _window(array)
    forms = _forms(kind, array, each=kind.name == "PT" and not enhanced)
    return StoredVolume(kind, array, volume.grid, axis, slices, forms, window, enhanced)


def check_values(array: NDArray[Any]) -> None:
    """Refuse what no image holds.

    Parameters
    ----------
    array
        Shape (tags, slices, rows, columns).

    Raises
    ------
    CannotCompose
        When there are more rows or columns than fit, or voxels without a value.
    """
    if max(array.shape[2:]) > 0xFFFF:
        raise CannotCompose(
            f"The slices have {array.shape[2]} rows and {array.shape[3]} columns; at most 65535 "
            "fit.",
            tag=0x00280010,
            module=_MODULE,
        )
    if array.dtype.kind == "f" and not np.isfinite(array.sum(dtype=np.float64)):
        wrong = array.size - int(np.isfinite(array).sum())
        if wrong:
            raise CannotCompose(
                f"{wrong} of {array.size} voxels are NaN or infinite, which no image holds; give "
                "them a number, such as that of air.",
                tag=0x7FE00010,
                module=_MODULE,
            )


def _forms(kind: Modality, array: NDArray[Any], *, each: bool) -> NDArray[Any]:
    """Choose how values are stored: for the whole volume, or with a slope for each image."""
    limits = limits_of(kind.sop_class_uid)
    forms = np.empty(array.shape[:2], dtype=object)
    found = Range.of(array)
    if found.whole or not each:
        forms.fill(new_form(found, limits=limits))
        return forms
    lowest = -_TINY if found.low < 0 else np.inf  # all images are signed, or none is
    for index in np.ndindex(forms.shape):
        own = Range.of(array[index])
        own = replace(own, low=min(own.low, lowest), whole=False)
        forms[index] = new_form(own, limits=limits)
    return forms


def _window(array: NDArray[Any]) -> tuple[float, float]:
    """Return a centre and width that show nearly all of the values."""
    sample = array[..., ::4, ::4]
    low, high = (float(one) for one in np.percentile(sample, (0.5, 99.5)))
    return (low + high) / 2, max(high - low, 1.0)
