"""References from a new object to others, and the modules that list them (PS3.3 10.3, C.12.2)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from isocenter.compose import values
from isocenter.compose.composition import Composition
from isocenter.compose.element_values import data_set_of, element
from isocenter.compose.repeated_items import RepeatedItems
from isocenter.compose.sound_values import complaint_of
from isocenter.compose.source_numbers import number_of_frames
from isocenter.errors import CannotCompose

__all__ = [
    "Reference",
    "add_common_instance_reference",
    "evidence_items",
    "image_references",
    "instance_reference",
    "uid_of",
]

_BySeries: TypeAlias = "dict[str, dict[str, Reference]]"
"""References by Series and SOP Instance UID."""

_SOP_CLASS, _SOP_INSTANCE = BaseTag(0x00081150), BaseTag(0x00081155)
_IDENTITY = tuple(map(BaseTag, (0x0020000D, 0x0020000E, 0x00080016, 0x00080018)))


@dataclass(frozen=True, slots=True)
class Reference:
    """One referenced instance, with frames or segments where only some are meant.

    Parameters
    ----------
    study_instance_uid, series_instance_uid, sop_class_uid, sop_instance_uid
        Where it is and what it is.
    frames, segments
        Numbers from 1; empty for the whole instance.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    frames: tuple[int, ...] = ()
    segments: tuple[int, ...] = ()

    @classmethod
    def to(cls, data_set: Dataset) -> Reference:
        """Return a reference to the whole of `data_set`.

        Parameters
        ----------
        data_set
            The object.

        Returns
        -------
        Reference
            With no frames and segments, which means all.

        Raises
        ------
        CannotCompose
            When one of its UIDs is missing, or is none.
        """
        study, series, kind, instance = (_present(data_set, tag) for tag in _IDENTITY)
        # Very many references share the first three.
        intern = sys.intern
        return cls(intern(study), intern(series), intern(kind), instance)

    def whole_item(self) -> Dataset:
        """Return the item of the SOP Instance Reference macro (PS3.3 Table 10-11).

        Returns
        -------
        Dataset
            Referenced SOP Class UID and Referenced SOP Instance UID.
        """
        return data_set_of(
            (_uid(_SOP_CLASS, self.sop_class_uid), _uid(_SOP_INSTANCE, self.sop_instance_uid))
        )

    def item(self) -> Dataset:
        """Return the item of the Image SOP Instance Reference macro (PS3.3 Table 10-3).

        Returns
        -------
        Dataset
            As `whole_item`, with the numbers of frames or segments where some are meant.
        """
        item = self.whole_item()
        if self.frames:
            item.ReferencedFrameNumber = list(self.frames)
        if self.segments:
            item.ReferencedSegmentNumber = list(self.segments)
        return item


def uid_of(data_set: Dataset, tag: int) -> str:
    """Return a UID of a source, which a new object is to repeat; empty where it has none.

    Raises
    ------
    CannotCompose
        When what is there is no UID.
    """
    found = data_set[tag].value if tag in data_set.keys() else None  # noqa: SIM118 - see `sources`
    if found and (not isinstance(found, str) or complaint_of("UI", found)):
        raise CannotCompose(
            f"{values.described(tag)} of {getattr(data_set, 'filename', '') or 'a source'} is no "
            "UID; expected one of at most 64 digits and dots. Correct it there, or leave the "
            "object out.",
            tag=tag,
        )
    return str(found or "")


def _present(data_set: Dataset, tag: int) -> str:
    if uid := uid_of(data_set, tag):
        return uid
    raise CannotCompose(
        f"An object to refer to lacks {values.described(tag)}; give objects that are complete.",
        tag=tag,
        module="Common Instance Reference",
    )


def instance_reference(data_set: Dataset) -> dict[str, Any]:
    """Return the SOP Instance Reference macro (PS3.3 Table 10-11) for an object, by keyword.

    Raises
    ------
    CannotCompose
        When its SOP Class or Instance UID is missing, or is none.
    """
    kind, instance = (_present(data_set, tag) for tag in _IDENTITY[2:])
    return {"ReferencedSOPClassUID": kind, "ReferencedSOPInstanceUID": instance}


def _identified(reference: Reference) -> tuple[str, str]:
    return reference.sop_instance_uid, reference.sop_class_uid


def _uid(tag: BaseTag, uid: str) -> DataElement:
    # Not checked by pydicom, which takes longer than all else: references are where they are made.
    return DataElement(tag, "UI", str.__new__(UID, uid), already_converted=True)


def image_references(
    data_sets: Iterable[Dataset],
    frames: Sequence[Sequence[int]] = (),
    segments: Sequence[Sequence[int]] = (),
) -> list[Reference]:
    """Return a reference to each data set, the n-th with the n-th list of frames and segments.

    Raises
    ------
    CannotCompose
        When there are more lists than objects, a frame does not exist, or frames of a single-frame
        object are named.
    """
    references: list[Reference] = []
    for index, data_set in enumerate(data_sets):
        reference = Reference.to(data_set)
        if index < len(frames):
            _check_frames(data_set, frames[index])
            reference = replace(reference, frames=tuple(frames[index]))
        references.append(reference)
    for name, lists, tag in (("frame", frames, 0x00081160), ("segment", segments, 0x0062000B)):
        if len(lists) > len(references):
            raise CannotCompose(
                f"There are {len(lists)} lists of {name} numbers for {len(references)} references; "
                "give at most one list for each.",
                tag=tag,
            )
    for index, numbers in enumerate(segments):
        references[index] = replace(references[index], segments=tuple(numbers))
    return references


def _check_frames(data_set: Dataset, numbers: Sequence[int]) -> None:
    count = number_of_frames(data_set)
    if numbers and ("NumberOfFrames" not in data_set or max(numbers) > count):
        raise CannotCompose(
            f"Frame {max(numbers)} is referred to, and {data_set.get('SOPInstanceUID')} has "
            f"{count}; "
            "leave the list empty for single-frame objects.",
            tag=0x00081160,
        )


def add_common_instance_reference(
    composition: Composition, references: Iterable[Reference]
) -> None:
    """Add the Common Instance Reference module (PS3.3 C.12.2), each instance once."""
    instances = "ReferencedInstanceSequence"
    studies = _by_study(references)
    if own := studies.pop(str(composition.data_set.StudyInstanceUID), None):
        items = _series_items(own, instances)
        composition.generate("ReferencedSeriesSequence", items, "the references")
    if studies:
        items = [_study_item(uid, series, instances) for uid, series in studies.items()]
        composition.generate(
            "StudiesContainingOtherReferencedInstancesSequence", items, "the references"
        )


def evidence_items(references: Iterable[Reference]) -> list[Dataset]:
    """Return the items of an evidence sequence (PS3.3 Table C.17-3): study, series, instances."""
    studies = _by_study(references)
    return [_study_item(uid, series, "ReferencedSOPSequence") for uid, series in studies.items()]


def _by_study(references: Iterable[Reference]) -> dict[str, _BySeries]:
    """Return the references by study and series, each instance once."""
    studies: dict[str, _BySeries] = {}
    for one in references:
        series = studies.setdefault(one.study_instance_uid, {})
        series.setdefault(one.series_instance_uid, {}).setdefault(one.sop_instance_uid, one)
    return studies


def _study_item(study: str, series: _BySeries, keyword: str) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = study
    item.ReferencedSeriesSequence = _series_items(series, keyword)
    return item


def _series_items(series: _BySeries, keyword: str) -> list[Dataset]:
    """Return an item for each series, which has its instances under `keyword`."""
    return [_series_item(uid, keyword, many.values()) for uid, many in series.items()]


def _series_item(uid: str, keyword: str, references: Iterable[Reference]) -> Dataset:
    whole = RepeatedItems(references, Reference.whole_item, _identified)
    return data_set_of(
        (
            element(values.tag_of("SeriesInstanceUID"), uid),
            element(values.tag_of(keyword), whole),
        )
    )
