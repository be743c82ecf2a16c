"""Values of an object that have no column: in the items of sequences, and of several values."""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from isocenter.dicom.encoding import Layout
from isocenter.dicom.header import Header
from isocenter.dicom.json_model import data_set_json
from isocenter.dicom.transfer_syntaxes import TransferSyntax
from isocenter.errors import InvalidDicom, LimitExceeded

from .keys import MOST_ITEMS, Key, SequenceKey, sequence_number
from .normal_forms import date_time, folded

__all__ = ["LONGEST_SEARCH", "LONGEST_VALUE", "FurtherValue", "sequence_values", "storable"]

LONGEST_VALUE = 4096
"""Characters of a value."""
LONGEST_SEARCH = 512
"""Characters of a normal form: PostgreSQL indexes no more than 2,700 bytes."""

_SPECIFIC_CHARACTER_SET = 0x00080005


@dataclass(frozen=True, slots=True)
class FurtherValue:
    """A value that has no column.

    That is one inside a sequence (PS3.5 7.5), a second value of an attribute, and any of an
    attribute that few objects have.

    Parameters
    ----------
    sequence_tag
        The sequence, as `sequence_number` numbers it, or 0 for a value of `tag` itself.
    item
        Number of the item, from 0; values of one item can be matched together. Items of a sequence
        within an item count on from `MOST_ITEMS` times its number. Of an attribute itself, the
        number of the value, from 0; the one that has a column is not here.
    tag
        The attribute.
    value
        As the object has it; of an attribute itself, all its values.
    search
        Its normal form.
    """

    sequence_tag: int
    item: int
    tag: int
    value: str
    search: str


def storable(text: str) -> str:
    """Leave out what no database takes as text: NUL, and halves of characters."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def sequence_values(sequence: SequenceKey, raw: bytes, header: Header) -> tuple[FurtherValue, ...]:
    """Decode what can be matched in the items of a sequence; nothing of one that is damaged.

    Parameters
    ----------
    sequence
        Which one.
    raw
        Its value field.
    header
        The header that has it.

    Returns
    -------
    tuple of FurtherValue
        Those of sequences inside the items, too.
    """
    characters = header.values.get(_SPECIFIC_CHARACTER_SET, b"")
    decode = _decoded if len(raw) > LONGEST_VALUE else _remembered
    try:
        return decode(sequence, raw, characters, header.transfer_syntax, header.layout)
    except (InvalidDicom, LimitExceeded):  # the file keeps it; only searching goes without
        return ()


def _decoded(
    sequence: SequenceKey, raw: bytes, characters: bytes, syntax: TransferSyntax, layout: Layout
) -> tuple[FurtherValue, ...]:
    element = _element(_SPECIFIC_CHARACTER_SET, b"CS", characters, layout) if characters else b""
    element += _element(sequence.tag, b"SQ", raw, layout)
    decoded = json.loads(data_set_json(element, syntax, bulk_data_uri=""))
    return tuple(_values(sequence, (sequence.tag,), _content(decoded, sequence), 0))


_remembered = lru_cache(1024)(_decoded)


def _values(
    sequence: SequenceKey, path: tuple[int, ...], items: Sequence[Any], first: int
) -> Iterator[FurtherValue]:
    number = sequence_number(*path)
    for place, item in enumerate(items[:MOST_ITEMS], first):
        for key in sequence.items:
            value = next(iter(_content(item, key)), None)
            if value is not None:
                text = storable(str(value))[:LONGEST_VALUE]
                yield FurtherValue(number, place, key.tag, text, _normal_form(key, text))
        for inner in sequence.inner:
            if below := _content(item, inner):
                yield from _values(inner, (*path, inner.tag), below, place * MOST_ITEMS)


def _content(item: Any, key: Key | SequenceKey) -> Sequence[Any]:
    """Give what stands under `Value` in DICOM JSON (PS3.18 F.2.2)."""
    return item.get(f"{key.tag:08X}", {}).get("Value", ())


def _normal_form(key: Key, text: str) -> str:
    if key.vr == "DT":
        span = date_time(text)
        return span[0] if span else ""
    return folded(text)[:LONGEST_SEARCH]


def _element(tag: int, vr: bytes, value: bytes, layout: Layout) -> bytes:
    """Write an element anew in the layout that it was read in."""
    order, group, number = layout.order, tag >> 16, tag & 0xFFFF
    if layout.implicit:
        return struct.pack(f"{order}HHI", group, number, len(value)) + value
    if vr == b"SQ":
        return struct.pack(f"{order}HH2sHI", group, number, vr, 0, len(value)) + value
    return struct.pack(f"{order}HH2sH", group, number, vr, len(value)) + value
