"""Whether a presentation state fits its images (PS3.3 C.10, C.11): each rule a clear refusal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from isocenter.compose.presentation.shown_images import ShownImage, check_frames
from isocenter.compose.source_numbers import whole_number_of
from isocenter.errors import CannotCompose
from isocenter.pixels.presentation import (
    DisplayedArea,
    GraphicAnnotation,
    Overlay,
    PresentationState,
    ReferencedImage,
    Units,
    VoiSelection,
)
from isocenter.pixels.presentation.spellings import Point

__all__ = ["check_state"]

_CODE_STRING = re.compile(r"[A-Z0-9_ ]{1,16}")
_LONGEST_TEXT = 1024
_LONGEST_DESCRIPTION = 64


def check_state(content: PresentationState, images: Sequence[ShownImage]) -> None:
    """Refuse content that does not fit the images or itself.

    Parameters
    ----------
    content
        Completed.
    images
        What it is for.

    Raises
    ------
    CannotCompose
        At the first thing that cannot be right; it names attribute and module.
    """
    _check_identification(content)
    _check_layers(content)
    _check_references(content, images)
    for annotation in content.annotations:
        _check_annotation(annotation, _meant(annotation.images, images))
    _check_compounds(content)
    _check_areas(content.displayed_areas, images)
    _check_overlays(content, images)
    if images[0].colour:
        _check_colour(content, images[0])
    else:
        _check_mask(content, images)


def _check_code_string(text: str, name: str, tag: int, module: str) -> None:
    if not _CODE_STRING.fullmatch(text):
        raise CannotCompose(
            f"{name} is {text!r}; expected 1 to 16 capitals, digits, blanks and underscores.",
            tag=tag,
            module=module,
        )


def _check_identification(content: PresentationState) -> None:
    module = "Presentation State Identification"
    _check_code_string(content.label, "ContentLabel", 0x00700080, module)
    if len(content.description) > _LONGEST_DESCRIPTION:
        raise CannotCompose(
            f"ContentDescription has {len(content.description)} characters; at most "
            f"{_LONGEST_DESCRIPTION} fit.",
            tag=0x00700081,
            module=module,
        )


def _check_layers(content: PresentationState) -> None:
    module = "Graphic Layer"
    names = [layer.name for layer in content.layers]
    for name in names:
        _check_code_string(name, "GraphicLayer", 0x00700002, module)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise CannotCompose(
            f"The layer {twice[0]} is described twice; describe it once.",
            tag=0x00700002,
            module=module,
        )
    used = [*content.annotations, *content.overlays, *content.activations]
    for one in used:
        if one.layer not in names and (one.layer or isinstance(one, GraphicAnnotation)):
            known = ", ".join(names) or "none"
            raise CannotCompose(
                f"The layer {one.layer!r} is unknown; described are {known}.",
                tag=0x00700002,
                module=module,
            )


def _check_references(content: PresentationState, images: Sequence[ShownImage]) -> None:
    """Refuse frames that an image does not have, or that are not meant at all."""
    by_uid = {image.uid: image for image in images}
    for one in (*content.annotations, *content.displayed_areas, *(content.voi or ())):
        for reference in one.images:
            image = by_uid[reference.sop_instance_uid]
            check_frames(reference, len(image.frames))
            meant = image.reference.frames
            beside = [number for number in reference.frames if meant and number not in meant]
            if beside:
                raise CannotCompose(
                    f"Frame {beside[0]} of {image.uid} is referred to, and the presentation state "
                    f"is for its frames {', '.join(map(str, meant))}.",
                    tag=0x00081160,
                    module="Presentation State Relationship",
                )


def _meant(references: Sequence[ReferencedImage], images: Sequence[ShownImage]) -> list[ShownImage]:
    uids = {reference.sop_instance_uid for reference in references}
    return [image for image in images if not uids or image.uid in uids]


def _check_annotation(annotation: GraphicAnnotation, images: Sequence[ShownImage]) -> None:
    if not annotation.texts and not annotation.graphics:
        raise CannotCompose(
            f"An annotation of layer {annotation.layer} has neither text nor graphics; give one.",
            tag=0x00700001,
            module="Graphic Annotation",
        )
    for text in annotation.texts:
        if not 0 < len(text.text) <= _LONGEST_TEXT:
            raise CannotCompose(
                f"A text has {len(text.text)} characters; expected 1 to {_LONGEST_TEXT}.",
                tag=0x00700006,
                module="Graphic Annotation",
            )
        if any("\ud800" <= character <= "\udfff" for character in text.text):
            raise CannotCompose(
                "A text has unpaired surrogates, which no character set of DICOM holds; give valid "
                "Unicode text.",
                tag=0x00700006,
                module="Graphic Annotation",
            )
    for units, what, points, tag in _coordinates(annotation):
        _check_coordinates(units, what, points, tag, images)


def _coordinates(
    annotation: GraphicAnnotation,
) -> Iterable[tuple[Units, str, Sequence[Point], int]]:
    for text in annotation.texts:
        if text.top_left is not None and text.bottom_right is not None:
            yield text.box_units, "text box", (text.top_left, text.bottom_right), 0x00700010
        if text.anchor is not None:
            yield text.anchor_units, "text anchor", (text.anchor,), 0x00700014
    for graphic in annotation.graphics:
        compound = graphic.compound_id
        what = graphic.type if compound is None else f"{graphic.type} of compound {compound}"
        yield graphic.units, what, graphic.points, 0x00700022
    for compound in annotation.compounds:
        yield compound.units, f"compound {compound.type}", compound.points, 0x00700022


def _check_coordinates(
    units: Units, what: str, points: Sequence[Point], tag: int, images: Sequence[ShownImage]
) -> None:
    """Refuse what lies outside (PS3.3 Table C.10-5: values must be within the range)."""
    if units is Units.MATRIX:
        slides = all("TotalPixelMatrixColumns" in image.data_set for image in images)
        limits = [_matrix_size(image) for image in images] if slides else []
        if not slides or what.startswith("compound"):
            raise CannotCompose(
                f"A {what} counts the total pixel matrix (MATRIX), which only text and plain "
                "graphics over slide images do; use PIXEL.",
                tag=tag,
                module="Graphic Annotation",
            )
    elif units is Units.DISPLAY:
        limits = [(1, 1)]
    else:
        limits = list({(image.columns, image.rows) for image in images})
    xs, ys = [x for x, _ in points], [y for _, y in points]
    right, bottom = min(width for width, _ in limits), min(height for _, height in limits)
    if min(xs) < 0 or min(ys) < 0 or max(xs) > right or max(ys) > bottom:
        outside = next(p for p in points if not (0 <= p[0] <= right and 0 <= p[1] <= bottom))
        place = "the displayed area" if units is Units.DISPLAY else "the image"
        raise CannotCompose(
            f"A {what} has the point {outside[0]:g},{outside[1]:g} outside of {place}; in {units} "
            f"units expected 0,0 to {right},{bottom}.",
            tag=tag,
            module="Graphic Annotation",
        )


def _matrix_size(image: ShownImage) -> tuple[int, int]:
    return whole_number_of(image.data_set, "TotalPixelMatrixColumns"), whole_number_of(
        image.data_set, "TotalPixelMatrixRows"
    )


def _check_compounds(content: PresentationState) -> None:
    compounds = [one for annotation in content.annotations for one in annotation.compounds]
    twice = [n for n, count in Counter(c.instance_id for c in compounds).items() if count > 1]
    if twice:
        raise CannotCompose(
            f"Two compound graphics have the number {twice[0]}; number each differently, or give "
            "0 to have them numbered.",
            tag=0x00700226,
            module="Graphic Annotation",
        )
    groups = {group.group_id for group in content.groups}
    for annotation in content.annotations:
        for one in (*annotation.texts, *annotation.graphics, *annotation.compounds):
            if one.group_id is not None and one.group_id not in groups:
                raise CannotCompose(
                    f"The group {one.group_id} is unknown; describe it in groups.",
                    tag=0x00700295,
                    module="Graphic Group",
                )


def _check_areas(areas: Sequence[DisplayedArea], images: Sequence[ShownImage]) -> None:
    for image in images:
        for frame in image.meant:
            if not any(_covers(area, image.uid, frame.number) for area in areas):
                raise CannotCompose(
                    f"Frame {frame.number} of {image.uid} has no displayed area; give one, or one "
                    "for all.",
                    tag=0x0070005A,
                    module="Displayed Area",
                )


def _covers(one: DisplayedArea | VoiSelection, uid: str, frame: int) -> bool:
    return not one.images or any(image.covers(uid, frame) for image in one.images)


def _check_overlays(content: PresentationState, images: Sequence[ShownImage]) -> None:
    groups = [overlay.group for overlay in content.overlays]
    bitmap = content.shutter.bitmap if content.shutter else None
    if bitmap is not None and bitmap.overlay_group not in groups:
        raise CannotCompose(
            f"The shutter is the overlay of group {bitmap.overlay_group:04X}, which is not among "
            "the overlays; add it.",
            tag=0x00181623,
            module="Bitmap Display Shutter",
        )
    groups += [active.group for active in content.activations]
    twice = [group for group, count in Counter(groups).items() if count > 1]
    if twice:
        raise CannotCompose(
            f"Two overlays have the group {twice[0]:04X}; give each its own.",
            tag=(twice[0] << 16) + 0x3000,
            module="Overlay Plane",
        )
    own = {0x6000 + 2 * o.index for image in images for o in image.frames[0].model.overlays}
    for active in content.activations:
        if active.group not in own:
            raise CannotCompose(
                f"No image has an overlay of group {active.group:04X} to activate.",
                tag=(active.group << 16) + 0x1001,
                module="Overlay Activation",
            )
    for overlay in content.overlays:
        _check_overlay(overlay)


def _check_overlay(overlay: Overlay) -> None:
    rows, columns = overlay.bits.shape
    if overlay.kind not in ("G", "R") or max(rows, columns) > np.iinfo(np.uint16).max:
        raise CannotCompose(
            f"The overlay of group {overlay.group:04X} is of type {overlay.kind!r} with {rows} "
            f"rows and {columns} columns; expected G or R with at most 65535 of each.",
            tag=(overlay.group << 16) + 0x40,
            module="Overlay Plane",
        )


def _check_colour(content: PresentationState, image: ShownImage) -> None:
    for what, said, tag in (
        ("windows or VOI LUTs", content.voi, 0x00283110),
        ("a modality transformation", content.modality, 0x00281052),
        ("a presentation LUT", content.presentation, 0x20500020),
        ("mask subtraction", content.mask, 0x00286100),
    ):
        if said:
            raise CannotCompose(
                f"{image.uid} has colour, and {what} can only be for gray images; leave that out: "
                "the object becomes a Color Softcopy Presentation State.",
                tag=tag,
                module="Presentation State Relationship",
            )


def _check_mask(content: PresentationState, images: Sequence[ShownImage]) -> None:
    mask = content.mask
    if mask is None:
        return
    if len(images) > 1 or len(images[0].frames) < 2:
        raise CannotCompose(
            f"Mask subtraction is for one image of several frames; there are {len(images)} "
            f"images, the first of {len(images[0].frames)} frames.",
            tag=0x00286100,
            module="Mask",
        )
    count = len(images[0].frames)
    wrong = [n for n in (*mask.mask_frames, *mask.frame_range) if not 1 <= n <= count]
    if wrong:
        raise CannotCompose(
            f"Mask subtraction names frame {wrong[0]}; the image has {count}.",
            tag=0x00286110,
            module="Mask",
        )
