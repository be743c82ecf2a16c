"""Find every frame of an object.

Native frames follow from arithmetic; encapsulated ones from the Extended Offset Table, or from
walking over the fragments with the Basic Offset Table, or the starts of codestreams, to group them.
A table takes memory for what is there, whatever the object promises.
"""

import struct
from array import array
from collections.abc import Sequence

from isocenter.dicom import tags
from isocenter.dicom.component_collections import MULTI_COMPONENT, component_collections
from isocenter.dicom.encoding import describe
from isocenter.dicom.fragments import (
    MAXIMUM_FRAGMENTS,
    Fragments,
    read_basic_offsets,
    walk_fragments,
)
from isocenter.dicom.frames import EncapsulatedFrames, FrameTable, NativeFrames
from isocenter.dicom.header import Header, PixelDataElement
from isocenter.dicom.source import ReadAt, Source, opened
from isocenter.errors import InvalidAttribute, LimitExceeded, NotFound, PixelDataError

_ALLOCATED_BITS = {tags.FloatPixelData: 32, tags.DoubleFloatPixelData: 64}

# Samples a pixel, averaged, where chrominance is stored for every second pixel (PS3.3 C.7.6.3.1.2).
_AVERAGE_SAMPLES = {"YBR_FULL_422": 2.0, "YBR_PARTIAL_422": 2.0, "YBR_PARTIAL_420": 1.5}

# What the first bytes of a frame are: JPEG and JPEG-LS, JPEG 2000 and HTJ2K, JPEG XL, and the last
# two in their file formats.
_CODESTREAM_STARTS = (
    b"\xff\xd8\xff",
    b"\xff\x4f\xff\x51",
    b"\xff\x0a",
    b"\0\0\0\x0cjP  ",
    b"\0\0\0\x0cJXL ",
)


def frame_table(source: Source, header: Header) -> FrameTable:
    """Find the places of all frames of an object.

    Parameters
    ----------
    source
        The file that was scanned; for a deflated file, the inflated data set.
    header
        What the scan of it found.

    Returns
    -------
    FrameTable
        With offsets in `source`. Nothing is read of native pixel data, and of encapsulated pixel
        data only what stands between the fragments.

    Raises
    ------
    NotFound
        If the object has no pixel data.
    InvalidAttribute
        If an attribute that gives the size of a frame is missing or zero.
    PixelDataError
        If fragments are cut off, or cannot be told apart by frame, or frames are components of
        codestreams that have more or fewer of them.
    LimitExceeded
        If there are more fragments, or frames that share them, than any real object has.

    References
    ----------
    PS3.5 8.1, 8.2, A.4, A.4.4; PS3.3 C.7.6.3.1.8
    """
    pixel_data = header.pixel_data
    if pixel_data is None:
        raise NotFound("the object has no Pixel Data (7FE0,0010)")
    if pixel_data.length is not None and not _holds_items(source, header, pixel_data):
        return _native(header, pixel_data, pixel_data.length)
    with opened(source) as (read, size):
        by_table = _by_extended_table(read, size, header, pixel_data)
        if by_table is not None:
            return by_table
        fragments = walk_fragments(read, size, header.layout, pixel_data.value_offset)
        if header.transfer_syntax.uid in MULTI_COMPONENT:
            samples = header.integer(tags.SamplesPerPixel) or 1
            shared = component_collections(read, fragments, header.number_of_frames, samples)
            if shared is not None:
                return shared
        return _grouped(read, header, fragments)


def _holds_items(source: Source, header: Header, pixel_data: PixelDataElement) -> bool:
    """Tell whether a value of defined length is encapsulated all the same."""
    if not header.transfer_syntax.encapsulated:
        return False
    with opened(source) as (read, _):
        start = read(pixel_data.value_offset, 8)
    return len(start) == 8 and header.layout.unpack_item(start, 0)[0] == header.layout.item


def _required(header: Header, tag: int, name: str) -> int:
    value = header.integer(tag)
    if not value or value < 0:
        found = "is missing" if value is None else f"is {value}"
        raise InvalidAttribute(
            f"{name} {describe(tag)} {found}; frames cannot be found without a number above 0", tag
        )
    return value


def _native(header: Header, pixel_data: PixelDataElement, length: int) -> NativeFrames:
    bits = _ALLOCATED_BITS.get(pixel_data.tag) or _required(
        header, tags.BitsAllocated, "Bits Allocated"
    )
    pixels = _required(header, tags.Rows, "Rows") * _required(header, tags.Columns, "Columns")
    samples: float = header.integer(tags.SamplesPerPixel) or 1
    if samples == 3:
        samples = _AVERAGE_SAMPLES.get(header.text(tags.PhotometricInterpretation), samples)
    frame_bits = int(pixels * samples * bits)
    # Of frames of whole words, nobody need know; those of an odd size are not where they seem.
    swapped = (
        bits == 8
        and frame_bits % 16 == 8
        and pixel_data.vr == "OW"
        and not header.layout.little_endian
    )
    return NativeFrames(
        header.number_of_frames, pixel_data.value_offset, length, frame_bits, swapped
    )


def _by_extended_table(
    read: ReadAt, size: int, header: Header, pixel_data: PixelDataElement
) -> EncapsulatedFrames | None:
    """Take the frames from the Extended Offset Table, in which each has one fragment.

    None if there is no such table, or it does not fit the object.
    """
    offsets = _numbers(read, header, tags.ExtendedOffsetTable)
    lengths = _numbers(read, header, tags.ExtendedOffsetTableLengths)
    if not offsets or len(offsets) != len(lengths) or len(offsets) != header.number_of_frames:
        return None
    if max(offsets) > size or max(lengths) > size:
        return None
    _, first_item = read_basic_offsets(read, size, header.layout, pixel_data.value_offset)
    values = array("Q", (first_item + offset + 8 for offset in offsets))
    ends = (offset + length for offset, length in zip(values, lengths, strict=True))
    if max(ends) > size or not _grows(offsets):
        return None
    return EncapsulatedFrames(len(values), values, lengths, array("Q", range(len(values))))


def _numbers(read: ReadAt, header: Header, tag: int) -> "array[int]":
    """Read one of the two extended tables; empty if it is absent or cannot be one."""
    offset, length = header.places.get(tag, (0, 0))
    if length > 8 * MAXIMUM_FRAGMENTS:
        raise LimitExceeded(
            f"Extended Offset Table {describe(tag)} has {length // 8} entries, "
            f"at most {MAXIMUM_FRAGMENTS} are supported"
        )
    data = read(offset, length)
    if len(data) % 8:
        return array("Q")
    return array("Q", struct.unpack(f"{header.layout.order}{len(data) // 8}Q", data))


def _grows(numbers: Sequence[int]) -> bool:
    return all(a < b for a, b in zip(numbers, numbers[1:], strict=False))


def _grouped(read: ReadAt, header: Header, fragments: Fragments) -> EncapsulatedFrames:
    """Tell which fragments make up which frame."""
    number_of_frames = 1 if header.transfer_syntax.video else header.number_of_frames
    count = len(fragments.offsets)
    if number_of_frames == 1:
        firsts = range(min(count, 1))
    else:
        firsts = _by_basic_table(fragments, number_of_frames)
        if firsts is None:
            firsts = range(count)
            if count > number_of_frames:
                firsts = _by_codestreams(read, fragments, number_of_frames)
    return EncapsulatedFrames(
        number_of_frames, fragments.offsets, fragments.lengths, array("Q", firsts)
    )


def _by_basic_table(fragments: Fragments, number_of_frames: int) -> list[int] | None:
    """Group by the Basic Offset Table, if every entry of it points at a fragment."""
    table = fragments.basic_offsets
    if len(table) != number_of_frames or not _grows(table):
        return None
    places = {
        offset - 8 - fragments.first_item: number for number, offset in enumerate(fragments.offsets)
    }
    firsts = [places[offset] for offset in table if offset in places]
    return firsts if len(firsts) == len(table) else None


def _by_codestreams(read: ReadAt, fragments: Fragments, number_of_frames: int) -> list[int]:
    """Group by which fragments begin as a compressed frame does."""
    filled = [number for number, length in enumerate(fragments.lengths) if length]
    if len(filled) == number_of_frames:
        return filled
    firsts = [number for number in filled if _starts_frame(read(fragments.offsets[number], 8))]
    if len(firsts) != number_of_frames:
        raise PixelDataError(
            f"{len(fragments.offsets)} fragments cannot be told apart into "
            f"{number_of_frames} frames: there is no usable Basic Offset Table, and "
            f"{len(firsts)} fragments begin as a frame does"
        )
    return firsts


def _starts_frame(first: bytes) -> bool:
    if first.startswith(_CODESTREAM_STARTS):
        return True
    # An RLE header: the number of segments, then the first one's offset behind the header itself.
    return len(first) == 8 and 1 <= first[0] <= 15 and first[1:] == b"\0\0\0\x40\0\0\0"
