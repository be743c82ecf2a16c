"""Original Attributes Sequence (0400,0561): what stood in an object before it was changed.

Previous values are kept as the bytes they were. For attributes that were not there before the
standard has no place; a private element names them, so that a correction can be taken back exactly.
"""

from __future__ import annotations

import datetime
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from isocenter.compose.correction.value_encoding import encoded_element
from isocenter.dicom.elements import element_spans, item_contents
from isocenter.dicom.encoding import Buffer, Layout
from isocenter.dicom.places import find_element
from isocenter.errors import CannotCompose

__all__ = ["ORIGINAL_ATTRIBUTES", "PREVIOUS_SOURCE", "Modification", "added_item", "removed_item"]

ORIGINAL_ATTRIBUTES = 0x04000561
PREVIOUS_SOURCE = 0x04000564
_MODIFIED_ATTRIBUTES = 0x04000550
_PRIVATE_CREATOR = 0x04010010
_ADDED = 0x04011001
_CREATOR = "ISOCENTER"


@dataclass(frozen=True, slots=True)
class Modification:
    """Why attributes were changed, and whose values they were.

    Parameters
    ----------
    reason
        CORRECT or COERCE.
    previous_source
        Source of Previous Values (0400,0564); empty if unknown.
    system
        Modifying System (0400,0563).
    moment
        Attribute Modification DateTime (0400,0562); one for all objects of a correction.
    """

    reason: str
    previous_source: str = ""
    system: str = "ISOCENTER"
    moment: datetime.datetime = field(default_factory=datetime.datetime.now)


def added_item(
    present: bytes,
    layout: Layout,
    character_set: Sequence[str],
    previous: Mapping[int, bytes],
    added: Sequence[int],
    modification: Modification,
) -> bytes:
    """Return the encoded sequence with one more item.

    Parameters
    ----------
    present
        The sequence as it is, an encoded element; empty where there is none.
    layout
        How the data set is laid out.
    character_set
        The values of its Specific Character Set (0008,0005).
    previous
        By tag, the elements as they were, in ascending order.
    added
        Tags of attributes that were not there before.
    modification
        Why.
    """
    content = _sequence(_MODIFIED_ATTRIBUTES, [b"".join(previous.values())], layout)
    content += _circumstances(modification, tuple(added), layout, tuple(character_set))
    return _sequence(ORIGINAL_ATTRIBUTES, [*_items(present, layout), content], layout)


@lru_cache(16)  # the same for nearly all objects of a correction
def _circumstances(
    modification: Modification, added: tuple[int, ...], layout: Layout, term: tuple[str, ...]
) -> bytes:
    """Encode why attributes were changed, by what and when, and which were not there before."""
    content = b"".join(
        encoded_element(tag, value, layout, term)
        for tag, value in (
            (0x04000562, modification.moment.strftime("%Y%m%d%H%M%S.%f")),
            (0x04000563, modification.system),
            (PREVIOUS_SOURCE, modification.previous_source),
            (0x04000565, modification.reason),
        )
    )
    if added:
        content += encoded_element(_PRIVATE_CREATOR, _CREATOR, layout, term, vr="LO")
        content += encoded_element(_ADDED, list(added), layout, term, vr="AT")
    return content


def removed_item(head: bytes, layout: Layout) -> dict[int, Buffer | None]:
    """Return the changes that take the last item's correction back, the item itself included.

    Raises
    ------
    CannotCompose
        When nothing was ever corrected.
    """
    items = _items(head, layout)
    if not items:
        raise CannotCompose(
            "There is no correction to take back: the sequence is missing or empty.",
            tag=ORIGINAL_ATTRIBUTES,
            module="SOP Common",
        )
    last = items.pop()
    changes: dict[int, Buffer | None] = dict.fromkeys(_added_tags(last, layout))
    place = find_element(last, layout, _MODIFIED_ATTRIBUTES)
    for begin, end in item_contents(last, layout, place) if place is not None else ():
        for tag, start, stop in element_spans(last, layout, offset=begin, end=end):
            changes[tag] = last[start:stop]
    # A correction that moved all text into another character set kept them as they were.
    earlier = _sequence(ORIGINAL_ATTRIBUTES, items, layout) if items else None
    changes.setdefault(ORIGINAL_ATTRIBUTES, earlier)
    return changes


def _added_tags(item: bytes, layout: Layout) -> list[int]:
    creator = find_element(item, layout, _PRIVATE_CREATOR)
    place = find_element(item, layout, _ADDED)
    if creator is None or place is None:
        return []
    name = item[creator.offset : creator.offset + creator.length].strip(b" \0")
    if name != _CREATOR.encode("ascii"):
        return []
    numbers = struct.unpack_from(f"{layout.order}{place.length // 2}H", item, place.offset)
    return [group << 16 | element for group, element in zip(*[iter(numbers)] * 2, strict=True)]


def _items(head: bytes, layout: Layout) -> list[bytes]:
    place = find_element(head, layout, ORIGINAL_ATTRIBUTES)
    if place is None:
        return []
    return [head[begin:end] for begin, end in item_contents(head, layout, place)]


def _sequence(tag: int, contents: Sequence[bytes], layout: Layout) -> bytes:
    """Encode a sequence of defined length from the encoded contents of its items."""
    value = b"".join(
        struct.pack(f"{layout.order}HHI", 0xFFFE, 0xE000, len(content)) + content
        for content in contents
    )
    group, element = tag >> 16, tag & 0xFFFF
    if layout.implicit:
        return struct.pack(f"{layout.order}HHI", group, element, len(value)) + value
    return struct.pack(f"{layout.order}HH2sHI", group, element, b"SQ", 0, len(value)) + value
