"""Transformations of JPEG 2000 Part 2 across components, each kind held against somebody else's.

What OpenJPEG writes is in test_part_2; here its other transformations stand for them: Part 1's
colour transformation for the reversible kinds, its wavelets for those across components.
"""

import struct
import time
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.pixels.part_2 import (
    DECORRELATION,
    DEPENDENCY,
    MCT,
    OFFSET,
    WAVELET,
    cbd,
    collection,
    components,
    mcc,
    mco,
    mct,
    part_2,
    segment,
)
from tests.pixels.test_part_2 import FOUR, FOUR_DECODED, description

from isocenter.errors import PixelDataError
from isocenter.pixels import decode_frame
from isocenter.pixels.codestreams import read_codestream_header
from isocenter.pixels.jpeg_2000 import decode_components


def decoded(codestream: bytes) -> NDArray[np.generic]:
    return decode_components(codestream, read_codestream_header(codestream))


def coloured() -> NDArray[np.uint8]:
    """Pixels whose R + B - 2G leaves 0 or 1 by 4: there all ways of rounding agree."""
    pixels = np.random.default_rng(2).integers(4, 256, (8, 8, 3))
    left = (pixels[..., 0] + pixels[..., 2] - 2 * pixels[..., 1]) % 4
    pixels[..., 0] -= np.maximum(left - 1, 0)
    return pixels.astype(np.uint8)


# Y, B - G and R - G to G first, then the others by it.
LIFTED = [1, 0, 1, 0, 1, 1, 0, 0, 4, -1, -1, 1]
TO_COLOUR = collection(DECORRELATION, [1, 2, 0], [2, 0, 1], 1, 7, flags=1)


@pytest.mark.parametrize("dtype", ["i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("parts", [1, 2, 5])
def test_lifting_steps_undo_openjpegs_colour_transformation_exactly(dtype: str, parts: int) -> None:
    pixels = coloured()
    codestream = part_2(
        components(pixels, mct=True),
        cbd(3),
        mct(DECORRELATION, 1, LIFTED, dtype, parts),
        mct(OFFSET, 7, [128, 128, 128], dtype),
        mcc(9, TO_COLOUR, parts=parts),
        mco(9),
    )
    np.testing.assert_array_equal(decoded(codestream), pixels)


def test_a_negative_divisor_of_the_last_step_changes_the_sign() -> None:
    pixels = coloured()
    codestream = part_2(
        components(pixels, mct=True),
        cbd(3),
        mct(DECORRELATION, 1, [*LIFTED[:-1], -1]),
        mct(OFFSET, 7, [128, 128, 127]),
        mcc(9, TO_COLOUR),
        mco(9),
    )
    pixels[..., 1] = 255 - pixels[..., 1]
    np.testing.assert_array_equal(decoded(codestream), pixels)


def test_predictions_in_two_stages_undo_openjpegs_colour_transformation_exactly() -> None:
    pixels = coloured()
    codestream = part_2(
        components(pixels, mct=True),
        cbd(3),
        mct(DEPENDENCY, 1, [0, 1, -1, -1, 4]),
        mct(DEPENDENCY, 2, [1, 1, 1, 0, 1]),
        mct(OFFSET, 1, [128, 0, 0]),
        mcc(4, collection(DEPENDENCY, [0, 2, 1], [1, 0, 2], 2, 1, flags=1)),
        mcc(5, collection(DEPENDENCY, [1, 2, 0], [1, 2, 0], 1, flags=1)),
        mco(5, 4),
    )
    np.testing.assert_array_equal(decoded(codestream), pixels)


def test_irreversible_predictions_are_the_matrix_that_openjpeg_undoes() -> None:
    """Each is half of its neighbour and what was coded, so are the rows of its matrix."""
    start, end = FOUR.index(b"\xff\x74"), FOUR.index(b"\xff\x77")
    segments = (
        mct(DEPENDENCY, 3, [0.5, 0, 0.5, 0, 0, 0.5], "f4"),
        mct(OFFSET, 3, [128, 64, 64, 64]),
        mcc(3, collection(DEPENDENCY, range(4), range(4), 3, 3)),
    )
    codestream = FOUR[:start] + b"".join(segments) + FOUR[end:]
    expected = np.frombuffer(FOUR_DECODED, np.uint8).reshape(8, 8, 4)
    np.testing.assert_array_equal(decoded(codestream), expected)


# Eleven samples of a line from place 3 on, three levels, by subbands; six lines. Behind them, what
# opj_dwt_decode and opj_dwt_decode_real of OpenJPEG 2.1.0 make of them (the latter given half the
# high-pass samples, which is how it scales them).
SUBBANDS = [
    [68, 122, -191, 123, -13, 6],
    [52, -86, 191, -179, -89, -47],
    [28, -37, -148, -182, -200, -181],
    [-141, 199, -124, 60, 100, -107],
    [-88, -27, -95, 189, -129, 159],
    [119, 137, -154, -44, 51, -3],
    [66, 70, 65, -176, 183, 22],
    [161, -92, -56, 151, -126, -175],
    [-51, 71, -152, 148, -64, -110],
    [17, 158, 153, 148, -78, -193],
    [111, 82, 108, -200, -185, 1],
]
FIVE_THREE = [
    [243, 52, -81, 15, -88, 61],
    [124, -85, 73, 59, -139, 64],
    [97, 148, 14, -75, 153, 49],
    [-61, 242, -174, 143, 79, -10],
    [169, 86, -191, 260, -30, -120],
    [77, 115, -95, 76, 113, 121],
    [3, 146, -360, 265, -58, 31],
    [32, 35, -320, 158, -100, 161],
    [77, 210, -191, 201, -134, -188],
    [88, 69, -368, -51, -11, -150],
    [199, 151, -260, -251, -196, -149],
]
NINE_SEVEN = [
    [277.4, -25.6, -30.9, -33.0, -147.3, 58.3],
    [140.2, -115.6, 74.2, 36.6, -181.3, 55.8],
    [98.7, 135.4, -8.1, -48.0, 100.6, 38.6],
    [-72.2, 243.3, -179.2, 167.2, 68.0, 13.0],
    [143.0, 130.2, -183.0, 267.7, 27.0, -86.9],
    [83.0, 120.7, -79.2, 90.0, 147.5, 141.4],
    [19.0, 148.6, -338.6, 281.6, -40.3, 53.9],
    [21.5, 54.6, -344.4, 160.5, -94.6, 147.8],
    [74.1, 207.0, -226.7, 171.5, -148.0, -197.6],
    [95.3, 68.0, -351.8, -87.1, -10.2, -182.6],
    [204.7, 158.0, -243.3, -280.3, -176.5, -237.4],
]


@pytest.mark.parametrize("kernel", [0, 1])
def test_wavelets_across_components_are_openjpegs(kernel: int) -> None:
    line = collection(WAVELET, range(11), range(10, -1, -1), kernel, 1, flags=3)
    values = np.asarray(SUBBANDS, np.int16).T.reshape(2, 3, 11)
    codestream = part_2(
        components(values),
        cbd(11, 12, signed=True),
        mct(OFFSET, 1, range(0, 110, 10)),
        mcc(1, line + (3).to_bytes(4, "big")),
        mco(1),
        use=4,
    )
    expected = np.asarray([NINE_SEVEN, FIVE_THREE][kernel]) + np.arange(0, 110, 10)[:, None]
    found = decoded(codestream).reshape(6, 11).T[::-1]
    np.testing.assert_allclose(found, expected, atol=0 if kernel else 0.6)


def test_components_are_moved_between_collections_without_arrays() -> None:
    """Three hundred of them: indices take two bytes, in COC, QCC, Cmcc and Wmcc."""
    values = np.random.default_rng(4).integers(-500, 500, (5, 4, 300)).astype(np.int16)
    order = np.random.default_rng(5).permutation(300)
    parts = [
        collection(DEPENDENCY, order[:200], range(200), 0, flags=1, wide=True),
        collection(DECORRELATION, order[200:], range(200, 300), 0, wide=True),
    ]
    codestream = part_2(components(values), cbd(300, 10, True), mcc(1, *parts, parts=3), mco(1))
    np.testing.assert_array_equal(decoded(codestream), values[..., order])


def test_what_comes_out_is_clipped_to_the_depth_of_its_own() -> None:
    values = np.array([[[-300, 5], [100, 300]]], np.int16)
    swap = mcc(1, collection(DECORRELATION, [0, 1], [1, 0], 0))
    found = decoded(part_2(components(values), cbd(2, 8), swap, mco(1)))
    assert found.dtype == np.uint8 and found.tolist() == [[[5, 0], [255, 100]]]
    found = decoded(part_2(components(values), cbd(2, 8, signed=True), swap, mco(1)))
    assert found.dtype == np.int8 and found.tolist() == [[[5, -128], [127, 100]]]


IDENTITY = mcc(1, collection(DECORRELATION, [0, 1], [0, 1], 0))
TWO = components(np.zeros((4, 4, 2), np.uint8))


@pytest.mark.parametrize(
    ("segments", "said"),
    [
        ([IDENTITY, mco(1)], "CBD .* stands 0 times"),
        ([cbd(2), cbd(2), IDENTITY, mco(1)], "CBD .* stands 2 times"),
        ([cbd(2), IDENTITY], "MCO .* stands 0 times"),
        ([cbd(2), IDENTITY, mco()], "MCO .* names no transformation"),
        ([cbd(2), IDENTITY, mco(2)], "MCO .* names the collections 2"),
        ([cbd(3), IDENTITY, mco(1)], "make 2 components .* CBD .* speaks of 3"),
        ([cbd(2, 38), IDENTITY, mco(1)], "38 bits"),
        ([cbd(0), IDENTITY, mco(1)], "0 components"),
        ([cbd(2), mcc(1, collection(1, [0, 2], [0, 1], 0)), mco(1)], "takes component 2"),
        ([cbd(2), mcc(1, collection(1, [0, 1], [0, 0], 0)), mco(1)], "each once"),
        ([cbd(2), mcc(1, collection(1, [0, 1], [0, 2], 0)), mco(1)], "each once"),
        ([cbd(2), mcc(1, collection(1, [0, 1], [0, 1], 3)), mco(1)], "the decorrelation array 3"),
        ([cbd(2), mcc(1, collection(1, [0, 1], [0, 1], 0, 3)), mco(1)], "the offset array 3"),
        ([cbd(2), mcc(1, collection(2, [0, 1], [0, 1], 0)), mco(1)], "reserved type 2"),
        ([cbd(2), mcc(1, collection(5, [0, 1], [0, 1], 0)), mco(1)], "reserved type 5"),
        (
            [cbd(2), mcc(1, collection(1, [0, 1], [0, 1], 0, flags=2)), mco(1)],
            "Tmcc of 020000, of which reserved bits",
        ),
        (
            [cbd(2), mcc(1, collection(3, [0, 1], [0, 1], 0, flags=64) + bytes(4)), mco(1)],
            "Tmcc of 400000, of which reserved bits",
        ),
        (
            [cbd(2), mct(DECORRELATION | 16, 1, [0]), IDENTITY, mco(1)],
            "Imct of 1101, of which reserved bits",
        ),
        (
            [cbd(2), *(mct(OFFSET, 1, [n, n], f"i{n}") for n in (2, 4)), IDENTITY, mco(1)],
            r"an array twice \(Imct 201\)",
        ),
        ([cbd(1), mcc(1, collection(1, [0, 1], [0], 0)), mco(1)], "keeps their number"),
        ([cbd(2), mcc(1, collection(1, [0, 1], [0, 1], 0)[:-1]), mco(1)], "ends within"),
        ([cbd(2), mcc(1, collection(1, [0, 1], [0, 1], 0) + b"0"), mco(1)], "1 bytes behind"),
        ([cbd(2), mcc(1, collection(1, [], [0, 1], 0)), mco(1)], "collects 0 components"),
        ([cbd(2), mcc(1, collection(3, [0, 1], [0, 1], 2) + bytes(4)), mco(1)], "wavelet 2"),
        ([cbd(2), IDENTITY[:-18] + IDENTITY[-18:], IDENTITY, mco(1)], "part 0 where part 1"),
        ([cbd(2), mcc(1, collection(1, [0, 1], [0, 1], 0), parts=2)[:-16], mco(1)], "FF75|marker"),
    ],
)
def test_malformed_segments_are_refused(segments: list[bytes], said: str) -> None:
    with pytest.raises(PixelDataError, match=said):
        decoded(part_2(TWO, *segments))


@pytest.mark.parametrize(
    ("array", "kind", "flags", "said"),
    [
        (mct(DECORRELATION, 1, [1, 0, 0]), DECORRELATION, 0, "6 bytes .* expected 4 elements of 2"),
        (mct(DECORRELATION, 1, [1, 0, 0, np.nan], "f4"), DECORRELATION, 0, "are no numbers"),
        (mct(DECORRELATION, 1, [1, 0, 0, 1e300], "f8"), DECORRELATION, 0, "beyond 50 bits"),
        (mct(DECORRELATION, 1, [1.7e308] * 4, "f8"), DECORRELATION, 0, "beyond 50 bits"),
        (mct(DEPENDENCY, 1, [0.5, 1], "f4"), DEPENDENCY, 1, "are no whole numbers"),
        (mct(DEPENDENCY, 1, [1, 3]), DEPENDENCY, 1, "divides components by 3"),
        (mct(DEPENDENCY, 1, [1, 0]), DEPENDENCY, 1, "divides components by 0"),
        (mct(DEPENDENCY, 1, [2.0**60, 1], "f8"), DEPENDENCY, 1, "beyond 52 bits"),
        (mct(DECORRELATION, 1, [0, 1, 0, 1, 0, -2]), DECORRELATION, 1, None),
        (mct(DECORRELATION, 1, [0, 1, 0, -1, 0, 1]), DECORRELATION, 1, "divides components by -1"),
        (mct(DECORRELATION, 1, [0, 1, 0, 1, 0, 0]), DECORRELATION, 1, "divides components by 0"),
    ],
)
def test_arrays_that_cannot_be_are_refused(
    array: bytes, kind: int, flags: int, said: str | None
) -> None:
    ones = components(np.ones((4, 4, 2), np.uint8))
    use = mcc(1, collection(kind, [0, 1], [0, 1], 1, flags=flags))
    codestream = part_2(ones, cbd(2), array, use, mco(1))
    if said is None:
        assert decoded(codestream).shape == (4, 4, 2)
        return
    with pytest.raises(PixelDataError, match=said):
        decoded(codestream)


def test_reversible_transformations_of_what_is_not_exact_are_refused() -> None:
    lossy = components(np.zeros((8, 8, 2), np.uint8), reversible=False)
    use = mcc(1, collection(DEPENDENCY, [0, 1], [0, 1], 0, flags=1))
    with pytest.raises(PixelDataError, match="not exact"):
        decoded(part_2(lossy, cbd(2), use, mco(1)))
    with pytest.raises(PixelDataError, match="not exact"):
        decoded(part_2(TWO, cbd(2), use, mcc(2, collection(1, [0, 1], [0, 1], 0)), mco(2, 1)))


@pytest.mark.parametrize("use", [0, 1, 3, 8])
def test_other_uses_of_transformations_are_refused(use: int) -> None:
    with pytest.raises(PixelDataError, match=rf"and {use} for them in COD"):
        decoded(part_2(TWO, cbd(2), IDENTITY, mco(1), use=use))


def test_components_that_leave_pixels_out_are_refused() -> None:
    three = components(coloured(), mct=True)
    swap = mcc(1, collection(DECORRELATION, [0, 1, 2], [2, 1, 0], 0))
    codestream = bytearray(part_2(three, cbd(3), swap, mco(1)))
    codestream[46:48] = codestream[49:51] = b"\2\2"
    with pytest.raises(PixelDataError, match="some leave pixels out"):
        decoded(bytes(codestream))


def test_other_extensions_are_refused() -> None:
    with pytest.raises(PixelDataError, match="extensions of Part 2 .*Rsiz 8104"):
        decoded(part_2(TWO, cbd(2), IDENTITY, mco(1), capabilities=0x8104))


def test_transformations_of_one_tile_are_refused() -> None:
    codestream = part_2(TWO, cbd(2), IDENTITY, mco(1))
    start = codestream.index(b"\xff\x90")
    length = int.from_bytes(codestream[start + 6 : start + 10], "big") + len(IDENTITY)
    head = codestream[: start + 6] + length.to_bytes(4, "big") + codestream[start + 10 : start + 12]
    with pytest.raises(PixelDataError, match=r"MCC \(FF75\) of Part 2 for one tile"):
        decoded(head + IDENTITY + codestream[start + 12 :])


@pytest.mark.parametrize(
    ("side", "said"), [(4, None), (6000, "as long as"), (20000, "more than 512 MiB")]
)
def test_more_work_or_memory_than_frames_need_is_refused(side: int, said: str | None) -> None:
    line = collection(WAVELET, [0, 1], [0, 1], 1, flags=32) + bytes(4)
    codestream = bytearray(part_2(TWO, cbd(2), mcc(1, line), mco(*[1] * 255), use=4))
    for place in (8, 12, 24, 28):  # Xsiz, Ysiz, XTsiz, YTsiz
        codestream[place : place + 4] = side.to_bytes(4, "big")
    if said is None:
        assert decoded(bytes(codestream)).shape == (side, side, 2)
        return
    with pytest.raises(PixelDataError, match=said):
        decoded(bytes(codestream))


MANY_OF_ONE = (
    mct(DECORRELATION, 1, [0] * 4000),
    mcc(1, collection(DECORRELATION, [0] * 4000, [0], 1)),
)
SIGNS = (
    mct(DECORRELATION, 1, [1, -1]),
    mcc(1, *[collection(DECORRELATION, [n], [n], 1, flags=1) for n in range(2)]),
)


@pytest.mark.parametrize(
    ("side", "count", "segments"),
    [(512, 1, MANY_OF_ONE), (2048, 2, SIGNS)],
    ids=["one component taken often", "components one by one"],
)
def test_a_small_codestream_that_would_take_long_is_refused(
    side: int, count: int, segments: tuple[bytes, ...]
) -> None:
    zeros = components(np.zeros((side, side, count), np.uint8))
    codestream = part_2(zeros, cbd(count), *segments, mco(*[1] * 255))
    assert len(codestream) < 1 << 14
    with pytest.raises(PixelDataError, match="as long as"):
        decoded(codestream)


def test_a_component_that_is_taken_often_takes_no_more_memory() -> None:
    codestream = part_2(
        components(np.full((64, 64, 1), 9, np.uint8)),
        cbd(1, signed=True),
        mct(DECORRELATION, 1, [1] + [0] * 16383),
        mcc(1, collection(DECORRELATION, [0] * 16384, [0], 1)),
        mco(1),
    )
    tracemalloc.start()
    found = decoded(codestream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(found, np.full((64, 64, 1), 9 - 128))
    assert peak < 64 << 20


@pytest.mark.parametrize(("side", "count"), [(512, 120), (2048, 16)])
def test_what_frames_need_is_done_by_the_kind_that_takes_longest(side: int, count: int) -> None:
    values = np.broadcast_to(np.arange(count, dtype=np.uint8), (side, side, count))
    steps = np.eye(count, count + 1)[::-1]
    steps[-1, -1] = 1  # the last component once more
    lifted = collection(DECORRELATION, range(count), range(count), 1, 1, flags=1)
    codestream = part_2(
        components(values),
        cbd(count),
        mct(DECORRELATION, 1, steps.ravel().tolist()),
        mct(OFFSET, 1, [128] * count),
        mcc(1, lifted),
        mco(1),
    )
    np.testing.assert_array_equal(decoded(codestream), values)


def test_what_is_not_announced_is_refused() -> None:
    plain = part_2(TWO, cbd(2), IDENTITY, mco(1), capabilities=0)
    assert decoded(plain).shape == (4, 4, 2)
    with pytest.raises(PixelDataError, match=r"does not announce Part 2 \(Rsiz 0000\)"):
        decoded(part_2(TWO, cbd(2, 12), IDENTITY, mco(1), capabilities=0))


def test_an_array_is_read_once_for_all_of_its_collections() -> None:
    array = mct(DECORRELATION, 1, [0] * 10000)
    many = mcc(1, *[collection(DECORRELATION, [0] * 100, [0] * 100, 1)] * 200)
    tracemalloc.start()
    with pytest.raises(PixelDataError, match="each once"):
        decoded(part_2(TWO, cbd(2), array, many, mco(1)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 << 20


def test_thousands_of_segments_are_taken_out_at_once() -> None:
    head = segment(MCT, struct.pack(">HHH", 0, 0x101, 29999))
    parts = [head, *(segment(MCT, struct.pack(">HH", n, 0x101)) for n in range(1, 30000))]
    codestream = part_2(TWO, cbd(2), *parts, IDENTITY, mco(1))
    start, more = codestream.index(b"\xff\x90") + 6, bytes(range(128)) * 50000
    length = int.from_bytes(codestream[start : start + 4], "big") + len(more)
    codestream = codestream[:start] + length.to_bytes(4, "big") + codestream[start + 4 : -2] + more
    begun = time.process_time()
    assert decoded(codestream + b"\xff\xd9").shape == (4, 4, 2)
    assert time.process_time() - begun < 2


def test_more_collections_than_components_are_refused() -> None:
    many = mcc(1, *[collection(DECORRELATION, [0], [0], 0)] * 5000, parts=2)
    with pytest.raises(PixelDataError, match="more than 65536 transformations"):
        decoded(part_2(TWO, cbd(2), many, mco(*[1] * 14)))


def test_damaged_headers_end_in_words_or_pixels() -> None:
    random = np.random.default_rng(7)
    whole = part_2(
        components(coloured(), mct=True),
        cbd(3),
        mct(DECORRELATION, 1, LIFTED),
        mct(OFFSET, 7, [128, 128, 128]),
        mcc(9, TO_COLOUR),
        mco(9),
    )
    start, end = whole.index(b"\xff\x78"), whole.index(b"\xff\x90")
    for _ in range(600):
        damaged = bytearray(whole)
        for place in random.integers(start, end, 2):
            damaged[place] = random.integers(256)
        with suppress(PixelDataError):
            assert decode_frame(bytes(damaged), description(3)).dtype == np.uint8
