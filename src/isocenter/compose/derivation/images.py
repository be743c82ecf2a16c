"""The images of a derived series, one object for each slice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.composition import Provenance
from isocenter.compose.derivation import tables as derivation_tables
from isocenter.compose.derivation.attributes import Changes, Plan, place
from isocenter.compose.derivation.codes import SOURCE_IMAGE
from isocenter.compose.derivation.header_bytes import HeaderBytes
from isocenter.compose.derivation.headers import DerivedHeader, DerivedHeaders
from isocenter.compose.derivation.operations import Result
from isocenter.compose.derivation.quantisation import StoredForm
from isocenter.compose.derivation.source_images import EXTREMES, SourceImage
from isocenter.compose.derivation.source_series import SourceSeries
from isocenter.compose.left_out import LeftOut
from isocenter.dicom import Header, new_uid, tags
from isocenter.dicom.encoding import Buffer

__all__ = ["ClassicImages", "DerivedImage", "DerivedImages", "source_item"]

_INSTANCE_NUMBER = 0x00200013
_MOMENTS = ("AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime")
_IMAGE_INDEX = 0x00541330


@dataclass(frozen=True, slots=True)
class DerivedImage:
    """One object, ready to be written.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid
        Which it is.
    head
        Its data set up to Pixel Data, in Explicit VR Little Endian, in pieces.
    frames
        Stored values of each frame, made when they are asked for.
    number_of_frames, frame_bytes, bits_allocated
        How many, and how large.
    source_name
        What the header was copied from.
    provenance
        Where the values came from that were not copied.
    left_out
        What the source says wrongly and the image can be without.
    """

    sop_class_uid: str
    sop_instance_uid: str
    head: Sequence[Buffer]
    frames: Iterable[NDArray[Any]]
    number_of_frames: int
    frame_bytes: int
    bits_allocated: int
    source_name: str
    provenance: Mapping[int, Provenance]
    left_out: tuple[LeftOut, ...]


class DerivedImages(Protocol):
    """The objects of a derived series."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[DerivedImage]: ...

    def left_out(self) -> Iterator[LeftOut]:
        """Yield what all sources say wrongly and the images can be without."""
        ...


class ClassicImages:
    """Images of one frame each, with headers edited from those of their nearest sources.

    Parameters
    ----------
    series
        What they are derived from.
    result
        Their pixels.
    plan
        What they have in common.
    keep_private
        True for all private attributes, or the creators whose are kept.
    """

    def __init__(
        self,
        series: SourceSeries,
        result: Result,
        plan: Plan,
        keep_private: bool | Sequence[str] = False,
    ) -> None:
        self._series = series
        self._result = result
        self._plan = plan
        self._headers = DerivedHeaders(plan, keep_private)
        self._uids = [new_uid() for _ in range(len(result.frames))]
        self._items: dict[int, Dataset] = {}
        self._left_out: dict[int, tuple[LeftOut, ...]] = {}

    def __len__(self) -> int:
        return len(self._uids)

    def __iter__(self) -> Iterator[DerivedImage]:
        return map(self._image, range(len(self)))

    def left_out(self) -> Iterator[LeftOut]:
        """Yield what all sources say wrongly; images that were not made yet need no pixels."""
        for number in range(len(self)):
            if number not in self._left_out:
                base = self._base(number)
                self._header(number, base, self._own(number, base.header))
            yield from self._left_out[number]

    def _base(self, number: int) -> SourceImage:
        return self._series.slices[self._result.sources[number][0]].image

    def _header(self, number: int, base: SourceImage, own: Changes) -> DerivedHeader:
        made = self._headers.derived(base.head(), own, base.name)
        self._left_out[number] = made.left_out
        return made

    def _image(self, number: int) -> DerivedImage:
        plan, base = self._plan, self._base(number)
        stored = plan.form.stored(self._result.frames[number])
        own = self._own(number, base.header)
        if not plan.color and not base.header.values.keys().isdisjoint(EXTREMES):
            _extremes(own, stored, plan.form)
        header = self._header(number, base, own)
        return DerivedImage(
            sop_class_uid=plan.sop_class_uid,
            sop_instance_uid=self._uids[number],
            head=header.pieces,
            frames=(stored,),
            number_of_frames=1,
            frame_bytes=stored.nbytes,
            bits_allocated=plan.form.bits_allocated,
            source_name=base.name,
            provenance=header.provenance,
            left_out=header.left_out,
        )

    def _own(self, number: int, header: Header) -> Changes:
        """Return what differs from image to image."""
        changes, result = Changes(), self._result
        changes.generate("SOPInstanceUID", self._uids[number], "new instance")
        sources = result.sources[number]
        changes.generate(
            "SourceImageSequence",
            [self._item(one) for one in sources],
            "what went into the pixels (CID 7202)",
        )
        if not self._keeps_numbers:
            changes.generate("InstanceNumber", number + 1, "in the order of the normal")
        if result.planes is not None:
            place(changes, result.planes[number], located=tags.SliceLocation in header.values)
            if _IMAGE_INDEX in header.values:
                changes.generate("ImageIndex", number + 1, "in the order of the normal")
                changes.generate("NumberOfSlices", len(self), "how many there are")
        if len(sources) > 1:
            self._merge(changes, sources)
        return changes

    def _item(self, number: int) -> Dataset:
        if number not in self._items:
            one = self._series.slices[number]
            self._items[number] = source_item([one.image], [])
        return self._items[number]

    @cached_property
    def _keeps_numbers(self) -> bool:
        """Whether each image has the Instance Number of its one source."""
        numbers = [one.image.header.integer(_INSTANCE_NUMBER) for one in self._series.slices]
        unique = None not in numbers and len(set(numbers)) == len(numbers)
        return unique and self._result.planes is None

    def _merge(self, changes: Changes, sources: Sequence[int]) -> None:
        """Leave out what the sources of an image do not agree on; it began with the first."""
        for tag in self._varying:
            changes.removed.setdefault(tag, "differs among the sources")
        headers = [self._series.slices[one].image.header for one in sources]
        for keyword in _MOMENTS:
            tag = values.tag_of(keyword)
            found = [text for header in headers if (text := header.text(tag))]
            changes.removed.pop(tag, None)
            if found and len(set(found)) > 1:
                changes.generate(keyword, min(found), "the first of the sources")

    @cached_property
    def _varying(self) -> frozenset[int]:
        """The attributes whose values differ from source to source, but for what is set anyway."""
        first = HeaderBytes(self._series.slices[0].image.head()).elements()
        found: set[int] = set()
        for one in self._series.slices[1:]:
            present = HeaderBytes(one.image.head()).elements()
            found |= {tag for tag, data in present.items() if first.get(tag) != data}
            found |= first.keys() - present.keys()
        return frozenset(found) - derivation_tables.tags_of(derivation_tables.PLACED)


def source_item(images: Sequence[SourceImage], frames: Sequence[int]) -> Dataset:
    """Return the item of Source Image Sequence that refers to an image (PS3.3 C.12.4)."""
    item = Dataset()
    item.ReferencedSOPClassUID = images[0].header.sop_class_uid
    item.ReferencedSOPInstanceUID = images[0].header.sop_instance_uid
    if frames:
        item.ReferencedFrameNumber = list(frames)
    item.PurposeOfReferenceCodeSequence = [SOURCE_IMAGE.item()]
    return item


def _extremes(changes: Changes, stored: NDArray[Any], form: StoredForm) -> None:
    """Say the smallest and largest stored value that is no padding."""
    known = stored
    if form.padding is not None:
        known = stored[stored != form.padding]
    if not known.size:
        changes.remove(["SmallestImagePixelValue", "LargestImagePixelValue"], "all is padding")
        return
    vr = "SS" if form.signed else "US"
    changes.generate("SmallestImagePixelValue", int(known.min()), "the new pixels", vr=vr)
    changes.generate("LargestImagePixelValue", int(known.max()), "the new pixels", vr=vr)
