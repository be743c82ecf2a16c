"""The items and sub-items that variable fields of association PDUs are made of (PS3.8 9.3.2)."""

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct

from isocenter.dimse.invalid_pdu import InvalidPdu
from isocenter.errors import AssociationError

_HEADER = Struct(">BxH")
_LENGTH = Struct(">H")
_LONGEST = 0xFFFF


class ItemType(IntEnum):
    """The first byte of every item."""

    APPLICATION_CONTEXT = 0x10
    PRESENTATION_CONTEXT_RQ = 0x20
    PRESENTATION_CONTEXT_AC = 0x21
    ABSTRACT_SYNTAX = 0x30
    TRANSFER_SYNTAX = 0x40
    USER_INFORMATION = 0x50
    MAXIMUM_LENGTH = 0x51
    IMPLEMENTATION_CLASS_UID = 0x52
    ASYNCHRONOUS_OPERATIONS_WINDOW = 0x53
    ROLE_SELECTION = 0x54
    IMPLEMENTATION_VERSION_NAME = 0x55
    EXTENDED_NEGOTIATION = 0x56
    COMMON_EXTENDED_NEGOTIATION = 0x57
    USER_IDENTITY = 0x58
    USER_IDENTITY_RESPONSE = 0x59


def iterate_items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk a sequence of items.

    Parameters
    ----------
    data
        The bytes of a variable field, complete.

    Yields
    ------
    tuple of int and bytes
        An item's type and its content. Unknown types are yielded too: who reads decides.

    Raises
    ------
    InvalidPdu
        An item reaches past the end of its field.
    """
    offset, end = 0, len(data)
    while offset < end:
        if end - offset < _HEADER.size:
            raise InvalidPdu(f"an item header of 4 bytes is cut off after {end - offset}")
        kind, length = _HEADER.unpack_from(data, offset)
        offset += _HEADER.size
        if offset + length > end:
            raise InvalidPdu(
                f"item {kind:02X}H claims {length} bytes where {end - offset} are left"
            )
        yield kind, data[offset : offset + length]
        offset += length


def item(kind: ItemType, content: bytes) -> bytes:
    """Encode one item: type, reserved byte, 16-bit length, content.

    Raises
    ------
    AssociationError
        The content is longer than the length field can say.
    """
    if len(content) > _LONGEST:
        what = kind.name.lower().replace("_", " ")
        raise AssociationError(
            f"the {what} item ({kind:02X}H) takes {_LONGEST} bytes at most, not {len(content)}"
        )
    return _HEADER.pack(kind, len(content)) + content


def prefixed(content: bytes) -> bytes:
    """Encode a field that carries its own 16-bit length.

    Raises
    ------
    AssociationError
        The content is longer than the length field can say.
    """
    if len(content) > _LONGEST:
        raise AssociationError(
            f"a field of an association request takes {_LONGEST} bytes at most, not {len(content)}"
        )
    return _LENGTH.pack(len(content)) + content


def take_prefixed(data: bytes, offset: int) -> tuple[bytes, int]:
    """Read a field that carries its own 16-bit length; returns it and the offset behind it.

    Raises
    ------
    InvalidPdu
        The field reaches past the end of `data`.
    """
    if offset + _LENGTH.size > len(data):
        raise InvalidPdu("a sub-item ends before the length of its next field")
    (length,) = _LENGTH.unpack_from(data, offset)
    start = offset + _LENGTH.size
    if start + length > len(data):
        raise InvalidPdu(f"a field of {length} bytes reaches past the end of its sub-item")
    return data[start : start + length], start + length


def decode_text(data: bytes) -> str:
    """Read ISO 646 text: padding removed, whatever is not printable ASCII replaced.

    The replacement keeps a hostile title from writing control characters into a log.
    """
    text = data.decode("ascii", "replace").strip("\0 ")
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
                   for character in text)  # fmt: skip


def encode_uid(uid: str) -> bytes:
    """Encode a UID as PDUs carry it, without padding (PS3.8 F); a mangled one stays mangled."""
    return uid.encode("ascii", "replace")
