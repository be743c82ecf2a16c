"""The header of a source image as bytes: what stands in it, what no derived image takes over."""

from __future__ import annotations

import importlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset

from isocenter.compose.copied_items import items_of
from isocenter.compose.data_set_encoding import encoded_data_set
from isocenter.compose.derivation import tables as derivation_tables
from isocenter.compose.reading import mark_torn
from isocenter.dicom.elements import element_spans, replaced
from isocenter.dicom.encoding import EXPLICIT_LITTLE, Buffer, element_value

__all__ = ["Encoded", "HeaderBytes", "emptied", "in_unicode", "parsed"]

_read_dataset: Any = vars(importlib.import_module("pydicom.filereader"))["read_dataset"]

_CHARACTER_SET = 0x00080005
_SEQUENCE, _UNKNOWN = (EXPLICIT_LITTLE.vr_number(vr) for vr in ("SQ", "UN"))
_GRAPHICS = range(0x5000, 0x6100, 2)

Encoded = Mapping[int, bytes | None]
"""Elements by tag; None for one that is left out."""


class HeaderBytes:
    """The header of a source: its bytes in Explicit VR Little Endian, and its elements.

    Parameters
    ----------
    data
        The data set up to its pixel data.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.spans = element_spans(data, EXPLICIT_LITTLE)
        self._places = {tag: (start, end) for tag, start, end in self.spans}

    @property
    def terms(self) -> tuple[str, ...]:
        """The terms of Specific Character Set (0008,0005)."""
        text = self.text(_CHARACTER_SET)
        return tuple(one.strip(" \0") for one in text.split("\\")) if text else ()

    def _value(self, tag: int) -> bytes:
        place = self._places.get(tag)
        if place is None:
            return b""
        begin, *_ = element_value(self.data, place[0], EXPLICIT_LITTLE, implicit=False)
        return self.data[begin : place[1]]

    def has(self, tag: int) -> bool:
        """Tell whether there is such an element."""
        return tag in self._places

    def holds(self, tag: int) -> bool:
        """Tell whether there is such an element, with a value."""
        return bool(self._value(tag).strip(b" "))

    def text(self, tag: int) -> str:
        """Return the value of an element of plain ASCII, empty where there is none."""
        return self._value(tag).decode("latin-1").strip(" \0")

    def element(self, tag: int) -> bytes | None:
        """Return the bytes of an element; None where there is none."""
        place = self._places.get(tag)
        return None if place is None else self.data[slice(*place)]

    def elements(self) -> dict[int, bytes]:
        """Return the bytes of all elements by tag."""
        return {tag: self.data[start:end] for tag, start, end in self.spans}

    def kin(self) -> tuple[bytes | bool, ...]:
        """Return what decides how the source is changed; equal for sources changed alike."""
        wanted = derivation_tables.tags_of(derivation_tables.KIN)
        present = sorted(derivation_tables.tags_of(derivation_tables.PRESENT))
        return (
            *(self.data[start:end] for tag, start, end in self.spans if tag in wanted),
            *map(self.has, present),
        )

    def edited(self, changes: Encoded) -> list[Buffer]:
        """Return the header with changes, as pieces to write one after the other."""
        return replaced(self.data, self.spans, changes, EXPLICIT_LITTLE)

    def unwanted(self, keep_private: bool | Sequence[str]) -> dict[int, bytes | None]:
        """Return what no derived image takes over: private attributes, overlays, curves.

        Parameters
        ----------
        keep_private
            True for all private attributes, or the creators whose are kept.
        """
        found: dict[int, bytes | None] = {}
        creators = {} if isinstance(keep_private, bool) else self._creators(keep_private)
        for tag, start, end in self.spans:
            group, element = tag >> 16, tag & 0xFFFF
            if group % 2:
                block = (group, element if element <= 0xFF else element >> 8)
                if keep_private is not True and block not in creators:
                    found[tag] = None
            elif group in _GRAPHICS or group >= 0x7FE0 or not element:
                found[tag] = None
            elif keep_private is not True and self._may_hold_private(start, end):
                data = self.data[start:end]
                if (cleaned := _without_private(data, self.terms)) != data:
                    found[tag] = cleaned
        return found

    def _may_hold_private(self, start: int, end: int) -> bool:
        vr = EXPLICIT_LITTLE.unpack_element(self.data, start)[1]
        return vr in (_SEQUENCE, _UNKNOWN) and end - start > 12

    def _creators(self, wanted: Iterable[str]) -> dict[tuple[int, int], str]:
        names = set(wanted)
        found: dict[tuple[int, int], str] = {}
        for tag, *_ in self.spans:
            group, element = tag >> 16, tag & 0xFFFF
            if group % 2 and 0x10 <= element <= 0xFF:
                name = self.text(tag)
                if name in names:
                    found[group, element] = name
        return found


def parsed(data: bytes, terms: Sequence[str] = ()) -> Dataset:
    """Return a data set of encoded elements, its text in `terms` unless it says otherwise."""
    try:
        codecs = convert_encodings(list(terms) or None)
    except (LookupError, ValueError):  # no character set at all: bytes come and go as they are
        codecs = convert_encodings("ISO_IR 100")
    data_set: Dataset = _read_dataset(
        BytesIO(data), is_implicit_VR=False, is_little_endian=True, parent_encoding=codecs
    )
    mark_torn(data_set)
    return data_set


def in_unicode(data: bytes) -> bytes:
    """Return a header with all of its text in Unicode."""
    data_set = parsed(data)
    data_set.decode()
    data_set.SpecificCharacterSet = "ISO_IR 192"
    for element in data_set.iterall():
        if element.VR == "SQ":
            for item in element.value:
                item.pop("SpecificCharacterSet", None)
    return b"".join(encoded_data_set(data_set, EXPLICIT_LITTLE))


def emptied(tag: int, data: bytes) -> bytes:
    """Return an element as it is without a value (Type 2)."""
    vr = data[4:6]
    if vr in (b"SQ", b"OB", b"OW", b"UN", b"UT", b"UC", b"UR", b"OF", b"OD", b"OL"):
        return data[:4] + vr + bytes(6)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, 0)


_cleaned: dict[tuple[bytes, tuple[str, ...]], bytes] = {}
_MOST_CLEANED = 256


def _without_private(data: bytes, terms: tuple[str, ...]) -> bytes:
    """Return a sequence whose items have no private attributes; most repeat in every slice."""
    found = _cleaned.get((data, terms))
    if found is None:
        data_set = parsed(data, terms)
        for one in data_set:
            for item in items_of(one) if one.VR == "SQ" else ():
                mark_torn(item)
        before = sum(1 for _ in data_set.iterall())
        data_set.remove_private_tags()
        same = before == sum(1 for _ in data_set.iterall())
        found = data if same else b"".join(encoded_data_set(data_set, EXPLICIT_LITTLE, terms))
        if len(_cleaned) >= _MOST_CLEANED:
            _cleaned.clear()
        _cleaned[data, terms] = found
    return found
