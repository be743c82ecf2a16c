import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels.decoders.rle import _rle_decode_segment
from pydicom.pixels.encoders.native import _encode_segment
from tests.pixels.test_decode import described

from isocenter.errors import PixelDataError
from isocenter.pixels.rle import decode_rle, encode_rle


def frame(*segments: bytes, count: int | None = None, starts: list[int] | None = None) -> bytes:
    places = starts or [64 + sum(map(len, segments[:n])) for n in range(len(segments))]
    header = [count if count is not None else len(segments), *places]
    return np.array(header + [0] * (16 - len(header)), "<u4").tobytes() + b"".join(segments)


@given(st.lists(st.sampled_from([0, 0, 0, 1, 7, 255]), min_size=24, max_size=24))
def test_pydicom_reads_our_segments_and_we_read_its(values: list[int]) -> None:
    pixels = np.array(values, np.uint8).reshape(4, 6)
    ours = encode_rle(pixels)
    assert bytes(_rle_decode_segment(ours[64:]))[:24] == pixels.tobytes()
    theirs = frame(bytes(_encode_segment(pixels.tobytes(), columns=6)))
    description = described(bits_allocated=8, bits_stored=8, high_bit=7)
    np.testing.assert_array_equal(decode_rle(theirs, description), pixels)


def test_every_row_is_encoded_by_itself_and_every_segment_is_even() -> None:
    encoded = encode_rle(np.zeros((3, 200), np.uint16))
    count, first, second = np.frombuffer(encoded, "<u4", 3)
    assert count == 2 and first == 64 and second % 2 == 0 and len(encoded) % 2 == 0
    # Runs of at most 128: two for each row of 200.
    assert encoded[64:76] == b"\x81\x00\xb9\x00" * 3


def test_hostile_frames_are_refused() -> None:
    literal = b"\x17" + bytes(24)
    description = described(bits_allocated=8, bits_stored=8, high_bit=7)
    for data, sentence in [
        (b"\x01" + bytes(40), "less than its 64-byte header"),
        (frame(literal, literal), "2 segments"),
        (frame(literal, count=4_000_000_000), "4000000000 segments"),
        (frame(literal, starts=[4_000_000_000]), "out of order"),
        (frame(literal, starts=[3]), "out of order"),
        (frame(b"\x05" + bytes(6)), "decodes to 6 bytes"),
        (frame(b""), "too few for 24 pixels"),
        (frame(b"\x81\x00" * 5000), "cannot be decoded"),
    ]:
        with pytest.raises(PixelDataError, match=sentence):
            decode_rle(data, description)


def test_a_pixel_of_more_than_fifteen_bytes_has_no_place() -> None:
    with pytest.raises(PixelDataError, match="15 RLE segments"):
        encode_rle(np.zeros((2, 2, 3), np.uint64))
