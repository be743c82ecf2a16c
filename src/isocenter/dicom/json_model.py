"""Write a data set in the DICOM JSON Model (PS3.18 annex F), straight from its bytes.

What differs between encodings disappears: attributes are in order and occur once, group lengths and
padding are left out, text is UTF-8, binary values are little endian, bulk data is a link.

On every file of pydicom and pydicom-data the model is that of pydicom 3's `to_json_dict`, but for
what that leaves as the file has it: Specific Character Set (ISO_IR 192 here, as JSON is UTF-8),
group lengths and Data Set Trailing Padding, words of big endian (F.2.7), padding behind each of
several code strings (PS3.5 6.2); and but for a sequence without items, an empty one of several
values and an empty component group, which it writes as `[]`, `""` and `""` where F.2.2 and F.2.5
have no Value, null and nothing. Two files it cannot write: an IS that is no number, and pixel data
cut off.
"""

from collections.abc import Generator
from contextlib import contextmanager
from mmap import mmap

from isocenter.dicom.encoding import Buffer, actual_layout
from isocenter.dicom.fragments import walk_fragments
from isocenter.dicom.header import Header
from isocenter.dicom.inflation import (
    MAXIMUM_INFLATED_HEADER,
    MAXIMUM_INFLATED_LENGTH,
    Inflation,
)
from isocenter.dicom.json_writer import BulkDataURI, Writer, in_order
from isocenter.dicom.source import ReadAt, Source, mapped, opened
from isocenter.dicom.transfer_syntaxes import TransferSyntax
from isocenter.dicom.value_representations import Level

BULK_THRESHOLD = 1024
"""Binary values longer than this many bytes become bulk data."""

_LARGEST_READ = 1 << 24  # longer parts hold long values, which need not be read to be linked


def data_set_json(
    data: Buffer,
    transfer_syntax: TransferSyntax,
    *,
    bulk_data_uri: BulkDataURI,
    bulk_threshold: int = BULK_THRESHOLD,
) -> bytes:
    """Write a data set as a JSON object.

    Parameters
    ----------
    data
        The data set, without File Meta Information, inflated. It may end anywhere behind the
        header of a Pixel Data element; what would follow Pixel Data is then left out.
    transfer_syntax
        How it is labelled.
    bulk_data_uri
        Begins the links to bulk data, or makes them. The path of an element is its tag in eight
        hexadecimal digits, behind those of the sequences that it is in and the numbers of their
        items from 0: `7FE00010`, `00081140/0/00091010`.
    bulk_threshold
        Binary values longer than this many bytes become links; Pixel Data always does.

    Returns
    -------
    bytes
        UTF-8.

    Raises
    ------
    InvalidDicom
        If the bytes break the encoding rules or end too early.
    LimitExceeded
        If sequences nest deeper than `encoding.MAXIMUM_DEPTH`.

    References
    ----------
    PS3.18 annex F
    """
    members = data_set_members(
        data, transfer_syntax, bulk_data_uri=bulk_data_uri, bulk_threshold=bulk_threshold
    )
    return f"{{{','.join(members)}}}".encode()


def data_set_members(
    data: Buffer,
    transfer_syntax: TransferSyntax,
    *,
    bulk_data_uri: BulkDataURI,
    bulk_threshold: int = BULK_THRESHOLD,
) -> list[str]:
    """Write the attributes of a data set as the members of a JSON object, in order of tags.

    See `data_set_json`, of which this is the part before members are joined: each begins with the
    tag in quotes, so that more can be added in order.

    Parameters
    ----------
    data, transfer_syntax, bulk_data_uri, bulk_threshold
        As for `data_set_json`.

    Returns
    -------
    list of str
        Such as `"00100020":{"vr":"LO","Value":["P1"]}`.

    Raises
    ------
    InvalidDicom, LimitExceeded
        As `data_set_json`.
    """
    octets = data if isinstance(data, bytes) else bytes(data)
    layout = actual_layout(octets, transfer_syntax)
    writer = Writer(octets, layout, bulk_data_uri, bulk_threshold)
    members, _ = writer.data_set(0, len(octets), Level(layout.implicit))
    return members


def file_json(
    source: Source,
    header: Header,
    *,
    bulk_data_uri: BulkDataURI,
    bulk_threshold: int = BULK_THRESHOLD,
) -> bytes:
    """Write the data set of a file as a JSON object, without reading its Pixel Data.

    Parameters
    ----------
    source
        The file that was scanned; of a deflated one, too, the file itself.
    header
        What `scan_file` found.
    bulk_data_uri, bulk_threshold
        As for `data_set_json`.

    Returns
    -------
    bytes
        UTF-8.

    Raises
    ------
    InvalidDicom, LimitExceeded
        As `data_set_json` does.
    PixelDataError
        If fragments of encapsulated pixel data are cut off.
    OSError
        If the file cannot be read.
    """
    level = Level(header.layout.implicit)
    members: list[str] = []
    with opened(source) as (read, size):
        for start, end in _parts(read, size, header):
            with _part(source, read, header, start, end) as (data, first, last):
                writer = Writer(data, header.layout, bulk_data_uri, bulk_threshold, first)
                members += writer.data_set(first, last, level)[0]
    return f"{{{','.join(in_order(members))}}}".encode()


def _parts(read: ReadAt, size: int, header: Header) -> list[tuple[int, int]]:
    """Return where a file's attributes begin and end: before and behind Pixel Data."""
    start, pixel_data = header.data_set_offset, header.pixel_data
    if header.inflated:
        start, size, read = 0, MAXIMUM_INFLATED_LENGTH, _inflating(read, header)
    if pixel_data is None:
        parts = [(start, size)]
    else:
        if pixel_data.length is None:
            end = walk_fragments(read, size, header.layout, pixel_data.value_offset).end
        else:
            end = pixel_data.value_offset + pixel_data.length
        parts = [(start, pixel_data.value_offset), (end, size)]
    return [(begin, end) for begin, end in parts if begin < end]


def _inflating(read: ReadAt, header: Header) -> ReadAt:
    """Read a deflated data set, inflated; each time behind what was read before."""
    return Inflation(read, header.data_set_offset, limit=MAXIMUM_INFLATED_LENGTH).read


@contextmanager
def _part(
    source: Source, read: ReadAt, header: Header, start: int, end: int
) -> Generator[tuple[bytes | mmap, int, int]]:
    """Yield bytes, and where in them a part begins and ends."""
    if header.inflated:
        data = _inflating(read, header)(start, min(end - start, MAXIMUM_INFLATED_HEADER))
        yield data, 0, len(data)
    elif end - start <= _LARGEST_READ:
        yield read(start, end - start), 0, end - start
    else:
        with mapped(source) as data:
            yield data, start, end
