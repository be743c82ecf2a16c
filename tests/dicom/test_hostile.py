"""Whatever the bytes are, there is an answer or a named error, soon and in little memory."""

import random
import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dicom import corpus
from tests.factories import ct_slice, data_set_bytes, multi_frame, part10_bytes, small_object
from tests.fuzz.scan_fuzzer import one_input

from isocenter.dicom.encoding import EXPLICIT_LITTLE
from isocenter.dicom.tail import check_tail

SMALL = [path for path in corpus.files() if path.stat().st_size < 20_000]
SYNTAXES = [f"1.2.840.10008.1.2{suffix}" for suffix in ("", ".1", ".2", ".1.99", ".5", ".4.80")]
OBJECTS = [part10_bytes(multi_frame(3, 8, 8), uid) for uid in SYNTAXES]
OBJECTS += [part10_bytes(small_object(), uid) for uid in SYNTAXES[:3]]
OBJECTS += [b"\0" + data_set_bytes(ct_slice(2, 2), uid) for uid in SYNTAXES[:3]]


@given(st.binary(max_size=200))
def test_random_bytes_are_answered(data: bytes) -> None:
    one_input(data)


@given(st.sampled_from(OBJECTS), st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255))))
def test_objects_with_some_bytes_changed_are_answered(
    content: bytes, changes: list[tuple[float, int]]
) -> None:
    changed = bytearray(content)
    for where, value in changes:
        changed[int(where * len(changed))] = value
    one_input(bytes(changed))


@given(st.sampled_from(OBJECTS), st.floats(0, 1), st.floats(0, 1))
def test_objects_with_a_piece_cut_out_are_answered(
    content: bytes, start: float, end: float
) -> None:
    first, last = sorted((int(start * len(content)), int(end * len(content))))
    one_input(content[:first] + content[last:])


@pytest.mark.parametrize("path", SMALL[::3], ids=lambda path: path.name)
def test_damaged_files_are_answered(path: corpus.Path) -> None:
    content, chance = path.read_bytes(), random.Random(path.name)
    for _ in range(10):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(damaged))
            damaged[at : at + 4] = chance.choice(
                [
                    b"\xff\xff\xff\xff",
                    b"\0\0\0\0",
                    b"\xfe\xff\x00\xe0",
                    b"\xfe\xff\xdd\xe0",
                    b"UN\0\0",
                ]
            )
        one_input(bytes(damaged))


@pytest.mark.parametrize(
    "start",
    [
        b"\x08\0\x16\0UI\xfe\xff",
        b"\x08\0\x16\0UN\0\0\xfe\xff\xff\xff",
        b"\x09\0\x01\x10OB\0\0\xf0\xff\xff\xff",
        b"\x09\0\x01\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xf0\xff\xff\xff",
        b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xf0\xff\xff\xff",
        b"\xe0\x7f\x10\0OW\0\0\xf0\xff\xff\xff",
    ],
)
def test_lengths_behind_the_end_take_no_memory(start: bytes) -> None:
    one_input(start)
    tracemalloc.start()
    try:
        for syntax in range(8):
            one_input(bytes([syntax]) + start + bytes(64))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_many_sequences_behind_pixel_data_are_read_once() -> None:
    sequence = struct.pack("<HH2sHI", 0x7FE1, 0x1010, b"SQ", 0, 0xFFFFFFFF)
    data = (sequence + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)) * 4000
    asked = 0

    def read(offset: int, length: int) -> bytes:
        nonlocal asked
        found = data[offset : offset + length]
        asked += len(found)
        return found

    check_tail(read, len(data), EXPLICIT_LITTLE, 0)
    assert asked < 100 * len(data)
