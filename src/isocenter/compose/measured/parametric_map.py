"""Parametric Maps (PS3.3 A.75): measured values on the frames of a source, and back.

highdicom builds the frames and their functional groups; patient, study, templates and overrides
are inherited as for every kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose import sources
from isocenter.compose.argument_types import checked
from isocenter.compose.codes import Code
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.content_identification import content_identification
from isocenter.compose.derivation.frame_places import FramePlace, functional_group, places
from isocenter.compose.highdicom_objects import building, carry, coded, module, take_back_spacing
from isocenter.compose.label_maps import read_grid
from isocenter.compose.measured.frame_objects import add_header, frame_arguments
from isocenter.compose.measured.real_world_mappings import RealWorldMapping, quantity, units
from isocenter.compose.measured.source_frames import SourceFrames, source_frames
from isocenter.compose.measured.stored_frames import stored_frames
from isocenter.compose.planes import Stack
from isocenter.compose.reading import data_set_of_file
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.templates import Template, template
from isocenter.errors import CannotCompose, InvalidAttribute

__all__ = ["ParametricMapContent", "parametric_map", "read_parametric_map"]

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.30"
_MODULE = "Parametric Map Image"
_PIXEL_DATA = 0x7FE00010
_GIVEN = ("FloatPixelData", "DoubleFloatPixelData", "PixelData")
_FLOATS = {np.dtype(np.float32): "Float", np.dtype(np.float64): "DoubleFloat"}


@dataclass(frozen=True, slots=True)
class ParametricMapContent:
    """What a parametric map measures.

    Parameters
    ----------
    mapping
        Label, quantity, units, and how stored values become real ones.
    stored
        Stored values, shape (frames, rows, columns).
    frames
        Where each frame lies.
    """

    mapping: RealWorldMapping
    stored: NDArray[Any]
    frames: tuple[FramePlace, ...]

    def values(self, source: SourceLike | Sources | Stack | None = None) -> NDArray[np.float64]:
        """Return the real values.

        Parameters
        ----------
        source
            The images that were measured; None for the grid of the map itself: the planes in which
            it has frames, in geometric order.

        Returns
        -------
        numpy.ndarray
            Shape (slices, rows, columns); NaN where there is no value.

        Raises
        ------
        CannotCompose
            When a frame lies in none of the images, or has other pixels than they.
        """
        _, rows, columns = self.stored.shape
        shape, found = places(self.frames, (rows, columns), source)
        real = np.full(shape, np.nan)
        for place, frame in zip(found, self.stored, strict=True):
            real[place] = self.mapping.apply(frame)
        return real


@checked
def parametric_map(
    values: Any,
    *,
    source: SourceLike | Sources,
    units_of_measure: str | Code,
    quantity_definition: str | Code | None = None,
    label: str = "MAP",
    explanation: str = "",
    slope: float = 1.0,
    intercept: float = 0.0,
    content_label: str = "MAP",
    content_description: str | None = None,
    content_creator_name: str | None = None,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a Parametric Map.

    Parameters
    ----------
    values
        Measured values on the source's frames, slices in their geometric order: an array of shape
        (slices, rows, columns) of float32, float64 or integers of at most 16 bits, or a NIfTI,
        MetaImage or NRRD file or SimpleITK image on the grid of the source. NaN where there is no
        value. Signed integers are stored unsigned, with an intercept that takes this back.
    source
        The images that were measured, a series or one multi-frame image: gives patient, study,
        frame of reference and geometry.
    units_of_measure
        In UCUM, such as `mm2/s`, or a code.
    quantity_definition
        What is measured: the meaning of a code, such as `Apparent Diffusion Coefficient`,
        `VALUE:SCHEME:MEANING`, or a code.
    label, explanation
        How the mapping is called: LUT Label, at most 16 characters, and LUT Explanation.
    slope, intercept
        Real value = slope x value + intercept.
    content_label, content_description, content_creator_name
        Content Identification (PS3.3 Table 10-12); the label is CS of at most 16 characters.
    series_description, series_number, instance_number
        Where and how the object files itself.
    template_file
        A template, or its path.
    overrides
        Attributes that win over all else, by keyword.

    Returns
    -------
    Composed
        The object; `save` writes it.

    Raises
    ------
    CannotCompose
        When the values do not lie on the source's grid, are infinite, all missing, or integers of
        more than 16 bits; or units or quantity are unknown.

    References
    ----------
    PS3.3 A.75, C.8.32, C.7.6.16.2.11.
    """
    mapping = _mapping(label, units_of_measure, explanation, quantity_definition, slope, intercept)
    loaded = sources.load(source)
    frames = source_frames(loaded)
    array = _array(values, frames)
    stored, mapping = _stored(array, mapping)
    composition = Composition(
        SOP_CLASS_UID,
        kind="parametric_map",
        sources=loaded,
        template=template(template_file),
        overrides=overrides,
    )
    modality = str((loaded.first and loaded.first.data_set.get("Modality")) or "OT")
    add_header(composition, modality, number=series_number, description=series_description)
    content_identification(
        composition, instance_number, content_label, content_description, content_creator_name
    )
    with building(_MODULE, _PIXEL_DATA):
        built = module("pm").ParametricMap(
            **frame_arguments(frames, stored, composition),
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[_described(mapping, stored)],
            voi_lut_transformations=[_window(mapping, stored)],
        )
    take_back_spacing(built, frames.images)
    carry(composition, built, given=_GIVEN)
    _padding(composition, stored)
    return composition.finish()


@checked
def read_parametric_map(parametric_map: Dataset | str | Path) -> ParametricMapContent:
    """Read a Parametric Map whose frames are all of one mapping.

    Parameters
    ----------
    parametric_map
        The object, or its file.

    Returns
    -------
    ParametricMapContent
        Its mapping, stored values and where each frame lies.

    Raises
    ------
    InvalidAttribute
        When the object has no mapping, several, or too little pixel data.
    NotFound
        When there is no such file.
    InvalidDicom
        When it is no DICOM file, or cannot be read to its end.

    References
    ----------
    PS3.3 C.8.32.
    """
    data_set = data_set_of_file(parametric_map)
    stored = stored_frames(data_set)
    numbers = range(1, len(stored) + 1)
    found = {_read_mapping(data_set, number) for number in numbers}
    if len(found) != 1:
        raise InvalidAttribute(
            f"The frames have {len(found)} different real world value mappings; expected one for "
            "all of them.",
            0x00409096,
        )
    return ParametricMapContent(
        found.pop(), stored, tuple(FramePlace.of(data_set, number) for number in numbers)
    )


def _refused(message: str, tag: int = _PIXEL_DATA) -> CannotCompose:
    return CannotCompose(message, tag=tag, module=_MODULE)


def _mapping(
    label: str,
    measure: str | Code,
    explanation: str,
    what: str | Code | None,
    slope: float,
    intercept: float,
) -> RealWorldMapping:
    if slope == 0:
        raise CannotCompose(
            "slope is 0, by which all values would become one; expected another number.",
            tag=0x00409225,
            module="Real World Value Mapping",
        )
    return RealWorldMapping(label, units(measure), explanation, quantity(what), slope, intercept)


def _padding(composition: Composition, stored: NDArray[Any]) -> None:
    """Say that NaN is no value, where there is any (PS3.3 C.7.5.1.1.2)."""
    if np.isnan(stored).any():
        for what in ("Value", "RangeLimit"):
            keyword = f"{_FLOATS[stored.dtype]}PixelPadding{what}"
            composition.generate(keyword, float("nan"), "no value")


def _array(values: Any, frames: SourceFrames) -> NDArray[Any]:
    if isinstance(values, np.ndarray):
        array = cast("NDArray[Any]", values)
        if array.ndim == 2:
            array = array[np.newaxis]
    else:
        array = read_grid(values, source=frames.stack, whole_numbers=False)
    if array.shape != frames.shape:
        raise _refused(
            f"The values have the shape {array.shape}, the source {frames.shape} (slices, rows, "
            "columns); give values on the grid of the source."
        )
    if array.dtype.kind not in "uif" or (array.dtype.kind != "f" and array.dtype.itemsize > 2):
        raise _refused(
            f"Values of type {array.dtype} cannot be stored; give float32, float64, or integers of "
            "at most 16 bits."
        )
    if np.isinf(array).any():
        raise _refused("The map has infinite values; set NaN where there is no value.")
    if np.isnan(array).all():
        raise _refused("The map has no value that is a number.")
    return array


def _stored(
    array: NDArray[Any], mapping: RealWorldMapping
) -> tuple[NDArray[Any], RealWorldMapping]:
    """Return what is stored, and the mapping with the range of stored values."""
    if array.dtype.kind == "f":
        kept = array.astype(np.float32 if array.dtype.itemsize < 8 else np.float64)
    elif array.dtype.kind == "i":  # the standard's integers have 16 bits and no sign
        kept = (array.astype(np.int32) + 0x8000).astype(np.uint16)
        mapping = replace(mapping, intercept=mapping.intercept - mapping.slope * 0x8000)
    else:
        kept = array.astype(np.uint16)
    return kept, replace(mapping, first=float(np.nanmin(kept)), last=float(np.nanmax(kept)))


def _described(mapping: RealWorldMapping, stored: NDArray[Any]) -> Any:
    """Return the mapping as highdicom has it, whose type of numbers says how they are stored."""
    kind = float if stored.dtype.kind == "f" else int
    return module("pm").RealWorldValueMapping(
        lut_label=mapping.label,
        lut_explanation=mapping.explanation or mapping.label,
        unit=coded(mapping.units),
        value_range=(kind(mapping.first), kind(mapping.last)),
        slope=mapping.slope,
        intercept=mapping.intercept,
        quantity_definition=None if mapping.quantity is None else coded(mapping.quantity),
    )


def _window(mapping: RealWorldMapping, stored: NDArray[Any]) -> Any:
    """Return a window over all stored values."""
    real = stored.dtype.kind == "f"
    width = max(mapping.last - mapping.first, 1e-6 if real else 1.0)
    center = (mapping.first + mapping.last) / 2
    return module("content").VOILUTTransformation(
        window_center=center,
        window_width=width,
        voi_lut_function="LINEAR_EXACT" if real else None,  # LINEAR takes no width below 1
    )


def _read_mapping(data_set: Dataset, number: int) -> RealWorldMapping:
    item = functional_group(data_set, number, "RealWorldValueMappingSequence")
    if item is None:
        raise InvalidAttribute(f"Frame {number} has no real world value mapping.", 0x00409096)
    return RealWorldMapping.read(item)
