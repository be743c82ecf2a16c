"""How data elements are laid out in bytes (PS3.5 clause 7): tables and steps of every reader."""

import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from mmap import mmap

from isocenter.dicom.transfer_syntaxes import TransferSyntax
from isocenter.errors import InvalidDicom, LimitExceeded

Buffer = bytes | bytearray | memoryview | mmap
"""What readers take."""

UNDEFINED_LENGTH = 0xFFFFFFFF

_SHORT = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
_LONG = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"

SHORT_VRS = frozenset(_SHORT.split())
"""Value representations with a length of 16 bits (PS3.5 Table 7.1-2)."""

LONG_VRS = frozenset(_LONG.split())
"""Value representations with a length of 32 bits (PS3.5 Table 7.1-1)."""

MAXIMUM_DEPTH = 64
"""How deep sequences may nest; structured reports, the deepest real objects, stay below twenty."""

_NOT_ZERO = re.compile(rb"[^\0]")
_TWO_CAPITALS = range(ord("A"), ord("Z") + 1)


@dataclass(frozen=True, slots=True)
class Layout:
    """One of the three ways to lay out a data element, with its numbers ready for comparison.

    Tags and value representations are compared as the numbers that one `struct` call yields: `raw`
    tags have element and group swapped in little endian.

    Parameters
    ----------
    implicit
        Whether value representations are left out.
    little_endian
        Whether the least significant byte comes first.
    """

    implicit: bool
    little_endian: bool
    order: str = field(init=False)
    unpack_element: Callable[[Buffer, int], tuple[int, int, int]] = field(init=False, repr=False)
    unpack_item: Callable[[Buffer, int], tuple[int, int]] = field(init=False, repr=False)
    unpack_length: Callable[[Buffer, int], tuple[int]] = field(init=False, repr=False)
    short: frozenset[int] = field(init=False, repr=False)
    long: frozenset[int] = field(init=False, repr=False)
    sequence: int = field(init=False, repr=False)
    unknown: int = field(init=False, repr=False)
    item: int = field(init=False, repr=False)
    item_end: int = field(init=False, repr=False)
    sequence_end: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        order = "<" if self.little_endian else ">"
        derived = {
            "order": order,
            "unpack_element": struct.Struct(f"{order}IHH").unpack_from,
            "unpack_item": struct.Struct(f"{order}II").unpack_from,
            "unpack_length": struct.Struct(f"{order}I").unpack_from,
            "short": frozenset(map(self.vr_number, SHORT_VRS)),
            "long": frozenset(map(self.vr_number, LONG_VRS)),
            "sequence": self.vr_number("SQ"),
            "unknown": self.vr_number("UN"),
            "item": self.raw_tag(0xFFFEE000),
            "item_end": self.raw_tag(0xFFFEE00D),
            "sequence_end": self.raw_tag(0xFFFEE0DD),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def vr_number(self, vr: str) -> int:
        """Give the number that `unpack_element` yields for a value representation."""
        return int.from_bytes(vr.encode("ascii"), "little" if self.little_endian else "big")

    def vr_text(self, number: int) -> str:
        """Give the two characters of a value representation read by `unpack_element`."""
        order = "little" if self.little_endian else "big"
        return number.to_bytes(2, order).decode("latin-1")

    def raw_tag(self, tag: int) -> int:
        """Turn a tag into the number that one 32-bit read of its bytes yields; and back again."""
        return (tag & 0xFFFF) << 16 | tag >> 16 if self.little_endian else tag

    def raw_tags(self, tags: Iterable[int]) -> dict[int, int]:
        """Map raw tags to tags."""
        return {self.raw_tag(tag): tag for tag in tags}


EXPLICIT_LITTLE = Layout(implicit=False, little_endian=True)
EXPLICIT_BIG = Layout(implicit=False, little_endian=False)
IMPLICIT_LITTLE = Layout(implicit=True, little_endian=True)
IMPLICIT_BIG = Layout(implicit=True, little_endian=False)  # only inside mislabelled objects


def looks_explicit(first: Buffer) -> bool:
    """Tell from the first eight bytes of a data set whether it names value representations."""
    return len(first) >= 6 and first[4] in _TWO_CAPITALS and first[5] in _TWO_CAPITALS


def actual_layout(data: Buffer, transfer_syntax: TransferSyntax) -> Layout:
    """Find how a data set is really laid out.

    Writers that label Implicit VR data as Explicit VR, or the other way round, are common enough
    that every reader looks at the first element before it believes the label.

    Parameters
    ----------
    data
        The start of the data set (inflated).
    transfer_syntax
        What it is labelled as.

    Returns
    -------
    Layout
        The labelled layout, except where the first element plainly has the other one.
    """
    implicit = transfer_syntax.implicit
    if len(data) >= 8:
        implicit = not looks_explicit(data)
    if transfer_syntax.little_endian:
        return IMPLICIT_LITTLE if implicit else EXPLICIT_LITTLE
    return IMPLICIT_BIG if implicit else EXPLICIT_BIG


def odd_element(data: Buffer, offset: int, vr: int, layout: Layout) -> tuple[int, int, bool]:
    """Read the length of an element whose value representation is in no table.

    Two capitals name a value representation from the future, whose length has 32 bits behind two
    zero bytes (PS3.5 7.1.2); old writers gave theirs 16 bits. Anything else is no value
    representation at all: some writers fall back to Implicit VR in the middle of a data set.

    Parameters
    ----------
    data
        Where the element stands.
    offset
        Where it begins.
    vr
        The number that `Layout.unpack_element` gave.
    layout
        How the data set is laid out.

    Returns
    -------
    value_offset : int
        Where its value begins.
    length : int
        Of the value, in bytes, or `UNDEFINED_LENGTH`.
    implicit : bool
        Whether it was read as Implicit VR.
    """
    text = layout.vr_text(vr)
    if not ("A" <= text[0] <= "Z" and "A" <= text[1] <= "Z"):
        return offset + 8, layout.unpack_length(data, offset + 4)[0], True
    _, _, length = layout.unpack_element(data, offset)
    if length == 0:
        return offset + 12, layout.unpack_length(data, offset + 8)[0], False
    return offset + 8, length, False


def padding_end(data: Buffer, offset: int) -> int:
    """Find the end of zeros that stand where an element should begin.

    Parameters
    ----------
    data
        Where the data set stands.
    offset
        Of eight zeros.

    Returns
    -------
    int
        Where the next element can begin: behind as many zeros as eight divides.
    """
    found = _NOT_ZERO.search(data, offset)
    zeros = (found.start() if found else len(data)) - offset
    return offset + max(zeros // 8 * 8, 8)


def describe(tag: int) -> str:
    """Write a tag as `(GGGG,EEEE)` for an error message."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def item_implicit(data: Buffer, offset: int, layout: Layout, implicit: bool) -> bool:
    """Tell whether an item is in Implicit VR, whatever is said of its sequence.

    Some writers put items in Explicit VR where Implicit VR must be, as in `UN` elements.

    Parameters
    ----------
    data
        Where the item stands.
    offset
        Where its first element begins.
    layout
        How the data set is laid out.
    implicit
        Whether the items of the sequence should be in Implicit VR.

    Returns
    -------
    bool
        False if the first element names a value representation that its length bears out.
    """
    if not implicit or offset + 8 > len(data):
        return implicit
    _, vr, length = layout.unpack_element(data, offset)
    # As the length of an implicit value, a short representation would be even, and end in zeros.
    return not (vr in layout.long or (vr in layout.short and length))


def skip_undefined(
    data: Buffer, offset: int, layout: Layout, *, implicit: bool | None = None
) -> int:
    """Find the end of a value of undefined length: a sequence, or fragments of pixel data.

    Parameters
    ----------
    data
        Where the value stands.
    offset
        Where it begins: at its first item or its delimiter.
    layout
        How the data set is laid out.
    implicit
        Whether the items are in Implicit VR, if not as the layout says: those of an `UN` element
        of undefined length are (PS3.5 6.2.2 note 2).

    Returns
    -------
    int
        Where the next element begins, behind the Sequence Delimitation Item.

    Raises
    ------
    struct.error
        If `data` ends first.
    InvalidDicom
        If something else stands where an item or a delimiter must.
    LimitExceeded
        If sequences nest deeper than `MAXIMUM_DEPTH`.
    """
    # What is open, outermost first: a sequence, its item, a sequence in that and so on; of each,
    # whether it is in Implicit VR. An odd number of them ends with a sequence.
    opened = [layout.implicit if implicit is None else implicit]
    while opened:
        raw, length = layout.unpack_item(data, offset)
        if len(opened) % 2:
            offset += 8
            if raw == layout.sequence_end:
                opened.pop()
            elif raw == layout.item and length == UNDEFINED_LENGTH:
                opened.append(item_implicit(data, offset, layout, opened[-1]))
            elif raw == layout.item:
                offset += length
            else:
                raise InvalidDicom(
                    f"{describe(layout.raw_tag(raw))} at offset {offset - 8} of the data set; "
                    "expected an Item (FFFE,E000) or Sequence Delimitation Item (FFFE,E0DD)"
                )
        elif raw == layout.item_end:
            opened.pop()
            offset += 8
        else:
            offset, length, inner = element_value(data, offset, layout, opened[-1])
            if length != UNDEFINED_LENGTH:
                offset += length
            elif len(opened) < 2 * MAXIMUM_DEPTH:
                opened.append(inner)
            else:
                raise LimitExceeded(
                    f"sequences nest deeper than {MAXIMUM_DEPTH} at offset {offset}"
                )
    return offset


def element_value(
    data: Buffer, offset: int, layout: Layout, implicit: bool
) -> tuple[int, int, bool]:
    """Find the value of an element.

    Parameters
    ----------
    data
        Where the element stands.
    offset
        Where it begins.
    layout
        How the data set is laid out.
    implicit
        Whether the items around it are in Implicit VR.

    Returns
    -------
    value_offset : int
        Where its value begins.
    length : int
        Of the value, in bytes, or `UNDEFINED_LENGTH`.
    inner : bool
        Whether items in the value are in Implicit VR.
    """
    if implicit:
        return offset + 8, layout.unpack_item(data, offset)[1], True
    _, vr, length = layout.unpack_element(data, offset)
    if vr in layout.short:
        return offset + 8, length, False
    if vr in layout.long:
        (length,) = layout.unpack_length(data, offset + 8)
        return offset + 12, length, vr == layout.unknown
    return odd_element(data, offset, vr, layout)
