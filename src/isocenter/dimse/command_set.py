"""Command sets as bytes: group 0000 in Implicit VR Little Endian (PS3.7 6.3.1, Annex E)."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import partial
from operator import ne
from struct import Struct
from types import MappingProxyType
from typing import Any, NamedTuple

from isocenter.errors import InvalidDicom

Value = int | str | tuple[int, ...]
"""A number, text (a UID, title or comment), attribute tags, or whether a data set follows."""


class CommandVR(Enum):
    """The value representations that command elements have."""

    UI = "UI"
    US = "US"
    UL = "UL"
    AE = "AE"
    LO = "LO"
    AT = "AT"


# PS3.7 Table E.1-1: element number to keyword and VR. Retired elements are not written.
ELEMENTS: Mapping[int, tuple[str, CommandVR]] = MappingProxyType(
    {
        0x0002: ("AffectedSOPClassUID", CommandVR.UI),
        0x0003: ("RequestedSOPClassUID", CommandVR.UI),
        0x0100: ("CommandField", CommandVR.US),
        0x0110: ("MessageID", CommandVR.US),
        0x0120: ("MessageIDBeingRespondedTo", CommandVR.US),
        0x0600: ("MoveDestination", CommandVR.AE),
        0x0700: ("Priority", CommandVR.US),
        0x0800: ("CommandDataSetType", CommandVR.US),
        0x0900: ("Status", CommandVR.US),
        0x0901: ("OffendingElement", CommandVR.AT),
        0x0902: ("ErrorComment", CommandVR.LO),
        0x0903: ("ErrorID", CommandVR.US),
        0x1000: ("AffectedSOPInstanceUID", CommandVR.UI),
        0x1001: ("RequestedSOPInstanceUID", CommandVR.UI),
        0x1002: ("EventTypeID", CommandVR.US),
        0x1005: ("AttributeIdentifierList", CommandVR.AT),
        0x1008: ("ActionTypeID", CommandVR.US),
        0x1020: ("NumberOfRemainingSuboperations", CommandVR.US),
        0x1021: ("NumberOfCompletedSuboperations", CommandVR.US),
        0x1022: ("NumberOfFailedSuboperations", CommandVR.US),
        0x1023: ("NumberOfWarningSuboperations", CommandVR.US),
        0x1030: ("MoveOriginatorApplicationEntityTitle", CommandVR.AE),
        0x1031: ("MoveOriginatorMessageID", CommandVR.US),
    }
)

DATA_SET_TYPE = 0x0800
"""The one element whose value is told as what it means: `True` where a data set follows."""

_TEXTS = (CommandVR.UI, CommandVR.AE, CommandVR.LO)
_NO_DATA_SET = 0x0101
_WITH_DATA_SET = 0x0001

_ELEMENT = Struct("<HHI")
_GROUP_LENGTH = Struct("<HHII")
_US_ELEMENT = Struct("<HHIH")
_TAG = Struct("<HH")

# Bytes; a C-STORE-RQ with the longest UIDs and its move originator has 230.
_LONGEST_REMEMBERED = 256


class _Shape(NamedTuple):
    """The headers of a command set's elements, found to be right, and how to read their values.

    Parameters
    ----------
    headers
        Unpacks the headers from a command set of this length; skips the values.
    expected
        The headers, 8 bytes each.
    contents
        Unpacks the contents of the elements that are read; skips all else.
    elements
        The numbers of those elements.
    readers
        By which of them a content becomes a value, where it is none yet.
    """

    headers: Struct
    expected: tuple[bytes, ...]
    contents: Struct
    elements: tuple[int, ...]
    readers: tuple[tuple[int, Callable[[Any], Value]], ...]


# By the length of the command set, so they are few. From one object of a series to the next the
# headers stay what they are, save for two lengths: of the group and of the instance's UID.
_shapes: dict[int, _Shape] = {}


def encode(values: Iterable[tuple[int, Value | None]]) -> bytes:
    """Encode a command set with its group length.

    Parameters
    ----------
    values
        Element numbers of group 0000 (`0x0100`), ascending, with their values; an element whose
        value is `None` is left out.
    """
    body = b"".join([_WRITERS[element](value) for element, value in values if value is not None])
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def decode(data: bytes) -> dict[int, Value]:
    """Read a command set; unknown elements, and empty ones, are left out.

    Raises
    ------
    InvalidDicom
        An element is cut off, is not of group 0000 or has a length that its VR cannot have.
    """
    shape = _shapes.get(len(data))
    if shape is None or shape.headers.unpack(data) != shape.expected:
        shape = _shape_of(data)
        if len(data) <= _LONGEST_REMEMBERED:
            _shapes[len(data)] = shape
    values = dict(zip(shape.elements, shape.contents.unpack(data), strict=True))
    for element, read in shape.readers:
        values[element] = read(values[element])
    return values


def _shape_of(data: bytes) -> _Shape:
    """Walk over the elements of a command set and check their headers."""
    expected: list[bytes] = []
    headers, contents = ["<"], ["<"]
    elements: list[int] = []
    offset, end = 0, len(data)
    while offset < end:
        if end - offset < 8:
            raise InvalidDicom(f"the command set ends inside an element header at byte {offset}")
        header = data[offset : offset + 8]
        group, element, length = _ELEMENT.unpack(header)
        offset += 8 + length
        if group != 0 or offset > end:
            raise InvalidDicom(
                f"({group:04X},{element:04X}) with {length} bytes cannot stand in this command set"
            )
        expected.append(header)
        headers.append(f"8s{length}x")
        if element in ELEMENTS and length:
            contents.append(f"8x{_content_format(element, length)}")
            elements.append(element)
        else:
            contents.append(f"8x{length}x")
    readers = {element: _READERS[element] for element in elements if element in _READERS}
    return _Shape(
        Struct("".join(headers)),
        tuple(expected),
        Struct("".join(contents)),
        tuple(elements),
        tuple(readers.items()),
    )


def _content_format(element: int, length: int) -> str:
    """Return how `struct` unpacks an element's value, if the element can have that length."""
    keyword, vr = ELEMENTS[element]
    if vr is CommandVR.US:
        if length != 2:
            raise InvalidDicom(
                f"{keyword} (0000,{element:04X}) has {length} bytes, where an unsigned short has 2"
            )
        return "H"
    if vr is CommandVR.AT and length % 4:
        raise InvalidDicom(f"{keyword} (0000,{element:04X}) is cut off")
    return f"{length}s"


def _read_text(content: bytes) -> str:
    return content.decode("latin-1").strip("\0 ")


def _read_tags(content: bytes) -> tuple[int, ...]:
    return tuple(group << 16 | number for group, number in _TAG.iter_unpack(content))


def _write_text(element: int, padding: bytes, text: str) -> bytes:
    content = text.encode("ascii", "replace")
    if len(content) % 2:
        content += padding
    return _ELEMENT.pack(0, element, len(content)) + content


def _write_tags(element: int, values: tuple[int, ...]) -> bytes:
    content = b"".join(_TAG.pack(tag >> 16, tag & 0xFFFF) for tag in values)
    return _ELEMENT.pack(0, element, len(content)) + content


def _writer(element: int, vr: CommandVR) -> Callable[[Any], bytes]:
    if vr is CommandVR.US:
        return partial(_US_ELEMENT.pack, 0, element, 2)
    if vr is CommandVR.AT:
        return partial(_write_tags, element)
    return partial(_write_text, element, b"\0" if vr is CommandVR.UI else b" ")


# Other numbers are read by `struct` alone.
_READERS: dict[int, Callable[[Any], Value]] = {
    **{n: _read_text for n, (_, vr) in ELEMENTS.items() if vr in _TEXTS},
    **{n: _read_tags for n, (_, vr) in ELEMENTS.items() if vr is CommandVR.AT},
    DATA_SET_TYPE: partial(ne, _NO_DATA_SET),
}

_write_data_set_type = _writer(DATA_SET_TYPE, CommandVR.US)
_WRITERS: dict[int, Callable[[Any], bytes]] = {
    **{element: _writer(element, vr) for element, (_, vr) in ELEMENTS.items()},
    DATA_SET_TYPE: {
        False: _write_data_set_type(_NO_DATA_SET),
        True: _write_data_set_type(_WITH_DATA_SET),
    }.__getitem__,
}
