"""Data sets encoded as bytes: what is common at once, what is rare by pydicom, element by element.

The bytes are those that pydicom writes, with sequences and items of defined length; a tenth of its
time is spent, because no element passes through a stream.
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from pydicom.charset import convert_encodings
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.multival import MultiValue

from isocenter.compose import values
from isocenter.compose.reading import element_of
from isocenter.compose.repeated_items import RepeatedItems
from isocenter.dicom.encoding import LONG_VRS, SHORT_VRS, UNDEFINED_LENGTH, Buffer, Layout
from isocenter.errors import CannotCompose

__all__ = ["encoded_data_set", "encoded_element"]

_write_element: Any = vars(importlib.import_module("pydicom.filewriter"))["write_data_element"]
_correct_vr: Any = vars(importlib.import_module("pydicom.filewriter"))[
    "correct_ambiguous_vr_element"
]

_PIXEL_DATA = 0x7FE00010
_LUT_DESCRIPTORS = frozenset({0x00281101, 0x00281102, 0x00281103, 0x00283002})
_TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_SEVERAL = (MultiValue, list, tuple)
_STRINGS = _TEXT | {"AE", "AS", "CS", "DA", "DT", "TM", "UI", "UR"}
_BYTES = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_NUMBERS = dict(FD="d", FL="f", SL="i", SS="h", SV="q", UL="I", US="H", UV="Q")
_HEADS = {
    order: tuple(struct.Struct(order + form).pack for form in ("HH2sH", "HH2sHI", "HHI"))
    for order in "<>"
}
_LARGE = 1 << 12  # from here on, a value stays a piece of its own and is not copied


def encoded_data_set(
    data_set: Dataset, layout: Layout, character_set: Sequence[str] = ()
) -> list[Buffer]:
    """Encode a data set.

    Parameters
    ----------
    data_set
        Its elements may be in any order; group lengths are left out (PS3.5 7.2).
    layout
        How the elements are laid out. Values of OW and the like are written as they are.
    character_set
        The values of Specific Character Set (0008,0005) of what it stands in; its own is stronger.

    Returns
    -------
    list of bytes
        Pieces to be written one behind the other; large values are not copied.

    Raises
    ------
    CannotCompose
        When a value cannot be written; the message names the attribute, not the value.
    """
    pieces: list[Buffer] = []
    _Encoding(layout, pieces).data_set(data_set, tuple(character_set), [])
    return pieces


def encoded_element(element: DataElement, layout: Layout, character_set: Sequence[str]) -> bytes:
    """Encode one element; see `encoded_data_set`."""
    pieces: list[Buffer] = []
    _Encoding(layout, pieces).element(element, tuple(character_set), [])
    return b"".join(pieces)


def _written_by_pydicom(
    element: DataElement, layout: Layout, character_set: Sequence[str]
) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = layout.implicit, layout.little_endian
    try:
        _write_element(buffer, element, _codecs(tuple(character_set)))
    except Exception as error:  # its messages quote the value
        tag = int(element.tag)
        raise CannotCompose(
            f"The value of {values.described(tag)} cannot be encoded as {element.VR} (PS3.5 6.2); "
            "give one that this value representation holds.",
            tag=tag,
        ) from error
    return buffer.getvalue()


@lru_cache(maxsize=64)
def _codecs(character_set: tuple[str, ...]) -> list[str]:
    return convert_encodings(list(character_set) or None)


class _Encoding:
    """One data set on its way into pieces."""

    def __init__(self, layout: Layout, pieces: list[Buffer]) -> None:
        self._layout = layout
        self._pieces = pieces
        self._short, self._long, self._plain = _HEADS[layout.order]

    def data_set(
        self, data_set: Dataset, character_set: tuple[str, ...], around: list[Dataset]
    ) -> int:
        """Encode the elements of a data set or item that stands in others; return its size."""
        own = data_set.get("SpecificCharacterSet") if 0x00080005 in data_set else None
        if own is not None:
            character_set = (own,) if isinstance(own, str) else tuple(own)
        inside = [data_set, *around]
        size = 0
        # Comparing pydicom's tags themselves takes five times as long.
        for tag, element in sorted(zip(map(int, data_set.keys()), data_set.values(), strict=True)):
            if not tag & 0xFFFF and tag >> 16 > 6:
                continue
            if isinstance(element, DataElement):
                size += self.element(element, character_set, inside)
            elif element.VR in ("DS", "IS"):  # which need no parsing to be written again
                size += self._put(element, tag, str(element.VR), element.value or b"")
            else:
                size += self.element(element_of(data_set, element), character_set, inside)
        return size

    def element(
        self, element: DataElement, character_set: tuple[str, ...], inside: list[Dataset]
    ) -> int:
        """Encode an element of the innermost of some data sets; return its size."""
        tag = int(element.tag)
        if len(element.VR) != 2:
            element = _correct_vr(element, inside[0], self._layout.little_endian, inside)
        vr = str(element.VR)
        if vr == "SQ":
            return self._sequence(element, tag, character_set, inside)
        if element.is_undefined_length and tag == _PIXEL_DATA:
            return self._encapsulated(element.value)
        value = self._value(element, tag, vr, character_set)
        if value is None:
            whole = _written_by_pydicom(element, self._layout, character_set)
            self._pieces.append(whole)
            return len(whole)
        return self._put(element, tag, vr, value)

    def _put(self, element: Any, tag: int, vr: str, value: bytes) -> int:
        """Add an element with its encoded value."""
        if len(value) > 0xFFFF and vr in SHORT_VRS and not self._layout.implicit:
            whole = _written_by_pydicom(element, self._layout, ())  # as UN (PS3.5 6.2.2)
            self._pieces.append(whole)
            return len(whole)
        odd = len(value) % 2
        head = self._head(tag, vr, len(value) + odd)
        if len(value) < _LARGE:
            whole = head + value + b"\0" if odd else head + value
            self._pieces.append(whole)
            return len(whole)
        self._pieces += [head, value, b"\0"] if odd else [head, value]
        return len(head) + len(value) + odd

    def _head(self, tag: int, vr: str, length: int) -> bytes:
        if self._layout.implicit:
            return self._plain(tag >> 16, tag & 0xFFFF, length)
        if vr in LONG_VRS:
            return self._long(tag >> 16, tag & 0xFFFF, vr.encode("ascii"), 0, length)
        return self._short(tag >> 16, tag & 0xFFFF, vr.encode("ascii"), length)

    def _sequence(
        self, element: DataElement, tag: int, character_set: tuple[str, ...], inside: list[Dataset]
    ) -> int:
        place = len(self._pieces)
        self._pieces.append(b"")
        if isinstance(element.value, RepeatedItems):
            size = self._repeated(element.value, character_set, inside)
        else:
            many = element.value or ()
            size = sum(self._item(item, character_set, inside) for item in many)
        head = self._pieces[place] = self._head(tag, "SQ", size)
        return len(head) + size

    def _item(self, item: Dataset, character_set: tuple[str, ...], inside: list[Dataset]) -> int:
        place = len(self._pieces)
        self._pieces.append(b"")
        length = self.data_set(item, character_set, inside)
        head = self._pieces[place] = self._plain(0xFFFE, 0xE000, length)
        return len(head) + length

    def _repeated(
        self, items: RepeatedItems, character_set: tuple[str, ...], inside: list[Dataset]
    ) -> int:
        """Encode items into a single piece: very many small ones are as large again."""

        def encoded(item: Dataset) -> bytes:
            pieces: list[Buffer] = []
            _Encoding(self._layout, pieces)._item(item, character_set, inside)
            return b"".join(pieces)

        whole = bytearray()
        for item in items.encoded(encoded):
            whole += item
        self._pieces.append(whole)
        return len(whole)

    def _encapsulated(self, fragments: bytes) -> int:
        """Encode Pixel Data of undefined length (PS3.5 A.4), which is always OB."""
        if fragments[:4] != self._plain(0xFFFE, 0xE000, 0)[:4]:
            raise CannotCompose(
                "Pixel Data (7FE0,0010) of undefined length is not encapsulated", tag=_PIXEL_DATA
            )
        head = self._head(_PIXEL_DATA, "OB", UNDEFINED_LENGTH)
        end = self._plain(0xFFFE, 0xE0DD, 0)
        self._pieces += [head, fragments, end]
        return len(head) + len(fragments) + len(end)

    def _value(
        self, element: DataElement, tag: int, vr: str, character_set: tuple[str, ...]
    ) -> bytes | None:
        """Return the value; None where only pydicom knows how it is written."""
        value: Any = element.value
        if vr in _BYTES:
            return (value or b"") if isinstance(value, bytes | None) else None
        if value is None or (isinstance(value, str) and not value):
            return b""
        if vr in _STRINGS:
            return _text(value, vr, character_set)
        if vr in _NUMBERS:
            return self._numbers(value, tag, _NUMBERS[vr])
        return _number_text(value) if vr in ("DS", "IS") else None

    def _numbers(self, value: Any, tag: int, code: str) -> bytes | None:
        if tag in _LUT_DESCRIPTORS:
            return None
        try:
            if isinstance(value, int | float):
                return struct.pack(self._layout.order + code, value)
            return struct.pack(f"{self._layout.order}{len(value)}{code}", *value)
        except (struct.error, TypeError):
            return None


def _text(value: Any, vr: str, character_set: tuple[str, ...]) -> bytes | None:
    if isinstance(value, str):
        text = value
    else:
        many = cast("Sequence[Any]", value) if isinstance(value, _SEVERAL) else (value,)
        if vr != "PN" and not all(isinstance(one, str) for one in many):
            return None
        text = "\\".join(map(str, many))
    if not text.isascii():
        if vr not in _TEXT or vr == "PN" or _codecs(character_set) != ["utf8"]:
            return None
        encoded = text.encode("utf-8")
    else:
        encoded = text.encode("ascii")
    return encoded + (b"\0" if vr == "UI" else b" ") if len(encoded) % 2 else encoded


def _number_text(value: Any) -> bytes:
    many = value if hasattr(value, "append") else (value,)
    text = "\\".join(getattr(one, "original_string", None) or str(one) for one in many)
    return (text + " " if len(text) % 2 else text).encode("latin-1")
