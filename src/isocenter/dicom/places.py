"""Find elements in the bytes of a data set by their tags, however deep they are."""

import re
import struct
from dataclasses import dataclass

from isocenter.dicom.encoding import (
    UNDEFINED_LENGTH,
    Buffer,
    Layout,
    actual_layout,
    element_value,
    item_implicit,
    skip_undefined,
)
from isocenter.dicom.json_values import WORD_SIZES
from isocenter.dicom.transfer_syntaxes import TransferSyntax
from isocenter.errors import NotFound

_PATH = re.compile(r"(?:[0-9A-Fa-f]{8}/[0-9]{1,9}/)*[0-9A-Fa-f]{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ElementPlace:
    """Where the value of an element stands.

    Parameters
    ----------
    tag
        Which element it is.
    vr
        As the bytes say; empty in Implicit VR.
    offset, length
        Of the value; for an undefined length, with the Sequence Delimitation Item.
    undefined
        Whether the length is undefined: it is a sequence, or fragments of pixel data.
    implicit
        Whether items in the value are in Implicit VR.
    word_size
        How many bytes have to be swapped to read the value in little endian; 1 if none.
    """

    tag: int
    vr: str
    offset: int
    length: int
    undefined: bool = False
    implicit: bool = False
    word_size: int = 1


def find_element(
    data: Buffer,
    layout: Layout,
    tag: int,
    *,
    offset: int = 0,
    end: int | None = None,
    implicit: bool | None = None,
) -> ElementPlace | None:
    """Find an element among those of one data set, not in its sequences.

    Parameters
    ----------
    data
        Where the data set stands.
    layout
        How it is laid out.
    tag
        The element.
    offset, end
        Where the data set begins and ends; without an end, it ends with `data` or an Item
        Delimitation Item.
    implicit
        Whether it is in Implicit VR, if not as the layout says.

    Returns
    -------
    ElementPlace or None
        None if it has no such element, or `data` ends before.
    """
    implicit = layout.implicit if implicit is None else implicit
    wanted = layout.raw_tag(tag)
    limit = len(data) if end is None else end
    try:
        while offset < limit:
            raw, _ = layout.unpack_item(data, offset)
            if raw == layout.item_end:
                return None
            start, length, inner = element_value(data, offset, layout, implicit)
            undefined = length == UNDEFINED_LENGTH
            following = start + length
            if undefined:
                following = skip_undefined(data, start, layout, implicit=inner)
            if raw == wanted:
                return _place(data, layout, tag, (offset, start, following), undefined, inner)
            offset = following
    except struct.error:
        pass
    return None


def _place(
    data: Buffer,
    layout: Layout,
    tag: int,
    offsets: tuple[int, int, int],
    undefined: bool,
    implicit: bool,
) -> ElementPlace:
    offset, start, end = offsets
    vr = ""
    if not implicit or start - offset == 12:
        vr = layout.vr_text(layout.unpack_element(data, offset)[1])
    word_size = 1 if layout.little_endian or undefined else WORD_SIZES.get(vr, 1)
    return ElementPlace(tag, vr, start, end - start, undefined, implicit, word_size)


def locate(data: Buffer, transfer_syntax: TransferSyntax, path: str) -> ElementPlace:
    """Find the value that a bulk data link of the JSON model names.

    Parameters
    ----------
    data
        The data set, without File Meta Information, inflated.
    transfer_syntax
        How it is labelled.
    path
        Tags in eight hexadecimal digits and numbers of items from 0, such as
        `00081140/0/00091010`.

    Returns
    -------
    ElementPlace
        With offsets in `data`.

    Raises
    ------
    NotFound
        If the path is malformed, leads nowhere or into something that is no sequence.
    InvalidDicom
        If the bytes break the encoding rules.
    """
    if len(path) > _LONGEST_PATH or not _PATH.fullmatch(path):
        raise NotFound(f"{path[:80]!r} is no path to a value, such as 00081140/0/00091010")
    layout = actual_layout(data, transfer_syntax)
    steps = path.split("/")
    offset, end, implicit = 0, len(data), layout.implicit
    for tag, number in zip(steps[:-1:2], steps[1::2], strict=True):
        place = find_element(data, layout, int(tag, 16), offset=offset, end=end, implicit=implicit)
        if place is None:
            raise NotFound(f"the object has no sequence at {path!r}")
        offset, end = _item(data, layout, place, int(number))
        implicit = item_implicit(data, offset, layout, place.implicit)
    found = find_element(
        data, layout, int(steps[-1], 16), offset=offset, end=end, implicit=implicit
    )
    if found is None or found.offset + found.length > len(data):
        raise NotFound(f"the object has no value at {path!r}")
    return found


_LONGEST_PATH = 2048


def _item(data: Buffer, layout: Layout, place: ElementPlace, number: int) -> tuple[int, int]:
    """Find where an item begins and ends; one of undefined length ends with its sequence."""
    offset, end = place.offset, min(place.offset + place.length, len(data))
    try:
        while offset < end:
            raw, length = layout.unpack_item(data, offset)
            if raw != layout.item:
                break
            offset += 8
            following = offset + length
            if length == UNDEFINED_LENGTH:
                implicit = item_implicit(data, offset, layout, place.implicit)
                following = _item_end(data, layout, offset, implicit)
            if number == 0:
                return offset, min(following, end)
            number -= 1
            offset = following
    except struct.error:
        pass  # what is no sequence has no items either
    raise NotFound(f"the sequence ({place.tag:08X}) has no such item")


def _item_end(data: Buffer, layout: Layout, offset: int, implicit: bool) -> int:
    """Find where an item of undefined length ends, behind its delimiter."""
    while layout.unpack_item(data, offset)[0] != layout.item_end:
        start, length, inner = element_value(data, offset, layout, implicit)
        offset = start + length
        if length == UNDEFINED_LENGTH:
            offset = skip_undefined(data, start, layout, implicit=inner)
    return offset + 8
