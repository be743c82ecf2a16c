"""Walk over the fragments of encapsulated pixel data (PS3.5 A.4)."""

import struct
from array import array
from dataclasses import dataclass

from isocenter.dicom.encoding import UNDEFINED_LENGTH, Layout, describe
from isocenter.dicom.source import ReadAt
from isocenter.dicom.tail import check_tail
from isocenter.errors import InvalidDicom, LimitExceeded, PixelDataError, TruncatedPixelData

MAXIMUM_FRAGMENTS = 1 << 21
"""The largest whole slide images have half a million."""

_ITEM_LENGTH = 8
_WINDOW = 1 << 14


@dataclass(frozen=True, slots=True)
class Fragments:
    """What stands in encapsulated pixel data.

    Parameters
    ----------
    basic_offsets
        The Basic Offset Table: for each frame the offset of its first fragment's item, counted from
        `first_item`; empty if the object has none.
    first_item
        Where the first fragment's item begins.
    offsets, lengths
        Where the value of each fragment stands.
    end
        Where the element ends.
    """

    basic_offsets: tuple[int, ...]
    first_item: int
    offsets: "array[int]"
    lengths: "array[int]"
    end: int


class _Items:
    """Reads item headers; of small fragments, many at once."""

    def __init__(self, read: ReadAt, size: int, layout: Layout) -> None:
        self._read = read
        self._size = size
        self._layout = layout
        self._window, self._start = b"", 0

    def at(self, offset: int, *, previous_length: int) -> tuple[int, int] | None:
        """Return raw tag and length of the item at an offset; None at the end of the source."""
        within = offset - self._start
        if within < 0 or within + _ITEM_LENGTH > len(self._window):
            small = previous_length < _WINDOW // 4
            self._window = self._read(offset, _WINDOW if small else _ITEM_LENGTH)
            self._start, within = offset, 0
            if not self._window:
                return None
        try:
            return self._layout.unpack_item(self._window, within)
        except struct.error:
            raise TruncatedPixelData(f"pixel data is cut off at offset {self._size}") from None


def read_basic_offsets(
    read: ReadAt, size: int, layout: Layout, value_offset: int
) -> tuple[tuple[int, ...], int]:
    """Read the Basic Offset Table, the first item of encapsulated pixel data.

    Parameters
    ----------
    read, size
        Reads the source, and its length.
    layout
        How the data set is laid out.
    value_offset
        Where the value of Pixel Data begins.

    Returns
    -------
    offsets : tuple of int
        As in the table; empty if it is.
    first_item : int
        Where the first fragment's item begins.

    Raises
    ------
    PixelDataError
        If no such item is there, or it is cut off.
    LimitExceeded
        If it has more than `MAXIMUM_FRAGMENTS` entries.
    """
    found = _Items(read, size, layout).at(value_offset, previous_length=_WINDOW)
    if found is None or found[0] != layout.item:
        kind = TruncatedPixelData if found is None else PixelDataError
        raise kind(
            f"no Basic Offset Table at offset {value_offset}; expected an Item (FFFE,E000) there, "
            "if empty, at the start of encapsulated pixel data"
        )
    length = found[1]
    start = value_offset + _ITEM_LENGTH
    if start + length > size:
        raise TruncatedPixelData(f"the Basic Offset Table claims {length} bytes and is cut off")
    if length > 4 * MAXIMUM_FRAGMENTS:
        raise LimitExceeded(f"the Basic Offset Table has {length // 4} entries")
    table = read(start, length - length % 4)
    return struct.unpack(f"{layout.order}{len(table) // 4}I", table), start + length


def check_fragments(
    read: ReadAt, size: int, layout: Layout, value_offset: int, *, at_least: int
) -> None:
    """Check that encapsulated pixel data does not break off; what else is wrong with it passes.

    Parameters
    ----------
    read, size
        Reads the source, and its length.
    layout
        How the data set is laid out.
    value_offset
        Where the value of Pixel Data begins.
    at_least
        Fragments that must be there where the Sequence Delimitation Item is missing.

    Raises
    ------
    InvalidDicom
        If it is cut off.
    """
    end = struct.pack(f"{layout.order}HHI", 0xFFFE, 0xE0DD, 0)
    if size - value_offset >= 2 * _ITEM_LENGTH and read(size - _ITEM_LENGTH, _ITEM_LENGTH) == end:
        return
    try:
        found = walk_fragments(read, size, layout, value_offset)
    except TruncatedPixelData as error:
        raise InvalidDicom(str(error)) from None
    except PixelDataError:
        return
    missing = found.end == size and len(found.offsets) < at_least
    if missing and read(size - _ITEM_LENGTH, _ITEM_LENGTH)[:4] != end[:4]:
        raise InvalidDicom(
            f"pixel data is cut off behind fragment {len(found.offsets)}: Number of Frames "
            f"(0028,0008) is {at_least}; send the complete object"
        )
    check_tail(read, size, layout, found.end)


def walk_fragments(read: ReadAt, size: int, layout: Layout, value_offset: int) -> Fragments:
    """Find all fragments.

    A missing Sequence Delimitation Item is forgiven if the source ends behind a whole fragment.

    Parameters
    ----------
    read, size
        Reads the source, and its length.
    layout
        How the data set is laid out.
    value_offset
        Where the value of Pixel Data begins.

    Returns
    -------
    Fragments
        The offset table and the places of the fragments.

    Raises
    ------
    PixelDataError
        If something else stands where a fragment must, or a fragment is cut off.
    LimitExceeded
        If there are more than `MAXIMUM_FRAGMENTS`.
    """
    basic_offsets, first_item = read_basic_offsets(read, size, layout, value_offset)
    items = _Items(read, size, layout)
    offsets, lengths = array("Q"), array("Q")
    offset, length = first_item, 0
    while found := items.at(offset, previous_length=length):
        raw, length = found
        if raw == layout.sequence_end:
            offset += _ITEM_LENGTH
            break
        if raw != layout.item or length == UNDEFINED_LENGTH:
            raise PixelDataError(
                f"{describe(layout.raw_tag(raw))} at offset {offset} in encapsulated pixel data; "
                "expected a fragment (FFFE,E000) or the end of the sequence (FFFE,E0DD)"
            )
        offset += _ITEM_LENGTH
        if offset + length > size:
            raise TruncatedPixelData(
                f"fragment {len(offsets) + 1} of pixel data is cut off: it has {length} bytes, "
                f"{size - offset} are there; send the complete object"
            )
        if len(offsets) >= MAXIMUM_FRAGMENTS:
            raise LimitExceeded(f"pixel data has more than {MAXIMUM_FRAGMENTS} fragments")
        offsets.append(offset)
        lengths.append(length)
        offset += length
    return Fragments(basic_offsets, first_item, offsets, lengths, offset)
