"""What a presentation state takes from its images where its content says nothing."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from isocenter.compose.presentation.shown_images import ShownImage, referenced
from isocenter.errors import CannotCompose
from isocenter.pixels import DisplayedFrame, TabulatedModality, VoiTransform, Window
from isocenter.pixels.presentation import (
    CompoundGraphic,
    DisplayedArea,
    GraphicAnnotation,
    GraphicLayer,
    PresentationState,
    ReferencedImage,
    VoiSelection,
    plain_objects,
)

__all__ = ["completed"]

_Group = TypeVar("_Group", bound=Hashable)
_DEPTHS = (8, 16)
_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"  # VL Whole Slide Microscopy Image Storage


def completed(content: PresentationState, images: Sequence[ShownImage]) -> PresentationState:
    """Return the content with everything that the object needs.

    Parameters
    ----------
    content
        What was given.
    images
        What it is for.

    Returns
    -------
    PresentationState
        With displayed areas, layers, plain renderings of compound graphics and, for gray images,
        the transformations that the images themselves ask for.

    Raises
    ------
    CannotCompose
        When the images ask for different transformations where the object can hold one.
    """
    references = {image.uid: image.reference for image in images}
    content = replace(
        content,
        images=tuple(references.values()),
        layers=_layers(content),
        annotations=_annotations(content.annotations, images, references),
        displayed_areas=tuple(
            content.orientation.arranged(shaped)
            for area in content.displayed_areas or _areas(images)
            for shaped in _shaped(_counted(_resolved(area, references), images), images)
        ),
        voi=tuple(_resolved(one, references) for one in content.voi or ())
        if content.voi is not None or images[0].colour
        else _vois(images),
    )
    if images[0].colour:
        return content
    return _in_words(
        replace(
            content,
            modality=content.modality
            or _shared(images, lambda frame: frame.model.modality, "Modality LUT", 0x00281052),
            presentation=content.presentation
            or _shared(
                images,
                lambda frame: frame.model.presentation,
                "Softcopy Presentation LUT",
                0x20500020,
            ),
        )
    )


def _in_words(content: PresentationState) -> PresentationState:
    """Describe lookup tables by 8 or 16 bits: Modality and VOI LUTs know no others.

    What a VOI LUT gives is spread over its range, so that its entries grow with it; what a Modality
    LUT gives is in units, and stays.
    """
    modality = content.modality
    if isinstance(modality, TabulatedModality) and modality.table.bits not in _DEPTHS:
        modality = TabulatedModality(replace(modality.table, bits=16), modality.units)
    voi = tuple(
        replace(one, transforms=tuple(_spread(each) for each in one.transforms))
        for one in content.voi or ()
    )
    return replace(content, modality=modality, voi=voi)


def _spread(transform: VoiTransform) -> VoiTransform:
    if isinstance(transform, Window) or transform.bits in _DEPTHS:
        return transform
    values = np.floor(transform.values * (0xFFFF / ((1 << transform.bits) - 1)) + 0.5)
    return replace(transform, bits=16, values=values.astype(np.uint16))


_Referring = TypeVar("_Referring", DisplayedArea, VoiSelection, GraphicAnnotation)


def _resolved(one: _Referring, references: dict[str, ReferencedImage]) -> _Referring:
    """Return an item whose references say of which SOP Class the images are."""
    known: list[ReferencedImage] = []
    for image in one.images:
        reference = references.get(image.sop_instance_uid)
        if reference is None:
            raise CannotCompose(
                f"{image.sop_instance_uid} is none of the images that the presentation state is "
                "for; give it as source, too.",
                tag=0x00081140,
                module="Presentation State Relationship",
            )
        known.append(replace(reference, frames=image.frames))
    return replace(one, images=tuple(known))


def _grouped(
    images: Sequence[ShownImage], key: Callable[[DisplayedFrame], _Group]
) -> list[tuple[_Group, tuple[ReferencedImage, ...]]]:
    """Group frames by what `key` says of them; no references where all say the same."""
    groups: dict[_Group, dict[str, list[int]]] = {}
    by_uid = {image.uid: image for image in images}
    for image in images:
        for frame in image.meant:
            groups.setdefault(key(frame), {}).setdefault(image.uid, []).append(frame.number)
    if len(groups) == 1:
        return [(next(iter(groups)), ())]
    return [
        (one, tuple(referenced(by_uid[uid], numbers) for uid, numbers in members.items()))
        for one, members in groups.items()
    ]


def _areas(images: Sequence[ShownImage]) -> tuple[DisplayedArea, ...]:
    """Show all of each image, as large as fits."""
    return tuple(
        DisplayedArea(
            top_left=(1, 1),
            bottom_right=(columns, rows),
            spacing=spacing,
            aspect=aspect,
            images=members,
        )
        for (rows, columns, spacing, aspect), members in _grouped(images, _size_and_shape)
    )


def _counted(area: DisplayedArea, images: Sequence[ShownImage]) -> DisplayedArea:
    """Say of an area on a slide that its corners count one frame, unless it says what else."""
    meant = area.images or [image.reference for image in images]
    on_slide = any(one.sop_class_uid == _SLIDE for one in meant)
    return replace(area, origin="FRAME") if on_slide and area.origin is None else area


def _shaped(area: DisplayedArea, images: Sequence[ShownImage]) -> Iterator[DisplayedArea]:
    """Say of an area how high and wide its pixels are, one or the other of which must be said."""
    if area.spacing is not None or area.aspect is not None:
        yield area
        return
    by_uid = {image.uid: image for image in images}
    meant = [replace(by_uid[one.sop_instance_uid], reference=one) for one in area.images]
    for (spacing, aspect), members in _grouped(meant or images, _shape):
        yield replace(area, spacing=spacing, aspect=aspect, images=members or area.images)


_Pair = tuple[float, float]


def _shape(frame: DisplayedFrame) -> tuple[_Pair | None, Any]:
    model = frame.model
    spacing = None if model.spacing is None else (model.spacing.row, model.spacing.column)
    return spacing, None if spacing else tuple(int(part) for part in model.aspect)


def _size_and_shape(frame: DisplayedFrame) -> tuple[int, int, _Pair | None, Any]:
    return frame.model.rows, frame.model.columns, *_shape(frame)


def _vois(images: Sequence[ShownImage]) -> tuple[VoiSelection, ...]:
    """Show each image by its own first window or VOI LUT; some may have none."""

    def first(frame: DisplayedFrame) -> VoiTransform | None:
        return frame.voi[0] if frame.voi else None

    return tuple(
        VoiSelection(transforms=(transform,), images=members)
        for transform, members in _grouped(images, first)
        if transform is not None
    )


def _shared(
    images: Sequence[ShownImage], said: Callable[[DisplayedFrame], _Group], module: str, tag: int
) -> _Group:
    """Return what all frames say of themselves: a presentation state holds it once."""
    groups = _grouped(images, said)
    if len(groups) > 1:
        raise CannotCompose(
            f"The images differ: {_first(groups[0][1])} and {_first(groups[1][1])} do not share "
            "this transformation, and a presentation state holds one for all; compose one for "
            "each, or say which it is.",
            tag=tag,
            module=module,
        )
    return groups[0][0]


def _first(images: Sequence[ReferencedImage]) -> str:
    frames = images[0].frames
    return (f"frame {frames[0]} of " if frames else "") + images[0].sop_instance_uid


def _layers(content: PresentationState) -> tuple[GraphicLayer, ...]:
    """Return the layers; where there are none, one for each name that is used."""
    if content.layers:
        return content.layers
    names = [annotation.layer for annotation in content.annotations]
    names += [one.layer for one in (*content.overlays, *content.activations) if one.layer]
    return tuple(
        GraphicLayer(name=name, order=order) for order, name in enumerate(dict.fromkeys(names), 1)
    )


def _annotations(
    annotations: Iterable[GraphicAnnotation],
    images: Sequence[ShownImage],
    references: dict[str, ReferencedImage],
) -> tuple[GraphicAnnotation, ...]:
    """Give compound graphics numbers, and plain renderings to those that have none."""
    kept = [_resolved(annotation, references) for annotation in annotations]
    taken = {compound.instance_id for one in kept for compound in one.compounds}
    free = iter(number for number in range(1, 2**31) if number not in taken)
    by_uid = {image.uid: image for image in images}
    found: list[GraphicAnnotation] = []
    for one in kept:
        image = by_uid[one.images[0].sop_instance_uid] if one.images else images[0]
        compounds = tuple(
            compound if compound.instance_id else replace(compound, instance_id=next(free))
            for compound in one.compounds
        )
        found.append(_with_renderings(replace(one, compounds=compounds), image))
    return tuple(found)


def _with_renderings(annotation: GraphicAnnotation, image: ShownImage) -> GraphicAnnotation:
    rendered = {one.compound_id for one in (*annotation.graphics, *annotation.texts)}
    graphics, texts = list(annotation.graphics), list(annotation.texts)
    for compound in annotation.compounds:
        if compound.instance_id not in rendered:
            more, labels = _rendering(compound, image)
            graphics += more
            texts += labels
    return replace(annotation, graphics=tuple(graphics), texts=tuple(texts))


def _rendering(compound: CompoundGraphic, image: ShownImage) -> tuple[Any, Any]:
    graphics, texts = plain_objects(compound, image.rows, image.columns)
    if not graphics:
        raise CannotCompose(
            f"The compound graphic {compound.type} {compound.instance_id} has no part inside of "
            f"the image of {image.columns} columns and {image.rows} rows.",
            tag=0x00700022,
            module="Graphic Annotation",
        )
    return graphics, texts
