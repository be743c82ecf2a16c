"""A volume as single CT, MR or PET images: what all say, and each alone (PS3.3 A.3, A.4, A.21)."""

from __future__ import annotations

from typing import Any

from isocenter.compose.acquisition.stored_volumes import StoredVolume
from isocenter.compose.composition import Composition

__all__ = ["add_single_frame", "own_attributes"]


def add_single_frame(composition: Composition, volume: StoredVolume) -> None:
    """Add what all images of the series have in common."""
    composition.generate("ImageType", list(volume.kind.image_type))
    composition.content_moment()
    composition.generate("BurnedInAnnotation", "NO")
    plane = volume.grid.plane(0)
    composition.generate("PixelSpacing", list(plane.spacing), "the volume")
    directions = [*plane.along_row, *plane.along_column]
    composition.generate("ImageOrientationPatient", directions, "the volume")
    thickness = float(volume.grid.spacing[2])
    composition.generate("SliceThickness", thickness, "the distance of slices")
    composition.generate("SpacingBetweenSlices", thickness, "the volume")
    volume.kind.add_module(composition)
    if volume.kind.name == "PT":
        _pet_series(composition, volume)
    center, width = volume.window
    composition.generate("WindowCenter", center, "the values")
    composition.generate("WindowWidth", width, "the values")


def _pet_series(composition: Composition, volume: StoredVolume) -> None:
    # The moment that Frame Reference Times count from (PS3.3 C.8.9.1.1.2).
    composition.copy(("SeriesDate", "SeriesTime") if volume.slices.images else ())
    composition.generate("NumberOfSlices", volume.values.shape[1], "the volume")
    if volume.axis is not None:
        composition.generate("SeriesType", ["DYNAMIC", "IMAGE"], "several time points")
        composition.generate("NumberOfTimeSlices", len(volume.values), "the volume")


def own_attributes(volume: StoredVolume, number: int, n: int, k: int) -> dict[str, Any]:
    """Return what one image alone says."""
    plane, form = volume.grid.plane(k), volume.forms[n, k]
    own: dict[str, Any] = {
        "InstanceNumber": number,
        "ImagePositionPatient": [float(one) for one in plane.position],
        "SliceLocation": plane.height,
    }
    if volume.kind.name != "MR" or form.slope != 1 or form.intercept != 0:
        own |= {"RescaleIntercept": form.intercept, "RescaleSlope": form.slope}
        if volume.kind.rescale_type:
            own["RescaleType"] = volume.kind.rescale_type
    if volume.kind.name == "PT":
        own["ImageIndex"] = number
    if volume.axis is not None:
        own |= volume.axis.attributes(n)
    return own
