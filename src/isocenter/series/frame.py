"""One image of a series: where it lies, where its pixels are, and what its header says."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose.element_values import checked_element, prepared
from isocenter.compose.planes import Plane
from isocenter.compose.values import decimals, described, tag_of, vr_of
from isocenter.dicom import tags
from isocenter.errors import CannotCompose
from isocenter.series.numbers import number_of
from isocenter.series.stored_image import StoredImage

__all__ = ["Frame", "check_settable", "frames_of"]

_PLACE = {"ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"}
_GROUPS = (tags.SharedFunctionalGroupsSequence, tags.PerFrameFunctionalGroupsSequence)
_UNSTORED = object()
_DECIDED = frozenset(
    {
        *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID"),
        *("Rows", "Columns", "SamplesPerPixel", "PlanarConfiguration", "NumberOfFrames"),
        *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"),
        *("RescaleSlope", "RescaleIntercept"),
    }
)
"""What is decided when images are written."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image, or what several have in common.

    Parameters
    ----------
    stored
        The object that it came from; None for what was never DICOM.
    number
        Which of its frames, from 1.
    plane
        Where it lies; None where nothing says so.
    changes
        Values set since, by tag.
    members
        The images that it stands for, when it is what several became: it has the attributes that
        all of them have with the same value.
    """

    stored: StoredImage | None = None
    number: int = 1
    plane: Plane | None = None
    changes: Mapping[int, Any] = field(default_factory=dict[int, Any])
    members: tuple[Frame, ...] = ()

    def value(self, tag: int) -> Any:
        """Return an attribute's value as pydicom gives it; None where it is absent."""
        if tag in self.changes:
            return _element_value(tag, self.changes[tag])
        if (placed := self._placed(tag)) is not _UNSTORED:
            return placed
        if self.members:
            first = self.members[0].value(tag)
            return first if all(one.value(tag) == first for one in self.members[1:]) else None
        if self.stored is None:
            return None
        for item in self._items():
            if tag in item:
                return item[tag].value
        return None

    def number_of(self, tag: int) -> float | None:
        """Return an attribute's first value as a number, from the scan where that suffices."""
        if self.stored is None or self.members or self.stored.is_multi_frame or tag in self.changes:
            return _as_number(tag, self.value(tag))
        return self.stored.number(tag)

    def changed(self, tag: int, value: Any) -> Frame:
        """Return this image with one attribute set; one that places it moves it."""
        changes = {**self.changes, tag: checked_element(tag, value).value}
        if described(tag).split()[0] not in _PLACE:
            return replace(self, changes=changes)
        moved = self.header()
        moved.add_new(tag, vr_of(tag), prepared(tag, value))
        plane = self.plane
        rows, columns = (plane.rows, plane.columns) if plane else (moved.Rows, moved.Columns)
        moved.Rows, moved.Columns = rows, columns
        return replace(self, plane=Plane.of(moved))

    def header(self) -> Dataset:
        """Return the header as that of a single-frame image, without pixel data."""
        if self.members:
            result = _in_common([member.header() for member in self.members])
        else:
            result = Dataset()
            for item in reversed(list(self._items())):
                result.update(item)
            result = copy.deepcopy(result)
        if self.plane is not None:
            _place(result, self.plane)
        for tag, value in self.changes.items():
            result.add_new(tag, vr_of(tag), prepared(tag, value))
        return result

    def sources(self) -> Iterator[StoredImage]:
        """Give each stored object that it was made from once."""
        seen: set[int] = set()
        for frame in self.members or (self,):
            for image in frame.sources() if frame.members else (frame.stored,):
                if image is not None and id(image) not in seen:
                    seen.add(id(image))
                    yield image

    def _placed(self, tag: int) -> Any:
        """Answer what the plane knows better than the stored header does."""
        plane, keyword = self.plane, described(tag).split()[0]
        if plane is None:
            return _UNSTORED
        answers: dict[str, Any] = {"Rows": plane.rows, "Columns": plane.columns}
        if keyword in answers:
            return answers[keyword]
        if keyword not in _PLACE:
            return _UNSTORED
        return _element_value(tag, _place_values(plane)[keyword])

    def _items(self) -> Iterator[Dataset]:
        """Give the data sets in which an attribute of this frame may stand, the nearest first."""
        if self.stored is None:
            return
        root = self.stored.data_set
        if self.stored.is_multi_frame:
            shared, own = (_items_of(root, one) for one in _GROUPS)
            if self.number <= len(own):
                yield from _group_items(own[self.number - 1])
            if len(shared):
                yield from _group_items(shared[0])
            root = _without(root, (*_GROUPS, tags.NumberOfFrames))
        yield root


def check_settable(tag: int) -> None:
    """Refuse an attribute that is decided when a series is written.

    Raises
    ------
    CannotCompose
        When it says how values are stored, or is the identity of one object.
    """
    if described(tag).split()[0] in _DECIDED:
        raise CannotCompose(
            f"{described(tag)} follows from the values when they are written, and cannot be set; "
            "change the values.",
            tag=tag,
        )


def frames_of(stored: StoredImage) -> list[Frame]:
    """Return the images of an object, each with its plane where it has one."""
    if not stored.is_multi_frame:
        return [Frame(stored, 1, _plane_by_scan(stored))]
    frames = [Frame(stored, number) for number in range(1, stored.number_of_frames + 1)]
    offsets: Any = stored.data_set.get("GridFrameOffsetVector")
    if offsets:
        return _by_offsets(frames, [float(one) for one in offsets])
    return [replace(frame, plane=_plane_of_frame(stored, frame.number)) for frame in frames]


def _by_offsets(frames: list[Frame], offsets: list[float]) -> list[Frame]:
    """Place the frames of a dose grid (PS3.3 C.8.8.3.2)."""
    plane = _plane_of(frames[0].header())
    if plane is None or len(offsets) != len(frames):
        return frames
    relative = offsets[0] if offsets[0] == 0 else float(plane.position[2])
    return [
        replace(
            frame,
            plane=replace(plane, position=plane.position + (offset - relative) * plane.normal),
        )
        for frame, offset in zip(frames, offsets, strict=True)
    ]


def _plane_by_scan(stored: StoredImage) -> Plane | None:
    """Read the plane from the scanned values, without pydicom."""
    wanted = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    if stored.description is None or not all(stored.values.get(tag_of(one)) for one in wanted):
        return None
    position, orientation, spacing = (stored.numbers(tag_of(one)) for one in wanted)
    return Plane.from_values(
        position,
        orientation,
        spacing,
        (stored.description.rows, stored.description.columns),
        name=stored.name,
    )


def _plane_of(header: Dataset) -> Plane | None:
    return Plane.of(header) if all(header.get(one) for one in _PLACE) else None


def _plane_of_frame(stored: StoredImage, number: int) -> Plane | None:
    try:
        return Plane.of_frame(stored.data_set, number)
    except CannotCompose:  # multi-frame ultrasound and captures lie nowhere
        return None


def _items_of(data_set: Dataset, tag: int) -> list[Dataset]:
    return list(data_set[tag].value) if tag in data_set else []


def _group_items(groups: Dataset) -> Iterator[Dataset]:
    for element in groups:
        if element.VR == "SQ" and len(element.value):
            yield element.value[0]


def _without(data_set: Dataset, left_out: tuple[int, ...]) -> Dataset:
    kept = Dataset()
    for element in data_set:
        if element.tag not in left_out:
            kept.add(element)
    return kept


def _in_common(headers: list[Dataset]) -> Dataset:
    first = headers[0]
    kept = Dataset()
    for element in first:
        if all(element.tag in one and one[element.tag] == element for one in headers[1:]):
            kept.add(element)
    return kept


def _place_values(plane: Plane) -> dict[str, list[float]]:
    return {
        "ImagePositionPatient": [float(one) for one in plane.position],
        "ImageOrientationPatient": [float(one) for one in (*plane.along_row, *plane.along_column)],
        "PixelSpacing": [float(one) for one in plane.spacing],
    }


def _place(header: Dataset, plane: Plane) -> None:
    for keyword, numbers in _place_values(plane).items():
        header.add_new(tag_of(keyword), "DS", decimals(numbers))
    header.Rows, header.Columns = plane.rows, plane.columns


def _element_value(tag: int, value: Any) -> Any:
    holder = Dataset()
    holder.add_new(tag, vr_of(tag), prepared(tag, value))
    return holder[tag].value


def _as_number(tag: int, value: Any) -> float | None:
    if value is None or value == "":
        return None
    if isinstance(value, str | int | float):
        return number_of(tag, str(value).encode()) if isinstance(value, str) else float(value)
    try:
        return float(value[0])
    except (TypeError, ValueError, IndexError):
        return None
