"""Softcopy Presentation States: how images are shown, and what stands over them (PS3.3 A.33)."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose import sources, values
from isocenter.compose.argument_types import checked
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.garbage_collection import fewer_full_collections
from isocenter.compose.lookup_tables import lookup_table_item
from isocenter.compose.presentation.checks import check_state
from isocenter.compose.presentation.defaults import completed
from isocenter.compose.presentation.json_form import state_from_json
from isocenter.compose.presentation.shown_images import ShownImage, shown_images
from isocenter.compose.reading import no_file
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.templates import Template, template
from isocenter.pixels import (
    DataSetAttributes,
    LookupTable,
    Presentation,
    Rescale,
    TabulatedModality,
    Window,
)
from isocenter.pixels.presentation import (
    COLOUR_STATE,
    GRAYSCALE_STATE,
    PresentationState,
    VoiSelection,
    read_state,
    read_state_file,
)
from isocenter.pixels.presentation.items import spoken
from isocenter.pixels.presentation.overlays import activation_element

__all__ = ["presentation_state", "read_presentation_state"]


@checked
@fewer_full_collections()
def presentation_state(
    content: PresentationState | Mapping[str, Any] | str | Path,
    *,
    source: SourceLike | Sources,
    content_label: str | None = None,
    content_description: str | None = None,
    content_creator_name: str | None = None,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a Grayscale or, for colour images, a Color Softcopy Presentation State.

    Parameters
    ----------
    content
        What it says: a `PresentationState`, or as JSON has it, or the path of a JSON file.
    source
        The images that it is for, of one study; patient and study are inherited from the first.
    content_label, content_description, content_creator_name
        In place of those that the content has.
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
        When there is no image, images belong to several studies or mix gray and colour, something
        lies outside of an image or its frames, or a value cannot be that of its attribute.

    References
    ----------
    PS3.3 A.33.1, A.33.2, C.10, C.11.6 to C.11.12.
    """
    loaded = sources.load(source)
    if not isinstance(content, PresentationState):
        content = state_from_json(content, loaded)
    content = replace(
        content,
        label=content_label or content.label,
        description=content_description or content.description,
        creator=content_creator_name or content.creator,
    )
    images = shown_images(loaded, content.images)
    given, content = content, completed(content, images)
    check_state(content, images)
    composition = Composition(
        COLOUR_STATE if images[0].colour else GRAYSCALE_STATE,
        kind="presentation_state",
        sources=loaded,
        template=template(template_file),
        overrides=overrides,
    )
    composition.patient()
    composition.study()
    composition.series(
        "PR", number=series_number, description=series_description or "Presentation states"
    )
    composition.equipment()
    composition.take("InstanceNumber", instance_number)
    _add_modules(_Written(composition, content, frozenset(_differing(given))), images)
    return composition.finish()


@checked
def read_presentation_state(source: str | Path | Dataset) -> PresentationState:
    """Read a Grayscale or Color Softcopy Presentation State.

    Parameters
    ----------
    source
        The file, or its data set.

    Returns
    -------
    PresentationState
        What could be read; its `problems` say what could not.

    Raises
    ------
    NotFound
        When the file does not exist.
    InvalidAttribute
        When it is another kind of object.
    """
    if isinstance(source, Dataset):
        return read_state(DataSetAttributes(source))
    if not Path(source).is_file():
        raise no_file(source, "presentation state")
    return read_state_file(source)


@dataclass(frozen=True)
class _Written:
    """An object that is written from completed content.

    Parameters
    ----------
    composition
        The object.
    content
        Completed.
    given
        Which fields of it were given; the others come from the images or are defaults.
    """

    composition: Composition
    content: PresentationState
    given: frozenset[str]

    def say(self, field: str, keyword: str, value: Any) -> None:
        """Set an attribute, if there is a value, that a field of the content decides."""
        if value is None:
            return
        if field in self.given:
            self.composition.give(keyword, value)
        else:
            self.composition.generate(keyword, value, _OTHERWISE.get(field, "nothing else said"))


_OTHERWISE = {
    "displayed_areas": "all of each image",
    "layers": "those that are named",
    "modality": "that of the images",
    "voi": "those of the images",
    "presentation": "that of the images",
}
_DISPLAYED = {
    "displayed_areas": "DisplayedAreaSelectionSequence",
    "rotation": "ImageRotation",
    "flipped": "ImageHorizontalFlip",
    "annotations": "GraphicAnnotationSequence",
    "layers": "GraphicLayerSequence",
    "groups": "GraphicGroupSequence",
}


def _differing(content: PresentationState) -> Iterable[str]:
    """Yield the fields that say something else than by default."""
    default = PresentationState()
    for field in fields(content):
        if getattr(content, field.name) != getattr(default, field.name):
            yield field.name


def _add_modules(written: _Written, images: Sequence[ShownImage]) -> None:
    """Add the modules of Grayscale or Color Softcopy Presentation States (PS3.3 A.33.1, A.33.2)."""
    composition, content = written.composition, written.content
    _identification(written)
    _relationship(composition, images)
    _display(written)
    _shutter(composition, content)
    _overlays(composition, content)
    if images[0].colour:
        _icc_profile(composition, images[0].data_set)
    else:
        _gray(written)


def _identification(written: _Written) -> None:
    """Add the Presentation State Identification module (PS3.3 C.11.10)."""
    composition, content = written.composition, written.content
    written.say("label", "ContentLabel", content.label)
    if content.description:
        composition.give("ContentDescription", content.description)
    else:
        composition.generate("ContentDescription", None, "Type 2, no value given")
    composition.generate("PresentationCreationDate", values.date(composition.now), "now")
    composition.generate("PresentationCreationTime", values.time(composition.now), "now")
    composition.give("ContentCreatorName", content.creator or None)


def _relationship(composition: Composition, images: Sequence[ShownImage]) -> None:
    """Add the Presentation State Relationship module (PS3.3 C.11.11)."""
    series: dict[str, list[dict[str, Any]]] = {}
    for image in images:
        series.setdefault(image.series_instance_uid, []).append(spoken(image.reference))
    items = [
        {"SeriesInstanceUID": uid, "ReferencedImageSequence": of_series}
        for uid, of_series in series.items()
    ]
    composition.generate("ReferencedSeriesSequence", items, "the images")


def _display(written: _Written) -> None:
    """Add Displayed Area, Spatial Transformation, annotations, layers, groups (PS3.3 C.10)."""
    said = spoken(written.content)
    for field, keyword in _DISPLAYED.items():
        written.say(field, keyword, said.get(keyword))


def _shutter(composition: Composition, content: PresentationState) -> None:
    """Add the shutter modules (PS3.3 C.7.6.11, C.7.6.15, C.11.12)."""
    shutter = content.shutter
    if shutter is None:
        return
    said = spoken(shutter)
    for part in (*shutter.shapes, *([shutter.bitmap] if shutter.bitmap else [])):
        said |= spoken(part)
    for keyword, value in said.items():
        composition.give(keyword, value)


def _overlays(composition: Composition, content: PresentationState) -> None:
    """Add Overlay Plane and Overlay Activation modules (PS3.3 C.9.2, C.11.7)."""
    for overlay in content.overlays:
        for tag, value in overlay.elements().items():
            _overlay_element(composition, tag, value)
    for active in content.activations:
        for tag, value in activation_element(active.group, active.layer).items():
            _overlay_element(composition, tag, value)


def _overlay_element(composition: Composition, tag: int, value: Any) -> None:
    if value is None:
        composition.generate(f"{tag:08X}", None, "Type 2C, in no layer")
    else:
        composition.give(f"{tag:08X}", value)
    if isinstance(value, bytes):
        # OB is allowed as well (PS3.5 A.2), and DCMTK reads nothing of it.
        composition.data_set[tag].VR = "OW"


def _gray(written: _Written) -> None:
    """Add what acts on gray values (PS3.3 C.11.1, C.11.6, C.11.8, C.11.13)."""
    content = written.content
    if content.mask is not None:
        written.say("mask", "RecommendedViewingMode", "SUB")
        written.say("mask", "MaskSubtractionSequence", [spoken(content.mask)])
    _modality(written)
    voi = [_voi_item(one) for one in content.voi or ()]
    written.say("voi", "SoftcopyVOILUTSequence", voi or None)
    presentation = content.presentation or Presentation()
    if presentation.table is not None:
        table = lookup_table_item(presentation.table)
        written.say("presentation", "PresentationLUTSequence", table)
    else:
        shape = "INVERSE" if presentation.inverse else "IDENTITY"
        written.say("presentation", "PresentationLUTShape", shape)


def _modality(written: _Written) -> None:
    modality = written.content.modality
    if isinstance(modality, TabulatedModality):
        item = lookup_table_item(modality.table)
        item.ModalityLUTType = modality.units or "US"
        written.say("modality", "ModalityLUTSequence", item)
    elif modality is not None and modality != Rescale():
        written.say("modality", "RescaleIntercept", modality.intercept)
        written.say("modality", "RescaleSlope", modality.slope)
        written.say("modality", "RescaleType", modality.units or "US")


def _voi_item(selection: VoiSelection) -> dict[str, Any]:
    item = spoken(selection)
    windows = [one for one in selection.transforms if isinstance(one, Window)]
    tables = [one for one in selection.transforms if isinstance(one, LookupTable)]
    if tables:
        return item | {"VOILUTSequence": [lookup_table_item(table) for table in tables]}
    item["WindowCenter"] = [window.center for window in windows]
    item["WindowWidth"] = [window.width for window in windows]
    if any(window.explanation for window in windows):
        item["WindowCenterWidthExplanation"] = [window.explanation for window in windows]
    if windows[0].function != "LINEAR":
        item["VOILUTFunction"] = str(windows[0].function)
    return item


def _icc_profile(composition: Composition, image: Dataset) -> None:
    """Add the ICC Profile module (PS3.3 C.11.15): that of the image, else sRGB."""
    if "ICCProfile" in image:
        composition.copy(("ICCProfile", "ColorSpace"))
        return
    cms: Any = importlib.import_module("PIL.ImageCms")  # its types are only partly known
    profile = cms.ImageCmsProfile(cms.createProfile("sRGB")).tobytes()
    composition.generate("ICCProfile", profile + b"\0" * (len(profile) % 2), "sRGB")
    composition.generate("ColorSpace", "SRGB")
