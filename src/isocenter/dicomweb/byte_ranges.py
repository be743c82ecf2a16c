"""The part of a representation that a Range header field asks for (RFC 9110 clause 14)."""

import re
from typing import Final

__all__ = ["parse_byte_range"]

# One range, with the empty list members around it that RFC 9110 5.6.1.2 has recipients pass over.
_ONE_RANGE: Final = re.compile(r"bytes=[ \t,]*([0-9]{0,40})-([0-9]{0,40})[ \t,]*", re.IGNORECASE)


def parse_byte_range(text: str, size: int) -> range | None:
    """Read which bytes of a representation are asked for.

    Parameters
    ----------
    text
        Value of the Range header field.
    size
        Of the whole representation, in bytes.

    Returns
    -------
    range or None
        Positions of the bytes; empty where the representation has none of them. None where the
        whole is to be sent: the field is malformed, in other units, or names several ranges, all of
        which a server may pass over; or the representation is empty, and has no positions.

    References
    ----------
    RFC 9110 14.1.2 and 14.2
    """
    found = _ONE_RANGE.fullmatch(text.strip())
    if found is None or size == 0:
        return None
    first, last = found.groups()
    if not first:
        return range(max(0, size - int(last)), size) if last else None
    start = int(first)
    if last and int(last) < start:
        return None
    return range(min(start, size), min(size, int(last) + 1) if last else size)
