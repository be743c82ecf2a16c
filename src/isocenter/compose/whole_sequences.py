"""Sequences of sources that are none, or break off inside: refused before anything asks for them.

pydicom reads items when they are asked for first, which may be anywhere. Looking at the bytes takes
a small part of the time of reading them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any, cast

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from isocenter.compose.reading import is_sequence, items_in
from isocenter.compose.repeated_items import RepeatedItems
from isocenter.dicom.elements import element_spans, item_contents
from isocenter.dicom.encoding import EXPLICIT_LITTLE, MAXIMUM_DEPTH, Layout
from isocenter.dicom.places import ElementPlace
from isocenter.errors import InvalidDicom, LimitExceeded

__all__ = ["check_encoded", "check_sequences"]

_LAYOUTS = {
    (implicit, little): Layout(implicit=implicit, little_endian=little)
    for implicit in (False, True)
    for little in (False, True)
}


def check_sequences(data_set: Dataset, name: str) -> None:
    """Refuse a data set with a sequence that holds no items, or whose bytes break off inside.

    Parameters
    ----------
    data_set
        What was read; pixel data are not looked at.
    name
        How messages call it.

    Raises
    ------
    InvalidAttribute
        At the first of such sequences.
    InvalidDicom
        When they nest too deeply.
    """
    if all(_is_whole(one) for one in data_set.values() if is_sequence(int(one.tag))):
        return
    try:
        _check(data_set, name)
    except RecursionError as error:
        raise InvalidDicom(f"{name}: its sequences are nested too deeply to be read.") from error


def check_encoded(data: bytes, read: Callable[[bytes], Dataset], name: str) -> None:
    """Refuse a data set in Explicit VR Little Endian, as `check_sequences` does.

    Parameters
    ----------
    data
        Its bytes, up to its pixel data.
    read
        Makes a data set of them, where they look odd.
    name
        How messages call it.

    Raises
    ------
    InvalidDicom
        As `check_sequences` does.
    """
    try:
        whole = _are_elements(data, EXPLICIT_LITTLE, (0, len(data)), 0)
    except (InvalidDicom, LimitExceeded, struct.error):
        whole = False
    if not whole:
        check_sequences(read(data), name)


def _check(data_set: Dataset, name: str) -> None:
    """Read all sequences: what looks odd may be readable all the same."""
    for stored in list(data_set.values()):
        if is_sequence(int(stored.tag)):
            for item in items_in(data_set, stored.tag, name):
                _check(item, name)


def _is_whole(stored: DataElement | RawDataElement) -> bool:
    """Tell whether a sequence can surely be read."""
    tag = int(stored.tag)
    if isinstance(stored, RawDataElement):
        layout = _LAYOUTS[stored.is_implicit_VR, stored.is_little_endian]
        return stored.VR in ("SQ", None) and _holds_items(stored.value or b"", layout, tag)
    value: Any = stored.value
    if isinstance(value, RepeatedItems):  # made here, of items that are whole
        return True
    items = cast("Iterable[Dataset]", value or ())
    return stored.VR == "SQ" and all(
        _is_whole(one) for item in items for one in item.values() if is_sequence(int(one.tag))
    )


def _holds_items(data: bytes, layout: Layout, tag: int) -> bool:
    try:
        return _are_items(data, layout, tag, (0, len(data)), 0)
    except (InvalidDicom, LimitExceeded, struct.error):
        return False


def _are_items(data: bytes, layout: Layout, tag: int, within: tuple[int, int], depth: int) -> bool:
    """Tell whether items stand from one offset to another, and in their sequences, too."""
    offset, end = within
    place = ElementPlace(tag, "SQ", offset, end - offset, implicit=layout.implicit)
    contents = item_contents(data, layout, place)
    return all(_are_elements(data, layout, content, depth + 1) for content in contents)


def _are_elements(data: bytes, layout: Layout, within: tuple[int, int], depth: int) -> bool:
    """Tell whether all sequences between elements from one offset to another hold items."""
    begin = 8 if layout.implicit else 12
    for tag, first, last in element_spans(data, layout, offset=within[0], end=within[1]):
        if not is_sequence(tag):
            continue
        told = layout.implicit or data[first + 4 : first + 6] == b"SQ"
        if not told or depth > MAXIMUM_DEPTH:
            return False
        if not _are_items(data, layout, tag, (first + begin, last), depth):
            return False
    return True
