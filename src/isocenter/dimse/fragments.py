"""Cutting command sets and data sets into P-DATA-TF PDUs (PS3.8 9.3.5, PS3.7 Annex F)."""

from struct import Struct

from isocenter.errors import AssociationError

_HEADER = Struct(">BxIIBB")
_OVERHEAD = 6

LARGEST_SENT = 1 << 18
"""The longest P-DATA-TF variable field sent to a peer that takes any length, in bytes."""


def fragment_size(maximum_length: int) -> int:
    """Return how many bytes of a set fit into one PDU for a peer.

    Parameters
    ----------
    maximum_length
        What the peer announced, in bytes; 0 is unlimited.

    Returns
    -------
    int
        Even, save for a peer so small that one byte is all that fits.

    Raises
    ------
    AssociationError
        Not one byte fits.
    """
    limit = min(maximum_length or LARGEST_SENT, LARGEST_SENT) - _OVERHEAD
    if limit < 1:
        raise AssociationError(
            f"the peer's maximum length is {maximum_length} bytes: a PDU needs at least 7 to "
            "carry anything"
        )
    return limit & ~1 or 1


def p_data(
    context_id: int, data: bytes | memoryview, size: int, *, command: bool, last: bool = True
) -> list[bytes | memoryview]:
    """Cut bytes into P-DATA-TF PDUs of one presentation data value each, without copying them.

    Parameters
    ----------
    context_id
        The presentation context, odd, 1 to 255.
    data
        A command set or data set, or the next piece of one.
    size
        Bytes a fragment, of `fragment_size`.
    command
        Whether it is a command set.
    last
        Whether the set ends with `data`.

    Returns
    -------
    list of bytes-like
        Headers and slices of `data` alternating, to be written one behind the other.
    """
    control = int(command)
    rest = memoryview(data)
    buffers: list[bytes | memoryview] = []
    if len(rest) > size:
        header = _HEADER.pack(4, size + 6, size + 2, context_id, control)
        last_start = (len(rest) - 1) // size * size
        for start in range(0, last_start, size):
            buffers += (header, rest[start : start + size])
        rest = rest[last_start:]
    length = len(rest)
    flags = control | 2 if last else control
    buffers.append(_HEADER.pack(4, length + 6, length + 2, context_id, flags))
    if length:
        buffers.append(rest)
    return buffers
