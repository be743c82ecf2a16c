import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from tests.dicom import corpus
from tests.factories import ct_slice, multi_frame, native_frames, part10_bytes, small_object

from isocenter.dicom import FrameTable, Header, frame_table, inflate, scan_file, tags
from isocenter.dicom.source import opened
from isocenter.errors import InvalidAttribute, NotFound, PixelDataError

WITH_PIXELS = [path for path in corpus.files() if scan_file(path).pixel_data]
# Test files for sequences: they have Pixel Data by name only.
NOT_IMAGES = {"meta_missing_tsyntax.dcm", "nested_priv_SQ.dcm"}
# pydicom gives up on the whole file, and on a Bits Allocated that is text.
UNREADABLE_TO_PYDICOM = {"emri_small_jpeg_2k_lossless_too_short.dcm", "badVR.dcm"}
JPEG_2000, RLE, BASELINE = (f"1.2.840.10008.1.2.{suffix}" for suffix in ("4.90", "5", "4.50"))


def table_of(content: bytes) -> FrameTable:
    return frame_table(content, scan_file(content))


def frames_of(content: bytes) -> list[bytes]:
    table = table_of(content)
    with opened(content) as (read, _):
        return [table.read_frame(read, n) for n in range(1, table.number_of_frames + 1)]


def with_pixel_data(value: bytes, frames: int, uid: str = JPEG_2000, **attributes: object) -> bytes:
    """An encapsulated object whose Pixel Data has this value, as `encapsulate` makes it."""
    dataset = multi_frame(1, 2, 2, bits=8, NumberOfFrames=frames, PixelData=None, **attributes)
    element = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + value
    return part10_bytes(dataset, uid) + element + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def item(value: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


@pytest.mark.parametrize("path", WITH_PIXELS, ids=lambda path: path.name)
def test_frames_are_those_that_pydicom_finds(path: Path) -> None:
    header, source = scan_file(path), path.read_bytes()
    if path.name in NOT_IMAGES:
        with pytest.raises(InvalidAttribute, match="Bits Allocated"):
            frame_table(source, header)
        return
    if header.inflated:
        source = inflate(source[header.data_set_offset :])
    table = frame_table(source, header)
    assert FrameTable.from_bytes(table.to_bytes()) == table
    if path.name in UNREADABLE_TO_PYDICOM:
        return
    with opened(source) as (read, _):
        frames = [table.read_frame(read, n) for n in range(1, table.number_of_frames + 1)]
    reference = reference_frames(header, path, table.number_of_frames)
    if path.name == "SC_rgb_small_odd_big_endian.dcm":
        # The other half of the last word belongs to the frame; pydicom cuts it off.
        frames = [frame[:-1] for frame in frames]
    assert frames == reference


def reference_frames(header: Header, path: Path, count: int) -> list[bytes]:
    dataset = corpus.read(path)
    assert header.pixel_data is not None
    value = dataset[header.pixel_data.tag].value
    if header.pixel_data.length is None:
        return list(generate_frames(value, number_of_frames=count))
    if header.integer(tags.BitsAllocated) == 1:
        bits = dataset.pixel_array.reshape(count, -1)
        return [np.packbits(frame, bitorder="little").tobytes() for frame in bits]
    size = pydicom.pixels.utils.get_expected_length(dataset) // count
    return [value[n * size : (n + 1) * size] for n in range(count)]


@pytest.mark.parametrize(("bits", "samples"), [(1, 1), (8, 1), (16, 1), (8, 3), (16, 3)])
def test_native_frames_follow_from_arithmetic(bits: int, samples: int) -> None:
    dataset = multi_frame(5, 7, 9, bits=bits, samples=samples)
    frames = frames_of(part10_bytes(dataset))
    if bits == 1:
        packed = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")
        expected = packed[: 5 * 63].reshape(5, 63)
        assert [
            np.unpackbits(np.frombuffer(f, np.uint8), bitorder="little")[:63].tolist()
            for f in frames
        ] == expected.tolist()
        assert [table_of(part10_bytes(dataset)).bit_offset(n) for n in (1, 2, 3)] == [0, 7, 6]
    else:
        assert frames == [frame.tobytes() for frame in native_frames(dataset)]


def test_nothing_is_read_of_native_pixel_data() -> None:
    content = part10_bytes(multi_frame(5))
    header = scan_file(content)
    assert header.pixel_data is not None
    beginning = content[: header.pixel_data.value_offset]
    assert frame_table(beginning, header) == frame_table(content, header)


@pytest.mark.parametrize("offsets", [True, False])
@pytest.mark.parametrize("fragments", [1, 3])
def test_fragments_are_grouped_by_table_or_by_codestream(offsets: bool, fragments: int) -> None:
    expected = [b"\xff\x4f\xff\x51" + bytes([n]) * (60 + 20 * n) for n in range(4)]
    value = encapsulate(expected, fragments_per_frame=fragments, has_bot=offsets)
    content = with_pixel_data(value, 4)
    assert frames_of(content) == expected
    assert [len(table_of(content).spans(n)) for n in range(1, 5)] == [fragments] * 4


def test_the_extended_offset_table_is_used_without_walking() -> None:
    expected = [b"\xff\x4f\xff\x51" + bytes([n]) * (60 + 20 * n) for n in range(4)]
    value, offsets, lengths = encapsulate_extended(expected)
    content = with_pixel_data(
        value, 4, ExtendedOffsetTable=offsets, ExtendedOffsetTableLengths=lengths
    )
    assert frames_of(content) == expected
    second = content.index(expected[1]) - 8
    broken = content[:second] + bytes(8) + content[second + 8 :]
    assert frames_of(broken) == expected


@pytest.mark.parametrize("wrong", [[0, 2**64 - 1], [0, 0], [8, 4], [0]])
def test_an_extended_offset_table_that_does_not_fit_is_not_used(wrong: list[int]) -> None:
    expected = [b"\xff\x4f\xff\x51" + bytes([n]) * 60 for n in range(2)]
    value, _, lengths = encapsulate_extended(expected)
    offsets = struct.pack(f"<{len(wrong)}Q", *wrong)
    content = with_pixel_data(
        value, 2, ExtendedOffsetTable=offsets, ExtendedOffsetTableLengths=lengths
    )
    assert frames_of(content) == expected


@pytest.mark.parametrize("wrong", [[0, 1], [0, 0], [4, 0], [0], [0, 68, 136]])
def test_a_basic_offset_table_that_does_not_fit_is_not_used(wrong: list[int]) -> None:
    expected = [b"\xff\x4f\xff\x51" + bytes([n]) * 56 for n in range(2)]
    table = struct.pack(f"<{len(wrong)}I", *wrong)
    content = with_pixel_data(item(table) + b"".join(map(item, expected)), 2)
    assert frames_of(content) == expected


def test_all_fragments_of_a_single_frame_are_its_own() -> None:
    pieces = [b"\xff\xd8\xff", b"\xff\xd8\xff more", b"", b"end!"]
    content = with_pixel_data(item(b"") + b"".join(map(item, pieces)), 1, BASELINE)
    assert frames_of(content) == [b"".join(pieces)]


def test_a_video_is_one_frame() -> None:
    pieces = [b"\0\0\1\xb3" + bytes(20), bytes(30)]
    content = with_pixel_data(
        item(b"") + b"".join(map(item, pieces)), 500, "1.2.840.10008.1.2.4.100"
    )
    assert table_of(content).number_of_frames == 1 and frames_of(content) == [b"".join(pieces)]


def test_empty_fragments_count_for_nothing() -> None:
    expected = [b"a" * 10, b"b" * 20]
    value = item(b"") + item(expected[0]) + item(b"") + item(expected[1]) + item(b"")
    assert frames_of(with_pixel_data(value, 2)) == expected


@pytest.mark.parametrize("uid", [RLE, "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.201"])
def test_frames_that_encoders_made_are_told_apart_without_a_table(uid: str) -> None:
    dataset = multi_frame(4, 32, 32)
    content = part10_bytes(dataset, uid)
    frames = frames_of(content)
    halves = [half for f in frames for half in (f[: len(f) // 4 * 2], f[len(f) // 4 * 2 :])]
    assert frames_of(with_pixel_data(item(b"") + b"".join(map(item, halves)), 4, uid)) == frames


def test_fragments_that_cannot_be_told_apart_are_an_error() -> None:
    content = with_pixel_data(item(b"") + b"".join(item(b"abcd") for _ in range(5)), 3)
    with pytest.raises(PixelDataError, match="5 fragments cannot be told apart into 3 frames"):
        table_of(content)


def test_frames_fewer_than_promised_are_an_error_only_where_they_are_missing() -> None:
    expected = [b"\xff\x4f\xff\x51" + bytes([n]) * 60 for n in range(2)]
    for content in (
        with_pixel_data(encapsulate(expected), 9),
        part10_bytes(multi_frame(2, NumberOfFrames=9)),
    ):
        table = table_of(content)
        assert (table.number_of_frames, table.frames_found) == (9, 2)
        assert table.spans(2)
        with pytest.raises(PixelDataError, match="is 9, but .* holds 2; frame 3 is missing"):
            table.spans(3)
        for number in (0, -1, 10):
            with pytest.raises(NotFound):
                table.spans(number)


def test_a_promise_of_billions_of_frames_takes_no_memory() -> None:
    tracemalloc.start()
    try:
        for content in (
            with_pixel_data(encapsulate([b"abcd"]), 2**31 - 1),
            part10_bytes(multi_frame(2, NumberOfFrames=2**31 - 1)),
        ):
            assert table_of(content).frames_found <= 2
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("cut", [9, 12, 20, 75])
def test_fragments_that_are_cut_off_are_an_error(cut: int) -> None:
    content = with_pixel_data(encapsulate([b"x" * 30, b"y" * 30]), 2)
    with pytest.raises(PixelDataError, match="cut off|cannot be told"):
        table_of(content[:-cut])


def test_a_missing_delimiter_behind_the_last_fragment_is_forgiven() -> None:
    content = with_pixel_data(encapsulate([b"x" * 30, b"y" * 30]), 2)
    assert frames_of(content[:-8]) == [b"x" * 30, b"y" * 30]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        bytes(8),
        struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFF0),
        item(b"") + bytes(8),
        item(b"") + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF),
        item(b"") + struct.pack("<HHI", 0xFFFE, 0xE000, 1000) + b"abc",
    ],
)
def test_something_else_than_fragments_is_an_error(value: bytes) -> None:
    with pytest.raises(PixelDataError):
        table_of(with_pixel_data(value, 1))


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated"])
def test_a_missing_description_is_an_error_that_names_it(keyword: str) -> None:
    for value in (None, 0):
        with pytest.raises(InvalidAttribute, match=r"\(0028,01?0.*above 0"):
            table_of(part10_bytes(multi_frame(2, **{keyword: value})))


def test_an_object_without_pixel_data_has_no_frames() -> None:
    with pytest.raises(NotFound, match="no Pixel Data"):
        table_of(part10_bytes(small_object()))


def test_float_pixel_data_has_its_own_size() -> None:
    for keyword, kind in (("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")):
        values = np.arange(2 * 16 * 12).reshape(2, 16, 12).astype(kind)
        dataset = multi_frame(2, PixelData=None, **{keyword: values.tobytes()})
        assert frames_of(part10_bytes(dataset)) == [frame.tobytes() for frame in values]


def test_a_large_object_is_opened_by_its_headers(tmp_path: Path) -> None:
    frames = 2000
    content = part10_bytes(multi_frame(1, 1024, 512, NumberOfFrames=frames))
    header = scan_file(content)
    assert header.pixel_data is not None
    path = tmp_path / "large.dcm"
    with path.open("wb") as file:
        start = header.pixel_data.value_offset
        file.write(content[: start - 4] + struct.pack("<I", frames * 1024 * 1024))
        file.truncate(start + frames * 1024 * 1024)
        file.seek(start + 1234 * 1024 * 1024)
        file.write(b"frame 1235")
    tracemalloc.start()
    try:
        table = frame_table(path, scan_file(path))
        with opened(path) as (read, size):
            assert size > 2_000_000_000
            assert table.read_frame(read, 1235).startswith(b"frame 1235")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_bytes_of_another_kind_are_no_frame_table() -> None:
    table = table_of(part10_bytes(ct_slice(4, 4))).to_bytes()
    encapsulated = table_of(part10_bytes(multi_frame(3), RLE)).to_bytes()
    for data in (b"", b"\x09", table[:-1], encapsulated[:-5], b"\2" + bytes(24) + b"x"):
        with pytest.raises(ValueError, match="no frame table"):
            FrameTable.from_bytes(data)


def test_the_table_of_a_large_slide_is_compact() -> None:
    expected = [b"\xff\xd8\xff" + bytes(100 + n % 50) + b"\0" * (n % 2) for n in range(2000)]
    table = table_of(with_pixel_data(encapsulate(expected), 2000, BASELINE))
    assert table.frames_found == 2000 and len(table.to_bytes()) < 2000 * 4
