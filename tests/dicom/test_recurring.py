"""What scans remember of headers must never change what they find."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dicom import corpus
from tests.factories import ct_slice, data_set_bytes

from isocenter.dicom import Header, read_file_meta, scan, transfer_syntax
from isocenter.dicom.recurring import RecurringElements
from isocenter.errors import IsocenterError

EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
FOUR_ZEROS = bytes(4)
PIXELS = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 4) + FOUR_ZEROS
SLICE = data_set_bytes(ct_slice(4, 4))
TAGS = [0x00080005, 0x00080018, 0x00080060, 0x00100010, 0x00180060, 0x00200013, 0x00291010]
VRS = [b"LO", b"UI", b"SQ", b"UN", b"OB", b"??", b"ZZ"]


def found_in(data: bytes, syntax: str, recurring: RecurringElements | None) -> object:
    """What a scan yields that can be compared: values and places, or its error."""
    try:
        header = scan(data, transfer_syntax(syntax), final=True, recurring=recurring)
    except IsocenterError as error:
        return type(error), str(error)
    return header.values, header.pixel_data, header.places


def element(tag: int, vr: bytes, value: bytes, *, undefined: bool) -> bytes:
    group, number = tag >> 16, tag & 0xFFFF
    if vr in (b"LO", b"UI", b"??"):
        return struct.pack("<HH2sH", group, number, vr, len(value)) + value
    if not undefined:
        return struct.pack("<HH2sHI", group, number, vr, 0, len(value)) + value
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return struct.pack("<HH2sHI", group, number, vr, 0, 0xFFFFFFFF) + item + end


ELEMENTS = st.builds(
    element,
    st.sampled_from(TAGS),
    st.sampled_from(VRS),
    st.sampled_from([b"", b"A ", b"AB", b"ABCD", bytes(8)]),
    undefined=st.booleans(),
)
HEADERS = st.lists(ELEMENTS, max_size=7).map(b"".join)


@given(st.lists(st.tuples(HEADERS, st.sampled_from([PIXELS, b"", PIXELS[:9]])), max_size=20))
def test_a_scan_finds_the_same_whatever_it_remembers(headers: list[tuple[bytes, bytes]]) -> None:
    recurring = RecurringElements()
    for header, end in headers:
        data = element(0x00080000, b"UI", b"12", undefined=False) + header + end
        assert found_in(data, EXPLICIT, recurring) == found_in(data, EXPLICIT, None)


@given(st.data())
def test_headers_that_differ_in_few_bytes_are_not_taken_for_each_other(data: st.DataObject) -> None:
    recurring = RecurringElements()
    for _ in range(12):
        changed = bytearray(SLICE)
        for _ in range(data.draw(st.integers(0, 3))):
            changed[data.draw(st.integers(0, len(SLICE) - 1))] = data.draw(st.integers(0, 255))
        assert found_in(changed, EXPLICIT, recurring) == found_in(changed, EXPLICIT, None)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_the_headers_of_a_series_are_passed_over_but_for_what_varies(syntax: str) -> None:
    recurring = RecurringElements()
    headers: list[Header] = []
    for number in range(1, 9):
        data = data_set_bytes(ct_slice(4, 4, InstanceNumber=number), syntax)
        headers.append(scan(data, transfer_syntax(syntax), recurring=recurring))
    pixel_data = headers[-1].pixel_data
    assert pixel_data is not None
    remembered = sum(len(stretch) for stretch, _ in recurring.stretches.values())
    assert remembered > pixel_data.offset / 2
    assert len({header.sop_instance_uid for header in headers}) == len(headers)


def test_real_files_one_after_the_other_are_scanned_as_each_alone() -> None:
    recurring = RecurringElements()
    for path in [*corpus.files(), *corpus.files()]:
        data, syntax = data_set_of(path)
        if syntax:
            assert found_in(data, syntax, recurring) == found_in(data, syntax, None), path.name


def data_set_of(path: Path) -> tuple[bytes, str]:
    data = path.read_bytes()
    try:
        meta = read_file_meta(data, final=True)
        known = not transfer_syntax(meta.transfer_syntax_uid).deflated
    except IsocenterError:
        return b"", ""
    return data[meta.data_set_offset :], meta.transfer_syntax_uid if known else ""
