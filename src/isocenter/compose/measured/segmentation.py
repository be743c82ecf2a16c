"""Segmentations and Label Map Segmentations (PS3.3 A.51, A.91), from masks on the grid of a series.

highdicom builds the frames and their functional groups; patient, study, templates and overrides
are inherited as for every kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from isocenter.compose import sources
from isocenter.compose.argument_types import checked
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.content_identification import content_identification
from isocenter.compose.highdicom_objects import building, carry, module, take_back_spacing
from isocenter.compose.label_maps import read_grid
from isocenter.compose.measured.frame_objects import add_header, frame_arguments
from isocenter.compose.measured.segments import Segment, SegmentAlgorithm
from isocenter.compose.measured.source_frames import SourceFrames, source_frames
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.templates import Template, template
from isocenter.errors import CannotCompose

__all__ = ["SegmentationKind", "segmentation"]

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP_SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.66.7"
_MODULE = "Segmentation Image"
_PIXEL_DATA = 0x7FE00010
_GIVEN = ("SegmentSequence", "SegmentationType", "SegmentationFractionalType", "PixelData")


class SegmentationKind(Enum):
    """Segmentation Type (0062,0001)."""

    BINARY = "BINARY"
    FRACTIONAL = "FRACTIONAL"
    LABELMAP = "LABELMAP"


@dataclass(frozen=True, slots=True)
class _Content:
    """What is marked where: an array for highdicom, and the label of each segment."""

    array: NDArray[Any]
    labels: tuple[int, ...]


@checked
def segmentation(
    mask: Any,
    *,
    source: SourceLike | Sources,
    segments: Mapping[int, Segment] | Sequence[Segment] | None = None,
    kind: SegmentationKind | str = SegmentationKind.BINARY,
    algorithm_name: str = "",
    fractional_type: str = "PROBABILITY",
    omit_empty_frames: bool = True,
    content_label: str = "SEGMENTATION",
    content_description: str | None = None,
    content_creator_name: str | None = None,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a Segmentation, or a Label Map Segmentation.

    Parameters
    ----------
    mask
        What is marked on the source's frames, slices in their geometric order. An array of shape
        (slices, rows, columns): bool for one segment, whole numbers for a label map (0 is
        background), or from 0 to 1 for one fractional segment. Of shape (slices, rows, columns,
        segments), segments may overlap. Or a NIfTI, MetaImage or NRRD file or SimpleITK image on
        the grid of the source.
    source
        The images that were segmented, a series or one multi-frame image: gives patient, study,
        frame of reference and geometry.
    segments
        By label, or in the order of labels from 1; what is left out is called `Segment 1` and so
        on.
    kind
        BINARY, FRACTIONAL or LABELMAP. A label map keeps its labels as segment numbers; the others
        are numbered from 1 in the order of labels.
    algorithm_name
        The algorithm that made the segments of which `segments` says nothing; they are MANUAL
        without.
    fractional_type
        PROBABILITY or OCCUPANCY: what a fraction means.
    omit_empty_frames
        Whether frames in which a segment is nowhere are left out.
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
        When the mask does not lie on the source's grid, marks nothing that is known, has values
        that its kind does not, or a segment is described wrongly.

    References
    ----------
    PS3.3 A.51, A.91, C.8.20.
    """
    kind = _kind(kind)
    meaning = _fractional_type(fractional_type, kind)
    loaded = sources.load(source)
    frames = source_frames(loaded)
    content = _content(_array(mask, frames, kind), frames, kind, segments)
    composition = Composition(
        LABEL_MAP_SOP_CLASS_UID if kind is SegmentationKind.LABELMAP else SOP_CLASS_UID,
        kind="segmentation",
        sources=loaded,
        template=template(template_file),
        overrides=overrides,
    )
    add_header(composition, "SEG", number=series_number, description=series_description)
    content_identification(
        composition, instance_number, content_label, content_description, content_creator_name
    )
    described = _described(content.labels, segments, kind, algorithm_name)
    with building(_MODULE, _PIXEL_DATA):
        built = module("seg").Segmentation(
            **frame_arguments(frames, content.array, composition),
            segmentation_type=kind.value,
            segment_descriptions=described,
            fractional_type=meaning,
            omit_empty_frames=omit_empty_frames and bool(content.array.any()),
        )
    take_back_spacing(built, frames.images)
    composition.remove("Laterality")  # each segment says it
    carry(composition, built, given=_GIVEN)
    if frames.stack is None:
        composition.copy_or_empty(("PatientOrientation",))
    return composition.finish()


def _refused(message: str, tag: int = _PIXEL_DATA) -> CannotCompose:
    return CannotCompose(message, tag=tag, module=_MODULE)


def _kind(kind: SegmentationKind | str) -> SegmentationKind:
    try:
        return SegmentationKind(kind.upper() if isinstance(kind, str) else kind)
    except ValueError as error:
        expected = ", ".join(one.value for one in SegmentationKind)
        raise _refused(
            f"{kind!r} is no Segmentation Type; expected one of {expected}.", 0x00620001
        ) from error


def _fractional_type(text: str, kind: SegmentationKind) -> str:
    """Return Segmentation Fractional Type (0062,0010)."""
    meaning = text.upper()
    if kind is SegmentationKind.FRACTIONAL and meaning not in ("PROBABILITY", "OCCUPANCY"):
        raise _refused(
            f"{meaning!r} is no fractional type; expected PROBABILITY or OCCUPANCY.", 0x00620010
        )
    return meaning


def _array(mask: Any, frames: SourceFrames, kind: SegmentationKind) -> NDArray[Any]:
    """Return the mask as an array of 3 or 4 dimensions on the grid of the source."""
    if isinstance(mask, np.ndarray):
        array = cast("NDArray[Any]", mask)
        if array.ndim == 2:
            array = array[np.newaxis]
    else:
        whole = kind is not SegmentationKind.FRACTIONAL
        array = read_grid(mask, source=frames.stack, whole_numbers=whole)
    if array.ndim not in (3, 4) or array.shape[:3] != frames.shape:
        raise _refused(
            f"The mask has the shape {array.shape}, the source {frames.shape} (slices, rows, "
            "columns); give a mask on the grid of the source."
        )
    if array.dtype.kind not in "buif":
        raise _refused(f"A mask of type {array.dtype} is not understood; give numbers.")
    return array


def _content(
    array: NDArray[Any],
    frames: SourceFrames,
    kind: SegmentationKind,
    segments: Mapping[int, Segment] | Sequence[Segment] | None,
) -> _Content:
    if kind is SegmentationKind.FRACTIONAL:
        return _fractions(array)
    if array.dtype.kind == "f":
        if not np.array_equal(array, np.rint(array)):
            raise _refused(
                f"The mask has fractions, which {kind.value} has not; threshold it, or choose "
                "FRACTIONAL."
            )
        array = array.astype(np.int64)
    if array.ndim == 4:
        return _overlapping(array, kind)
    return _labelled(array, kind, segments)


def _fractions(array: NDArray[Any]) -> _Content:
    if array.size and not (np.min(array) >= 0 and np.max(array) <= 1):
        raise _refused(
            f"The fractions lie between {np.min(array):g} and {np.max(array):g}; expected 0 to 1."
        )
    array = array.astype(np.float64)
    if array.ndim == 3:
        array = array[..., np.newaxis]
    return _Content(array, tuple(range(1, array.shape[3] + 1)))


def _overlapping(array: NDArray[Any], kind: SegmentationKind) -> _Content:
    if kind is SegmentationKind.LABELMAP:
        raise _refused(
            "A label map has one label a pixel; give an array of shape (slices, rows, columns)."
        )
    if array.size and (np.min(array) < 0 or np.max(array) > 1):
        raise _refused("The masks of several segments have values other than 0 and 1.")
    return _Content(array.astype(np.uint8), tuple(range(1, array.shape[3] + 1)))


def _labelled(
    array: NDArray[Any],
    kind: SegmentationKind,
    segments: Mapping[int, Segment] | Sequence[Segment] | None,
) -> _Content:
    lowest, highest = int(array.min(initial=0)), int(array.max(initial=0))
    if lowest < 0 or highest > 0xFFFF:
        raise _refused(
            f"The mask has the label {lowest if lowest < 0 else highest}; expected 1 to 65535, and "
            "0 for the background.",
            0x00620004,
        )
    if isinstance(segments, Mapping) and not all(0 <= one <= 0xFFFF for one in segments):
        raise _refused(
            "segments describes labels below 0 or above 65535; expected those of the mask, from 1.",
            0x00620004,
        )
    seen = np.zeros(0x10000, np.bool_)
    seen[array.astype(np.uint16, copy=False)] = True
    described = range(1, len(segments) + 1) if isinstance(segments, Sequence) else segments or ()
    labels = sorted({*np.flatnonzero(seen).tolist(), *described} - {0})
    if not labels:
        raise _refused(
            "The mask marks nothing; give the segments that were looked for and not found."
        )
    array = array.astype(np.uint16)
    if kind is not SegmentationKind.LABELMAP and labels[-1] != len(labels):
        numbers = np.zeros(labels[-1] + 1, np.uint16)
        numbers[labels] = np.arange(1, len(labels) + 1)
        array = numbers[array]
    return _Content(array, tuple(labels))


def _described(
    labels: Sequence[int],
    segments: Mapping[int, Segment] | Sequence[Segment] | None,
    kind: SegmentationKind,
    algorithm_name: str,
) -> list[Any]:
    """Return highdicom's description of each label's segment."""
    by_label = dict(segments) if isinstance(segments, Mapping) else {}
    if isinstance(segments, Sequence):
        by_label = dict(enumerate(segments, 1))
        if unknown := [label for label in labels if label not in by_label]:
            raise _refused(
                f"The mask has the label {unknown[0]}, and {len(by_label)} segments are described; "
                "describe each, or give them by label.",
                0x00620004,
            )
    keep = kind is SegmentationKind.LABELMAP
    made = SegmentAlgorithm.AUTOMATIC if algorithm_name else SegmentAlgorithm.MANUAL
    named = {label: f"Segment {label}" for label in labels if label not in by_label}
    for label, name in named.items():
        by_label[label] = Segment(name, algorithm_type=made, algorithm_name=algorithm_name)
    return [
        by_label[label].description(label if keep else number)
        for number, label in enumerate(labels, 1)
    ]
