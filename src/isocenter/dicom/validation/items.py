"""A data set as validation reads it: every value decoded leniently, nothing refused.

pydicom refuses some of the values that validation is about, or repairs them silently; so raw values
are taken apart here, and only sequences are left to pydicom.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from pydicom import DataElement, Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

from isocenter.dicom import dictionary, tags
from isocenter.dicom.character_sets import ASCII, CharacterSet, character_set
from isocenter.dicom.encoding import MAXIMUM_DEPTH
from isocenter.dicom.number_strings import parse_decimal

__all__ = ["BINARY", "NESTS_TOO_DEEP", "Element", "Item", "Value", "from_bytes"]

Value = str | int | float | bytes

BINARY: Final = {"OB", "OW", "OF", "OD", "OL", "OV", "UN"}
"""Value representations whose values are bytes (PS3.5 6.2)."""
NESTS_TOO_DEEP: Final = f"sequences nest deeper than {MAXIMUM_DEPTH}"
"""What is said of a data set that does."""
_NUMBERS: Final = {
    "US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q",
}  # fmt: skip
_TEXT_IN_CHARACTER_SET: Final = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
_ONE_VALUE: Final = {"LT", "ST", "UT", "UR"}


@dataclass(slots=True)
class Element:
    """An element of a data set.

    Parameters
    ----------
    tag, vr
        The attribute and its value representation; of a choice, the first.
    values
        Text without padding, numbers, or all bytes of a binary value as one.
    items
        The items of a sequence, else None.
    length
        Bytes of its value as stored; -1 if that is not known.
    raw
        Its value as stored, of text only.
    """

    tag: int
    vr: str
    values: tuple[Value, ...]
    items: tuple["Item", ...] | None
    length: int
    raw: bytes | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it has no value (PS3.5 7.4: zero length)."""
        if self.items is not None:
            return not self.items
        if self.length >= 0:
            return self.length == 0 or self.values in ((), ("",))
        return not self.values or self.values == ("",)


class Item:
    """A data set, or an item of a sequence, that knows where it stands.

    Parameters
    ----------
    data_set
        The data set as pydicom has it.
    parent
        The item that it stands in, None for the data set itself.
    path
        Keywords and numbers that lead here, empty for the data set itself.
    part
        Whether the data set is only a part of an object, of which the rest is not known.

    Attributes
    ----------
    elements
        By tag.
    nests_too_deep
        Whether sequences nest deeper than `MAXIMUM_DEPTH` in it; those that do are left empty.
    """

    __slots__ = (
        "character_set",
        "depth",
        "elements",
        "nests_too_deep",
        "parent",
        "part",
        "path",
    )

    def __init__(
        self,
        data_set: Dataset,
        parent: "Item | None" = None,
        path: str = "",
        *,
        part: bool = False,
    ) -> None:
        self.parent = parent
        self.path = path
        self.part = parent.part if parent else part
        self.depth: int = parent.depth + 1 if parent else 0
        self.nests_too_deep = False
        self.elements: dict[int, Element] = {}
        self.character_set = parent.character_set if parent else ASCII
        for tag in sorted(data_set.keys()):
            self._read(data_set, int(tag))

    def _read(self, data_set: Dataset, tag: int) -> None:
        stored = _stored(data_set, tag)
        if isinstance(stored, RawDataElement):
            element = self._raw(data_set, stored)
        else:
            element = self._decoded(stored)
        self.elements[tag] = element
        if tag == tags.SpecificCharacterSet:
            self.character_set = character_set([str(v) for v in element.values])

    def _raw(self, data_set: Dataset, stored: RawDataElement) -> Element:
        tag = int(stored.tag)
        vr = stored.VR
        if vr in (None, "UN"):  # implicit, or unknown to whoever wrote it (PS3.5 6.2.2)
            vr = (dictionary.vr(tag) or "UN").removeprefix("OB or ")[:2]
        if vr == "SQ":
            return self._decoded(_converted(data_set, tag))
        if stored.length == 0:
            return Element(tag, vr, (), None, 0)
        if stored.value is None and vr not in BINARY:
            return self._decoded(_converted(data_set, tag))
        value = stored.value
        if value is None:  # deferred: large, and its length is known
            return Element(tag, vr, (b"",), None, stored.length)
        length = -1 if stored.length == 0xFFFFFFFF else stored.length
        return from_bytes(tag, vr, value, length, stored.is_little_endian, self.character_set)

    def _decoded(self, stored: DataElement) -> Element:
        tag, vr, value = int(stored.tag), str(stored.VR)[:2], stored.value
        if vr == "SQ" and self.depth >= MAXIMUM_DEPTH:
            self.nests_too_deep = True
            return Element(tag, vr, (), (), -1)
        if vr == "SQ":
            name = dictionary.keyword(tag) or f"{tag:08X}"
            prefix = f"{self.path}/{name}" if self.path else name
            items = tuple(
                Item(item, self, f"{prefix}[{number}]")
                for number, item in enumerate(value or (), start=1)
            )
            self.nests_too_deep |= any(item.nests_too_deep for item in items)
            return Element(tag, vr, (), items, -1)
        if value is None:
            return Element(tag, vr, (), None, 0)
        if isinstance(value, bytes):
            undefined = bool(getattr(stored, "is_undefined_length", False))
            return Element(tag, vr, (value,), None, -1 if undefined else len(value))
        several = isinstance(value, Sequence) and not isinstance(value, str)
        values = tuple(cast(Sequence[Any], value)) if several else (cast(Any, value),)
        return Element(tag, vr, tuple(_plain(v) for v in values), None, -1)

    def get(self, tag: int) -> Element | None:
        """Return an element of this item, or None."""
        return self.elements.get(tag)

    def has(self, tag: int) -> bool:
        """Tell whether the item has an element with a value."""
        element = self.elements.get(tag)
        return element is not None and not element.is_empty

    def lookup(self, tag: int) -> Element | None:
        """Return the element of this item, or of the nearest one around it that has it."""
        item: Item | None = self
        while item is not None:
            if tag in item.elements:
                return item.elements[tag]
            item = item.parent
        return None

    def texts(self, tag: int) -> tuple[str, ...]:
        """Return the values of an element as text; none if it is absent or empty."""
        element = self.elements.get(tag)
        if element is None or element.is_empty:
            return ()
        return tuple(str(v) for v in element.values)

    def text(self, tag: int) -> str:
        """Return the first value of an element as text, or an empty text."""
        return next(iter(self.texts(tag)), "")

    def numbers(self, tag: int) -> tuple[float, ...]:
        """Return the values of an element as numbers; none if one of them is no number."""
        try:
            return tuple(map(parse_decimal, self.texts(tag)))
        except ValueError:
            return ()

    def integer(self, tag: int) -> int | None:
        """Return the first value of an element as an integer; None if it is not one."""
        numbers = self.numbers(tag)
        return int(numbers[0]) if numbers and numbers[0] == numbers[0] // 1 else None

    def items(self, tag: int) -> tuple["Item", ...]:
        """Return the items of a sequence; none if it is absent."""
        element = self.elements.get(tag)
        return (element.items or ()) if element else ()

    def walk(self) -> "Iterator[Item]":
        """Yield this item and all items within, depth first."""
        yield self
        for element in self.elements.values():
            for item in element.items or ():
                yield from item.walk()


def _stored(data_set: Dataset, tag: int) -> DataElement | RawDataElement:
    return cast(DataElement | RawDataElement, data_set.get_item(BaseTag(tag), keep_deferred=True))


def _converted(data_set: Dataset, tag: int) -> DataElement:
    try:
        return data_set[BaseTag(tag)]
    except Exception:  # pydicom fails on broken sequences in many ways; validation goes on
        return DataElement(BaseTag(tag), "UN", b"")


def from_bytes(
    tag: int, vr: str, value: bytes, length: int, little: bool, characters: CharacterSet
) -> Element:
    """Decode a value as stored.

    Parameters
    ----------
    tag, vr
        The attribute and the value representation to decode by.
    value
        Its bytes, or the first of them.
    length
        How many bytes it has in all; -1 if that is not said.
    little
        Whether numbers are little endian.
    characters
        How text is encoded.

    Returns
    -------
    Element
        The element; numbers that are cut off are left out.
    """
    if vr in BINARY:
        return Element(tag, vr, (value,), None, length)
    code = _NUMBERS.get(vr)
    if code:
        count = len(value) // struct.calcsize(code)
        order = "<" if little else ">"
        return Element(tag, vr, struct.unpack_from(f"{order}{count}{code}", value), None, length)
    if vr == "AT":
        order = "<" if little else ">"
        pairs = struct.unpack_from(f"{order}{len(value) // 4 * 2}H", value)
        joined = tuple(g << 16 | e for g, e in zip(pairs[::2], pairs[1::2], strict=True))
        return Element(tag, vr, joined, None, length)
    return Element(tag, vr, _split(vr, value, characters), None, length, value)


def _split(vr: str, value: bytes, characters: CharacterSet) -> tuple[str, ...]:
    if not value:
        return ()
    if vr in _TEXT_IN_CHARACTER_SET:
        text = characters.decode(value, name=vr == "PN")
    else:
        text = value.decode("latin-1")
    text = text.rstrip("\0" if vr == "UI" else " \0")
    if vr in _ONE_VALUE:
        return (text,)
    strip = vr not in ("UI", "UC")
    return tuple(part.strip(" ") if strip else part for part in text.split("\\"))


def _plain(value: Any) -> Value:
    return (
        value
        if isinstance(value, (int, float, bytes)) and type(value) in (int, float, bytes)
        else str(value)
    )
