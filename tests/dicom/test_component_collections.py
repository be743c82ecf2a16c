"""Which frames a codestream holds where frames are components (PS3.5 A.4.4)."""

import tracemalloc

import numpy as np
import pytest
from tests.pixels.collections_of_frames import LOSSLESS, LOSSY, collected, encoded, volume

from isocenter.dicom import FrameTable, frame_table, scan_file, transfer_syntax
from isocenter.dicom.component_collections import component_frames
from isocenter.dicom.frames import ComponentFrame
from isocenter.dicom.source import opened
from isocenter.errors import LimitExceeded, NotFound, PixelDataError

FRAMES = volume(7)
SIZES = (3, 3, 1)


@pytest.fixture(scope="module")
def codestreams() -> list[bytes]:
    return [encoded(part) for part in np.split(FRAMES, np.cumsum(SIZES)[:-1])]


def table_of(content: bytes) -> FrameTable:
    return frame_table(content, scan_file(content))


def read(content: bytes) -> list[ComponentFrame]:
    table = table_of(content)
    with opened(content) as (read, _):
        return [table.read_frame(read, n) for n in range(1, table.number_of_frames + 1)]


def expected_of(codestreams: list[bytes]) -> list[tuple[bytes, int, int]]:
    """Each frame's codestream, which of its components it is, and of how many."""
    each = zip(codestreams, SIZES, strict=True)
    return [(stream, n, size) for stream, size in each for n in range(size)]


@pytest.mark.parametrize("syntax", [LOSSLESS, LOSSY])
@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize(
    "table",
    [
        pytest.param((), id="none"),
        pytest.param((0, 0, 0, 1, 1, 1, 2), id="an entry for each frame"),
        pytest.param((0, 1, 2), id="an entry for each collection"),
        pytest.param((0, 2), id="entries for neither"),
    ],
)
def test_frames_are_found_whatever_the_offset_table_counts(
    codestreams: list[bytes], table: tuple[int, ...], parts: int, syntax: str
) -> None:
    _, content = collected(codestreams, FRAMES, syntax=syntax, table=table, parts=parts)
    assert table_of(content).components
    for frame, (codestream, component, components) in zip(
        read(content), expected_of(codestreams), strict=True
    ):
        assert frame.rstrip(b"\0") == codestream.rstrip(b"\0")
        assert (frame.component, frame.components) == (component, components)


def test_one_codestream_in_as_many_fragments_as_frames_is_one_collection() -> None:
    codestream = encoded(FRAMES)
    for parts in (2, 7, 9):
        _, content = collected([codestream], FRAMES, parts=parts)
        assert [frame.component for frame in read(content)] == list(range(7))


def test_fragments_may_be_empty(codestreams: list[bytes]) -> None:
    pieces = [codestreams[0], b"", *codestreams[1:], b""]
    _, content = collected(pieces, FRAMES)
    assert [frame.components for frame in read(content)] == [3, 3, 3, 3, 3, 3, 1]


def test_a_table_comes_back_as_it_was_kept(codestreams: list[bytes]) -> None:
    _, content = collected(codestreams, FRAMES, parts=2)
    table = table_of(content)
    assert FrameTable.from_bytes(table.to_bytes()) == table
    assert table.frames_found == table.number_of_frames == 7
    for kept in (b"\4", b"\4\1\0\0\0\0\0\0\0", table.to_bytes()[:-9]):
        with pytest.raises(ValueError, match="no frame table"):
            FrameTable.from_bytes(kept)


def test_there_are_no_frames_beside_those_promised(codestreams: list[bytes]) -> None:
    _, content = collected(codestreams, FRAMES)
    for number in (0, 8):
        with pytest.raises(NotFound):
            table_of(content).spans(number)


@pytest.mark.parametrize("number_of_frames", [5, 6, 8, 9, 14])
def test_components_that_are_not_as_many_as_frames_are_told(
    codestreams: list[bytes], number_of_frames: int
) -> None:
    _, content = collected(codestreams, FRAMES, NumberOfFrames=number_of_frames)
    said = rf"7 components in 3 codestreams, Number of Frames \(0028,0008\) is {number_of_frames}"
    with pytest.raises(PixelDataError, match=said):
        table_of(content)


def test_a_collection_that_is_missing_is_told(codestreams: list[bytes]) -> None:
    _, content = collected(codestreams[:1], FRAMES)
    with pytest.raises(PixelDataError, match="3 components in 1 codestream, Number of Frames"):
        table_of(content)


def test_an_offset_table_that_groups_frames_otherwise_is_refused(codestreams: list[bytes]) -> None:
    _, content = collected(codestreams, FRAMES, table=(0, 0, 1, 1, 1, 1, 2))
    with pytest.raises(PixelDataError, match=r"Basic Offset Table .* which is \[3, 3, 1\]"):
        table_of(content)


@pytest.mark.parametrize("components", [6, 12])
def test_colours_are_refused(components: int) -> None:
    frames = volume(components)
    _, content = collected(
        [encoded(frames[:6])] * (components // 6), frames, SamplesPerPixel=3, NumberOfFrames=4
    )
    with pytest.raises(PixelDataError, match=r"Samples per Pixel \(0028,0002\) is 3: where frames"):
        table_of(content)


def test_codestreams_of_one_frame_each_are_frames_as_in_any_other_syntax() -> None:
    whole = [encoded(frame[None]) for frame in FRAMES]
    _, content = collected(whole, FRAMES)
    assert not table_of(content).components
    for table in ((), (0, 1, 2, 3, 4)):  # two are missing: the others stay
        _, content = collected(whole[:5], FRAMES, table=table)
        assert table_of(content).frames_found == 5
        with pytest.raises(PixelDataError, match="holds 5; frame 6 is missing"):
            table_of(content).spans(6)


@pytest.mark.parametrize("number", [90, 91])
def test_part_1_has_no_collections(codestreams: list[bytes], number: int) -> None:
    _, content = collected(codestreams, FRAMES, syntax=f"1.2.840.10008.1.2.4.{number}")
    assert not table_of(content).components
    assert table_of(content).frames_found == 3


def test_a_codestream_cut_within_its_header_has_no_components_to_count() -> None:
    _, content = collected([encoded(FRAMES)[:20]], FRAMES)
    with pytest.raises(PixelDataError, match="0 components in 1 codestream"):
        table_of(content)


def test_a_few_bytes_cannot_promise_frames_without_end() -> None:
    codestream = encoded(FRAMES)
    head = codestream[:40] + (16384).to_bytes(2, "big")
    _, content = collected([head] * 129, FRAMES, NumberOfFrames=129 * 16384)
    with pytest.raises(LimitExceeded, match="at most 2097152 are supported"):
        table_of(content)
    _, content = collected([head] * 128, FRAMES, NumberOfFrames=128 * 16384)
    tracemalloc.start()
    assert table_of(content).number_of_frames == 1 << 21
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def part_2(codestream: bytes, *segments: bytes, components: int = 9) -> bytes:
    """A main header that asks for Part 2, with segments and CBD behind its SIZ."""
    behind = 4 + int.from_bytes(codestream[4:6], "big")
    cbd = b"\xff\x78\x00\x05" + (0x8000 | components).to_bytes(2, "big") + b"\x07"
    head = codestream[:6] + b"\x81\x00" + codestream[8:behind]
    return head + b"".join(segments) + cbd + codestream[behind:]


def test_components_are_those_behind_the_transformations_of_part_2() -> None:
    codestream, comment = encoded(FRAMES), b"\xff\x64\x00\x06\x00\x01hi"
    _, content = collected([part_2(codestream, comment)], FRAMES, NumberOfFrames=9)
    assert [frame.components for frame in read(content)] == [9] * 9
    _, content = collected([part_2(codestream, *[comment] * 2000)], FRAMES)
    assert read(content)[0].components == 7  # a header without end is not read for CBD


def test_the_value_of_pixel_data_gives_the_same_frames(codestreams: list[bytes]) -> None:
    _, content = collected(codestreams, FRAMES, parts=2)
    value = content[scan_file(content).pixel_data.value_offset :]
    part_1, part_2 = (transfer_syntax(f"1.2.840.10008.1.2.4.{n}") for n in (91, 93))
    assert component_frames(value, part_1, 7, 1) is None
    assert component_frames(value, part_2, 3, 3) is None
    found = list(component_frames(value, part_2, 7, 1))
    assert found == read(content)
    assert [f.component for f in found] == [f.component for f in read(content)]
