"""Command sets as bytes: group 0000 in Implicit VR Little Endian (PS3.7 6.3.1, Annex E)."""

from collections.abc import Mapping
from enum import Enum
from struct import Struct
from types import MappingProxyType

from isocenter.errors import InvalidDicom

Value = int | str | tuple[int, ...]
"""A command element's value: a number, text (a UID, title or comment), or attribute tags."""


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

NO_DATA_SET = 0x0101
"""The Command Data Set Type (0000,0800) of a message without a data set."""

_ELEMENT = Struct("<HHI")
_US = Struct("<H")
_US_ELEMENT = Struct("<HHIH")
_UL = Struct("<I")
_TAG = Struct("<HH")


def encode(values: Mapping[int, Value]) -> bytes:
    """Encode a command set with its group length.

    Parameters
    ----------
    values
        Element numbers of group 0000 (`0x0100`) to values.
    """
    parts = [_encode_element(element, values[element]) for element in sorted(values)]
    body = b"".join(parts)
    return _ELEMENT.pack(0, 0, 4) + _UL.pack(len(body)) + body


def decode(data: bytes) -> dict[int, Value]:
    """Read a command set; unknown elements, and empty numbers, are left out.

    Raises
    ------
    InvalidDicom
        An element is cut off, is not of group 0000 or has a length that its VR cannot have.
    """
    values: dict[int, Value] = {}
    offset, end = 0, len(data)
    while offset < end:
        if end - offset < 8:
            raise InvalidDicom(f"the command set ends inside an element header at byte {offset}")
        group, element, length = _ELEMENT.unpack_from(data, offset)
        offset += 8
        if group != 0 or length > end - offset:
            raise InvalidDicom(
                f"({group:04X},{element:04X}) with {length} bytes cannot stand in this command set"
            )
        known = ELEMENTS.get(element)
        if known is not None and length:
            values[element] = _decode_value(element, known[1], data[offset : offset + length])
        offset += length
    return values


def _encode_element(element: int, value: Value) -> bytes:
    vr = ELEMENTS[element][1]
    if isinstance(value, int):
        return _US_ELEMENT.pack(0, element, _US.size, value)
    if isinstance(value, tuple):
        content = b"".join(_TAG.pack(tag >> 16, tag & 0xFFFF) for tag in value)
    else:
        content = value.encode("ascii", "replace")
        if len(content) % 2:
            content += b"\0" if vr is CommandVR.UI else b" "
    return _ELEMENT.pack(0, element, len(content)) + content


def _decode_value(element: int, vr: CommandVR, content: bytes) -> Value:
    if vr is CommandVR.US:
        if len(content) != 2:
            raise InvalidDicom(
                f"{ELEMENTS[element][0]} (0000,{element:04X}) has {len(content)} bytes, "
                "where an unsigned short has 2"
            )
        return int(_US.unpack(content)[0])
    if vr is CommandVR.AT:
        if len(content) % 4:
            raise InvalidDicom(f"{ELEMENTS[element][0]} (0000,{element:04X}) is cut off")
        return tuple(group << 16 | number for group, number in _TAG.iter_unpack(content))
    return content.decode("latin-1").strip("\0 ")
