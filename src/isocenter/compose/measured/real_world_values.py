"""Real World Value Mapping objects (PS3.3 A.46): what stored values mean, said afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose import sources
from isocenter.compose.argument_types import checked
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.content_identification import content_identification
from isocenter.compose.measured.real_world_mappings import RealWorldMapping
from isocenter.compose.number_lists import parse_number_lists
from isocenter.compose.reading import data_set_of_file
from isocenter.compose.references import add_common_instance_reference, image_references
from isocenter.compose.source_numbers import whole_number_of
from isocenter.compose.sources import SourceLike
from isocenter.compose.templates import Template, template
from isocenter.errors import CannotCompose, InvalidAttribute

__all__ = ["MappedImages", "read_real_world_value_mapping", "real_world_value_mapping"]

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.67"
_MODULE = "Real World Value Mapping"


@dataclass(frozen=True, slots=True)
class MappedImages:
    """Images, and the mappings that hold for them.

    Parameters
    ----------
    mappings
        Each for all the images.
    references
        The images, as items of Referenced Image Sequence.
    """

    mappings: tuple[RealWorldMapping, ...]
    references: tuple[Dataset, ...]


@checked
def real_world_value_mapping(
    mappings: RealWorldMapping | Sequence[RealWorldMapping],
    *,
    source: SourceLike,
    referenced_frame_numbers: str = "",
    content_label: str = "RWV",
    content_description: str | None = None,
    content_creator_name: str | None = None,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a Real World Value Mapping object.

    Parameters
    ----------
    mappings
        One or several, each for all the images: linear, or by table.
    source
        The images whose stored values are mapped; they give patient and study.
    referenced_frame_numbers
        A print list such as `1-2,4 : 1`, the n-th part for the n-th image; empty for all of it.
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
        When there is no mapping or no image, or two mappings have the same label.

    References
    ----------
    PS3.3 A.46, C.28.1, C.7.6.16.2.11.
    """
    many = (mappings,) if isinstance(mappings, RealWorldMapping) else tuple(mappings)
    images = sources.load(source)
    _check(many, images)
    composition = Composition(
        SOP_CLASS_UID,
        kind="real_world_value_mapping",
        sources=images,
        template=template(template_file),
        overrides=overrides,
    )
    composition.patient()
    composition.study()
    composition.series("RWV", number=series_number, description=series_description)
    composition.equipment()
    composition.content_moment()
    content_identification(
        composition, instance_number, content_label, content_description, content_creator_name
    )
    references = image_references(
        (one.data_set for one in images), parse_number_lists(referenced_frame_numbers)
    )
    composition.give(
        "ReferencedImageRealWorldValueMappingSequence",
        [
            {
                "ReferencedImageSequence": [one.item() for one in references],
                "RealWorldValueMappingSequence": [
                    one.item(signed=_signed(images), floating=_floating(images)) for one in many
                ],
            }
        ],
    )
    add_common_instance_reference(composition, references)
    return composition.finish()


@checked
def read_real_world_value_mapping(mapping: Dataset | str | Path) -> list[MappedImages]:
    """Read a Real World Value Mapping object.

    Parameters
    ----------
    mapping
        The object, or its file.

    Returns
    -------
    list of MappedImages
        Mappings and the images that they are for.

    Raises
    ------
    InvalidAttribute
        When the object has no mappings, or one of them says neither slope nor table.
    NotFound
        When there is no such file.
    InvalidDicom
        When it is no DICOM file, or cannot be read to its end.

    References
    ----------
    PS3.3 C.28.1.
    """
    data_set = data_set_of_file(mapping)
    items: Sequence[Dataset] = data_set.get("ReferencedImageRealWorldValueMappingSequence") or ()
    if not items:
        raise InvalidAttribute(
            "Referenced Image Real World Value Mapping Sequence is missing or empty: this is no "
            "real world value mapping.",
            0x00409094,
        )
    return [
        MappedImages(
            tuple(
                RealWorldMapping.read(one)
                for one in item.get("RealWorldValueMappingSequence") or ()
            ),
            tuple(item.get("ReferencedImageSequence") or ()),
        )
        for item in items
    ]


def _check(mappings: Sequence[RealWorldMapping], images: sources.Sources) -> None:
    if not mappings:
        raise CannotCompose("There is no mapping; give one.", tag=0x00409096, module=_MODULE)
    if not any("Rows" in one.data_set for one in images):
        raise CannotCompose(
            "The source has no images; give those whose values are mapped.",
            tag=0x00081140,
            module=_MODULE,
        )
    labels = [one.label for one in mappings]
    if len(set(labels)) < len(labels):
        raise CannotCompose(
            f"Several mappings have the same label among {sorted(labels)}; call each differently.",
            tag=0x00409210,
            module=_MODULE,
        )


def _signed(images: sources.Sources) -> bool:
    return any(whole_number_of(one.data_set, "PixelRepresentation", otherwise=0) for one in images)


def _floating(images: sources.Sources) -> bool:
    """Whether stored values are floating point numbers: 32 or 64 bits without a sign."""
    return any(
        whole_number_of(one.data_set, "BitsAllocated", otherwise=0) in (32, 64)
        and "PixelRepresentation" not in one.data_set
        for one in images
    )
