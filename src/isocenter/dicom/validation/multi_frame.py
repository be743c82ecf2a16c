"""Frames: their number, what is said of each, and functional groups (PS3.3 C.7.6.6, C.7.6.16)."""

from typing import Final

from isocenter.dicom import dictionary, tags
from isocenter.dicom.iod import IOD
from isocenter.dicom.validation.findings import Findings, Rule
from isocenter.dicom.validation.items import Item

__all__ = ["check_frames"]

_MODULE: Final = "Multi-frame"
_GROUPS_MODULE: Final = "Multi-frame Functional Groups"
# Functional groups that an IOD demands of all its images, by parts of the IOD's name.
_PATIENT_GEOMETRY: Final = (
    tags.PixelMeasuresSequence,
    tags.PlanePositionSequence,
    tags.PlaneOrientationSequence,
)
_DEMANDED: Final = {
    "Enhanced CT Image": (*_PATIENT_GEOMETRY, tags.CTImageFrameTypeSequence),
    "Enhanced MR Image": (*_PATIENT_GEOMETRY, tags.MRImageFrameTypeSequence),
    "Enhanced PET Image": (*_PATIENT_GEOMETRY, tags.PETFrameTypeSequence),
    "Segmentation": (tags.SegmentIdentificationSequence,),
    "Parametric Map": (tags.RealWorldValueMappingSequence, tags.ParametricMapFrameTypeSequence),
}


def check_frames(item: Item, iod: IOD | None, findings: Findings) -> None:
    """Compare the number of frames with everything that is said of each frame."""
    frames = item.integer(tags.NumberOfFrames)
    if frames is not None and frames < 1:
        findings.error(item, tags.NumberOfFrames, Rule.VALUE, str(frames), "1 or more",
                       "Give the number of frames", module=_MODULE)  # fmt: skip
        return
    _check_vectors(item, frames or 1, findings)
    _check_increment(item, findings)
    if tags.PerFrameFunctionalGroupsSequence in item.elements:
        _check_groups(item, frames or 1, iod, findings)


def _check_vectors(item: Item, frames: int, findings: Findings) -> None:
    for tag in (tags.FrameTimeVector, tags.GridFrameOffsetVector):
        element = item.get(tag)
        if element is not None and not element.is_empty and len(element.values) != frames:
            findings.error(item, tag, Rule.CONSISTENCY, f"{len(element.values)} values",
                           f"one for each of {frames} frames", "Give as many values as frames",
                           module=_MODULE)  # fmt: skip


def _check_increment(item: Item, findings: Findings) -> None:
    element = item.get(tags.FrameIncrementPointer)
    for value in element.values if element else ():
        if isinstance(value, int) and value not in item.elements:
            findings.error(item, tags.FrameIncrementPointer, Rule.CONSISTENCY,
                           f"a pointer to {dictionary.keyword(value) or f'{value:08X}'}, not there",
                           "an attribute of this data set", "Add it or correct the pointer",
                           module=_MODULE)  # fmt: skip


def _check_groups(item: Item, frames: int, iod: IOD | None, findings: Findings) -> None:
    per_frame = item.items(tags.PerFrameFunctionalGroupsSequence)
    shared = item.items(tags.SharedFunctionalGroupsSequence)
    if len(per_frame) != frames:
        findings.error(item, tags.PerFrameFunctionalGroupsSequence, Rule.ITEMS,
                       f"{len(per_frame)} items", f"one for each of {frames} frames",
                       "Describe each frame once", module=_GROUPS_MODULE)  # fmt: skip
    if len(shared) > 1:
        findings.error(item, tags.SharedFunctionalGroupsSequence, Rule.ITEMS,
                       f"{len(shared)} items", "a single item", "Keep one item",
                       module=_GROUPS_MODULE)  # fmt: skip
    common = set(shared[0].elements) if shared else set[int]()
    for frame in per_frame:
        for tag in common & set(frame.elements):
            findings.error(frame, tag, Rule.CONSISTENCY, "per frame and shared", "one of both",
                           "Keep the functional group in one place",
                           module=_GROUPS_MODULE)  # fmt: skip
    for tag in _demanded(item, iod):
        if tag not in common and any(tag not in frame.elements for frame in per_frame):
            findings.error(item, tag, Rule.MISSING, "neither shared nor in every frame",
                           "a functional group that this IOD demands",
                           f"Add {dictionary.name(tag)}", module=_GROUPS_MODULE)  # fmt: skip


def _demanded(item: Item, iod: IOD | None) -> tuple[int, ...]:
    if item.text(tags.SegmentationType) == "LABELMAP":
        return ()  # its frames show all segments (PS3.3 A.51.5.1)
    return _DEMANDED.get(iod.name if iod else "", ())
