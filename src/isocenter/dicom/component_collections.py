"""Frames that are components of codestreams: the collections of JPEG 2000 Part 2 (PS3.5 A.4.4)."""

import struct
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate

from isocenter.dicom.encoding import EXPLICIT_LITTLE
from isocenter.dicom.fragments import MAXIMUM_FRAGMENTS, Fragments, walk_fragments
from isocenter.dicom.frames import ComponentCollections, EncapsulatedFrames
from isocenter.dicom.source import ReadAt, opened
from isocenter.dicom.transfer_syntaxes import TransferSyntax
from isocenter.errors import LimitExceeded, PixelDataError

__all__ = ["MULTI_COMPONENT", "component_collections", "component_frames"]

MULTI_COMPONENT = frozenset({"1.2.840.10008.1.2.4.92", "1.2.840.10008.1.2.4.93"})
"""UIDs of the transfer syntaxes whose frames may be components of one codestream."""

# SOC and SIZ, which all codestreams begin with; SIZ up to the number of components: its length,
# Rsiz and Csiz (ISO/IEC 15444-1 A.4.1, A.5.1).
_START = b"\xff\x4f\xff\x51"
_UP_TO_CSIZ = struct.Struct(">4sHH32xH")
_SIZ, _SOT, _PART_2 = 2, 0xFF90, 0x8000
# Component bit depth of ISO/IEC 15444-2 A.3.6: how many there are behind their transformations.
_CBD, _ONE_FOR_ALL = 0xFF78, 0x8000
_SEGMENT = struct.Struct(">HHH")
_MOST_SEGMENTS = 1024
_READ_AT_ONCE = 4096


def component_collections(
    read: ReadAt, fragments: Fragments, number_of_frames: int, samples_per_pixel: int
) -> ComponentCollections | None:
    """Find the frames of codestreams that hold several, by the number of their components.

    Parameters
    ----------
    read
        Reads the source of the fragments.
    fragments
        All of one object with a transfer syntax of `MULTI_COMPONENT`.
    number_of_frames, samples_per_pixel
        What the object says of itself.

    Returns
    -------
    ComponentCollections or None
        None where every frame has a codestream of its own, or should have.

    Raises
    ------
    PixelDataError
        If the components are not as many as the frames, they are colours as well, or the Basic
        Offset Table groups them otherwise.
    LimitExceeded
        If there are more frames than any real object has.

    References
    ----------
    PS3.5 A.4.4: each frame is a component; a fragment has data of a single collection. The
    standard does not say what offset tables hold then: by the letter of A.4 an entry for each
    frame, the same for those of one collection. One for each collection is understood, and any
    other passed over, for codestreams tell where they begin.
    """
    if number_of_frames < 2:
        return None
    firsts, counts = array("Q"), array("Q")
    for number, (offset, length) in enumerate(
        zip(fragments.offsets, fragments.lengths, strict=True)
    ):
        head = read(offset, min(length, _UP_TO_CSIZ.size))
        if head.startswith(_START):
            firsts.append(number)
            counts.append(_components(read, head, offset, offset + length))
    if len(firsts) >= number_of_frames or all(count == samples_per_pixel for count in counts):
        return None
    _check_components(counts, number_of_frames, samples_per_pixel)
    _check_offsets(fragments, firsts, counts)
    codestreams = EncapsulatedFrames(len(firsts), fragments.offsets, fragments.lengths, firsts)
    return ComponentCollections(number_of_frames, codestreams, array("Q", accumulate(counts)))


def _components(read: ReadAt, head: bytes, offset: int, end: int) -> int:
    """Read how many components a codestream has: by CBD, else by SIZ; 0 where it is cut off."""
    if len(head) < _UP_TO_CSIZ.size:
        return 0
    _, length, capabilities, components = _UP_TO_CSIZ.unpack(head)
    position = offset + _SIZ + 2 + length
    header, start = b"", position
    for _ in range(_MOST_SEGMENTS if capabilities & _PART_2 else 0):
        if position + _SEGMENT.size > end:
            break
        if position + _SEGMENT.size > start + len(header):
            header, start = read(position, min(_READ_AT_ONCE, end - position)), position
        marker, length, first = _SEGMENT.unpack_from(header, position - start)
        if marker == _CBD:
            return first & ~_ONE_FOR_ALL
        if marker == _SOT or marker < 0xFF00:
            break
        position += 2 + max(length, 2)
    return components


def _check_components(counts: Sequence[int], number_of_frames: int, samples_per_pixel: int) -> None:
    found = f"{sum(counts)} components in {len(counts)} codestream{'s' * (len(counts) > 1)}"
    if samples_per_pixel != 1:
        raise PixelDataError(
            f"Pixel Data (7FE0,0010) holds {found} for {number_of_frames} frames, and Samples per "
            f"Pixel (0028,0002) is {samples_per_pixel}: where frames are components of codestreams "
            "(PS3.5 A.4.4), a frame is one of them, and in which order those of colours stand is "
            "not defined; expected 1"
        )
    if number_of_frames > MAXIMUM_FRAGMENTS:
        raise LimitExceeded(
            f"Number of Frames (0028,0008) is {number_of_frames}; of frames that are components of "
            f"codestreams (PS3.5 A.4.4), at most {MAXIMUM_FRAGMENTS} are supported"
        )
    if sum(counts) != number_of_frames:
        raise PixelDataError(
            f"Pixel Data (7FE0,0010) holds {found}, Number of Frames (0028,0008) is "
            f"{number_of_frames}: where frames are components of codestreams (PS3.5 A.4.4), both "
            "must be the same; which frames are missing cannot be told"
        )


def _check_offsets(fragments: Fragments, firsts: Sequence[int], counts: Sequence[int]) -> None:
    """Refuse a Basic Offset Table that puts frames into other codestreams than their number."""
    table = fragments.basic_offsets
    if len(table) != sum(counts):
        return
    items = [fragments.offsets[first] - 8 - fragments.first_item for first in firsts]
    expected = [item for item, count in zip(items, counts, strict=True) for _ in range(count)]
    if set(table) <= set(items) and list(table) != expected:
        raise PixelDataError(
            "the Basic Offset Table puts frames into other codestreams than the number of their "
            f"components (SIZ) does, which is {list(counts)[:16]}; one of them is wrong"
        )


def component_frames(
    value: bytes, syntax: TransferSyntax, number_of_frames: int, samples_per_pixel: int
) -> Iterator[bytes] | None:
    """Read the frames of codestreams that hold several out of the value of Pixel Data.

    Parameters
    ----------
    value
        The value, encapsulated.
    syntax
        Its transfer syntax.
    number_of_frames, samples_per_pixel
        What the object says of itself.

    Returns
    -------
    iterator of ComponentFrame, or None
        None where every frame has a codestream of its own, or should have: with another syntax
        than those of `MULTI_COMPONENT`, always.

    Raises
    ------
    PixelDataError, LimitExceeded
        As `frame_table` does.
    """
    if syntax.uid not in MULTI_COMPONENT:
        return None
    with opened(value) as (read, size):
        fragments = walk_fragments(read, size, EXPLICIT_LITTLE, 0)
        table = component_collections(read, fragments, number_of_frames, samples_per_pixel)
    if table is None:
        return None
    return _frames(value, table)


def _frames(value: bytes, table: ComponentCollections) -> Iterator[bytes]:
    for number in range(1, table.number_of_frames + 1):
        yield table.read_frame(lambda at, length: value[at : at + length], number)
