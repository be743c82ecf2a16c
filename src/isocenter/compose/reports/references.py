"""Content items that refer to images, waveforms and other objects (PS3.3 C.18.3 to C.18.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from isocenter.compose.codes import Code
from isocenter.compose.reading import value_of
from isocenter.compose.references import Reference
from isocenter.compose.reports.content import ContentItem, concept_name
from isocenter.compose.reports.coordinates import many
from isocenter.dicom import is_valid_uid

__all__ = ["Composite", "Image", "Waveform", "kind_of_reference", "reference_to"]


@dataclass(frozen=True, slots=True)
class Composite(ContentItem):
    """COMPOSITE: a reference to an object that is neither image nor waveform.

    Parameters
    ----------
    name
        The purpose of the reference; None for none.
    reference
        The object. Study and series may be empty: those of the sources are looked up.
    """

    value_type: ClassVar[str] = "COMPOSITE"

    name: Code | None
    reference: Reference

    def attributes(self) -> dict[str, Any]:
        """Return Referenced SOP Sequence (0008,1199).

        Returns
        -------
        dict
            By keyword.
        """
        return {"ReferencedSOPSequence": [self.reference.item()]}

    @classmethod
    def arguments(cls, item: Dataset) -> dict[str, Any]:
        """Return purpose and reference.

        Parameters
        ----------
        item
            An item of Content Sequence (0040,A730).

        Returns
        -------
        dict
            As `ContentItem.arguments` gives them.
        """
        return {"name": concept_name(item), "reference": _read_reference(_referenced(item))}

    def faults(self) -> Iterator[str]:
        """Yield references without UIDs.

        Yields
        ------
        str
            As `ContentItem.faults` does.
        """
        yield from ContentItem.faults(self)
        yield from _reference_faults(self.reference)
        if self.value_type != "IMAGE" and (self.reference.frames or self.reference.segments):
            yield "names frames or segments, which images have"

    def referenced(self) -> Iterator[Reference]:
        """Yield every instance that the item refers to.

        Yields
        ------
        Reference
            The object.
        """
        yield self.reference


@dataclass(frozen=True, slots=True)
class Image(Composite):
    """IMAGE: a reference to an image, or to frames or segments of it.

    Parameters
    ----------
    name
        The purpose of the reference; None for none.
    reference
        The image. Study and series may be empty: those of the sources are looked up.
    presentation_state
        The presentation state to show it in.
    value_mapping
        The Real World Value Mapping that its values are to be read with.
    """

    value_type: ClassVar[str] = "IMAGE"

    presentation_state: Reference | None = None
    value_mapping: Reference | None = None

    def attributes(self) -> dict[str, Any]:
        """Return Referenced SOP Sequence (0008,1199) with what the image is shown by.

        Returns
        -------
        dict
            By keyword.
        """
        item = self.reference.item()
        for one in (self.presentation_state, self.value_mapping):
            if one is not None:
                nested = list(value_of(item, "ReferencedSOPSequence") or ())
                item.ReferencedSOPSequence = [*nested, one.item()]
        return {"ReferencedSOPSequence": [item]}

    @classmethod
    def arguments(cls, item: Dataset) -> dict[str, Any]:
        """Return purpose, reference, and what the image is shown by.

        Parameters
        ----------
        item
            An item of Content Sequence (0040,A730).

        Returns
        -------
        dict
            As `ContentItem.arguments` gives them.
        """
        referenced = _referenced(item)
        nested = [
            _read_reference(one) for one in value_of(referenced, "ReferencedSOPSequence") or ()
        ]
        mappings = [one for one in nested if one.sop_class_uid == _VALUE_MAPPING]
        states = [one for one in nested if one.sop_class_uid != _VALUE_MAPPING]
        return {
            "name": concept_name(item),
            "reference": _read_reference(referenced),
            "presentation_state": states[0] if states else None,
            "value_mapping": mappings[0] if mappings else None,
        }

    def faults(self) -> Iterator[str]:
        """Yield references without UIDs, and frames or segments below 1.

        Yields
        ------
        str
            As `ContentItem.faults` does.
        """
        yield from Composite.faults(self)
        for one in (self.presentation_state, self.value_mapping):
            if one is not None:
                yield from _reference_faults(one)
        if any(number < 1 for number in (*self.reference.frames, *self.reference.segments)):
            yield "names a frame or segment below 1"
        if self.reference.frames and self.reference.segments:
            yield "names frames and segments; give one of both"

    def referenced(self) -> Iterator[Reference]:
        """Yield every instance that the item refers to.

        Yields
        ------
        Reference
            The image, then the presentation state and the value mapping that it is shown by.
        """
        yield self.reference
        yield from filter(None, (self.presentation_state, self.value_mapping))


@dataclass(frozen=True, slots=True)
class Waveform(Composite):
    """WAVEFORM: a reference to a waveform, or to channels of it.

    Parameters
    ----------
    name
        The purpose of the reference; None for none.
    reference
        The waveform. Study and series may be empty: those of the sources are looked up.
    channels
        Multiplex group and channel of each that is meant, numbers from 1; empty for all.
    """

    value_type: ClassVar[str] = "WAVEFORM"

    channels: tuple[tuple[int, int], ...] = ()

    def attributes(self) -> dict[str, Any]:
        """Return Referenced SOP Sequence (0008,1199) with the channels.

        Returns
        -------
        dict
            By keyword.
        """
        item = self.reference.item()
        if self.channels:
            item.ReferencedWaveformChannels = [one for pair in self.channels for one in pair]
        return {"ReferencedSOPSequence": [item]}

    @classmethod
    def arguments(cls, item: Dataset) -> dict[str, Any]:
        """Return purpose, reference and channels.

        Parameters
        ----------
        item
            An item of Content Sequence (0040,A730).

        Returns
        -------
        dict
            As `ContentItem.arguments` gives them; channels as pairs of multiplex group and channel.
        """
        referenced = _referenced(item)
        numbers = [int(one) for one in many(referenced, "ReferencedWaveformChannels")]
        return {
            "name": concept_name(item),
            "reference": _read_reference(referenced),
            "channels": tuple(zip(numbers[::2], numbers[1::2], strict=False)),
        }

    def faults(self) -> Iterator[str]:
        """Yield references without UIDs and channels that cannot be.

        Yields
        ------
        str
            As `ContentItem.faults` does.
        """
        yield from Composite.faults(self)
        if any(number < 1 for pair in self.channels for number in pair):
            yield "names a multiplex group or channel below 1"


_ROWS, _WAVEFORMS = BaseTag(0x00280010), BaseTag(0x54000100)
_VALUE_MAPPING = "1.2.840.10008.5.1.4.1.1.67"


def reference_to(
    data_set: Dataset, name: Code | None = None, reference: Reference | None = None, **more: Any
) -> Composite:
    """Return the item that refers to an object by what it is: image, waveform or another.

    Parameters
    ----------
    data_set
        The object.
    name
        The purpose of the reference; None for none.
    reference
        The reference itself, where only frames or segments of the object are meant.
    more
        What every content item has: `relationship`, `children`, `label`.

    Returns
    -------
    Composite
        An `Image`, a `Waveform` or a plain `Composite`.

    Raises
    ------
    CannotCompose
        When no `reference` is given and one of the UIDs of the object is missing, or is none.
    """
    kind = kind_of_reference(data_set)
    return kind(name, reference or Reference.to(data_set), **more)


def kind_of_reference(data_set: Dataset) -> type[Composite]:
    """Return the class of the items that refer to an object."""
    present = data_set.keys()  # asking the data set itself is slow
    if _ROWS in present:
        return Image
    return Waveform if _WAVEFORMS in present else Composite


def _referenced(item: Dataset) -> Dataset:
    return next(iter(value_of(item, "ReferencedSOPSequence") or ()), Dataset())


def _read_reference(item: Dataset) -> Reference:
    return Reference(
        "",
        "",
        str(value_of(item, "ReferencedSOPClassUID") or ""),
        str(value_of(item, "ReferencedSOPInstanceUID") or ""),
        tuple(int(one) for one in many(item, "ReferencedFrameNumber")),
        tuple(int(one) for one in many(item, "ReferencedSegmentNumber")),
    )


def _reference_faults(reference: Reference) -> Iterator[str]:
    if not (is_valid_uid(reference.sop_class_uid) and is_valid_uid(reference.sop_instance_uid)):
        yield "refers to an object without valid SOP Class and Instance UID"
