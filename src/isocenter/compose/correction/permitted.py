"""What corrections may make of an object: attributes that stay, values, removals."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from io import BytesIO
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from isocenter.compose import values
from isocenter.compose.correction.original_attributes import ORIGINAL_ATTRIBUTES
from isocenter.compose.correction.value_encoding import holds
from isocenter.compose.fixed_attributes import OF_PIXELS
from isocenter.compose.given_values import given_element
from isocenter.compose.private_elements import needs_representation
from isocenter.compose.removals import staying_empty
from isocenter.dicom import Header, tags
from isocenter.dicom.elements import ElementSpan
from isocenter.errors import CannotCompose

__all__ = ["check_removable", "check_value", "permitted", "refuse_fixed"]

_reader: Any = vars(importlib.import_module("pydicom.filereader"))["read_dataset"]
_NEEDED = frozenset((tags.StudyInstanceUID, tags.SeriesInstanceUID))


def refuse_fixed(changed: Iterable[int]) -> None:
    """Refuse to correct what follows from other things.

    Raises
    ------
    CannotCompose
        At the first of the tags that nobody corrects.
    """
    for tag in changed:
        if why := _why_fixed(tag):
            raise CannotCompose(f"{values.described(tag)} is not corrected: {why}.", tag=tag)


@lru_cache(1024)
def _why_fixed(tag: int) -> str:
    if tag >> 16 in (0x0002, 0x7FE0):
        return "it says how the object is encoded"
    if not tag & 0xFFFF:
        return "it follows from the lengths of the attributes of its group"
    return _fixed().get(tag, "")


@cache
def _fixed() -> dict[int, str]:
    of_pixels = (values.tag_of(keyword) for keyword in OF_PIXELS)
    return {
        **dict.fromkeys(of_pixels, "it describes the pixels, which stay as they are"),
        tags.SOPClassUID: "the object would become one of another kind",
        tags.SOPInstanceUID: "other objects refer to it; derive a new object instead",
        ORIGINAL_ATTRIBUTES: "it records the corrections themselves",
    }


def check_value(tag: int, value: Any, sop_class_uid: str = "") -> None:
    """Hold a value against its VR, and against the list that the IOD has of it.

    Raises
    ------
    CannotCompose
        When it is no value of the attribute.
    """
    _check_text(tag, value)
    if isinstance(value, str | int | float):
        _check_plain(tag, value, sop_class_uid)
    elif value is not None and not needs_representation(tag, value):
        given_element(tag, value, sop_class_uid)


def _check_text(tag: int, value: Any) -> None:
    if not holds([value], ["ISO_IR 192"]):
        raise CannotCompose(
            f"The text for {values.described(tag)} has unpaired surrogates, which no character set "
            "of DICOM holds; give valid Unicode text.",
            tag=tag,
        )


@lru_cache(1024)  # one object after another gets the same
def _check_plain(tag: int, value: float | str, sop_class_uid: str) -> None:
    if not needs_representation(tag, value):
        given_element(tag, value, sop_class_uid)


def check_removable(tag: int) -> None:
    """Refuse to remove that by which objects are kept and found.

    Raises
    ------
    CannotCompose
        When no object can be without it.
    """
    if tag in _NEEDED:
        raise CannotCompose(
            f"No object can be without {values.described(tag)}; set it to what is right.", tag=tag
        )


def permitted(
    wanted: Mapping[int, Any], spans: Iterable[ElementSpan], head: bytes, header: Header
) -> dict[int, Any]:
    """Return the changes of an object as its IOD permits them.

    Parameters
    ----------
    wanted
        By tag, the new values; None to remove one. What the IOD demands, empty if unknown
        (Type 2, and 2C where its condition holds), is emptied instead.
    spans
        The elements of the object.
    head
        Its data set up to Pixel Data.
    header
        What a scan found in it. Private and unknown SOP Classes permit every value and removal.

    Raises
    ------
    CannotCompose
        When an attribute is not corrected, a value is not of its list, or one that must have a
        value (Type 1, and 1C where its condition holds) would have none.
    """
    refuse_fixed(wanted)
    emptied = [tag for tag, value in wanted.items() if _is_nothing(value)]
    sound = {tag: _sound(tag, wanted[tag], header.sop_class_uid) for tag in wanted.keys() - emptied}
    wanted = {**wanted, **sound}
    if not emptied:
        return wanted
    present = {tag for tag, *_ in spans}
    removed = {tag for tag in emptied if wanted[tag] is None}
    # What is removed where it is not changes nothing, whatever its type.
    without = {tag: tag in removed for tag in emptied if tag in present or tag not in removed}
    staying = staying_empty(
        without,
        frozenset((present | wanted.keys()) - removed),
        header.sop_class_uid,
        lambda: _after(wanted, head, header),
    )
    return wanted | dict.fromkeys(staying, "")


def _sound(tag: int, value: Any, sop_class_uid: str) -> Any:
    """Return a value that may be, Code Strings in capitals, those in items, too."""
    if values.vr_of(tag) == "SQ" and not isinstance(value, DataElement):
        _check_text(tag, value)
        return given_element(tag, value, sop_class_uid)
    check_value(tag, value, sop_class_uid)
    return values.in_capitals(value, values.vr_of(tag))


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | tuple) and not value)


def _after(wanted: Mapping[int, Any], head: bytes, header: Header) -> Dataset:
    """Return an object as it will be, without its pixels."""
    layout = header.layout
    data_set: Dataset = _reader(BytesIO(head), layout.implicit, layout.little_endian)
    for tag, value in wanted.items():
        data_set.pop(BaseTag(tag), None)
        if value is not None:
            data_set.add(given_element(tag, value))
    if header.pixel_data is not None:
        data_set.add_new(header.pixel_data.tag, "OW", bytes(2))
    return data_set
