"""Find in the bytes of a data set what an archive needs, without making objects of the rest.

A scan walks over the elements of the top level until Pixel Data. It yields the raw bytes of the
attributes that are searched or that describe pixels, and the place of Pixel Data. Nothing is copied
but those values, nothing recurses, and every length is checked before it is believed.
"""

import struct
from collections.abc import Callable
from functools import lru_cache

from isocenter.dicom import tags
from isocenter.dicom.encoding import (
    UNDEFINED_LENGTH,
    Buffer,
    Layout,
    actual_layout,
    describe,
    odd_element,
    padding_end,
    skip_undefined,
)
from isocenter.dicom.header import WANTED, Header, PixelDataElement
from isocenter.dicom.inflation import MAXIMUM_INFLATED_HEADER, Inflation
from isocenter.dicom.part10 import MAXIMUM_META_LENGTH, FileMeta, read_file_meta
from isocenter.dicom.recurring import RecurringElements, Stretch
from isocenter.dicom.source import ReadAt, Source, opened
from isocenter.dicom.tail import check_tail
from isocenter.dicom.transfer_syntaxes import TransferSyntax, transfer_syntax
from isocenter.errors import InvalidDicom, LimitExceeded, NeedMoreData

FIRST_READ = 1 << 15
"""How many bytes of a file are read at first; headers of images seldom take more."""

MAXIMUM_WINDOW = 1 << 28
"""How much of a file is read at once to find the end of one sequence of undefined length."""

MAXIMUM_VALUE_LENGTH = 1 << 20
"""The longest value that a header keeps; only sequences come near it."""

_PIXEL_DATA = frozenset({tags.PixelData, tags.FloatPixelData, tags.DoubleFloatPixelData})
_PLACES = frozenset({tags.ExtendedOffsetTable, tags.ExtendedOffsetTableLengths})


class _Walk:
    """A walk over the top level of a data set, in one piece or window by window."""

    def __init__(self, layout: Layout, wanted: dict[int, int], base: int) -> None:
        self.layout = layout
        self.wanted = wanted
        self.base = base  # where the data at hand begins
        self.offset = 0  # of the next element, from there
        self.data = b""
        self.pixels = layout.raw_tags(_PIXEL_DATA)
        self.values: dict[int, bytes] = {}
        self.places: dict[int, tuple[int, int]] = {}
        self.pixel_data: PixelDataElement | None = None
        self.stretches: dict[int, Stretch] = {}
        self.missed_a_stretch = False

    @property
    def position(self) -> int:
        """Where the next element begins."""
        return self.base + self.offset

    def run(self, data: bytes, base: int) -> bool:
        """Walk over the elements in `data`, which begins at `base`; False if it ends too early."""
        self.data, self.base, self.offset = data, base, 0
        try:
            if self.layout.implicit:
                self._implicit()
            else:
                self._explicit()
        except struct.error:
            return False
        return True

    def _explicit(self) -> None:
        data, wanted, values, size = self.data, self.wanted, self.values, len(self.data)
        unpack, short, stretches = self.layout.unpack_element, self.layout.short, self.stretches
        offset = 0
        try:
            while True:
                raw, vr, length = unpack(data, offset)
                if raw in stretches and (end := self._recurring(offset, raw)):
                    offset = end
                elif vr in short:
                    end = offset + 8 + length
                    if raw in wanted:
                        if end > size:
                            raise struct.error
                        values[wanted[raw]] = data[offset + 8 : end]
                    offset = end
                elif raw in self.pixels:
                    self._pixel_data(offset, raw, vr)
                    return
                else:
                    offset = self._long(offset, raw, vr)
        finally:
            self.offset = offset

    def _implicit(self) -> None:
        data, wanted, unpack = self.data, self.wanted, self.layout.unpack_item
        stretches = self.stretches
        offset = 0
        try:
            while True:
                raw, length = unpack(data, offset)
                if raw in stretches and (end := self._recurring(offset, raw)):
                    offset = end
                    continue
                if raw in self.pixels:
                    self._pixel_data(offset, raw, 0)
                    return
                end = offset + 8 + length
                if length == UNDEFINED_LENGTH:
                    end = skip_undefined(data, offset + 8, self.layout)
                elif raw == length == 0:
                    end = padding_end(data, offset)
                if raw in wanted:
                    self._keep(wanted[raw], offset + 8, end)
                offset = end
        finally:
            self.offset = offset

    def _recurring(self, offset: int, raw: int) -> int:
        """Pass over a stretch that recurs; returns where it ends, 0 where other bytes stand."""
        stretch, values = self.stretches[raw]
        if not self.data.startswith(stretch, offset):
            self.missed_a_stretch = True
            return 0
        self.values.update(values)
        return offset + len(stretch)

    def _length(self, offset: int, vr: int) -> tuple[int, int, bool]:
        """Read the length of an element whose length may have 32 bits."""
        if vr in self.layout.long:
            (length,) = self.layout.unpack_length(self.data, offset + 8)
            return offset + 12, length, False
        return odd_element(self.data, offset, vr, self.layout)

    def _long(self, offset: int, raw: int, vr: int) -> int:
        """Pass over an element that is no plain short one; return where it ends."""
        if raw == 0:
            return padding_end(self.data, offset)
        if raw in {self.layout.item_end, self.layout.sequence_end}:
            return offset + 8  # left behind by a sequence that also has a length
        value_offset, length, implicit = self._length(offset, vr)
        end = value_offset + length
        if length == UNDEFINED_LENGTH:
            implicit = implicit or vr == self.layout.unknown
            end = skip_undefined(self.data, value_offset, self.layout, implicit=implicit)
        if raw in self.wanted:
            self._keep(self.wanted[raw], value_offset, end)
        return end

    def _keep(self, tag: int, value_offset: int, end: int) -> None:
        length = end - value_offset
        if tag in _PLACES:
            self.places[tag] = (self.base + value_offset, length)
            return
        if length > MAXIMUM_VALUE_LENGTH:
            raise LimitExceeded(
                f"{describe(tag)} is {length} bytes long; "
                f"at most {MAXIMUM_VALUE_LENGTH} are expected of it"
            )
        if end > len(self.data):
            raise struct.error
        self.values[tag] = self.data[value_offset:end]

    def _pixel_data(self, offset: int, raw: int, vr: int) -> None:
        if self.layout.implicit:
            value_offset, length = offset + 8, self.layout.unpack_item(self.data, offset)[1]
        else:
            value_offset, length, _ = self._length(offset, vr)
        self.pixel_data = PixelDataElement(
            self.pixels[raw],
            "" if self.layout.implicit else self.layout.vr_text(vr),
            self.base + offset,
            self.base + value_offset,
            None if length == UNDEFINED_LENGTH else length,
        )

    def header(self, transfer_syntax: TransferSyntax, data_set_offset: int) -> Header:
        """Return what was found."""
        return Header(
            transfer_syntax,
            self.layout,
            data_set_offset,
            self.values,
            self.pixel_data,
            self.places,
        )


def scan(
    data: Buffer,
    transfer_syntax: TransferSyntax,
    *,
    base: int = 0,
    final: bool = False,
    extra: frozenset[int] = frozenset(),
    recurring: RecurringElements | None = None,
) -> Header:
    """Scan the start of a data set.

    Parameters
    ----------
    data
        Bytes of the data set from its first element on, without File Meta Information; all of it or
        the beginning. Deflated data must be inflated first.
    transfer_syntax
        How it is labelled.
    base
        Added to every offset: where `data` begins in its file.
    final
        Whether `data` is the whole data set.
    extra
        Tags to keep besides `WANTED`.
    recurring
        What is remembered of the headers before, and learns from this one.

    Returns
    -------
    Header
        Values and the place of Pixel Data.

    Raises
    ------
    NeedMoreData
        If `data` ends before Pixel Data and is not final.
    InvalidDicom
        If the bytes break the encoding rules, or are final and end in the middle of an element.
    LimitExceeded
        If sequences nest deeper than `encoding.MAXIMUM_DEPTH`, or a value to keep is longer than
        `MAXIMUM_VALUE_LENGTH`.

    References
    ----------
    PS3.5 clause 7
    """
    layout = actual_layout(data, transfer_syntax)
    walk = _Walk(layout, _wanted(layout, extra), base)
    window = data if isinstance(data, bytes) else bytes(data[:FIRST_READ])
    size = base + len(data)

    def read(offset: int, length: int) -> bytes:
        return bytes(data[offset - base : offset - base + length])

    if not _walk_windows(walk, read, window, lambda: size, recurring):
        if not final:
            raise NeedMoreData(f"the data set goes on after {len(data)} bytes")
        _check_end(walk, read, size)
    header = walk.header(transfer_syntax, base)
    if final:
        check_complete(header, size, read)
    return header


@lru_cache(maxsize=16)
def _wanted(layout: Layout, extra: frozenset[int]) -> dict[int, int]:
    return layout.raw_tags(WANTED | extra)


def _check_end(walk: _Walk, read: ReadAt, size: float) -> None:
    """Judge a walk that ran out of bytes: nothing but zeros may be left."""
    if walk.position > size or read(walk.position, 64).strip(b"\0"):
        raise InvalidDicom(
            f"the data set is truncated: it ends at offset {size}, but the element before or at "
            f"offset {walk.position} reaches further; send the complete object"
        )


def check_complete(header: Header, size: int, read: ReadAt) -> None:
    """Check that Pixel Data of defined length and what follows it end within the bytes there are.

    Parameters
    ----------
    header
        What a scan found.
    size
        Where the object ends, counted like the header's offsets.
    read
        Reads the object; called only where something stands behind Pixel Data.

    Raises
    ------
    InvalidDicom
        If Pixel Data is cut off, or an element behind it. Zeros are padding.
    """
    pixel_data = header.pixel_data
    if pixel_data is None or pixel_data.length is None:
        return
    available = size - pixel_data.value_offset
    if pixel_data.length > available:
        raise InvalidDicom(
            f"Pixel Data {describe(pixel_data.tag)} is truncated: its length is "
            f"{pixel_data.length} bytes, {max(available, 0)} are there; send the complete object"
        )
    check_tail(read, size, header.layout, pixel_data.value_offset + pixel_data.length)


def scan_file(
    source: Source,
    *,
    extra: frozenset[int] = frozenset(),
    beginning: bytes = b"",
    recurring: RecurringElements | None = None,
) -> Header:
    """Scan a DICOM file, of which only the headers are read.

    Files without preamble or File Meta Information are understood, and deflated ones inflated as
    far as the scan needs.

    Parameters
    ----------
    source
        Path, file descriptor, seekable binary file, or the file's bytes.
    extra
        Tags to keep besides `WANTED`.
    beginning
        The first `FIRST_READ` bytes, or all, where the caller has them already.
    recurring
        What is remembered of the headers before, and learns from this one.

    Returns
    -------
    Header
        With offsets from the start of the file; for a deflated file, from the start of the inflated
        data set, and `inflated` is set.

    Raises
    ------
    NotDicom
        If it is no DICOM file.
    InvalidDicom
        If the bytes break the encoding rules or end too early.
    UnsupportedTransferSyntax
        If the file names a transfer syntax that is unknown.
    LimitExceeded
        If something in it is larger than the limits of this module.
    OSError
        If the file cannot be read.
    """
    with opened(source) as (read, size):
        return scan_at(read, size, extra=extra, beginning=beginning, recurring=recurring)


def scan_at(
    read: ReadAt,
    size: int,
    *,
    extra: frozenset[int] = frozenset(),
    beginning: bytes = b"",
    recurring: RecurringElements | None = None,
) -> Header:
    """Scan a DICOM file that is open already.

    Parameters
    ----------
    read
        Reads the file.
    size
        Its length in bytes.
    extra, beginning, recurring
        As for `scan_file`; returned and raised is the same, too.
    """
    head, meta = _read_head(read, size, beginning)
    syntax = transfer_syntax(meta.transfer_syntax_uid)
    if syntax.deflated:
        return _scan_deflated(read, meta.data_set_offset, syntax, extra)
    start = head[meta.data_set_offset :]
    layout = actual_layout(start, syntax)
    walk = _Walk(layout, _wanted(layout, extra), meta.data_set_offset)
    if not _walk_windows(walk, read, start, lambda: size, recurring):
        _check_end(walk, read, size)
    header = walk.header(syntax, meta.data_set_offset)
    check_complete(header, size, read)
    return header


def _read_head(read: ReadAt, size: int, beginning: bytes) -> tuple[bytes, FileMeta]:
    head = beginning or read(0, FIRST_READ)
    try:
        return head, read_file_meta(head, final=len(head) >= size)
    except NeedMoreData:
        head = read(0, MAXIMUM_META_LENGTH + FIRST_READ)
        return head, read_file_meta(head, final=True)


def _walk_windows(
    walk: _Walk,
    read: ReadAt,
    window: bytes,
    size: Callable[[], float],
    recurring: RecurringElements | None = None,
) -> bool:
    """Walk on until Pixel Data; False if the bytes end before.

    A window grows only to hold a sequence of undefined length.
    """
    position, length = walk.base, FIRST_READ
    first = window
    if recurring is not None:
        recurring.prepare(walk.layout, walk.wanted)
        walk.stretches = recurring.stretches
    while not walk.run(window, position):
        if position + len(window) >= size():
            return False
        length = FIRST_READ if walk.offset else length * 8
        if length > MAXIMUM_WINDOW:
            raise LimitExceeded(
                f"the sequence at offset {walk.position} takes more than {length // 8} bytes"
            )
        position = walk.position
        window = read(position, length)
    if recurring is not None and window is first:
        recurring.met(window, walk.offset, missed=walk.missed_a_stretch)
    return True


def _scan_deflated(
    read: ReadAt, offset: int, syntax: TransferSyntax, extra: frozenset[int]
) -> Header:
    inflation = Inflation(read, offset, limit=MAXIMUM_INFLATED_HEADER)
    start = inflation.read(0, FIRST_READ)
    layout = actual_layout(start, syntax)
    walk = _Walk(layout, _wanted(layout, extra), 0)
    if not _walk_windows(walk, inflation.read, start, inflation.size):
        _check_end(walk, inflation.read, inflation.size())
    header = walk.header(syntax, offset)
    header.inflated = True
    return header
