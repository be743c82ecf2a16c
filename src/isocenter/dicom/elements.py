"""The elements of a data set as spans of its bytes, and data sets put together from such spans."""

import struct
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TypeAlias

from isocenter.dicom.encoding import (
    UNDEFINED_LENGTH,
    Buffer,
    Layout,
    describe,
    element_value,
    item_implicit,
    skip_undefined,
)
from isocenter.dicom.places import ElementPlace
from isocenter.errors import InvalidDicom

__all__ = ["ElementSpan", "element_spans", "item_contents", "replaced"]


ElementSpan: TypeAlias = "tuple[int, int, int]"
"""The tag of an element, where it begins and where the next one does."""

_GROUP_LENGTH_SIZE = 12  # tag, VR and length, or a length of 32 bits, and a number of 32 bits


def element_spans(
    data: Buffer, layout: Layout, *, offset: int = 0, end: int | None = None
) -> list[ElementSpan]:
    """List the elements of a data set, not those in its sequences.

    Parameters
    ----------
    data
        Where the data set stands.
    layout
        How it is laid out.
    offset, end
        Where it begins and ends; by default all of `data`.

    Raises
    ------
    InvalidDicom
        If an element reaches beyond the end.
    LimitExceeded
        If sequences nest too deep.
    """
    stop = len(data) if end is None else end
    implicit, short = layout.implicit, frozenset[int]() if layout.implicit else layout.short
    unpack, little = layout.unpack_element, layout.little_endian
    spans: list[ElementSpan] = []
    add = spans.append
    try:
        while offset < stop:
            start = offset
            raw, vr, length = unpack(data, offset)
            if vr in short:  # nearly every element of nearly every header
                offset += 8 + length
            else:
                offset = _element_end(data, offset, layout, implicit)
            tag = (raw & 0xFFFF) << 16 | raw >> 16 if little else raw
            add((tag, start, offset))
    except struct.error:
        offset = stop + 1
    if offset > stop:
        raise InvalidDicom(
            f"the data set is truncated: an element reaches beyond its end at offset {stop}"
        )
    return spans


def _element_end(data: Buffer, offset: int, layout: Layout, implicit: bool) -> int:
    offset, length, inner = element_value(data, offset, layout, implicit)
    if length == UNDEFINED_LENGTH:
        return skip_undefined(data, offset, layout, implicit=inner)
    return offset + length


def item_contents(data: Buffer, layout: Layout, place: ElementPlace) -> list[tuple[int, int]]:
    """List where the content of each item of a sequence begins and ends.

    Parameters
    ----------
    data
        Where the sequence stands.
    layout
        How the data set is laid out.
    place
        The sequence.

    Raises
    ------
    InvalidDicom
        If something else stands where an item must.
    """
    contents: list[tuple[int, int]] = []
    offset, stop = place.offset, place.offset + place.length
    try:
        while offset < stop:
            raw, length = layout.unpack_item(data, offset)
            offset += 8
            if raw == layout.sequence_end:
                break
            if raw != layout.item:
                raise InvalidDicom(
                    f"{describe(layout.raw_tag(raw))} stands in {describe(place.tag)}; expected an "
                    "Item (FFFE,E000)"
                )
            start = offset
            if length == UNDEFINED_LENGTH:
                offset = _item_end(data, layout, offset, place.implicit)
                contents.append((start, offset - 8))
            else:
                offset += length
                contents.append((start, offset))
    except struct.error:
        offset = stop + 1
    if offset > stop:
        raise InvalidDicom(f"{describe(place.tag)} ends in the middle of an item")
    return contents


def _item_end(data: Buffer, layout: Layout, offset: int, implicit: bool) -> int:
    implicit = item_implicit(data, offset, layout, implicit)
    while layout.unpack_item(data, offset)[0] != layout.item_end:
        offset = _element_end(data, offset, layout, implicit)
    return offset + 8


def replaced(
    data: Buffer,
    spans: Sequence[ElementSpan],
    changes: Mapping[int, Buffer | None],
    layout: Layout,
) -> list[Buffer]:
    """Put a data set together anew, with some elements replaced, added or left out.

    Group Length elements (gggg,0000), retired as they are (PS3.5 7.2), grow and shrink by as much
    as their groups do, so that a change and its opposite leave them as they were.

    Parameters
    ----------
    data
        The bytes that `spans` speak of.
    spans
        The elements, in the order of their tags.
    changes
        By tag, the encoded element to stand there; None to leave it out.
    layout
        How the data set is laid out.

    Returns
    -------
    list of Buffer
        Pieces to write one after the other; unchanged stretches are views of `data`.
    """
    view = memoryview(data)
    position, end = (spans[0][1], spans[-1][2]) if spans else (0, 0)
    pieces: list[Buffer] = []
    for start, stop, _, new in _edits(data, spans, changes, end, layout):
        pieces += [view[position:start], new or b""]
        position = stop
    pieces.append(view[position:end])
    return [piece for piece in pieces if len(piece)]


def _edits(
    data: Buffer,
    spans: Sequence[ElementSpan],
    changes: Mapping[int, Buffer | None],
    end: int,
    layout: Layout,
) -> list[tuple[int, int, int, Buffer | None]]:
    """List what stands where from where to where, in the order of the bytes."""
    edits = [(start, stop, tag, changes[tag]) for tag, start, stop in spans if tag in changes]
    present = {tag for _, _, tag, _ in edits}
    for tag, new in changes.items():
        if tag not in present and new is not None:
            place = next((start for other, start, _ in spans if other > tag), end)
            edits.append((place, place, tag, new))
    lengths = {tag & 0xFFFF0000 for tag in changes}.difference(changes)
    for tag, start, stop in spans:
        if tag in lengths and stop - start == _GROUP_LENGTH_SIZE:
            length = _adjusted(data, start, edits, tag >> 16, layout)
            edits.append((start, stop, tag, length))
    return sorted(edits, key=itemgetter(0, 1, 2))


def _adjusted(
    data: Buffer,
    start: int,
    edits: Sequence[tuple[int, int, int, Buffer | None]],
    group: int,
    layout: Layout,
) -> bytes:
    """Return the Group Length at `start` after edits of its group."""
    (length,) = layout.unpack_length(data, start + 8)
    for begin, stop, tag, new in edits:
        if tag >> 16 == group:
            length += len(new or b"") - (stop - begin)
    return bytes(data[start : start + 8]) + struct.pack(f"{layout.order}I", length & 0xFFFFFFFF)
