"""What stands behind pixel data: elements that end with the object, or padding.

Padding is Data Set Trailing Padding (FFFC,FFFC), an element (PS3.10 7.2), or zeros, as many files
have. Other bytes might be what is left of an element; DCMTK refuses them, too.
"""

import struct

from isocenter.dicom.encoding import UNDEFINED_LENGTH, Layout, element_value, skip_undefined
from isocenter.dicom.source import ReadAt
from isocenter.errors import InvalidDicom

__all__ = ["check_tail"]

_HEAD = 64
_FIRST_PIECE = 1 << 10
_LARGEST_SEQUENCE = 1 << 28


def check_tail(read: ReadAt, size: int, layout: Layout, offset: int) -> None:
    """Check that the elements behind pixel data end where the object does, padding aside.

    Parameters
    ----------
    read, size
        Reads the source, and its length.
    layout
        How the data set is laid out.
    offset
        Where pixel data ends.

    Raises
    ------
    InvalidDicom
        If an element is cut off.
    """
    begin = offset
    try:
        while offset < size:
            head = read(offset, _HEAD)
            if not head.strip(b"\0"):
                return  # no element begins so: padding
            value, length, inner = element_value(head, 0, layout, layout.implicit)
            if length == UNDEFINED_LENGTH:
                offset += _undefined_length(read, size - offset, layout, (offset, value, inner))
            else:
                offset += value + length
    except struct.error:
        offset = size + 1
    if offset > size:
        raise InvalidDicom(
            f"the data set is truncated behind Pixel Data (7FE0,0010), or ends with bytes that are "
            f"not of it: an element at {begin} or behind it reaches beyond the end at {size}; send "
            "the object complete, with nothing behind it but zeros or Data Set Trailing Padding "
            "(FFFC,FFFC)"
        )


def _undefined_length(
    read: ReadAt, rest: int, layout: Layout, element: tuple[int, int, bool]
) -> int:
    """Find the length of an element, reading no more than twice what it takes.

    There may be as many of them as there are bytes: nothing of one may be read for another.
    """
    offset, value, implicit = element
    largest = min(rest, _LARGEST_SEQUENCE)
    length = min(largest, _FIRST_PIECE)
    while True:
        try:
            return skip_undefined(read(offset, length), value, layout, implicit=implicit)
        except struct.error:
            if length == largest:
                raise
            length = min(largest, 2 * length)
