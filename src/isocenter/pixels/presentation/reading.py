"""Reading presentation states: as much of them as can be understood."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from isocenter.dicom import dictionary, file_json, scan_file, tags
from isocenter.dicom.iod import iod
from isocenter.errors import InvalidAttribute, PixelDataError
from isocenter.pixels.attributes import Attributes, JsonAttributes
from isocenter.pixels.display_model import Presentation
from isocenter.pixels.lookup_tables import read_lookup_table
from isocenter.pixels.modality import ModalityTransform, Rescale, TabulatedModality
from isocenter.pixels.presentation.items import read_item, read_items
from isocenter.pixels.presentation.overlays import read_activations, read_state_overlays
from isocenter.pixels.presentation.references import ReferencedImage
from isocenter.pixels.presentation.shutters import Shutter, read_shutter
from isocenter.pixels.presentation.state import PresentationState, VoiSelection
from isocenter.pixels.voi import read_voi

__all__ = ["COLOUR_STATE", "GRAYSCALE_STATE", "read_state", "read_state_file"]

GRAYSCALE_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
COLOUR_STATE = "1.2.840.10008.5.1.4.1.1.11.2"

_SERIES = dictionary.tag("ReferencedSeriesSequence") or 0
_IMAGES = dictionary.tag("ReferencedImageSequence") or 0
_VOI = dictionary.tag("SoftcopyVOILUTSequence") or 0


def read_state(root: Attributes) -> PresentationState:
    """Read a Grayscale or Color Softcopy Presentation State.

    Parameters
    ----------
    root
        The data set.

    Returns
    -------
    PresentationState
        What could be read; its `problems` say what could not.

    Raises
    ------
    InvalidAttribute
        When the object is no presentation state of these kinds, its rotation is none, or it names
        no image.
    """
    sop_class = root.text(tags.SOPClassUID)
    if sop_class not in (GRAYSCALE_STATE, COLOUR_STATE):
        known = iod(sop_class)
        found = f"{sop_class} ({known.name})" if known else sop_class or "missing"
        raise InvalidAttribute(
            f"SOPClassUID (0008,0016) is {found}, which is not shown; expected a Grayscale "
            f"({GRAYSCALE_STATE}) or Color ({COLOUR_STATE}) Softcopy Presentation State",
            tags.SOPClassUID,
        )
    problems: list[str] = []
    state = read_item(PresentationState, root, problems)
    if sop_class == GRAYSCALE_STATE:
        state = replace(
            state,
            modality=_modality(root, problems),
            voi=_voi(root, problems),
            presentation=_presentation(root, problems),
        )
    state = replace(
        state,
        shutter=_shutter(root, problems),
        overlays=read_state_overlays(root, problems),
        activations=read_activations(root),
        images=_images(root, problems),
    )
    return replace(state, problems=tuple(problems))


def read_state_file(path: str | Path) -> PresentationState:
    """Read the presentation state in a file; see `read_state`.

    Raises
    ------
    NotDicom, InvalidDicom
        When it is no DICOM file, or a broken one.
    InvalidAttribute
        When it is another kind of object.
    """
    header = scan_file(path)
    text = file_json(path, header, bulk_data_uri="", bulk_threshold=sys.maxsize)
    return read_state(JsonAttributes(json.loads(text)))


def _images(root: Attributes, problems: list[str]) -> tuple[ReferencedImage, ...]:
    images = tuple(
        replace(image, series_instance_uid=series.text(tags.SeriesInstanceUID))
        for series in root.items(_SERIES)
        for image in read_items(ReferencedImage, series.items(_IMAGES), problems)
    )
    if not images:
        raise InvalidAttribute(
            "the presentation state names no image that it is for: ReferencedSeriesSequence "
            "(0008,1115); it can be applied to none",
            _SERIES,
        )
    return images


def _modality(root: Attributes, problems: list[str]) -> ModalityTransform:
    """Read what replaces the modality transformation of the images; the identity without."""
    item = root.item(tags.ModalityLUTSequence)
    if item is not None:
        try:
            table = read_lookup_table(item, signed=True)
            return TabulatedModality(table, _units(item.text(tags.ModalityLUTType)))
        except PixelDataError as problem:
            problems.append(f"Modality LUT Sequence (0028,3000): {problem}")
    slope, intercept = root.number(tags.RescaleSlope), root.number(tags.RescaleIntercept)
    return Rescale(slope or 1.0, intercept or 0.0, _units(root.text(tags.RescaleType)))


def _units(text: str) -> str:
    return "" if text == "US" else text


def _voi(root: Attributes, problems: list[str]) -> tuple[VoiSelection, ...]:
    found: list[VoiSelection] = []
    for item in root.items(_VOI):
        transforms, unusable = read_voi(item, signed=True)
        problems += unusable
        if transforms:
            images = read_items(ReferencedImage, item.items(_IMAGES), problems)
            if item.items(_IMAGES) and not images:
                continue  # without images, it would hold for all
            found.append(
                VoiSelection(
                    transforms=transforms[:1] if _mixed(transforms) else transforms, images=images
                )
            )
    return tuple(found)


def _mixed(transforms: tuple[object, ...]) -> bool:
    return len({type(one) for one in transforms}) > 1


def _presentation(root: Attributes, problems: list[str]) -> Presentation:
    item = root.item(tags.PresentationLUTSequence)
    if item is not None:
        try:
            return Presentation(table=read_lookup_table(item, signed=False))
        except PixelDataError as problem:
            problems.append(f"Presentation LUT Sequence (2050,0010): {problem}")
    return Presentation(root.text(tags.PresentationLUTShape) == "INVERSE")


def _shutter(root: Attributes, problems: list[str]) -> Shutter | None:
    try:
        return read_shutter(root, problems)
    except InvalidAttribute as problem:
        problems.append(str(problem))
        return None
